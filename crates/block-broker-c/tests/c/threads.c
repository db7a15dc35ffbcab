/* Threads on the VFs of one device: threads TABLE ROUNDS
 *
 * Each VF has two writers, a reader, a publisher, a thread that drains its stream, and one that asks
 * the companion; VF 2 is freed and allocated meanwhile, VF 1 is reset. One thread waits for changes.
 * A lost wake makes the program wait for ever; the test ends it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

enum { STATE = 0, GRANT = 1, QUEUE = 3, LOG = 4, VFS = 3, THREADS_OF_A_VF = 6 };

/* VF 0 is neither reset nor freed, so its results can be counted. */
static const uint16_t steady = 0;

typedef struct shared_state {
  const bb_broker *broker;
  int rounds;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  /* Under the mutex: wakes, the newest revision of STATE that the waiter has seen, the end. */
  uint64_t wakes;
  uint64_t seen[VFS];
  bool is_over;
  /* Under the mutex: of the steady VF. */
  uint64_t written;
  uint64_t sent;
  uint64_t drained;
  uint64_t delivered;
} shared_state;

typedef struct worker {
  shared_state *shared;
  uint16_t vf;
  uint8_t number;
} worker;

static void add(shared_state *shared, uint64_t *count, uint64_t more) {
  pthread_mutex_lock(&shared->mutex);
  *count += more;
  pthread_mutex_unlock(&shared->mutex);
}

static void carry_out(shared_state *shared, const bb_follow_up *follow_up) {
  if (follow_up->wake != 0) {
    pthread_mutex_lock(&shared->mutex);
    shared->wakes++;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
  }
  if (follow_up->deliver == BB_DELIVER_TO_VF) {
    uint64_t mask = bb_hand_over_invalidation(shared->broker, follow_up->vf, NULL, NULL);
    REQUIRE(mask == 0 || mask == 1 << GRANT);
    if (mask != 0) {
      add(shared, &shared->delivered, 1);
    }
  }
}

/* Whether an operation was done; otherwise the VF must be one that is reset or freed. */
static bool was_done(const worker *worker, bb_status status) {
  if (status == BB_SUCCESS) {
    return true;
  }
  REQUIRE(worker->vf != steady);
  REQUIRE(status == BB_REFUSED_STATE || status == BB_REFUSED_VF);
  return false;
}

static void *write_images(void *context) {
  worker *self = (worker *)context;
  uint8_t image[128];
  bb_follow_up follow_up;
  for (int round = 0; round < self->shared->rounds; round++) {
    memset(image, 2 * (round % 100) + self->number, sizeof image);
    bb_status status =
        bb_write(self->shared->broker, self->vf, STATE, image, 128, 0, &follow_up);
    carry_out(self->shared, &follow_up);
    if (was_done(self, status) && self->vf == steady) {
      add(self->shared, &self->shared->written, 1);
    }
    if (round % 4 == 0) {
      status = bb_write(self->shared->broker, self->vf, LOG, image, 5, 0, &follow_up);
      carry_out(self->shared, &follow_up);
      if (was_done(self, status) && self->vf == steady) {
        add(self->shared, &self->shared->sent, 1);
      }
    }
  }
  return NULL;
}

/* Every image is whole: one writer's, or blank. */
static void *read_images(void *context) {
  worker *self = (worker *)context;
  uint8_t image[128];
  bb_follow_up follow_up;
  for (int round = 0; round < 2 * self->shared->rounds; round++) {
    memset(image, 0xAA, sizeof image);
    bb_status status =
        bb_read(self->shared->broker, self->vf, STATE, image, 128, 0, &follow_up);
    carry_out(self->shared, &follow_up);
    bool is_done = was_done(self, status);
    for (size_t index = 0; index < sizeof image; index++) {
      REQUIRE(image[index] == (is_done ? image[0] : 0xAA));
    }
  }
  return NULL;
}

