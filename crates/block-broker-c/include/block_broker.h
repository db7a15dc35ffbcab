/*
 * The broker of VF configuration blocks, for a PF driver in C or C++.
 *
 * A guide is docs/any-pf-driver.md. This file is generated from crates/block-broker-c; do not edit
 * it. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A driver verifies a block table, gives bb_initialize memory and lock functions, and passes the
 * calls of VFs and of its host software on. An operation returns an NTSTATUS: BB_SUCCESS, or one of
 * BB_REFUSED_..., each of which has its own value; a refused operation has no effect but counters
 * and journal. Its follow-up says what the driver does next: deliver invalidations, wake callers
 * that wait for changes.
 *
 * The library allocates nothing, keeps no pointer of a call, and calls nothing but the driver's lock
 * functions, memcpy and memset.
 */

#ifndef BLOCK_BROKER_H
#define BLOCK_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * STATUS_SUCCESS. The operation was done.
 */
#define BB_SUCCESS ((bb_status)0x00000000)

/**
 * STATUS_PENDING. The first part of the operation was done: see `bb_begin_write` and
 * `bb_begin_read`.
 */
#define BB_PENDING ((bb_status)0x00000103)

/**
 * STATUS_INVALID_PARAMETER_1. A pointer is NULL that must not be, or a value is not one that its
 * parameter has.
 */
#define BB_INVALID_ARGUMENT ((bb_status)0xC00000EF)

/**
 * STATUS_INVALID_PARAMETER_2. The cookie is none that `bb_changes` can have returned.
 */
#define BB_INVALID_COOKIE ((bb_status)0xC00000F0)

/**
 * STATUS_INVALID_PARAMETER_3. There are more VFs than the manifest's max-vfs, or none.
 */
#define BB_TOO_MANY_VFS ((bb_status)0xC00000F1)

/**
 * STATUS_INFO_LENGTH_MISMATCH. The size of the options is none that this version of the library
 * knows.
 */
#define BB_INVALID_SIZE ((bb_status)0xC0000004)

/**
 * STATUS_BUFFER_TOO_SMALL. The memory is smaller than `bb_memory_needed` says.
 */
#define BB_MEMORY_TOO_SMALL ((bb_status)0xC0000023)

/**
 * STATUS_DATA_ERROR. The table breaks a rule of its format: see `bb_verify_table`.
 */
#define BB_INVALID_TABLE ((bb_status)0xC000003E)

/**
 * STATUS_UNKNOWN_REVISION. The table has another format version than this library reads.
 */
#define BB_TABLE_VERSION ((bb_status)0xC0000058)

/**
 * STATUS_INVALID_DEVICE_STATE. The VF is allocated already.
 */
#define BB_ALREADY_ALLOCATED ((bb_status)0xC0000184)

/**
 * STATUS_INVALID_PARAMETER. There is no VF with this index.
 */
#define BB_REFUSED_VF ((bb_status)0xC000000D)

/**
 * STATUS_NOT_FOUND. The manifest has no block with this ID.
 */
#define BB_REFUSED_BLOCK ((bb_status)0xC0000225)

/**
 * STATUS_ACCESS_DENIED. A VF may not access this block in this direction.
 */
#define BB_REFUSED_ACCESS ((bb_status)0xC0000022)

/**
 * STATUS_INVALID_DEVICE_REQUEST. The operation does not fit the kind of the block: registers are
 * read and published, streams are drained.
 */
#define BB_REFUSED_KIND ((bb_status)0xC0000010)

/**
 * STATUS_DEVICE_REMOVED. The device has been removed.
 */
#define BB_REFUSED_REMOVED ((bb_status)0xC00002B6)

/**
 * STATUS_DEVICE_NOT_READY. The VF is held back: its reset is under way, has failed or is not
 * acknowledged. Or none is to be acknowledged, or another publish to all VFs is under way.
 */
#define BB_REFUSED_STATE ((bb_status)0xC00000A3)

/**
 * STATUS_QUOTA_EXCEEDED. The VF writes more often than the limits of the manifest allow.
 */
#define BB_REFUSED_LIMIT ((bb_status)0xC0000044)

/**
 * STATUS_INVALID_BUFFER_SIZE. The length does not fit the block, or is outside of 1 to 128 bytes.
 */
#define BB_REFUSED_LENGTH ((bb_status)0xC0000206)

/**
 * STATUS_CRC_ERROR. The checksum does not match the bytes that it covers.
 */
#define BB_REFUSED_CHECKSUM ((bb_status)0xC000003F)

/**
 * STATUS_BAD_DATA. A reserved bit or byte is not zero.
 */
#define BB_REFUSED_RESERVED ((bb_status)0xC000090B)

/**
 * STATUS_INVALID_FIELD_IN_PARAMETER_LIST. The value of a field is not among those that the
 * manifest allows.
 */
#define BB_REFUSED_VALUE ((bb_status)0xC0000475)

/**
 * STATUS_ILLEGAL_CHARACTER. A text is not printable ASCII padded with zeros.
 */
#define BB_REFUSED_TEXT ((bb_status)0xC0000161)

/**
 * STATUS_ARRAY_BOUNDS_EXCEEDED. A count is larger than its array, or an element after the count is
 * not zero.
 */
#define BB_REFUSED_COUNT ((bb_status)0xC000008C)

/**
 * STATUS_NO_MATCH. None of the layouts of the block fits its fields.
 */
#define BB_REFUSED_LAYOUT ((bb_status)0xC0000272)

/**
 * STATUS_INVALID_PARAMETER_MIX. A rule over several fields does not hold.
 */
#define BB_REFUSED_REQUIRE ((bb_status)0xC0000030)

/**
 * STATUS_REQUEST_OUT_OF_SEQUENCE. A sequence field does not follow its last committed value.
 */
#define BB_REFUSED_SEQUENCE ((bb_status)0xC000042A)

/**
 * STATUS_INTEGER_OVERFLOW. A rule over several fields overflows 64 bits.
 */
