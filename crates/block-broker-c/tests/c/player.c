/* Plays a trace on the library: player TABLE VFS OPERATIONS
 *
 * It is linked with one of the two vf_calls.c, for the calls of VFs.
 *
 * OPERATIONS is the file of a trace in a flat form, which tests/c_programs/trace.rs writes: a line
 * for each operation, words separated by one space, an empty value as "-". The results are the lines
 * that docs/trace.md describes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vf_calls.h"

/* Entries and messages that one call gets: few, so that lists continue. */
#define FEW 3

#define TRACE_KINDS                                                                     \
  (BB_CHANGE_WRITTEN | BB_CHANGE_MESSAGE | BB_CHANGE_RESET | BB_CHANGE_POWER |          \
   BB_CHANGE_PUBLISHED)

typedef struct player {
  const bb_broker *broker;
  sample_companion companion;
  uint64_t now;
  bb_cookie cookie;
} player;

/* The data of an operation, in memory of exactly its length. */
typedef struct bytes {
  uint8_t *data;
  uint32_t length;
} bytes;

static char *next_word(void) {
  char *word = strtok(NULL, " ");
  REQUIRE(word != NULL);
  return word;
}

static uint64_t next_number(void) {
  char *end = NULL;
  const char *word = next_word();
  uint64_t number = strtoull(word, &end, 0);
  REQUIRE(end != word && *end == 0);
  return number;
}

static uint8_t digit(char character) {
  const char *digits = "0123456789abcdef";
  const char *place = strchr(digits, character);
  REQUIRE(place != NULL && character != 0);
  return (uint8_t)(place - digits);
}

static bytes next_bytes(void) {
  const char *word = next_word();
  size_t digits = strcmp(word, "-") == 0 ? 0 : strlen(word);
  bytes bytes = {(uint8_t *)allocate(digits / 2), (uint32_t)(digits / 2)};
  for (uint32_t index = 0; index < bytes.length; index++) {
    bytes.data[index] = (uint8_t)(digit(word[2 * index]) << 4 | digit(word[2 * index + 1]));
  }
  return bytes;
}

static void print_hex(const uint8_t *data, size_t length) {
  putchar('"');
  for (size_t index = 0; index < length; index++) {
    printf("%02x", data[index]);
  }
  putchar('"');
}

/* Prints the status, and the reason of a refusal; returns whether the result goes on. */
static bool print_status(bb_status status) {
  printf("{\"status\":\"0x%08" PRIX32 "\"", (uint32_t)status);
  if (status != BB_SUCCESS && bb_refusal_name(status) != NULL) {
    printf(",\"reason\":\"%s\"", bb_refusal_name(status));
    REQUIRE(strlen(bb_refusal_sentence(status)) > 10);
  }
  return status == BB_SUCCESS;
}

static void play_write(player *player) {
  uint16_t vf = (uint16_t)next_number();
  uint32_t block = (uint32_t)next_number();
  bytes sent = next_bytes();
  print_status(calls_write(vf, block, sent.data, sent.length, player->now));
  free(sent.data);
}

static void play_read(player *player, bool by_host) {
  uint16_t vf = (uint16_t)next_number();
  uint32_t block = (uint32_t)next_number();
  uint32_t length = (uint32_t)next_number();
  /* The library refuses longer reads, and must not touch their memory. */
  uint8_t *reply = (uint8_t *)allocate(length <= BB_MAX_BLOCK_LENGTH ? length : 1);
  bb_status status;
  bb_follow_up follow_up;
  uint64_t revision = 0;
  const bb_broker *broker = player->broker;
  if (by_host) {
    status = bb_host_read(broker, vf, block, reply, length, &revision, player->now, &follow_up);
  } else {
    status = calls_read(vf, block, reply, length, player->now);
  }
  if (print_status(status)) {
    printf(",\"data\":");
    print_hex(reply, length);
    if (by_host) {
      printf(",\"revision\":%" PRIu64, revision - calls_first_revision());
    }
  }
  free(reply);
}

static void play_publish(player *player) {
  const char *vf = next_word();
  uint32_t block = (uint32_t)next_number();
  bytes sent = next_bytes();
  const char *expected = next_word();
  bb_follow_up follow_up;
  bb_status status;
  const bb_broker *broker = player->broker;
  if (strcmp(vf, "all") == 0) {
    status = bb_publish_all(broker, block, sent.data, sent.length, player->now, &follow_up);
  } else if (strcmp(expected, "-") == 0) {
    status = bb_publish(broker, (uint16_t)atoi(vf), block, sent.data, sent.length, player->now,
                        &follow_up);
  } else {
    status = bb_publish_expecting(broker, (uint16_t)atoi(vf), block, sent.data, sent.length,
                                  strtoull(expected, NULL, 0) + calls_first_revision(),
                                  player->now, &follow_up);
  }
  print_status(status);
  free(sent.data);
}