static void *publish_grants(void *context) {
  worker *self = (worker *)context;
  bb_follow_up follow_up;
  for (uint64_t round = 0; round < (uint64_t)self->shared->rounds; round++) {
    bb_status status = bb_publish(self->shared->broker, self->vf, GRANT, &round, sizeof round, 0,
                                  &follow_up);
    carry_out(self->shared, &follow_up);
    was_done(self, status);
  }
  return NULL;
}

static void *drain_log(void *context) {
  worker *self = (worker *)context;
  bb_message messages[3];
  bb_follow_up follow_up;
  for (int round = 0; round < self->shared->rounds; round++) {
    size_t count = 0;
    bb_status status = bb_drain(self->shared->broker, self->vf, LOG, messages, 3, &count, 0,
                                &follow_up);
    carry_out(self->shared, &follow_up);
    if (was_done(self, status) && self->vf == steady) {
      add(self->shared, &self->shared->drained, count);
    }
    for (size_t index = 0; index < count; index++) {
      REQUIRE(messages[index].length == 5);
      REQUIRE(messages[index].data[0] == messages[index].data[4]);
    }
  }
  return NULL;
}

static void *ask_companion(void *context) {
  worker *self = (worker *)context;
  const bb_broker *broker = self->shared->broker;
  bb_pending pending;
  bb_follow_up follow_up;
  for (int round = 0; round < self->shared->rounds; round++) {
    uint8_t wanted[4] = {(uint8_t)(round % 9), 0, 0, 0};
    bb_status status = bb_begin_write(broker, BB_SUCCESS, self->vf, QUEUE, wanted, 4, 0,
                                      &pending, &follow_up);
    carry_out(self->shared, &follow_up);
    if (status == BB_PENDING) {
      uint32_t length = 0;
      const uint8_t *data = (const uint8_t *)bb_pending_write_data(&pending, &length);
      REQUIRE(data != NULL && length == 4 && data[0] == wanted[0]);
      status = bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up);
      carry_out(self->shared, &follow_up);
    }
    was_done(self, status);
  }
  return NULL;
}

static void *change_tenants(void *context) {
  shared_state *of_all = (shared_state *)context;
  const bb_broker *broker = of_all->broker;
  bb_follow_up follow_up;
  for (int round = 0; round < of_all->rounds / 20; round++) {
    REQUIRE(bb_free_vf(broker, 2, 0, &follow_up) == BB_SUCCESS);
    carry_out(of_all, &follow_up);
    uint8_t image[128];
    REQUIRE(bb_read(broker, 2, STATE, image, 128, 0, &follow_up) == BB_REFUSED_VF);
    REQUIRE(bb_allocate_vf(broker, 2, 0, &follow_up) == BB_SUCCESS);
    carry_out(of_all, &follow_up);
    REQUIRE(bb_begin_reset(broker, 1, BB_RESET_BY_HOST, 0, &follow_up) == BB_SUCCESS);
    carry_out(of_all, &follow_up);
    REQUIRE(bb_finish_reset(broker, 1, 0, &follow_up) == BB_SUCCESS);
    carry_out(of_all, &follow_up);
  }
  return NULL;
}

static void *wait_for_changes(void *context) {
  shared_state *of_all = (shared_state *)context;
  bb_cookie cookie = {{0}};
  bb_change changes[4];
  for (;;) {
    pthread_mutex_lock(&of_all->mutex);
    uint64_t wakes = of_all->wakes;
    bool is_over = of_all->is_over;
    pthread_mutex_unlock(&of_all->mutex);
    if (is_over) {
      return NULL;
    }
    uint32_t flags = BB_CHANGES_MORE;
    while ((flags & BB_CHANGES_MORE) != 0) {
      size_t count = 0;
      REQUIRE(bb_changes(of_all->broker, BB_CHANGE_WRITTEN, &cookie, changes, 4, &count,
                         &flags) == BB_SUCCESS);
      pthread_mutex_lock(&of_all->mutex);
      for (size_t index = 0; index < count; index++) {
        if (changes[index].block == STATE) {
          REQUIRE(changes[index].revision >= of_all->seen[changes[index].vf]);
          of_all->seen[changes[index].vf] = changes[index].revision;
        }
      }
      pthread_cond_broadcast(&of_all->changed);
      pthread_mutex_unlock(&of_all->mutex);
    }
    bool is_due = false;
    REQUIRE(bb_await_changes(of_all->broker, BB_CHANGE_WRITTEN, &cookie, &is_due) ==
            BB_SUCCESS);
    pthread_mutex_lock(&of_all->mutex);
    while (!is_due && of_all->wakes == wakes && !of_all->is_over) {
      pthread_cond_wait(&of_all->changed, &of_all->mutex);
    }
    pthread_mutex_unlock(&of_all->mutex);
  }
}

