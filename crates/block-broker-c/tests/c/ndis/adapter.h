/* An adapter whose PF driver is examples/ndis-pf: plays NDIS, which sends OID requests one at a
 * time, and the hardware. */
#ifndef ADAPTER_H
#define ADAPTER_H

#include <pthread.h>

#include "../device.h"
#include "kernel.h"
#include "vf_blocks.h"

enum { ADAPTER_VFS = 8 };

/* What the hardware does with a reset. */
typedef enum reset_mode {
  RESET_SUCCEEDS,
  RESET_FAILS,
  /* Completes before the miniport driver's function has returned NDIS_STATUS_PENDING. */
  RESET_COMPLETES_EARLY,
  /* Completes later, on another thread. */
  RESET_PENDS,
  RESET_PENDS_AND_FAILS
} reset_mode;

typedef struct adapter {
  VF_BLOCKS blocks;
  VF_BLOCKS_HARDWARE hardware;
  void *table;
  /* NDIS: one request at a time; the completion of one that pends. */
  pthread_mutex_t requests;
  pthread_mutex_t mutex;
  pthread_cond_t completed;
  /* Under the mutex. */
  PNDIS_OID_REQUEST completed_request;
  NDIS_STATUS completed_status;
  /* Atomic: what the virtualization stack has of each VF, and how often it was called. */
  uint64_t invalidated[ADAPTER_VFS];
  uint64_t invalidations;
  uint64_t wakes;
  /* The hardware's answers, and its calls. Only OID requests use them. */
  NDIS_STATUS allocate_status;
  NDIS_STATUS free_status;
  NDIS_STATUS power_status;
  reset_mode reset;
  pthread_t resetter;
  bool has_resetter;
  int allocated;
  int freed;
  int resets;
  NDIS_DEVICE_POWER_STATE power[ADAPTER_VFS];
  BOOLEAN wake_enable;
  NTSTATUS write_answer;
  int written;
  /* Called during a write of a block with `companion`, and during a reset that pends. */
  void (*meanwhile)(struct adapter *adapter, uint16_t vf);
} adapter;

/* An OID request with its buffer, which has exactly `length` bytes. */
typedef struct oid_request {
  NDIS_OID_REQUEST ndis;
  uint8_t *buffer;
  ULONG length;
} oid_request;

/* Starts the blocks of an adapter with the table of a file. Ends the program if that fails. */
void adapter_open(adapter *adapter, const char *table, uint16_t vfs);

/* Stops them, and checks that nothing is left. */
void adapter_close(adapter *adapter);

/* A request with a structure of `size` bytes of revision 1 in a buffer of `length` bytes. The rest
 * of the buffer is 0xEE. */
oid_request request_make(NDIS_OID oid, NDIS_REQUEST_TYPE type, USHORT size, ULONG length);

/* The two requests of a block; the data is at `offset`. `data` may be NULL. */
oid_request request_read(uint16_t vf, uint32_t block, uint32_t offset, uint32_t bytes,
                         ULONG length);
oid_request request_write(uint16_t vf, uint32_t block, uint32_t offset, const void *data,
                          uint32_t bytes, ULONG length);

/* Sends a request as NDIS does, waits if it pends, and checks what every result has to keep. */
NDIS_STATUS request_send(adapter *adapter, oid_request *request);

/* Sends a request, frees its buffer, and returns its status. */
NDIS_STATUS request_do(adapter *adapter, oid_request *request);

/* Whole calls. A reply is unchanged if the read is refused. */
NDIS_STATUS adapter_read(adapter *adapter, uint16_t vf, uint32_t block, void *reply,
                         uint32_t length);
NDIS_STATUS adapter_write(adapter *adapter, uint16_t vf, uint32_t block, const void *data,
                          uint32_t length);
NDIS_STATUS adapter_allocate(adapter *adapter, uint16_t *vf);
NDIS_STATUS adapter_free(adapter *adapter, uint16_t vf);
NDIS_STATUS adapter_reset(adapter *adapter, uint16_t vf);
NDIS_STATUS adapter_power(adapter *adapter, uint16_t vf, ULONG state);

/* Takes what the stack has of a VF. */
uint64_t adapter_take_invalidation(adapter *adapter, uint16_t vf);

#endif
