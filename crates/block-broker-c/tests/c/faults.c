/* Faults of a caller that a sanitizer must find inside of the library: faults TABLE FAULT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

static size_t do_nothing(void *context, uint16_t vf, bb_lock *lock) {
  (void)context;
  (void)vf;
  (void)lock;
  return 0;
}

static void do_nothing_more(void *context, uint16_t vf, bb_lock *lock, size_t state) {
  (void)context;
  (void)vf;
  (void)lock;
  (void)state;
}

static void *write_images(void *context) {
  uint8_t image[128] = {0};
  bb_follow_up follow_up;
  for (int round = 0; round < 1000; round++) {
    REQUIRE(bb_write((const bb_broker *)context, 0, 0, image, 128, 0, &follow_up) == BB_SUCCESS);
  }
  return NULL;
}

/* Two threads on one VF, with lock functions that do not lock. */
static void run_without_lock(const char *table) {
  size_t length = 0;
  void *bytes = read_file(table, &length);
  bb_options options = options_of(bytes, length, 1, BB_ALLOCATE_ALL_VFS);
  options.acquire = do_nothing;
  options.release = do_nothing_more;
  size_t needed = 0;
  REQUIRE(bb_memory_needed(bytes, length, 1, &needed) == BB_SUCCESS);
  void *memory = allocate(needed);
  bb_broker *broker = NULL;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_SUCCESS);
  pthread_t other;
  REQUIRE(pthread_create(&other, NULL, write_images, broker) == 0);
  write_images(broker);
  pthread_join(other, NULL);
  free(memory);
  free(bytes);
}

/* A reply that is shorter than the caller says. */
static void run_with_short_reply(const char *table) {
  test_device device = device_open(table, 1, BB_ALLOCATE_ALL_VFS);
  bb_follow_up follow_up;
  void *reply = allocate(127);
  bb_read(device.broker, 0, 0, reply, 128, 0, &follow_up);
  free(reply);
  device_close(&device);
}

int main(int count, char **arguments) {
  REQUIRE(count == 3);
  if (strcmp(arguments[2], "lock") == 0) {
    run_without_lock(arguments[1]);
  } else {
    run_with_short_reply(arguments[1]);
  }
  return 0;
}
