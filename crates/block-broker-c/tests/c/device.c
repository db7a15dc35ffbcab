#include "device.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(pthread_mutex_t) <= sizeof(bb_lock), "a mutex fits into a lock's memory");

/* What acquire_mutex returns, so that a state that is lost is noticed. */
static const size_t held = 0x51a7e;

void fail(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
  exit(1);
}

void *allocate(size_t length) {
  void *memory = malloc(length == 0 ? 1 : length);
  REQUIRE(memory != NULL);
  return memory;
}

void *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  REQUIRE(file != NULL);
  REQUIRE(fseek(file, 0, SEEK_END) == 0);
  long end = ftell(file);
  REQUIRE(end >= 0 && fseek(file, 0, SEEK_SET) == 0);
  *length = (size_t)end;
  char *bytes = (char *)allocate(*length + 1);
  REQUIRE(fread(bytes, 1, *length, file) == *length);
  bytes[*length] = 0;
  fclose(file);
  return bytes;
}

/* The memory of a lock is zero at the start, which is an unlocked mutex on Linux. */
size_t acquire_mutex(void *context, uint16_t vf, bb_lock *lock) {
  (void)context;
  (void)vf;
  REQUIRE(pthread_mutex_lock((pthread_mutex_t *)lock) == 0);
  return held;
}

void release_mutex(void *context, uint16_t vf, bb_lock *lock, size_t state) {
  (void)context;
  (void)vf;
  REQUIRE(state == held);
  REQUIRE(pthread_mutex_unlock((pthread_mutex_t *)lock) == 0);
}

bb_options options_of(const void *table, size_t length, uint16_t vfs, uint32_t flags) {
  bb_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = flags;
  options.table = table;
  options.table_length = length;
  options.vfs = vfs;
  options.acquire = acquire_mutex;
  options.release = release_mutex;
  return options;
}

test_device device_open(const char *table, uint16_t vfs, uint32_t flags) {
  test_device device;
  device.table = read_file(table, &device.table_length);
  device.vfs = vfs;
  size_t needed = 0;
  REQUIRE(bb_memory_needed(device.table, device.table_length, vfs, &needed) == BB_SUCCESS);
  device.memory = allocate(needed);
  /* The previous content of the memory must not matter. */
  memset(device.memory, 0xEE, needed);
  bb_options options = options_of(device.table, device.table_length, vfs, flags);
  REQUIRE(bb_initialize(&options, device.memory, needed, 0, &device.broker) == BB_SUCCESS);
  return device;
}

void device_close(test_device *device) {
  bb_follow_up follow_up;
  REQUIRE(bb_remove(device->broker, 0, &follow_up) == BB_SUCCESS);
  free(device->memory);
  free(device->table);
}
