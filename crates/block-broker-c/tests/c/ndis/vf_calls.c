/* The calls of VFs as OID requests. */
#include "../vf_calls.h"

#include "adapter.h"

static adapter self;
static sample_companion *companion;
static uint64_t first_revision;

static NTSTATUS write_block(PVOID context, NDIS_SRIOV_FUNCTION_ID vf, ULONG block,
                            const VOID *data, ULONG length) {
  (void)context;
  return companion_handle_write(companion, self.blocks.Broker, vf, block, data, length,
                                KeQueryInterruptTime());
}

static NTSTATUS read_block(PVOID context, NDIS_SRIOV_FUNCTION_ID vf, ULONG block, VOID *data,
                           ULONG length) {
  (void)context;
  (void)vf;
  return companion_handle_read(companion, block, data, length);
}

/* The revision that the allocations have left, which is the same for every block. */
static uint64_t revision_after_start(uint16_t vfs) {
  bb_block_status status;
  uint64_t revision = UINT64_MAX;
  for (uint16_t vf = 0; vf < vfs; vf++) {
    for (uint32_t block = 0; block < 4096; block++) {
      if (bb_block_status_of(self.blocks.Broker, vf, block, &status) == BB_SUCCESS) {
        REQUIRE(revision == UINT64_MAX || revision == status.revision);
        revision = status.revision;
      }
    }
  }
  REQUIRE(revision != UINT64_MAX);
  return revision;
}

const bb_broker *calls_open(const char *table, uint16_t vfs, sample_companion *of_device) {
  bb_follow_up follow_up;
  bb_vf_status status;
  companion = of_device;
  adapter_open(&self, table, vfs);
  self.hardware.WriteBlock = write_block;
  self.hardware.ReadBlock = read_block;
  for (uint16_t vf = 0; vf < vfs; vf++) {
    uint16_t allocated = 0xFFFF;
    REQUIRE(adapter_allocate(&self, &allocated) == NDIS_STATUS_SUCCESS && allocated == vf);
    REQUIRE(bb_vf_status_of(self.blocks.Broker, vf, &status) == BB_SUCCESS);
    /* A trace begins with VFs that are served. */
    if (status.service == BB_SERVICE_UNACKNOWLEDGED) {
      REQUIRE(bb_acknowledge(self.blocks.Broker, vf, status.resets, 0, &follow_up) == BB_SUCCESS);
    }
  }
  first_revision = revision_after_start(vfs);
  return self.blocks.Broker;
}

void calls_close(void) { adapter_close(&self); }

bb_status calls_write(uint16_t vf, uint32_t block, const void *data, uint32_t length,
                      uint64_t now) {
  REQUIRE(now == KeQueryInterruptTime());
  return adapter_write(&self, vf, block, data, length);
}

bb_status calls_read(uint16_t vf, uint32_t block, void *reply, uint32_t length, uint64_t now) {
  REQUIRE(now == KeQueryInterruptTime());
  return adapter_read(&self, vf, block, reply, length);
}

bb_status calls_reset(uint16_t vf, uint64_t now) {
  REQUIRE(now == KeQueryInterruptTime());
  return adapter_reset(&self, vf);
}

/* NDIS counts from 1, which is D0. */
bb_status calls_power(uint16_t vf, uint8_t state, uint64_t now) {
  REQUIRE(now == KeQueryInterruptTime());
  return adapter_power(&self, vf, state + 1u);
}

void calls_advance(uint64_t ticks) { kernel_advance(ticks); }

void calls_set_ready(bool is_ready) { VfBlocksSetReady(&self.blocks, is_ready ? TRUE : FALSE); }

uint64_t calls_first_revision(void) { return first_revision; }

uint64_t calls_take_delivered(uint16_t vf) {
  return vf < ADAPTER_VFS ? adapter_take_invalidation(&self, vf) : 0;
}
