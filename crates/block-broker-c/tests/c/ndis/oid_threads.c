/* OID requests, publishes, drains and waits on one adapter at the same time: oid_threads TABLE
 * ROUNDS
 *
 * One thread plays NDIS for the guests of all VFs, and changes the tenant of VF 1 and resets VF 2
 * meanwhile. Four threads play host software. The device is removed under them at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "adapter.h"

enum { STATE = 0, GRANT = 1, LOG = 4, VFS = 3 };

typedef struct shared_state {
  adapter self;
  int rounds;
  /* Atomic: set when the guests are done. */
  int is_over;
} shared_state;

static shared_state all;

static bool is_over(void) { return __atomic_load_n(&all.is_over, __ATOMIC_SEQ_CST) != 0; }

/* Every image is whole: one writer's, or blank. */
static void check_image(uint16_t vf) {
  uint8_t image[128];
  REQUIRE(adapter_read(&all.self, vf, STATE, image, 128) == NDIS_STATUS_SUCCESS);
  for (size_t index = 0; index < sizeof image; index++) {
    REQUIRE(image[index] == image[0]);
  }
}

static void *play_guests(void *context) {
  uint64_t sent = 0;
  (void)context;
  for (int round = 0; round < all.rounds; round++) {
    kernel_advance(10000000);
    for (uint16_t vf = 0; vf < VFS; vf++) {
      uint8_t image[128];
      memset(image, round % 250, sizeof image);
      REQUIRE(adapter_write(&all.self, vf, STATE, image, 128) == NDIS_STATUS_SUCCESS);
      check_image(vf);
      NDIS_STATUS status = adapter_write(&all.self, vf, LOG, image, 5);
      REQUIRE(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_FAILURE);
      sent += vf == 0 && status == NDIS_STATUS_SUCCESS;
    }
    all.self.reset = round % 2 == 0 ? RESET_PENDS : RESET_COMPLETES_EARLY;
    REQUIRE(adapter_reset(&all.self, 2) == NDIS_STATUS_SUCCESS);
    uint16_t vf = 0xFFFF;
    REQUIRE(adapter_free(&all.self, 1) == NDIS_STATUS_SUCCESS);
    uint8_t byte = 0;
    REQUIRE(adapter_write(&all.self, 1, STATE, &byte, 1) == NDIS_STATUS_INVALID_PARAMETER);
    REQUIRE(adapter_allocate(&all.self, &vf) == NDIS_STATUS_SUCCESS && vf == 1);
  }
  /* Every message of VF 0 was drained or is still there. */
  const bb_broker *broker = VfBlocksEnter(&all.self.blocks);
  bb_block_status log;
  do {
    REQUIRE(bb_block_status_of(broker, 0, LOG, &log) == BB_SUCCESS);
  } while (log.queued != 0);
  VfBlocksLeave(&all.self.blocks);
  __atomic_store_n(&all.is_over, 1, __ATOMIC_SEQ_CST);
  bb_vf_status status;
  broker = VfBlocksEnter(&all.self.blocks);
  REQUIRE(bb_vf_status_of(broker, 0, &status) == BB_SUCCESS);
  REQUIRE(status.writes == (uint64_t)all.rounds + sent);
  VfBlocksLeave(&all.self.blocks);
  return NULL;
}

static void *publish(void *context) {
  uint64_t value = 0;
  (void)context;
  while (!is_over()) {
    value++;
    for (uint16_t vf = 0; vf < VFS; vf++) {
      kernel_irql = (KIRQL)(value % 2 == 0 ? DISPATCH_LEVEL : PASSIVE_LEVEL);
      NTSTATUS status =
          VfBlocksPublish(&all.self.blocks, vf, GRANT, &value, sizeof value, NULL);
      kernel_irql = PASSIVE_LEVEL;
      REQUIRE(status == BB_SUCCESS ||
              (vf != 0 && (status == BB_REFUSED_VF || status == BB_REFUSED_STATE)));
      uint64_t mask = adapter_take_invalidation(&all.self, vf);
      REQUIRE(mask == 0 || mask == 1 << GRANT);
    }
  }
  return NULL;
}

static void *publish_to_all(void *context) {
  uint64_t value = 0;
  (void)context;
  while (!is_over()) {
    value++;
    REQUIRE(VfBlocksPublishAll(&all.self.blocks, GRANT, &value, sizeof value) == BB_SUCCESS);
  }
  return NULL;
}

static void *drain(void *context) {
  (void)context;
  while (!is_over()) {
    bb_message messages[3];
    bb_follow_up follow_up;
    size_t count = 0;
    const bb_broker *broker = VfBlocksEnter(&all.self.blocks);
    for (uint16_t vf = 0; vf < VFS; vf++) {
      bb_drain(broker, vf, LOG, messages, 3, &count, 0, &follow_up);
      VfBlocksFollowUp(&all.self.blocks, &follow_up);
      for (size_t index = 0; index < count; index++) {
        REQUIRE(messages[index].length == 5);
        REQUIRE(messages[index].data[0] == messages[index].data[4]);
      }
    }
    VfBlocksLeave(&all.self.blocks);
  }
  return NULL;
}

/* Goes on until the adapter stops under it. */
static void *use_until_the_end(void *context) {
  (void)context;
  for (;;) {
    uint64_t value = 7;
    bb_cookie cookie = {{0}};
    bb_change changes[4];
    bool is_due = false;
    const bb_broker *broker = VfBlocksEnter(&all.self.blocks);
    if (broker == NULL) {
      return NULL;
    }
    REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, &cookie, changes, 4, NULL, NULL) == BB_SUCCESS);
    REQUIRE(bb_await_changes(broker, BB_CHANGE_WRITTEN, &cookie, &is_due) == BB_SUCCESS);
    VfBlocksLeave(&all.self.blocks);
    VfBlocksPublish(&all.self.blocks, 0, GRANT, &value, sizeof value, NULL);
  }
}

int main(int count, char **arguments) {
  REQUIRE(count == 3);
  void *(*const work[])(void *) = {play_guests, publish, publish_to_all, drain,
                                   use_until_the_end};
  enum { THREADS = sizeof work / sizeof work[0] };
  pthread_t threads[THREADS];
  all.rounds = atoi(arguments[2]);
  adapter_open(&all.self, arguments[1], VFS);
  for (uint16_t vf = 0; vf < VFS; vf++) {
    uint16_t allocated = 0xFFFF;
    REQUIRE(adapter_allocate(&all.self, &allocated) == NDIS_STATUS_SUCCESS);
  }
  for (size_t index = 0; index < THREADS; index++) {
    REQUIRE(pthread_create(&threads[index], NULL, work[index], NULL) == 0);
  }
  for (size_t index = 0; index + 1 < THREADS; index++) {
    pthread_join(threads[index], NULL);
  }
  REQUIRE(all.self.wakes > 0);
  adapter_close(&all.self);
  pthread_join(threads[THREADS - 1], NULL);
  puts("done");
  return 0;
}