#define BB_REFUSED_OVERFLOW ((bb_status)0xC0000095)

/**
 * STATUS_ALLOTTED_SPACE_EXCEEDED. The stream is full, and the manifest says to refuse rather than
 * to drop the oldest message.
 */
#define BB_REFUSED_FULL ((bb_status)0xC0000099)

/**
 * STATUS_NOT_SUPPORTED. The mask names a block that does not exist; only blocks with an ID below
 * 64 can be invalidated.
 */
#define BB_REFUSED_INVALIDATE ((bb_status)0xC00000BB)

/**
 * STATUS_REVISION_MISMATCH. The block has another revision than the publish expects: it was
 * written, published or reset meanwhile.
 */
#define BB_REFUSED_CHANGED ((bb_status)0xC0000059)

/**
 * STATUS_DEVICE_NOT_CONNECTED. A companion driver handles this operation, and none is ready.
 */
#define BB_REFUSED_COMPANION ((bb_status)0xC000009D)

/**
 * STATUS_REQUEST_ABORTED. The companion driver has declined the operation.
 */
#define BB_REFUSED_DECLINED ((bb_status)0xC0000240)

/**
 * STATUS_BAD_DESCRIPTOR_FORMAT. An entry of a list has an unknown tag or a wrong length, or is
 * repeated, or the list does not end as it should.
 */
#define BB_REFUSED_LIST ((bb_status)0xC00000E7)

#define BB_OPERATION_READ 0
#define BB_OPERATION_WRITE 1
#define BB_OPERATION_PUBLISH 2
#define BB_OPERATION_INVALIDATE 3
#define BB_OPERATION_DRAIN 4
#define BB_OPERATION_RESET 5
#define BB_OPERATION_SET_POWER 6
#define BB_OPERATION_HOST_READ 7
#define BB_OPERATION_TAKE_INVALIDATION 8
#define BB_OPERATION_BEGIN_RESET 9
#define BB_OPERATION_FAIL_RESET 10
#define BB_OPERATION_REMOVE 11
#define BB_OPERATION_WITHDRAW 12
#define BB_OPERATION_ACKNOWLEDGE 13
#define BB_OPERATION_EXPIRE 14
#define BB_POWER_STATE_D0 0
#define BB_POWER_STATE_D1 1
#define BB_POWER_STATE_D2 2
#define BB_POWER_STATE_D3 3
#define BB_SERVICE_HELD 0
#define BB_SERVICE_OPEN 1
#define BB_SERVICE_UNACKNOWLEDGED 2


/**
 * Bytes of the largest block.
 */
#define BB_MAX_BLOCK_LENGTH 128

/**
 * Kind of a change of a block: a VF's write to a register was committed.
 */
#define BB_CHANGE_WRITTEN 1

/**
 * Kind of a change of a block: a VF's message was queued to a stream.
 */
#define BB_CHANGE_MESSAGE 2

/**
 * Kind of a change of a VF: a reset has finished, or the VF was allocated. What changed before is
 * not listed any more.
 */
#define BB_CHANGE_RESET 4

/**
 * Kind of a change of a VF: its power state was set.
 */
#define BB_CHANGE_POWER 8

/**
 * Kind of a change of a block: a publish was committed.
 */
#define BB_CHANGE_PUBLISHED 16

/**
 * Kind of a change of a VF: its journal has recorded a refusal. Of a flood it records the first
 * refused write only.
 */
#define BB_CHANGE_REFUSED 32

/**
 * Kind of a change of a VF: its journal has recorded an event of any kind.
 */
#define BB_CHANGE_JOURNALED 256

/**
 * Flag of `bb_changes`: there are more entries than fit. The next call continues the list.
 */
#define BB_CHANGES_MORE 1

/**
 * Flag of `bb_changes`: the cookie is of another start of the device. The list has everything since
 * this start.
 */
#define BB_CHANGES_RESTARTED 2

/**
 * Words of a `bb_pending`.
 */
#define BB_PENDING_WORDS 64

/**
 * `deliver` of `bb_follow_up`: no invalidation is to be delivered.
 */
#define BB_DELIVER_NOTHING 0

/**
 * `deliver` of `bb_follow_up`: one VF has invalidations.
 */
#define BB_DELIVER_TO_VF 1

/**
 * `deliver` of `bb_follow_up`: every VF may have invalidations.
 */
#define BB_DELIVER_TO_ALL_VFS 2

/**
 * `by` of `bb_begin_reset`: the system or host software resets the VF, which may have another tenant
 * afterwards.
 */
#define BB_RESET_BY_HOST 0

/**
 * `by` of `bb_begin_reset`: the VF's own driver has started a function level reset.
 */
#define BB_RESET_BY_VF 1

/**
 * Room for the refusals of later versions in `refused` of `bb_vf_status`.
 */
#define BB_MAX_REASONS 24

/**
 * Version of this interface. It grows with every change that a driver compiled with an older header
 * would misread.
 */
#define BB_VERSION 1

/**
 * Flag of `bb_options`: every VF is allocated from the start, and `bb_allocate_vf` is not needed.
 */
#define BB_ALLOCATE_ALL_VFS 1

/**
 * Bytes of a name, the zero at its end included.
 */
#define BB_NAME_LENGTH 64

/**
 * The most PCI device IDs that a table lists.
 */
#define BB_MAX_DEVICE_IDS 16

/**
 * Words of a `bb_lock`.
 */
#define BB_LOCK_WORDS 8

/**
 * The blocks of all VFs of one device. Its functions may be called on any number of processors at
 * the same time.
 */
typedef struct bb_broker bb_broker;

/**
 * An NTSTATUS.
 */
typedef int32_t bb_status;

/**
 * What the caller does after an operation, whether it was done or refused.
 */
