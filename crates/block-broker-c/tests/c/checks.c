/* What traces do not reach: the start, allocation, misuse, waits, journal. checks TABLE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

enum { STATE = 0, GRANT = 1, ADDRESS = 2, QUEUE = 3, LOG = 4 };

static const uint16_t vfs = 3;

/* A damaged table is refused with its flaw; a whole one describes itself. */
static void check_tables(const uint8_t *table, size_t length) {
  bb_table_info info;
  bb_table_flaw flaw = {NULL, 0};
  REQUIRE(bb_version() == BB_VERSION);
  REQUIRE(bb_verify_table(table, length, &info, &flaw) == BB_SUCCESS);
  REQUIRE(flaw.sentence == NULL);
  REQUIRE(strcmp((const char *)info.name, "Device in C") == 0);
  REQUIRE(info.vendor_id == 0x1414 && info.max_vfs == 4 && info.block_count == 5);
  REQUIRE(info.device_id_count == 2);
  REQUIRE(info.device_ids[0] == 0xB010 && info.device_ids[1] == 0xB011);
  REQUIRE(info.device_ids[2] == 0);
  REQUIRE(bb_verify_table(table, length, NULL, NULL) == BB_SUCCESS);
  REQUIRE(bb_verify_table(NULL, length, NULL, NULL) == BB_INVALID_ARGUMENT);

  uint8_t *copy = (uint8_t *)allocate(length);
  memcpy(copy, table, length);
  copy[length - 1] ^= 1;
  REQUIRE(bb_verify_table(copy, length, &info, &flaw) == BB_INVALID_TABLE);
  REQUIRE(strstr(flaw.sentence, "CRC") != NULL);
  size_t needed = 0;
  REQUIRE(bb_memory_needed(copy, length, vfs, &needed) == BB_INVALID_TABLE);
  copy[8] ^= 0x7F;
  REQUIRE(bb_verify_table(copy, length, &info, &flaw) == BB_TABLE_VERSION);
  REQUIRE(bb_verify_table(copy, 7, &info, &flaw) == BB_INVALID_TABLE);
  /* A length above the limit is refused without a byte being read. */
  REQUIRE(bb_verify_table(copy, SIZE_MAX, &info, &flaw) == BB_INVALID_TABLE);
  REQUIRE(flaw.offset == 0 && strstr(flaw.sentence, "4 MiB") != NULL);
  free(copy);
}

