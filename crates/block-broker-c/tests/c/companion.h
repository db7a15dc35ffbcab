/* The sample companion of traces: it answers as a trace says, and keeps the writes it was called
 * with. */
#ifndef COMPANION_H
#define COMPANION_H

#include "device.h"

typedef struct sample_answer {
  uint32_t block;
  bool to_reads;
  bb_status status;
  bool has_data;
  uint8_t *data;
  uint32_t length;
  struct sample_answer *next;
} sample_answer;

typedef struct handed_write {
  uint16_t vf;
  uint32_t block;
  uint32_t length;
  uint8_t data[BB_MAX_BLOCK_LENGTH];
} handed_write;

typedef struct sample_companion {
  bool is_ready;
  sample_answer *answers;
  handed_write *handed;
  size_t handed_count;
} sample_companion;

/* Sets an answer; takes the data over. */
void companion_answer(sample_companion *companion, const sample_answer *set);

/* A write and a read of a VF that the manifest may hand over. */
bb_status companion_write(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                          uint32_t block, const void *data, uint32_t length, uint64_t now);
bb_status companion_read(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                         uint32_t block, void *reply, uint32_t length, uint64_t now);

/* What it does with a write between the two parts of the operation, and with the PF's bytes of a
 * read. Returns its answer. */
bb_status companion_handle_write(sample_companion *companion, const bb_broker *broker, uint16_t vf,
                                 uint32_t block, const void *merged, uint32_t length,
                                 uint64_t now);
bb_status companion_handle_read(sample_companion *companion, uint32_t block, void *set,
                                uint32_t length);

/* Forgets the writes that the companion was called with. */
void companion_forget(sample_companion *companion);

void companion_free(sample_companion *companion);

#endif