typedef struct bb_follow_up {
  /**
   * Kinds of changes that the operation made: a set of `BB_CHANGE_...`.
   */
  uint16_t changed;
  /**
   * 1 if a caller of `bb_await_changes` waits for one of these kinds: wake every such caller. 0
   * otherwise.
   */
  uint16_t wake;
  /**
   * Whose invalidations are to be delivered, with `bb_take_invalidation` or
   * `bb_hand_over_invalidation`: `BB_DELIVER_NOTHING`, `BB_DELIVER_TO_VF` or
   * `BB_DELIVER_TO_ALL_VFS`.
   */
  uint16_t deliver;
  /**
   * The VF of `BB_DELIVER_TO_VF`; otherwise 0.
   */
  uint16_t vf;
} bb_follow_up;

/**
 * A message of a stream.
 */
typedef struct bb_message {
  /**
   * How many bytes the VF sent, 1 to 128.
   */
  uint32_t length;
  /**
   * The message, followed by zeros.
   */
  uint8_t data[BB_MAX_BLOCK_LENGTH];
} bb_message;

/**
 * What a reader has received of the changes. Zeros stand for the start of the device.
 */
typedef struct bb_cookie {
  /**
   * The library's.
   */
  uint64_t words[5];
} bb_cookie;

/**
 * One change: of a VF, or of a block of a VF.
 */
typedef struct bb_change {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * What changed, a set of `BB_CHANGE_...`: kinds of a VF, or kinds of a block.
   */
  uint16_t kinds;
  /**
   * The block's ID; 0 for a VF.
   */
  uint32_t block;
  /**
   * The block's revision; for a VF the number of the last event in its journal.
   */
  uint64_t revision;
} bb_change;

/**
 * Memory for an operation between its two parts, in the caller's stack or pool. Alignment: 8 bytes.
 * It is not copied or moved while the operation is pending.
 */
typedef struct bb_pending {
  /**
   * The library's.
   */
  uint64_t words[BB_PENDING_WORDS];
} bb_pending;

/**
 * Takes what carries an invalidation, such as a pending request, and returns whether there is one.
 *
 * It is called under the VF's lock, and calls no function of this library.
 */
typedef bool (*bb_carrier)(void *context);

/**
 * State and counters of a VF, since the start of the device.
 */
typedef struct bb_vf_status {
  /**
   * Reads of the VF that were answered.
   */
  uint64_t reads;
  /**
   * Writes of the VF that were committed or queued.
   */
  uint64_t writes;
  /**
   * Publishes that were committed.
   */
  uint64_t publishes;
  /**
   * Publishes, among those committed, that withdrew what the VF had written to the block.
   */
  uint64_t withdrawn;
  /**
   * Messages that full streams dropped for newer ones.
   */
  uint64_t dropped;
  /**
   * Resets that were begun, those of allocations and frees included.
   */
  uint64_t resets;
  /**
   * Times that the VF wrote faster than its limit.
   */
  uint64_t floods;
  /**
   * Invalidations that were not taken yet; bit n stands for block n.
   */
  uint64_t pending;
  /**
   * `BB_POWER_STATE_D0` to `BB_POWER_STATE_D3`.
   */
  uint8_t power;
  /**
   * Whether the VF is served: one of `BB_SERVICE_`. A VF that is not allocated is held.
   */
  uint8_t service;
  /**
   * 1 while the VF is allocated.
   */
  uint8_t allocated;
  /**
   * Zero.
   */
  uint8_t reserved;
  /**
   * How many entries of `refused` this version counts.
   */
  uint32_t reason_count;
  /**
   * Refused reads and writes of the VF by reason: see `bb_refusal_status`.
   */
  uint64_t refused[BB_MAX_REASONS];
} bb_vf_status;

/**
 * Counters of a block of a VF, since the start of the device.
 */
typedef struct bb_block_status {
  /**
   * Reads of the VF that were answered.
   */
  uint64_t reads;
  /**
   * Writes of the VF that were committed or queued.
   */
  uint64_t writes;
  /**
   * Publishes that were committed.
   */
  uint64_t publishes;
  /**
   * Reads and writes of the VF that were refused.
   */
  uint64_t refused;
  /**
   * Messages that a full stream dropped for newer ones.
   */
  uint64_t dropped;
  /**
   * Messages that wait to be drained.
   */
  uint64_t queued;
  /**
   * How often the block was written, published or reset.
   */
  uint64_t revision;
} bb_block_status;

/**
 * An entry of a VF's journal.
 */
typedef struct bb_journal_entry {
  /**
   * The number of its last event. The events of a VF are numbered from 1, and the entry holds
   * those from `number - repeated` to `number`.
   */
  uint64_t number;
  /**
   * When its first event happened, on the caller's clock.
   */
  uint64_t time;
  /**
   * The block's ID as the caller gave it.
   */
  uint32_t block;
  /**
   * The length as the caller gave it; for `BB_OPERATION_SET_POWER` the state.
   */
  uint32_t length;
  /**
   * The result.
   */
  bb_status status;
  /**
   * The companion's answer, if `status` is `BB_REFUSED_DECLINED`; otherwise 0.
   */
  bb_status companion_status;
  /**
   * How often the event repeated.
   */
  uint32_t repeated;
  /**
   * `BB_OPERATION_...`
   */
  uint8_t operation;
  /**
   * 1 plus the offset in the block of what broke a rule of the manifest, if the fault is at one
   * place; otherwise 0. Of repeated events it is that of the first.
   */
  uint8_t fault;
  /**
   * Zero.
   */
  uint8_t reserved[2];
} bb_journal_entry;

/**
 * Memory for the lock of one VF, such as a `KSPIN_LOCK`, zero at the start. It lies in the VF's own
 * cache lines. Alignment: 8 bytes.
 */
typedef struct bb_lock {
  /**
   * The caller's.
   */
  uint64_t words[BB_LOCK_WORDS];
} bb_lock;

