/* How the calls of VFs reach a broker: vf_calls.c calls the library, ndis/vf_calls.c sends OID
 * requests to the PF driver of examples/ndis-pf. */
#ifndef VF_CALLS_H
#define VF_CALLS_H

#include "companion.h"

/* Starts a device whose VFs are all allocated, at time 0, with this companion. Ends the program if
 * that fails. */
const bb_broker *calls_open(const char *table, uint16_t vfs, sample_companion *companion);

/* Ends it. */
void calls_close(void);

/* The calls of a VF. Their results are those of the library, or NDIS statuses. */
bb_status calls_write(uint16_t vf, uint32_t block, const void *data, uint32_t length,
                      uint64_t now);
bb_status calls_read(uint16_t vf, uint32_t block, void *reply, uint32_t length, uint64_t now);
bb_status calls_reset(uint16_t vf, uint64_t now);
bb_status calls_power(uint16_t vf, uint8_t state, uint64_t now);

/* The clock has advanced by this many units of 100 nanoseconds; the companion is ready or not. */
void calls_advance(uint64_t ticks);
void calls_set_ready(bool is_ready);

/* The revision that every block has after the start. */
uint64_t calls_first_revision(void);

/* Takes what was delivered to a VF already. */
uint64_t calls_take_delivered(uint16_t vf);

#endif
