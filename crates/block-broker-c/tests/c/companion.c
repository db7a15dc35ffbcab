#include "companion.h"

#include <stdlib.h>
#include <string.h>

static sample_answer *find_answer(sample_companion *companion, uint32_t block, bool to_reads) {
  for (sample_answer *answer = companion->answers; answer != NULL; answer = answer->next) {
    if (answer->block == block && answer->to_reads == to_reads) {
      return answer;
    }
  }
  return NULL;
}

void companion_answer(sample_companion *companion, const sample_answer *set) {
  sample_answer *place = find_answer(companion, set->block, set->to_reads);
  sample_answer *next = companion->answers;
  if (place == NULL) {
    place = (sample_answer *)allocate(sizeof *place);
    companion->answers = place;
  } else {
    next = place->next;
    free(place->data);
  }
  *place = *set;
  place->next = next;
}

static bb_status readiness(const sample_companion *companion) {
  return companion->is_ready ? BB_SUCCESS : BB_REFUSED_COMPANION;
}

static void record(sample_companion *companion, uint16_t vf, uint32_t block, const void *data,
                   uint32_t length) {
  size_t size = (companion->handed_count + 1) * sizeof(handed_write);
  handed_write *grown = (handed_write *)realloc(companion->handed, size);
  REQUIRE(grown != NULL);
  companion->handed = grown;
  handed_write *place = &grown[companion->handed_count++];
  place->vf = vf;
  place->block = block;
  place->length = length;
  memcpy(place->data, data, length);
}

bb_status companion_handle_write(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                                 uint32_t block, const void *merged, uint32_t length,
                                 uint64_t now) {
  REQUIRE(merged != NULL);
  record(companion, vf, block, merged, length);
  const sample_answer *answer = find_answer(companion, block, false);
  if (answer != NULL && answer->has_data) {
    bb_follow_up follow_up;
    /* A companion may ignore that its publish is refused. The journal has it. */
    bb_publish(broker, vf, block, answer->data, answer->length, now, &follow_up);
  }
  return answer == NULL ? BB_SUCCESS : answer->status;
}

bb_status companion_handle_read(sample_companion *companion, uint32_t block, void *set,
                                uint32_t length) {
  REQUIRE(set != NULL);
  const sample_answer *answer = find_answer(companion, block, true);
  if (answer != NULL && answer->has_data) {
    memcpy(set, answer->data, answer->length < length ? answer->length : length);
  }
  return answer == NULL ? BB_SUCCESS : answer->status;
}

bb_status companion_write(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                          uint32_t block, const void *data, uint32_t length, uint64_t now) {
  bb_pending pending;
  bb_follow_up follow_up;
  bb_status status = bb_begin_write(broker, readiness(companion), vf, block, data, length, now,
                                    &pending, &follow_up);
  if (status != BB_PENDING) {
    return status;
  }
  uint32_t whole = 0;
  const void *merged = bb_pending_write_data(&pending, &whole);
  bb_status result =
      companion_handle_write(companion, broker, vf, block, merged, whole, now);
  return bb_finish_write(broker, &pending, result, now, &follow_up);
}

bb_status companion_read(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                         uint32_t block, void *reply, uint32_t length, uint64_t now) {
  bb_pending pending;
  bb_follow_up follow_up;
  bb_status status = bb_begin_read(broker, readiness(companion), vf, block, reply, length, now,
                                   &pending, &follow_up);
  if (status != BB_PENDING) {
    return status;
  }
  uint32_t whole = 0;
  void *set = bb_pending_read_data(&pending, &whole);
  bb_status result = companion_handle_read(companion, block, set, whole);
  return bb_finish_read(broker, &pending, result, reply, length, now, &follow_up);
}

void companion_forget(sample_companion *companion) {
  free(companion->handed);
  companion->handed = NULL;
  companion->handed_count = 0;
}

void companion_free(sample_companion *companion) {
  companion_forget(companion);
  while (companion->answers != NULL) {
    sample_answer *first = companion->answers;
    companion->answers = first->next;
    free(first->data);
    free(first);
  }
}