/**
 * Acquires the lock of one VF and returns a state for its release, such as the previous IRQL.
 *
 * Must exclude every other holder of this VF's lock, at every IRQL at which the caller calls the
 * library: if some calls come at `DISPATCH_LEVEL`, it raises to `DISPATCH_LEVEL`. The library
 * never holds two locks, and holds each for a bounded time.
 *
 * `context` is `lock_context` of the options, `vf` the VF's index, `lock` its memory for a lock.
 * The caller may use a lock of its own instead.
 */
typedef size_t (*bb_acquire)(void *context, uint16_t vf, struct bb_lock *lock);

/**
 * Releases the lock of one VF. `state` is what the acquisition returned.
 */
typedef void (*bb_release)(void *context, uint16_t vf, struct bb_lock *lock, size_t state);

/**
 * The options of `bb_initialize`. Set the whole structure to zero, then the members.
 */
typedef struct bb_options {
  /**
   * `sizeof(bb_options)`.
   */
  uint32_t size;
  /**
   * Zero or `BB_ALLOCATE_ALL_VFS`.
   */
  uint32_t flags;
  /**
   * The bytes of the block table. They stay as they are, and resident if functions are called at
   * raised IRQL, as long as the broker is used.
   */
  const void *table;
  /**
   * How many bytes.
   */
  size_t table_length;
  /**
   * How many VFs there are, 1 to the manifest's max-vfs; their indexes are 0 to `vfs - 1`.
   */
  uint16_t vfs;
  /**
   * Zero.
   */
  uint16_t reserved[3];
  /**
   * Identifies this start of the device in the cookies of `bb_changes`: for example a counter
   * that outlives the device. Zeros if no cookie does.
   */
  uint64_t start[2];
  /**
   * Acquires the lock of a VF. Not NULL.
   */
  bb_acquire acquire;
  /**
   * Releases the lock of a VF. Not NULL.
   */
  bb_release release;
  /**
   * Passed to both.
   */
  void *lock_context;
} bb_options;

/**
 * What a table says about its device.
 */
typedef struct bb_table_info {
  /**
   * CRC-32 of the table.
   */
  uint32_t crc;
  /**
   * How many blocks there are.
   */
  uint32_t block_count;
  /**
   * The most VFs, 1 to 4096.
   */
  uint16_t max_vfs;
  /**
   * PCI vendor ID of the PF.
   */
  uint16_t vendor_id;
  /**
   * How many of `device_ids` are used, at least 1.
   */
  uint16_t device_id_count;
  /**
   * PCI device IDs that the PF may have.
   */
  uint16_t device_ids[BB_MAX_DEVICE_IDS];
  /**
   * Zero.
   */
  uint16_t reserved;
  /**
   * The manifest's device name in UTF-8, ended by a zero.
   */
  uint8_t name[BB_NAME_LENGTH];
} bb_table_info;

/**
 * Why a table is refused.
 */
typedef struct bb_table_flaw {
  /**
   * The broken rule of the format. The text is static and ends with a zero.
   */
  const char *sentence;
  /**
   * Offset in the table, in bytes, of the record that breaks it.
   */
  size_t offset;
} bb_table_flaw;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * A VF reads a register.
 *
 * `reply` gets `length` bytes: those of the block, then zeros. It is unchanged if the read is
 * refused. NULL counts as length 0, which is refused.
 *
 * Up to `DISPATCH_LEVEL`, if the lock functions allow it. `now` and `follow_up` are as for
 * `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `ACCESS` for write-only blocks and
 * streams, `STATE`, `REMOVED`, `COMPANION` if the companion handles reads of the block (see
 * `bb_begin_read`), `LENGTH` if the read is shorter than the block and the manifest does not allow
 * that.
 *
 * Pointers:
 * `reply` has `length` writable bytes.
 */
bb_status bb_read(const struct bb_broker *broker,
                  uint16_t vf,
                  uint32_t block,
                  void *reply,
                  uint32_t length,
                  uint64_t now,
                  struct bb_follow_up *follow_up);

/**
 * A VF writes a register, or appends a message to a stream.
 *
 * `data` has `length` bytes, which are copied once, before anything is checked. NULL counts as
 * length 0, which is refused. A write that is shorter than the block is filled with zeros.
 *
 * `now` is the time in units of 100 nanoseconds from any beginning, such as
 * `KeQueryInterruptTime`. The limits of the manifest and the journal use it. `follow_up` gets what
 * the caller does next, also after a refusal. It may be NULL in a driver that neither waits for
 * changes nor delivers invalidations.
 *
 * Up to `DISPATCH_LEVEL`, if the lock functions allow it.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `ACCESS`, `STATE`, `REMOVED`, `LIMIT`,
 * `COMPANION` if the companion handles writes of the block (see `bb_begin_write`), `LENGTH`,
 * `CHECKSUM`, one of the rules of the manifest from `RESERVED` to `OVERFLOW`, or `FULL`. A refused
 * write changes nothing but counters and journal.
 *
 * Pointers:
 * `data` has `length` readable bytes. They may change during the call.
 */
bb_status bb_write(const struct bb_broker *broker,
                   uint16_t vf,
                   uint32_t block,
                   const void *data,
                   uint32_t length,
                   uint64_t now,
                   struct bb_follow_up *follow_up);

/**
 * Host software reads a register, whichever side owns its bytes.
 *
 * `reply` is as for `bb_read`. `revision` gets how often the block was written, published or reset
 * since the start, for `bb_publish_expecting`; it may be NULL.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a stream, `STATE`,
 * `REMOVED`, `LENGTH`.
 *
 * Pointers:
 * `reply` has `length` writable bytes; `revision` is writable.
 */
bb_status bb_host_read(const struct bb_broker *broker,
                       uint16_t vf,
                       uint32_t block,
                       void *reply,
                       uint32_t length,
                       uint64_t *revision,
                       uint64_t now,
                       struct bb_follow_up *follow_up);

/**
 * Host software writes the PF-owned bytes of a register of one VF. It never fails because of what
 * the VF wrote: where the VF's bytes and the publish break a rule together, the VF's return to
 * their defaults.
 *
 * `data` and `length` are as for `bb_write`, and so are IRQL, `now` and `follow_up`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a stream, `STATE`,
 * `REMOVED`, `LENGTH`, `CHECKSUM`, one of the rules of the manifest.
 *
 * Pointers:
 * `data` has `length` readable bytes.
 */
bb_status bb_publish(const struct bb_broker *broker,
                     uint16_t vf,
                     uint32_t block,
                     const void *data,
                     uint32_t length,
                     uint64_t now,
                     struct bb_follow_up *follow_up);

/**
 * As `bb_publish`, but refused with `BB_REFUSED_CHANGED` unless the block has the revision
 * `expected`, from `bb_host_read`. A reply to a request that has since changed, or to a previous
 * tenant of the VF, is thus never delivered.
 *
 * Pointers:
 * `data` has `length` readable bytes.
 */
bb_status bb_publish_expecting(const struct bb_broker *broker,
                               uint16_t vf,
                               uint32_t block,
                               const void *data,
                               uint32_t length,
                               uint64_t expected,
                               uint64_t now,
                               struct bb_follow_up *follow_up);

/**
 * Host software writes the PF-owned bytes of a register of every VF. VFs that are not allocated
 * take part: what the manifest keeps over a reset, they have when they are allocated.
 *
 * `data` and `length` are as for `bb_write`, and so are `now` and `follow_up`.
 *
 * `PASSIVE_LEVEL` is better: it visits every VF, one lock at a time.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `BLOCK`, `KIND`, `REMOVED`, `LENGTH`, `CHECKSUM`, one
 * of the rules of the manifest; `STATE` while another publish to all VFs runs.
 *
 * Pointers:
 * `data` has `length` readable bytes.
 */
bb_status bb_publish_all(const struct bb_broker *broker,
                         uint32_t block,
                         const void *data,
                         uint32_t length,
                         uint64_t now,
                         struct bb_follow_up *follow_up);

/**
 * Takes messages out of a stream, the oldest first.
 *
 * `messages` has room for `capacity` messages. `count` gets how many were taken, 0 if the drain is
 * refused; if it is `capacity`, there may be more. A reset between two messages ends the list.
 *
 * Up to `DISPATCH_LEVEL`, but the time is linear in `capacity`. `now` and `follow_up` are as for
 * `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a register, `STATE`,
 * `REMOVED`. Nothing was taken then.
 *
 * Pointers:
 * `messages` has `capacity` writable entries; `count` is writable.
 */