static void play_invalidate(player *player) {
  const char *vf = next_word();
  uint64_t mask = next_number();
  bb_follow_up follow_up;
  bb_status status;
  if (strcmp(vf, "all") == 0) {
    status = bb_invalidate_all(player->broker, mask, player->now, &follow_up);
  } else {
    uint16_t index = (uint16_t)atoi(vf);
    status = bb_invalidate(player->broker, index, mask, player->now, &follow_up);
    bool delivers = follow_up.deliver == BB_DELIVER_TO_VF && follow_up.vf == index;
    REQUIRE(delivers == (status == BB_SUCCESS && mask != 0));
  }
  print_status(status);
}

static void play_take_invalidation(player *player) {
  uint64_t mask = 0;
  bb_follow_up follow_up;
  uint16_t vf = (uint16_t)next_number();
  bb_status status =
      bb_take_invalidation(player->broker, vf, &mask, player->now, &follow_up);
  mask |= calls_take_delivered(vf);
  if (print_status(status)) {
    printf(",\"mask\":\"0x%" PRIx64 "\"", mask);
  }
}

static void play_drain(player *player) {
  uint16_t vf = (uint16_t)next_number();
  uint32_t block = (uint32_t)next_number();
  bb_message messages[FEW];
  bb_follow_up follow_up;
  size_t count = 0;
  bb_status status = bb_drain(player->broker, vf, block, messages, FEW, &count,
                              player->now, &follow_up);
  if (!print_status(status)) {
    return;
  }
  printf(",\"messages\":[");
  const char *separator = "";
  for (;;) {
    for (size_t index = 0; index < count; index++) {
      printf("%s", separator);
      print_hex(messages[index].data, messages[index].length);
      separator = ",";
    }
    if (count < FEW) {
      break;
    }
    status = bb_drain(player->broker, vf, block, messages, FEW, &count, player->now,
                      &follow_up);
    REQUIRE(status == BB_SUCCESS);
  }
  putchar(']');
}

static void play_stats(player *player) {
  bb_vf_status stats;
  bb_status status = bb_vf_status_of(player->broker, (uint16_t)next_number(), &stats);
  if (!print_status(status)) {
    return;
  }
  printf(",\"reads\":%" PRIu64 ",\"writes\":%" PRIu64 ",\"publishes\":%" PRIu64
         ",\"withdrawn\":%" PRIu64 ",\"refused\":{",
         stats.reads, stats.writes, stats.publishes, stats.withdrawn);
  for (uint32_t code = 0; code < stats.reason_count; code++) {
    printf("%s\"%s\":%" PRIu64, code == 0 ? "" : ",", bb_refusal_name(bb_refusal_status(code)),
           stats.refused[code]);
  }
  putchar('}');
}

/* By VF, a VF before its blocks, these by ID. */
static int compare_changes(const void *left, const void *right) {
  const bb_change *one = (const bb_change *)left;
  const bb_change *other = (const bb_change *)right;
  const uint16_t of_vf = BB_CHANGE_RESET | BB_CHANGE_POWER;
  if (one->vf != other->vf) {
    return one->vf < other->vf ? -1 : 1;
  }
  if ((one->kinds & of_vf) != 0) {
    return -1;
  }
  if ((other->kinds & of_vf) != 0) {
    return 1;
  }
  return one->block < other->block ? -1 : 1;
}

static void play_changes(player *player) {
  bb_change *changes = NULL;
  size_t total = 0;
  uint32_t flags = BB_CHANGES_MORE;
  while ((flags & BB_CHANGES_MORE) != 0) {
    size_t count = 0;
    changes = (bb_change *)realloc(changes, (total + FEW) * sizeof *changes);
    REQUIRE(changes != NULL);
    REQUIRE(bb_changes(player->broker, TRACE_KINDS, &player->cookie, changes + total, FEW,
                       &count, &flags) == BB_SUCCESS);
    total += count;
  }
  qsort(changes, total, sizeof *changes, compare_changes);
  print_status(BB_SUCCESS);
  printf(",\"changes\":[");
  for (size_t index = 0; index < total; index++) {
    const bb_change *change = &changes[index];
    printf("%s{\"vf\":%u", index == 0 ? "" : ",", (unsigned)change->vf);
    if ((change->kinds & (BB_CHANGE_RESET | BB_CHANGE_POWER)) == 0) {
      printf(",\"block\":%" PRIu32 ",\"revision\":%" PRIu64, change->block,
             change->revision - calls_first_revision());
    }
    printf("%s%s}", (change->kinds & BB_CHANGE_RESET) != 0 ? ",\"reset\":true" : "",
           (change->kinds & BB_CHANGE_POWER) != 0 ? ",\"power\":true" : "");
  }
  putchar(']');
  free(changes);
}

