#include "vf_calls.h"

static test_device device;
static sample_companion *companion;

const bb_broker *calls_open(const char *table, uint16_t vfs, sample_companion *of_device) {
  companion = of_device;
  device = device_open(table, vfs, BB_ALLOCATE_ALL_VFS);
  return device.broker;
}

void calls_close(void) { device_close(&device); }

bb_status calls_write(uint16_t vf, uint32_t block, const void *data, uint32_t length,
                      uint64_t now) {
  bb_follow_up follow_up;
  if (bb_is_handed_over(device.broker, BB_OPERATION_WRITE, block)) {
    return companion_write(companion, device.broker, vf, block, data, length, now);
  }
  return bb_write(device.broker, vf, block, data, length, now, &follow_up);
}

bb_status calls_read(uint16_t vf, uint32_t block, void *reply, uint32_t length, uint64_t now) {
  bb_follow_up follow_up;
  if (bb_is_handed_over(device.broker, BB_OPERATION_READ, block)) {
    return companion_read(companion, device.broker, vf, block, reply, length, now);
  }
  return bb_read(device.broker, vf, block, reply, length, now, &follow_up);
}

bb_status calls_reset(uint16_t vf, uint64_t now) {
  bb_follow_up follow_up;
  return bb_reset(device.broker, vf, now, &follow_up);
}

bb_status calls_power(uint16_t vf, uint8_t state, uint64_t now) {
  bb_follow_up follow_up;
  return bb_set_power(device.broker, vf, state, now, &follow_up);
}

void calls_advance(uint64_t ticks) { (void)ticks; }

void calls_set_ready(bool is_ready) { (void)is_ready; }

uint64_t calls_first_revision(void) { return 0; }

uint64_t calls_take_delivered(uint16_t vf) {
  (void)vf;
  return 0;
}