bb_status bb_drain(const struct bb_broker *broker,
                   uint16_t vf,
                   uint32_t block,
                   struct bb_message *messages,
                   size_t capacity,
                   size_t *count,
                   uint64_t now,
                   struct bb_follow_up *follow_up);

/**
 * Lists what changed since a cookie, of the kinds in the set `kinds`. The management interface of
 * `pf_broker.sys` has the same list as `IOCTL_CHANGES`.
 *
 * `cookie` has what the caller has received, and gets the cookie for the next call; it is at first
 * zero. Any number of callers may have cookies of their own. `changes` has room for `capacity`
 * entries, ordered by VF; a VF comes before its blocks, which have the order of the table. `count`
 * gets how many entries there are, `flags` 0 or a set of `BB_CHANGES_MORE` and
 * `BB_CHANGES_RESTARTED`; both may be NULL.
 *
 * Every change is listed at least once. Two changes of a block between two calls are one entry.
 *
 * It does not wait: see `bb_await_changes`. At `PASSIVE_LEVEL`: it visits every VF.
 *
 * Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for no kind or an unknown one, or if `cookie` is
 * NULL; `BB_INVALID_COOKIE`.
 *
 * Pointers:
 * `cookie` is readable and writable, `changes` has `capacity` writable entries, `count` and `flags`
 * are writable.
 */
bb_status bb_changes(const struct bb_broker *broker,
                     uint16_t kinds,
                     struct bb_cookie *cookie,
                     struct bb_change *changes,
                     size_t capacity,
                     size_t *count,
                     uint32_t *flags);

/**
 * Announces that the caller waits for a change of the kinds in the set `kinds` after those of
 * `cookie`, from the last `bb_changes`.
 *
 * `is_due` gets whether there is such a change already: then call `bb_changes` again. Otherwise the
 * next operation that makes one has `wake` in its follow-up. It is set once for all callers that
 * wait: its receiver wakes each of them, and each calls `bb_changes` and announces itself again.
 * No change is missed in between.
 *
 * At `PASSIVE_LEVEL`: it visits every VF.
 *
 * Returns what `bb_changes` returns, and `BB_INVALID_ARGUMENT` if `is_due` is NULL.
 *
 * Pointers:
 * `cookie` is readable, and `is_due` is writable.
 */
bb_status bb_await_changes(const struct bb_broker *broker,
                           uint16_t kinds,
                           const struct bb_cookie *cookie,
                           bool *is_due);

/**
 * Whether the manifest hands an operation on a block to the companion: `BB_OPERATION_READ` or
 * `BB_OPERATION_WRITE` of a VF that may do it. `bb_write` and `bb_read` do the others as a whole.
 *
 * Any IRQL.
 *
 * Pointers:
 * `broker` comes from `bb_initialize`.
 */
bool bb_is_handed_over(const struct bb_broker *broker, uint8_t operation, uint32_t block);

/**
 * The first part of a VF's write: everything that `bb_write` does before the commit.
 *
 * `companion` is `BB_SUCCESS`, or why the vendor's code cannot be called: `BB_REFUSED_COMPANION` if
 * it is not ready, `BB_REFUSED_STATE` if a reset of the VF has begun. It matters only for a block
 * whose writes the manifest hands over; a write of another block is done as by `bb_write`.
 *
 * If this returns `BB_PENDING`, nothing is committed yet. Program the hardware from
 * `bb_pending_write_data`, without a lock, then call `bb_finish_write`, or `bb_abandon` if the
 * hardware was not asked. The vendor's code may publish in between, also to the same block. One
 * operation of a VF should be pending at a time.
 *
 * `pending` is the caller's memory. Other parameters and IRQL are as for `bb_write`.
 *
 * Returns `BB_PENDING`; `BB_SUCCESS` if the write is done; `BB_INVALID_ARGUMENT` if `pending` is
 * NULL; or a refusal as for `bb_write`, with `COMPANION` after `LIMIT`.
 *
 * Pointers:
 * `data` has `length` readable bytes; `pending` is writable.
 */