/* The changes of the start are none of the trace. */
static void take_first_changes(player *player) {
  bb_change changes[FEW];
  uint32_t flags = BB_CHANGES_MORE;
  while ((flags & BB_CHANGES_MORE) != 0) {
    REQUIRE(bb_changes(player->broker, TRACE_KINDS, &player->cookie, changes, FEW, NULL,
                       &flags) == BB_SUCCESS);
  }
}

static void play_answer(player *player) {
  sample_answer set;
  memset(&set, 0, sizeof set);
  set.block = (uint32_t)next_number();
  set.to_reads = strcmp(next_word(), "read") == 0;
  set.status = (bb_status)(uint32_t)next_number();
  set.has_data = strcmp(next_word(), "data") == 0;
  bytes data = next_bytes();
  set.data = data.data;
  set.length = data.length;
  companion_answer(&player->companion, &set);
  print_status(BB_SUCCESS);
}

static void play_handed(player *player) {
  print_status(BB_SUCCESS);
  printf(",\"calls\":[");
  for (size_t index = 0; index < player->companion.handed_count; index++) {
    const handed_write *handed = &player->companion.handed[index];
    printf("%s{\"vf\":%u,\"block\":%" PRIu32 ",\"data\":", index == 0 ? "" : ",",
           (unsigned)handed->vf, handed->block);
    print_hex(handed->data, handed->length);
    putchar('}');
  }
  putchar(']');
  companion_forget(&player->companion);
}

static void play_reset(player *player) {
  print_status(calls_reset((uint16_t)next_number(), player->now));
}

static void play_acknowledge(player *player) {
  bb_follow_up follow_up;
  bb_vf_status stats;
  uint16_t vf = (uint16_t)next_number();
  bb_status status = bb_vf_status_of(player->broker, vf, &stats);
  if (status == BB_SUCCESS) {
    status = bb_acknowledge(player->broker, vf, stats.resets, player->now, &follow_up);
  }
  print_status(status);
}

static void play_advance(player *player) {
  bb_follow_up follow_up;
  uint64_t next = 0;
  uint64_t ticks = next_number() * 10000;
  player->now += ticks;
  calls_advance(ticks);
  print_status(bb_expire(player->broker, player->now, &next, &follow_up));
  REQUIRE(next > player->now);
}

static void play_power(player *player) {
  uint16_t vf = (uint16_t)next_number();
  uint8_t state = (uint8_t)next_number();
  print_status(calls_power(vf, state, player->now));
}

static void play_operation(player *player, const char *name) {
  if (strcmp(name, "write") == 0) {
    play_write(player);
  } else if (strcmp(name, "read") == 0) {
    play_read(player, false);
  } else if (strcmp(name, "host-read") == 0) {
    play_read(player, true);
  } else if (strcmp(name, "publish") == 0) {
    play_publish(player);
  } else if (strcmp(name, "invalidate") == 0) {
    play_invalidate(player);
  } else if (strcmp(name, "take-invalidation") == 0) {
    play_take_invalidation(player);
  } else if (strcmp(name, "drain") == 0) {
    play_drain(player);
  } else if (strcmp(name, "reset") == 0) {
    play_reset(player);
  } else if (strcmp(name, "acknowledge") == 0) {
    play_acknowledge(player);
  } else if (strcmp(name, "power") == 0) {
    play_power(player);
  } else if (strcmp(name, "stats") == 0) {
    play_stats(player);
  } else if (strcmp(name, "changes") == 0) {
    play_changes(player);
  } else if (strcmp(name, "advance") == 0) {
    play_advance(player);
  } else if (strcmp(name, "companion") == 0) {
    player->companion.is_ready = next_number() != 0;
    calls_set_ready(player->companion.is_ready);
    print_status(BB_SUCCESS);
  } else if (strcmp(name, "answer") == 0) {
    play_answer(player);
  } else if (strcmp(name, "handed") == 0) {
    play_handed(player);
  } else {
    fail(name, 0, "the operation is known");
  }
  puts("}");
}

int main(int count, char **arguments) {
  REQUIRE(count == 4);
  player player;
  memset(&player, 0, sizeof player);
  player.broker = calls_open(arguments[1], (uint16_t)atoi(arguments[2]), &player.companion);
  take_first_changes(&player);
  size_t length = 0;
  char *operations = (char *)read_file(arguments[3], &length);
  char *line = operations;
  while (*line != 0) {
    char *end = strchr(line, '\n');
    REQUIRE(end != NULL);
    *end = 0;
    play_operation(&player, strtok(line, " "));
    line = end + 1;
  }
  free(operations);
  companion_free(&player.companion);
  calls_close();
  return 0;
}