/* Every wrong option has its status, and memory may begin anywhere. */
static void check_start(const uint8_t *table, size_t length) {
  size_t needed = 0;
  REQUIRE(bb_memory_needed(table, length, 0, &needed) == BB_TOO_MANY_VFS);
  REQUIRE(bb_memory_needed(table, length, 5, &needed) == BB_TOO_MANY_VFS);
  REQUIRE(needed == 0);
  REQUIRE(bb_memory_needed(table, length, vfs, &needed) == BB_SUCCESS);
  uint8_t *memory = (uint8_t *)allocate(needed + 64);
  bb_broker *broker = NULL;
  bb_options options = options_of(table, length, vfs, BB_ALLOCATE_ALL_VFS);

  REQUIRE(bb_initialize(NULL, memory, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_initialize(&options, NULL, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_initialize(&options, memory, needed, 0, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_initialize(&options, memory, 0, 0, &broker) == BB_MEMORY_TOO_SMALL);
  REQUIRE(bb_initialize(&options, memory, needed / 2, 0, &broker) == BB_MEMORY_TOO_SMALL);
  options.size--;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_SIZE);
  options.size++;
  options.flags = 0x80;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  options.flags = BB_ALLOCATE_ALL_VFS;
  options.reserved[2] = 1;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  options.reserved[2] = 0;
  options.acquire = NULL;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  options.acquire = acquire_mutex;
  options.release = NULL;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_ARGUMENT);
  options.release = release_mutex;
  options.vfs = 5;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_TOO_MANY_VFS);
  options.vfs = vfs;
  options.table_length--;
  REQUIRE(bb_initialize(&options, memory, needed, 0, &broker) == BB_INVALID_TABLE);
  options.table_length++;
  REQUIRE(broker == NULL);

  for (size_t offset = 0; offset < 64; offset++) {
    uint8_t *place = memory + offset;
    memset(memory, 0xEE, needed + 64);
    REQUIRE(bb_initialize(&options, place, needed, 0, &broker) == BB_SUCCESS);
    REQUIRE((uint8_t *)broker >= place && (uint8_t *)broker < place + needed);
    uint8_t image[128];
    bb_follow_up follow_up;
    REQUIRE(bb_read(broker, 2, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
    REQUIRE(image[0] == 0 && image[127] == 0);
    /* Nothing is written outside of the memory. */
    for (size_t before = 0; before < offset; before++) {
      REQUIRE(memory[before] == 0xEE);
    }
    for (size_t after = offset + needed; after < needed + 64; after++) {
      REQUIRE(memory[after] == 0xEE);
    }
  }
  free(memory);
}

/* A VF is refused until it is allocated and after it was freed, and wiped in between. */
static void check_allocation(const char *path) {
  test_device device = device_open(path, vfs, 0);
  const bb_broker *broker = device.broker;
  bb_follow_up follow_up;
  bb_vf_status status;
  uint8_t image[128];
  uint64_t counts[BB_MAX_REASONS + 1];
  memset(image, 7, sizeof image);

  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_read(broker, 1, STATE, image, 128, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_publish(broker, 1, GRANT, image, 8, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_reset(broker, 1, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_finish_reset(broker, 1, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_free_vf(broker, 1, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_allocate_vf(broker, vfs, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_vf_status_of(broker, vfs, &status) == BB_REFUSED_VF);
  memset(counts, 0xFF, sizeof counts);
  REQUIRE(bb_host_refusals(broker, counts, BB_MAX_REASONS + 1) == BB_SUCCESS);
  REQUIRE(bb_refusal_status(0) == BB_REFUSED_VF && counts[0] == 8);
  REQUIRE(counts[1] == 0 && counts[BB_MAX_REASONS] == 0);

  REQUIRE(bb_vf_status_of(broker, 1, &status) == BB_SUCCESS);
  REQUIRE(status.allocated == 0 && status.service == BB_SERVICE_HELD && status.refused[0] == 0);
  /* A publish to all VFs reaches VFs that are not allocated: a block that resets keep has it. */
  const uint8_t address[4] = {1, 2, 3, 4};
  REQUIRE(bb_publish_all(broker, ADDRESS, address, 4, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_publish_all(broker, GRANT, image, 8, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(follow_up.deliver == BB_DELIVER_TO_ALL_VFS);
  REQUIRE(bb_hand_over_invalidation(broker, 1, NULL, NULL) == 0);

  REQUIRE(bb_allocate_vf(broker, 1, 0, &follow_up) == BB_SUCCESS);
  REQUIRE((follow_up.changed & BB_CHANGE_RESET) != 0);
  REQUIRE(bb_allocate_vf(broker, 1, 0, &follow_up) == BB_ALREADY_ALLOCATED);
  REQUIRE(bb_vf_status_of(broker, 1, &status) == BB_SUCCESS);
  REQUIRE(status.allocated == 1 && status.service == BB_SERVICE_OPEN && status.pending == 0);
  REQUIRE(bb_read(broker, 1, ADDRESS, image, 4, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(memcmp(image, address, 4) == 0);
  REQUIRE(bb_read(broker, 1, GRANT, image, 8, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(image[0] == 0 && image[7] == 0);

  memset(image, 9, sizeof image);
  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_write(broker, 1, LOG, image, 3, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_write(broker, 0, STATE, image, 128, 0, &follow_up) == BB_REFUSED_VF);
  /* A reset that is in progress when the VF is freed does not serve it again. */
  REQUIRE(bb_begin_reset(broker, 1, BB_RESET_BY_VF + 1, 0, &follow_up) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_begin_reset(broker, 1, BB_RESET_BY_HOST, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_REFUSED_STATE);
  REQUIRE(bb_free_vf(broker, 1, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_finish_reset(broker, 1, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_REFUSED_VF);
  REQUIRE(bb_allocate_vf(broker, 1, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_read(broker, 1, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
  for (size_t index = 0; index < sizeof image; index++) {
    REQUIRE(image[index] == 0);
  }
  size_t count = 9;
  bb_message messages[2];
  REQUIRE(bb_drain(broker, 1, LOG, messages, 2, &count, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(count == 0);
  device_close(&device);
}

/* The two parts of an operation with a companion, in right and wrong orders. */
static void check_companion(const char *path) {
  test_device device = device_open(path, vfs, BB_ALLOCATE_ALL_VFS);
  const bb_broker *broker = device.broker;
  bb_follow_up follow_up;
  bb_pending pending;
  uint32_t length = 0;
  const uint8_t wanted[4] = {4, 0, 0, 0};
  uint8_t reply[4];

  REQUIRE(bb_is_handed_over(broker, BB_OPERATION_WRITE, QUEUE));
  REQUIRE(!bb_is_handed_over(broker, BB_OPERATION_WRITE, STATE));
  REQUIRE(!bb_is_handed_over(broker, BB_OPERATION_PUBLISH, QUEUE));
  REQUIRE(!bb_is_handed_over(broker, 99, QUEUE));
  REQUIRE(bb_write(broker, 0, QUEUE, wanted, 4, 0, &follow_up) == BB_REFUSED_COMPANION);
  REQUIRE(bb_begin_write(broker, BB_REFUSED_COMPANION, 0, QUEUE, wanted, 4, 0, &pending,
                         &follow_up) == BB_REFUSED_COMPANION);
  REQUIRE(bb_begin_write(broker, BB_REFUSED_STATE, 0, QUEUE, wanted, 4, 0, &pending,
                         &follow_up) == BB_REFUSED_STATE);
  REQUIRE(bb_begin_write(broker, BB_SUCCESS, 0, QUEUE, wanted, 4, 0, NULL, &follow_up) ==
          BB_INVALID_ARGUMENT);
  /* Nothing is pending after a refusal. */
  REQUIRE(bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_abandon(broker, &pending, 0, &follow_up) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_pending_write_data(&pending, &length) == NULL);

  REQUIRE(bb_begin_write(broker, BB_SUCCESS, 0, QUEUE, wanted, 4, 0, &pending, &follow_up) ==
          BB_PENDING);
  REQUIRE(bb_pending_read_data(&pending, &length) == NULL && length == 0);
  const uint8_t *data = (const uint8_t *)bb_pending_write_data(&pending, &length);
  REQUIRE(data != NULL && length == 4 && memcmp(data, wanted, 4) == 0);
  /* A write is not finished as a read, and stays pending. */
  REQUIRE(bb_finish_read(broker, &pending, BB_SUCCESS, reply, 4, 0, &follow_up) ==
          BB_INVALID_ARGUMENT);
  REQUIRE(bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up) == BB_SUCCESS);
  REQUIRE((follow_up.changed & BB_CHANGE_WRITTEN) != 0);
  REQUIRE(bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up) == BB_INVALID_ARGUMENT);

  REQUIRE(bb_begin_read(broker, BB_SUCCESS, 0, QUEUE, reply, 4, 0, &pending, &follow_up) ==
          BB_PENDING);
  uint8_t *set = (uint8_t *)bb_pending_read_data(&pending, &length);
  REQUIRE(set != NULL && length == 4 && set[0] == 4);
  set[0] = 99; /* The VF's byte is ignored. */
  set[2] = 3;
  REQUIRE(bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_finish_read(broker, &pending, BB_SUCCESS, reply, 4, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(reply[0] == 4 && reply[2] == 3);

  REQUIRE(bb_begin_write(broker, BB_SUCCESS, 0, QUEUE, wanted, 4, 0, &pending, &follow_up) ==
          BB_PENDING);
  REQUIRE(bb_finish_write(broker, &pending, (bb_status)0xC0000001, 0, &follow_up) ==
          BB_REFUSED_DECLINED);
  bb_journal_entry entry[16];
  size_t count = 0;
  uint64_t lost = 9;
  REQUIRE(bb_journal(broker, 0, 0, entry, 16, &count, &lost) == BB_SUCCESS && count > 1);
  REQUIRE(lost == 0 && entry[count - 1].status == BB_REFUSED_DECLINED);
  REQUIRE(entry[count - 1].companion_status == (bb_status)0xC0000001);
  REQUIRE(entry[count - 1].operation == BB_OPERATION_WRITE && entry[count - 1].length == 4);
  REQUIRE(entry[count - 1].fault == 0);
  const uint8_t granted[4] = {0, 0, 9, 0};
  const uint8_t too_many[4] = {9, 0, 0, 0};
  REQUIRE(bb_begin_write(broker, BB_SUCCESS, 0, QUEUE, too_many, 4, 0, &pending, &follow_up) ==
          BB_REFUSED_VALUE);
  REQUIRE(bb_publish(broker, 0, QUEUE, granted, 4, 0, &follow_up) == BB_REFUSED_VALUE);
  REQUIRE(bb_journal(broker, 0, 0, entry, 16, &count, &lost) == BB_SUCCESS && count > 3);
  /* One more than the offset of the field. */
  REQUIRE(entry[count - 2].fault == 1 && entry[count - 1].fault == 3);

  /* A free ends what is pending, and so does an abandonment. */
  REQUIRE(bb_begin_write(broker, BB_SUCCESS, 0, QUEUE, wanted, 4, 0, &pending, &follow_up) ==
          BB_PENDING);
  REQUIRE(bb_free_vf(broker, 0, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_allocate_vf(broker, 0, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(bb_finish_write(broker, &pending, BB_SUCCESS, 0, &follow_up) == BB_REFUSED_STATE);
  REQUIRE(bb_begin_read(broker, BB_SUCCESS, 0, QUEUE, reply, 4, 0, &pending, &follow_up) ==
          BB_PENDING);
  REQUIRE(bb_abandon(broker, &pending, 0, &follow_up) == BB_SUCCESS);
  REQUIRE((follow_up.changed & BB_CHANGE_REFUSED) != 0);
  /* An operation that is not handed over is done by its first part. */
  uint8_t image[128];
  REQUIRE(bb_begin_read(broker, BB_REFUSED_COMPANION, 0, STATE, image, 128, 0, &pending,
                        &follow_up) == BB_SUCCESS);
  device_close(&device);
}

/* NULL, lengths that no block has, and places that are not wanted. */
static void check_arguments(const char *path) {
  test_device device = device_open(path, vfs, BB_ALLOCATE_ALL_VFS);
  const bb_broker *broker = device.broker;
  uint8_t image[128] = {0};
  REQUIRE(bb_write(NULL, 0, STATE, image, 128, 0, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_write(broker, 0, STATE, NULL, 128, 0, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(bb_write(broker, 0, STATE, image, 0, 0, NULL) == BB_REFUSED_LENGTH);
  /* 129 bytes and more are refused without being read. */
  REQUIRE(bb_write(broker, 0, STATE, image, 129, 0, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(bb_write(broker, 0, STATE, image, UINT32_MAX, 0, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(bb_read(broker, 0, STATE, NULL, 128, 0, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(bb_read(broker, 0, STATE, image, UINT32_MAX, 0, NULL) == BB_REFUSED_LENGTH);
  REQUIRE(bb_host_read(broker, 0, STATE, image, 128, NULL, 0, NULL) == BB_SUCCESS);
  REQUIRE(bb_drain(broker, 0, LOG, NULL, 8, NULL, 0, NULL) == BB_SUCCESS);
  REQUIRE(bb_set_power(broker, 0, 4, 0, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_set_power(broker, 0, BB_POWER_STATE_D3, 0, NULL) == BB_SUCCESS);
  REQUIRE(bb_take_invalidation(broker, 0, NULL, 0, NULL) == BB_SUCCESS);
  bb_cookie cookie = {{0}};
  bool is_due = false;
  REQUIRE(bb_changes(broker, 0, &cookie, NULL, 0, NULL, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_changes(broker, 0x8000, &cookie, NULL, 0, NULL, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, NULL, NULL, 0, NULL, NULL) ==
          BB_INVALID_ARGUMENT);
  REQUIRE(bb_await_changes(broker, BB_CHANGE_WRITTEN, &cookie, NULL) == BB_INVALID_ARGUMENT);
  REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, &cookie, NULL, 0, NULL, NULL) == BB_SUCCESS);
  cookie.words[4] = 3; /* A place in a list that was not begun. */
  REQUIRE(bb_changes(broker, BB_CHANGE_WRITTEN, &cookie, NULL, 0, NULL, NULL) ==
          BB_INVALID_COOKIE);
  REQUIRE(bb_await_changes(broker, BB_CHANGE_WRITTEN, &cookie, &is_due) == BB_INVALID_COOKIE);
  REQUIRE(bb_refusal_name(BB_SUCCESS) == NULL && bb_refusal_sentence(BB_PENDING) == NULL);
  REQUIRE(strcmp(bb_refusal_name(BB_REFUSED_LENGTH), "length") == 0);
  REQUIRE(bb_refusal_status(255) == BB_SUCCESS && bb_refusal_status(1000) == BB_SUCCESS);
  device_close(&device);
}

static bool carry(void *context) {
  int *left = (int *)context;
  return (*left)-- > 0;
}

/* Invalidations stay latched without a carrier; a wait ends with a change of its kinds only. */
static void check_notifications(const char *path) {
  test_device device = device_open(path, vfs, BB_ALLOCATE_ALL_VFS);
  const bb_broker *broker = device.broker;
  bb_follow_up follow_up;
  uint8_t image[128] = {0};
  int carriers = 0;
  REQUIRE(bb_hand_over_invalidation(broker, 0, carry, &carriers) == 0 && carriers == 0);
  REQUIRE(bb_publish(broker, 0, GRANT, image, 8, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(follow_up.deliver == BB_DELIVER_TO_VF && follow_up.vf == 0);
  REQUIRE(bb_hand_over_invalidation(broker, 0, carry, &carriers) == 0);
  carriers = 1;
  REQUIRE(bb_hand_over_invalidation(broker, 0, carry, &carriers) == 2 && carriers == 0);
  REQUIRE(bb_invalidate_notifying(broker, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(follow_up.deliver == BB_DELIVER_TO_ALL_VFS);
  REQUIRE(bb_hand_over_invalidation(broker, 2, NULL, NULL) == 2);
  REQUIRE(bb_hand_over_invalidation(broker, vfs, NULL, NULL) == 0);
  REQUIRE(bb_invalidate_all(broker, 1 << 6, 0, &follow_up) == BB_REFUSED_INVALIDATE);

  bb_cookie cookie = {{0}};
  bb_change change;
  size_t count = 0;
  uint32_t flags = 0;
  bool is_due = true;
  const uint16_t kinds = BB_CHANGE_WRITTEN | BB_CHANGE_RESET;
  REQUIRE(bb_changes(broker, kinds, &cookie, &change, 1, &count, &flags) == BB_SUCCESS);
  REQUIRE(count == 0 && flags == 0);
  REQUIRE(bb_await_changes(broker, kinds, &cookie, &is_due) == BB_SUCCESS && !is_due);
  REQUIRE(bb_set_power(broker, 1, BB_POWER_STATE_D3, 0, &follow_up) == BB_SUCCESS);
  REQUIRE((follow_up.changed & BB_CHANGE_POWER) != 0 && follow_up.wake == 0);
  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(follow_up.wake == 1);
  /* One wake for all who waited; the next needs another announcement. */
  REQUIRE(bb_write(broker, 1, STATE, image, 128, 0, &follow_up) == BB_SUCCESS);
  REQUIRE(follow_up.wake == 0 && (follow_up.changed & BB_CHANGE_WRITTEN) != 0);
  REQUIRE(bb_await_changes(broker, kinds, &cookie, &is_due) == BB_SUCCESS && is_due);
  REQUIRE(bb_changes(broker, kinds, &cookie, &change, 1, &count, &flags) == BB_SUCCESS);
  REQUIRE(count == 1 && change.vf == 1 && change.block == STATE && change.revision == 2);

  bb_cookie foreign = cookie;
  foreign.words[0] ^= 1;
  REQUIRE(bb_changes(broker, kinds, &foreign, &change, 1, &count, &flags) == BB_SUCCESS);
  REQUIRE(flags == BB_CHANGES_RESTARTED && count == 1);
  device_close(&device);
}

int main(int count, char **arguments) {
  REQUIRE(count == 2);
  size_t length = 0;
  uint8_t *table = (uint8_t *)read_file(arguments[1], &length);
  check_tables(table, length);
  check_start(table, length);
  free(table);
  check_allocation(arguments[1]);
  check_companion(arguments[1]);
  check_arguments(arguments[1]);
  check_notifications(arguments[1]);
  puts("done");
  return 0;
}