bb_status bb_begin_write(const struct bb_broker *broker,
                         bb_status companion,
                         uint16_t vf,
                         uint32_t block,
                         const void *data,
                         uint32_t length,
                         uint64_t now,
                         struct bb_pending *pending,
                         struct bb_follow_up *follow_up);

/**
 * The first part of a VF's read: every check of `bb_read`.
 *
 * If this returns `BB_PENDING`, set the PF-owned bytes in `bb_pending_read_data`, without a lock,
 * then call `bb_finish_read`, or `bb_abandon`. If it returns `BB_SUCCESS`, `reply` has the reply.
 *
 * `companion` and `pending` are as for `bb_begin_write`, everything else as for `bb_read`.
 *
 * Pointers:
 * `reply` has `length` writable bytes; `pending` is writable.
 */
bb_status bb_begin_read(const struct bb_broker *broker,
                        bb_status companion,
                        uint16_t vf,
                        uint32_t block,
                        void *reply,
                        uint32_t length,
                        uint64_t now,
                        struct bb_pending *pending,
                        struct bb_follow_up *follow_up);

/**
 * The bytes of the whole block as a pending write would commit them: `length` gets how many, 1 to
 * 128. NULL if `pending` holds no write. They stay until the write is finished.
 *
 * Any IRQL.
 *
 * Pointers:
 * `pending` was passed to `bb_begin_write` or `bb_begin_read`; `length` is writable.
 */
const void *bb_pending_write_data(const struct bb_pending *pending, uint32_t *length);

/**
 * The bytes of the whole block of a pending read, for the caller to change: `length` gets how many,
 * 1 to 128. The VF's bytes among them are ignored. NULL if `pending` holds no read. They stay until
 * the read is finished.
 *
 * Any IRQL.
 *
 * Pointers:
 * As for `bb_pending_write_data`, and nothing else uses `pending`.
 */
void *bb_pending_read_data(struct bb_pending *pending, uint32_t *length);

/**
 * The second part of a write. `answer` is the vendor's NTSTATUS: `BB_SUCCESS` accepts, every other
 * status declines. An accepted write is merged and checked again, on everything that was published
 * meanwhile, and committed.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`. `pending` may be used for another operation
 * afterwards.
 *
 * Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` if `pending` holds no write; or `BB_REFUSED_` and:
 * `STATE` if a reset of the VF has begun meanwhile, `REMOVED`, `DECLINED`, one of the rules of the
 * manifest, `FULL`. Nothing is committed then.
 *
 * Pointers:
 * `pending` was passed to `bb_begin_write` or `bb_begin_read` with this broker, and nothing else
 * uses it.
 */
bb_status bb_finish_write(const struct bb_broker *broker,
                          struct bb_pending *pending,
                          bb_status answer,
                          uint64_t now,
                          struct bb_follow_up *follow_up);

/**
 * The second part of a read: commits the PF-owned bytes that the caller has set, and fills `reply`
 * as `bb_read` does. `reply` has the length that `bb_begin_read` was given.
 *
 * `answer` and everything else are as for `bb_finish_write`; `BB_INVALID_ARGUMENT` if `pending`
 * holds no read.
 *
 * Pointers:
 * `reply` has `length` writable bytes; otherwise as for `bb_finish_write`.
 */
bb_status bb_finish_read(const struct bb_broker *broker,
                         struct bb_pending *pending,
                         bb_status answer,
                         void *reply,
                         uint32_t length,
                         uint64_t now,
                         struct bb_follow_up *follow_up);

/**
 * Refuses a pending operation as `BB_REFUSED_STATE`: the vendor's code was not called.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_INVALID_ARGUMENT` if `pending` holds no operation.
 *
 * Pointers:
 * As for `bb_finish_write`.
 */
bb_status bb_abandon(const struct bb_broker *broker,
                     struct bb_pending *pending,
                     uint64_t now,
                     struct bb_follow_up *follow_up);

/**
 * Latches invalidations for one VF. Bit n of `mask` stands for block n.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`; the follow-up says that the VF has
 * invalidations.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `INVALIDATE` for a bit of a block that does not
 * exist, `STATE`, `REMOVED`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_invalidate(const struct bb_broker *broker,
                        uint16_t vf,
                        uint64_t mask,
                        uint64_t now,
                        struct bb_follow_up *follow_up);

/**
 * Latches invalidations for every VF. Better at `PASSIVE_LEVEL`: it visits every VF.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_INVALIDATE` for a bit of a block that does not exist.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_invalidate_all(const struct bb_broker *broker,
                            uint64_t mask,
                            uint64_t now,
                            struct bb_follow_up *follow_up);

/**
 * Latches an invalidation of every block with `notify` for every VF: after the hardware of the VFs
 * has lost its state without a reset of the VFs, such as a power-down of the PF. Better at
 * `PASSIVE_LEVEL`: it visits every VF.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_invalidate_notifying(const struct bb_broker *broker,
                                  uint64_t now,
                                  struct bb_follow_up *follow_up);

/**
 * Takes the latched invalidations of a VF: `mask` gets them, 0 if there are none. Each is taken
 * once. The caller delivers them, for example with `NdisMInvalidateConfigBlock`.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `STATE`, `REMOVED`. `mask` is 0 then.
 *
 * Pointers:
 * `mask` is writable.
 */
bb_status bb_take_invalidation(const struct bb_broker *broker,
                               uint16_t vf,
                               uint64_t *mask,
                               uint64_t now,
                               struct bb_follow_up *follow_up);