/* One more write to each VF, of which the waiter must learn without any further help. */
static void check_last_changes(shared_state *of_all) {
  for (uint16_t vf = 0; vf < VFS; vf++) {
    uint8_t image[128] = {0};
    bb_follow_up follow_up;
    bb_block_status status;
    REQUIRE(bb_write(of_all->broker, vf, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
    carry_out(of_all, &follow_up);
    REQUIRE(bb_block_status_of(of_all->broker, vf, STATE, &status) == BB_SUCCESS);
    pthread_mutex_lock(&of_all->mutex);
    while (of_all->seen[vf] != status.revision) {
      pthread_cond_wait(&of_all->changed, &of_all->mutex);
    }
    pthread_mutex_unlock(&of_all->mutex);
  }
}

static void check_counts(const shared_state *of_all) {
  bb_vf_status vf;
  bb_block_status log;
  REQUIRE(bb_vf_status_of(of_all->broker, steady, &vf) == BB_SUCCESS);
  REQUIRE(bb_block_status_of(of_all->broker, steady, LOG, &log) == BB_SUCCESS);
  REQUIRE(vf.writes == of_all->written + of_all->sent + (uint64_t)of_all->rounds + 1);
  REQUIRE(of_all->written == 2 * (uint64_t)of_all->rounds);
  REQUIRE(of_all->sent == of_all->drained + log.dropped + log.queued);
  REQUIRE(vf.reads == 2 * (uint64_t)of_all->rounds);
  REQUIRE(of_all->delivered > 0);
}

static pthread_t start(void *(*run)(void *), void *context) {
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, run, context) == 0);
  return thread;
}

int main(int count, char **arguments) {
  REQUIRE(count == 3);
  test_device device = device_open(arguments[1], VFS, BB_ALLOCATE_ALL_VFS);
  shared_state of_all;
  memset(&of_all, 0, sizeof of_all);
  of_all.broker = device.broker;
  of_all.rounds = atoi(arguments[2]);
  REQUIRE(pthread_mutex_init(&of_all.mutex, NULL) == 0);
  REQUIRE(pthread_cond_init(&of_all.changed, NULL) == 0);

  void *(*const work[THREADS_OF_A_VF])(void *) = {
      write_images, write_images, read_images, publish_grants, drain_log, ask_companion,
  };
  worker workers[VFS * THREADS_OF_A_VF];
  pthread_t threads[VFS * THREADS_OF_A_VF];
  pthread_t waiter = start(wait_for_changes, &of_all);
  pthread_t tenants = start(change_tenants, &of_all);
  for (size_t index = 0; index < VFS * THREADS_OF_A_VF; index++) {
    workers[index].shared = &of_all;
    workers[index].vf = (uint16_t)(index % VFS);
    workers[index].number = (uint8_t)(index / VFS % 2);
    threads[index] = start(work[index / VFS], &workers[index]);
  }
  for (size_t index = 0; index < VFS * THREADS_OF_A_VF; index++) {
    pthread_join(threads[index], NULL);
  }
  pthread_join(tenants, NULL);
  check_last_changes(&of_all);
  check_counts(&of_all);

  pthread_mutex_lock(&of_all.mutex);
  of_all.is_over = true;
  pthread_cond_broadcast(&of_all.changed);
  pthread_mutex_unlock(&of_all.mutex);
  pthread_join(waiter, NULL);
  device_close(&device);
  puts("done");
  return 0;
}