/**
 * Takes the latched invalidations of a VF together with what carries them, both or neither, so that
 * no invalidation is lost without a carrier and no carrier is used without an invalidation.
 *
 * `carrier` is called with `context` only if something is latched; NULL stands for a carrier that
 * is always there. Nothing is counted or journaled.
 *
 * IRQL as for `bb_write`, if the carrier allows it.
 *
 * Returns the mask; 0 if nothing is latched, there is no carrier, or the VF is held back, not
 * allocated or does not exist. After a reset `bb_finish_reset` returns a follow-up for what was
 * latched meanwhile.
 *
 * Pointers:
 * `broker` comes from `bb_initialize`, and `carrier` may be called with `context`.
 */
uint64_t bb_hand_over_invalidation(const struct bb_broker *broker,
                                   uint16_t vf,
                                   bb_carrier carrier,
                                   void *context);

/**
 * Allocates a VF, for example at `OID_NIC_SWITCH_ALLOCATE_VF`. Its blocks are wiped as by a reset,
 * which it also counts and is journaled as, and it is served from here on, or waits for its
 * acknowledgement as after `bb_finish_reset`.
 *
 * Before, and after `bb_free_vf`, every operation on the VF is refused as `BB_REFUSED_VF`, and
 * counted by `bb_host_refusals`, as for a VF that does not exist. Its counters and journal can
 * be read.
 *
 * `bb_allocate_vf`, `bb_free_vf` and the functions for resets are called one at a time for a VF.
 * At `PASSIVE_LEVEL`. `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, `BB_ALREADY_ALLOCATED`, or `BB_REFUSED_` and: `VF`, `REMOVED`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_allocate_vf(const struct bb_broker *broker,
                         uint16_t vf,
                         uint64_t now,
                         struct bb_follow_up *follow_up);

/**
 * Frees a VF, for example at `OID_NIC_SWITCH_FREE_VF`. Its blocks are wiped before this returns. An
 * operation in progress has ended or will be refused, and one that is pending at the companion is
 * refused when it is finished.
 *
 * IRQL, order, `now` and `follow_up` are as for `bb_allocate_vf`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF` if it is not allocated, `REMOVED`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_free_vf(const struct bb_broker *broker,
                     uint16_t vf,
                     uint64_t now,
                     struct bb_follow_up *follow_up);

/**
 * Begins a reset of a VF: wipes its blocks, and refuses every operation on it as `BB_REFUSED_STATE`
 * until `bb_finish_reset`. The caller resets the hardware in between.
 *
 * `by` says who resets the VF: `BB_RESET_BY_HOST` or `BB_RESET_BY_VF`. It matters for a table with
 * `reset = "acknowledged"`: see `bb_finish_reset`.
 *
 * At `PASSIVE_LEVEL`, one at a time for a VF. `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for another `by`; or `BB_REFUSED_` and: `VF`,
 * `REMOVED`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_begin_reset(const struct bb_broker *broker,
                         uint16_t vf,
                         uint8_t by,
                         uint64_t now,
                         struct bb_follow_up *follow_up);

/**
 * Finishes a reset that has succeeded: the VF is served again. The follow-up says whether
 * invalidations arrived meanwhile.
 *
 * With `reset = "acknowledged"` in the table the VF waits instead, if a reset by the host has begun
 * since it was served: operations of host software on it are served, its own are refused as
 * `BB_REFUSED_STATE`, and invalidations stay latched. `bb_acknowledge` or `bb_expire` serves it.
 * Call `bb_expire` after this function to learn when the time is up.
 *
 * IRQL, order, `now` and `follow_up` are as for `bb_begin_reset`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `REMOVED`, `STATE` while `bb_begin_reset` still
 * runs.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_finish_reset(const struct bb_broker *broker,
                          uint16_t vf,
                          uint64_t now,
                          struct bb_follow_up *follow_up);

/**
 * Records in the journal that the hardware did not reset. The VF stays held back until another
 * reset succeeds.
 *
 * IRQL, order, `now` and `follow_up` are as for `bb_begin_reset`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_VF`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_fail_reset(const struct bb_broker *broker,
                        uint16_t vf,
                        uint64_t now,
                        struct bb_follow_up *follow_up);

/**
 * `bb_begin_reset` and `bb_finish_reset` together, for a VF without hardware to wait for.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_reset(const struct bb_broker *broker,
                   uint16_t vf,
                   uint64_t now,
                   struct bb_follow_up *follow_up);

/**
 * Acknowledges a reset by the host, in a table with `reset = "acknowledged"`: the VF is served again.
 * `resets` is the number of the reset: `resets` of `bb_vf_status`, read before the VF's blocks were
 * prepared.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `REMOVED`, `STATE` for a VF that does not wait,
 * `CHANGED` if its last reset is another one.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_acknowledge(const struct bb_broker *broker,
                         uint16_t vf,
                         uint64_t resets,
                         uint64_t now,
                         struct bb_follow_up *follow_up);

/**
 * Serves each VF again whose time for an acknowledgement is up, and sets `next` to the time at which
 * the next one's is up, or to `UINT64_MAX` if no VF waits. Call it then. For a table without
 * `reset = "acknowledged"` no VF ever waits.
 *
 * At `PASSIVE_LEVEL`: it visits every VF. `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`.
 *
 * Pointers:
 * `next` and `follow_up` are writable.
 */
bb_status bb_expire(const struct bb_broker *broker,
                    uint64_t now,
                    uint64_t *next,
                    struct bb_follow_up *follow_up);

/**
 * Records the power state of a VF: `BB_POWER_STATE_D0` to `BB_POWER_STATE_D3`. The VF is served in
 * each of them.
 *
 * IRQL, `now` and `follow_up` are as for `bb_write`.
 *
 * Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for another state; or `BB_REFUSED_` and: `VF`,
 * `REMOVED`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_set_power(const struct bb_broker *broker,
                       uint16_t vf,
                       uint8_t state,
                       uint64_t now,
                       struct bb_follow_up *follow_up);

/**
 * The device was removed: from here on every operation on a VF is refused as `BB_REFUSED_REMOVED`.
 * Counters and journal can still be read.
 *
 * At `PASSIVE_LEVEL`: it visits every VF. `now` and `follow_up` are as for `bb_write`.
 *
 * Pointers:
 * `follow_up` is writable.
 */
bb_status bb_remove(const struct bb_broker *broker, uint64_t now, struct bb_follow_up *follow_up);

/**
 * State and counters of a VF: `status` gets them. IRQL as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_VF` for an index that does not exist.
 *
 * Pointers:
 * `status` is writable.
 */
bb_status bb_vf_status_of(const struct bb_broker *broker, uint16_t vf, struct bb_vf_status *status);

/**
 * Counters of a block of a VF: `status` gets them. IRQL as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF` for an index that does not exist, `BLOCK`.
 *
 * Pointers:
 * `status` is writable.
 */
bb_status bb_block_status_of(const struct bb_broker *broker,
                             uint16_t vf,
                             uint32_t block,
                             struct bb_block_status *status);

/**
 * The last events of a VF, the oldest first: entries whose number is above `after`.
 *
 * `entries` has room for `capacity` entries; at most 16 are kept. `count` gets how many there are,
 * `lost` how many of the events asked for are not kept any more; it may be NULL.
 *
 * IRQL as for `bb_write`.
 *
 * Returns `BB_SUCCESS`, or `BB_REFUSED_VF` for an index that does not exist.
 *
 * Pointers:
 * `entries` has `capacity` writable entries; `count` and `lost` are writable.
 */
bb_status bb_journal(const struct bb_broker *broker,
                     uint16_t vf,
                     uint64_t after,
                     struct bb_journal_entry *entries,
                     size_t capacity,
                     size_t *count,
                     uint64_t *lost);

/**
 * How often operations of host software were refused since the start, by reason (see
 * `bb_refusal_status`), and operations on VFs that are not allocated or do not exist.
 *
 * `counts` has room for `capacity` counts; the rest of it becomes zero. Any IRQL.
 *
 * Pointers:
 * `counts` has `capacity` writable entries.
 */
bb_status bb_host_refusals(const struct bb_broker *broker, uint64_t *counts, size_t capacity);

/**
 * Version of the library, to compare with `BB_VERSION` of the header. Any IRQL.
 */
uint32_t bb_version(void);

/**
 * How many bytes of memory `bb_initialize` needs for this table and this many VFs. The memory may
 * begin at any address.
 *
 * Verifies the table: see `bb_verify_table`, also for IRQL and errors. `BB_TOO_MANY_VFS` if `vfs`
 * is 0 or above the manifest's max-vfs. `bytes` is unchanged then.
 *
 * Pointers:
 * `table` has `length` readable bytes; `bytes` is writable.
 */
bb_status bb_memory_needed(const void *table, size_t length, uint16_t vfs, size_t *bytes);

/**
 * Initializes a broker in the caller's memory.
 *
 * Every block of every VF has its default value, and every VF is in D0. No VF is allocated, unless
 * the flag says so.
 *
 * `memory` has `length` bytes, at least as many as `bb_memory_needed` says, and is the broker's
 * until no function runs any more that was called with it. It is resident if functions are called
 * at raised IRQL. Nothing has to be freed: call `bb_remove`, wait for the calls in progress, then
 * free the memory. `now` is the time; see `bb_write`. `broker` gets the broker, which lies in the
 * memory.
 *
 * Verifies the table: see `bb_verify_table`, also for IRQL.
 *
 * Returns `BB_SUCCESS`, or without any effect: `BB_INVALID_SIZE`; `BB_INVALID_ARGUMENT` for a NULL
 * pointer, an unknown flag or a reserved member that is not zero; `BB_INVALID_TABLE`,
 * `BB_TABLE_VERSION`, `BB_TOO_MANY_VFS`, `BB_MEMORY_TOO_SMALL`.
 *
 * Pointers:
 * `options` is readable, and says what is true of its table and its functions; `memory` is used by
 * nothing else; `broker` is writable.
 */
bb_status bb_initialize(const struct bb_options *options,
                        void *memory,
                        size_t length,
                        uint64_t now,
                        struct bb_broker **broker);

/**
 * The NTSTATUS of a refusal's code, which is also its index in `refused` of `bb_vf_status` and in
 * the counts of `bb_host_refusals`. `BB_SUCCESS` for a code that this version does not have.
 *
 * Any IRQL.
 */
bb_status bb_refusal_status(uint32_t code);

/**
 * The word for a refusal in traces and tools, such as `length`. NULL for a status that is no
 * refusal. The text is static and ends with a zero.
 *
 * Any IRQL.
 */
const char *bb_refusal_name(bb_status status);

/**
 * What was wrong, as one English sentence. NULL for a status that is no refusal. The text is static
 * and ends with a zero.
 *
 * Any IRQL.
 */
const char *bb_refusal_sentence(bb_status status);

/**
 * Verifies a block table, as `pfbctl compile` writes it.
 *
 * `table` and `length` are its bytes; nothing refers to them after the call. `info`
 * gets what the table says about its device, `flaw` why the table is refused; each may be NULL.
 *
 * Any IRQL, but the time is linear in the length: better `PASSIVE_LEVEL`.
 *
 * Returns `BB_SUCCESS`; `BB_INVALID_TABLE` or `BB_TABLE_VERSION`, with `flaw`; or
 * `BB_INVALID_ARGUMENT` if `table` is NULL.
 *
 * Pointers:
 * `table` has `length` readable bytes; `info` and `flaw` are writable.
 */
bb_status bb_verify_table(const void *table,
                          size_t length,
                          struct bb_table_info *info,
                          struct bb_table_flaw *flaw);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* BLOCK_BROKER_H */
