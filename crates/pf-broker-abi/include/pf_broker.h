/*
 * The management interface of pf_broker, for host software in C or C++.
 *
 * This file is generated from crates/pf-broker-abi; do not edit it.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Host software opens the device interface PF_BROKER_INTERFACE_CLASS and sends the control codes
 * below with DeviceIoControl. They are buffered; integers are little endian. An input is exactly the
 * structure that its code names, for a publish with the data after it. An output has room for the
 * structure, or for at least one entry of a list; the number of returned bytes says how many entries
 * there are. Reserved fields are zero.
 *
 * From user mode only SYSTEM and members of Administrators can open the device. A code that changes
 * something needs a handle with GENERIC_WRITE.
 *
 * A request that is refused fails with the NTSTATUS of its PF_BROKER_REFUSED_..., each of which has
 * its own. DeviceIoControl reports it as the Win32 error that follows it there, and several NTSTATUS
 * values have the same error. To obtain the NTSTATUS, send the request with FILE_FLAG_OVERLAPPED and
 * read OVERLAPPED.Internal when it is complete, or call NtDeviceIoControlFile.
 * examples/agent/c/device_windows.c does so.
 */

#ifndef PF_BROKER_H
#define PF_BROKER_H

#include <stdint.h>

/**
 * The device interface class, as the initializer of a GUID.
 */
#define PF_BROKER_INTERFACE_CLASS {0xFE9E9C19, 0xF427, 0x4FF9, {0xAE, 0x4B, 0xD3, 0xF3, 0xD0, 0xBC, 0xC1, 0x41}}

/**
 * Input: none. Output: QUERY_REPLY.
 */
#define IOCTL_PF_BROKER_QUERY 0x00226400u

/**
 * Input: BLOCKS_REQUEST. Output: a list of BLOCK_INFO.
 */
#define IOCTL_PF_BROKER_BLOCKS 0x00226404u

/**
 * Input: VF_REQUEST. Output: STATS_REPLY.
 */
#define IOCTL_PF_BROKER_STATS 0x00226408u

/**
 * Input: BLOCK_REQUEST. Output: BLOCK_STATS_REPLY.
 */
#define IOCTL_PF_BROKER_BLOCK_STATS 0x0022640Cu

/**
 * Input: BLOCK_REQUEST. Output: READ_REPLY, then as many bytes as there is room for.
 */
#define IOCTL_PF_BROKER_READ 0x00226410u

/**
 * Input: PUBLISH_REQUEST, then the data. Output: none.
 */
#define IOCTL_PF_BROKER_PUBLISH 0x0022E414u

/**
 * Input: INVALIDATE_REQUEST. Output: none.
 */
#define IOCTL_PF_BROKER_INVALIDATE 0x0022E418u

/**
 * Input: BLOCK_REQUEST. Output: a list of MESSAGE.
 */
#define IOCTL_PF_BROKER_DRAIN 0x0022E41Cu

/**
 * Input: VF_REQUEST. Output: none.
 */
#define IOCTL_PF_BROKER_RESET 0x0022E420u

/**
 * Input: POWER_REQUEST. Output: none.
 */
#define IOCTL_PF_BROKER_POWER 0x0022E424u

/**
 * Input: JOURNAL_REQUEST. Output: a list of JOURNAL_ENTRY.
 */
#define IOCTL_PF_BROKER_JOURNAL 0x00226428u

/**
 * Input: none. Output: HOST_REFUSALS_REPLY.
 */
#define IOCTL_PF_BROKER_HOST_REFUSALS 0x00226430u

/**
 * Input: CHANGES_REQUEST. Output: CHANGES_REPLY, then a list of CHANGE.
 */
#define IOCTL_PF_BROKER_CHANGES 0x00226434u

/**
 * Input: ACKNOWLEDGE_REQUEST. Output: none.
 */
#define IOCTL_PF_BROKER_ACKNOWLEDGE 0x0022E438u

/**
 * Input: TABLE_REQUEST. Output: as many of the table's bytes as there is room for.
 */
#define IOCTL_PF_BROKER_TABLE 0x0022643Cu

/**
 * Input: none. Output: CLOCK_REPLY.
 */
#define IOCTL_PF_BROKER_CLOCK 0x00226440u

/**
 * Input: VF_REQUEST. Output: LOCATION_REPLY.
 */
#define IOCTL_PF_BROKER_LOCATION 0x00226444u

/**
 * STATUS_INVALID_PARAMETER, Win32 error 87. There is no VF with this index.
 */
#define PF_BROKER_REFUSED_VF ((uint32_t)0xC000000D)

/**
 * STATUS_NOT_FOUND, Win32 error 1168. The manifest has no block with this ID.
 */
#define PF_BROKER_REFUSED_BLOCK ((uint32_t)0xC0000225)

/**
 * STATUS_ACCESS_DENIED, Win32 error 5. A VF may not access this block in this direction.
 */
#define PF_BROKER_REFUSED_ACCESS ((uint32_t)0xC0000022)

/**
 * STATUS_INVALID_DEVICE_REQUEST, Win32 error 1. The operation does not fit the kind of the block:
 * registers are read and published, streams are drained.
 */
#define PF_BROKER_REFUSED_KIND ((uint32_t)0xC0000010)

/**
 * STATUS_DEVICE_REMOVED, Win32 error 1617. The device has been removed.
 */
#define PF_BROKER_REFUSED_REMOVED ((uint32_t)0xC00002B6)

/**
 * STATUS_DEVICE_NOT_READY, Win32 error 21. The VF is held back: its reset is under way, has failed
 * or is not acknowledged. Or none is to be acknowledged, or another publish to all VFs is under
 * way.
 */
#define PF_BROKER_REFUSED_STATE ((uint32_t)0xC00000A3)

/**
 * STATUS_QUOTA_EXCEEDED, Win32 error 1816. The VF writes more often than the limits of the
 * manifest allow.
 */
#define PF_BROKER_REFUSED_LIMIT ((uint32_t)0xC0000044)

/**
 * STATUS_INVALID_BUFFER_SIZE, Win32 error 1784. The length does not fit the block, or is outside
 * of 1 to 128 bytes.
 */
#define PF_BROKER_REFUSED_LENGTH ((uint32_t)0xC0000206)

/**
 * STATUS_CRC_ERROR, Win32 error 23. The checksum does not match the bytes that it covers.
 */
#define PF_BROKER_REFUSED_CHECKSUM ((uint32_t)0xC000003F)

/**
 * STATUS_BAD_DATA, Win32 error 0x80090005. A reserved bit or byte is not zero.
 */
#define PF_BROKER_REFUSED_RESERVED ((uint32_t)0xC000090B)

/**
 * STATUS_INVALID_FIELD_IN_PARAMETER_LIST, Win32 error 328. The value of a field is not among those
 * that the manifest allows.
 */
#define PF_BROKER_REFUSED_VALUE ((uint32_t)0xC0000475)

/**
 * STATUS_ILLEGAL_CHARACTER, Win32 error 582. A text is not printable ASCII padded with zeros.
 */
#define PF_BROKER_REFUSED_TEXT ((uint32_t)0xC0000161)

/**
 * STATUS_ARRAY_BOUNDS_EXCEEDED, Win32 error 0xC000008C. A count is larger than its array, or an
 * element after the count is not zero.
 */
#define PF_BROKER_REFUSED_COUNT ((uint32_t)0xC000008C)

/**
 * STATUS_NO_MATCH, Win32 error 1169. None of the layouts of the block fits its fields.
 */
#define PF_BROKER_REFUSED_LAYOUT ((uint32_t)0xC0000272)

/**
 * STATUS_INVALID_PARAMETER_MIX, Win32 error 87. A rule over several fields does not hold.
 */
#define PF_BROKER_REFUSED_REQUIRE ((uint32_t)0xC0000030)

/**
 * STATUS_REQUEST_OUT_OF_SEQUENCE, Win32 error 776. A sequence field does not follow its last
 * committed value.
 */
#define PF_BROKER_REFUSED_SEQUENCE ((uint32_t)0xC000042A)

/**
 * STATUS_INTEGER_OVERFLOW, Win32 error 534. A rule over several fields overflows 64 bits.
 */
#define PF_BROKER_REFUSED_OVERFLOW ((uint32_t)0xC0000095)

/**
 * STATUS_ALLOTTED_SPACE_EXCEEDED, Win32 error 1344. The stream is full, and the manifest says to
 * refuse rather than to drop the oldest message.
 */
#define PF_BROKER_REFUSED_FULL ((uint32_t)0xC0000099)

/**
 * STATUS_NOT_SUPPORTED, Win32 error 50. The mask names a block that does not exist; only blocks
 * with an ID below 64 can be invalidated.
 */
#define PF_BROKER_REFUSED_INVALIDATE ((uint32_t)0xC00000BB)

/**
 * STATUS_REVISION_MISMATCH, Win32 error 1306. The block has another revision than the publish
 * expects: it was written, published or reset meanwhile.
 */
#define PF_BROKER_REFUSED_CHANGED ((uint32_t)0xC0000059)

/**
 * STATUS_DEVICE_NOT_CONNECTED, Win32 error 1167. A companion driver handles this operation, and
 * none is ready.
 */
#define PF_BROKER_REFUSED_COMPANION ((uint32_t)0xC000009D)

/**
 * STATUS_REQUEST_ABORTED, Win32 error 1235. The companion driver has declined the operation.
 */
#define PF_BROKER_REFUSED_DECLINED ((uint32_t)0xC0000240)

/**
 * STATUS_BAD_DESCRIPTOR_FORMAT, Win32 error 1361. An entry of a list has an unknown tag or a wrong
 * length, or is repeated, or the list does not end as it should.
 */
#define PF_BROKER_REFUSED_LIST ((uint32_t)0xC00000E7)

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_VF 0

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_BLOCK 1

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_ACCESS 2

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_KIND 3

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_REMOVED 4

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_STATE 5

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_LIMIT 6

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_LENGTH 7

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_CHECKSUM 8

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_RESERVED 9

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_VALUE 10

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_TEXT 11

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_COUNT 12

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_LAYOUT 13

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_REQUIRE 14

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_SEQUENCE 15

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_OVERFLOW 16

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_FULL 17

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_INVALIDATE 18

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_CHANGED 19

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_COMPANION 20

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_DECLINED 21

/**
 * Index of a refusal in counters.
 */
#define PF_BROKER_REASON_LIST 22

/**
 * Where a block table comes from.
 */
#define PF_BROKER_TABLE_SOURCE_EMBEDDED 0

/**
 * Where a block table comes from.
 */
#define PF_BROKER_TABLE_SOURCE_REGISTRY 1

/**
 * What a block holds.
 */
#define PF_BROKER_BLOCK_KIND_REGISTER 0

/**
 * What a block holds.
 */
#define PF_BROKER_BLOCK_KIND_STREAM 1

/**
 * What a VF may do with a block.
 */
#define PF_BROKER_VF_ACCESS_READ_ONLY 1

/**
 * What a VF may do with a block.
 */
#define PF_BROKER_VF_ACCESS_WRITE_ONLY 2

/**
 * What a VF may do with a block.
 */
#define PF_BROKER_VF_ACCESS_READ_WRITE 3

/**
 * What a VF may do with a block.
 */
#define PF_BROKER_VF_ACCESS_NONE 4

/**
 * Which operations the companion driver handles.
 */
#define PF_BROKER_COMPANION_NONE 0

/**
 * Which operations the companion driver handles.
 */
#define PF_BROKER_COMPANION_WRITE 1

/**
 * Which operations the companion driver handles.
 */
#define PF_BROKER_COMPANION_READ 2

/**
 * Which operations the companion driver handles.
 */
#define PF_BROKER_COMPANION_READ_WRITE 3

/**
 * Device power state of a VF.
 */
#define PF_BROKER_POWER_STATE_D0 0

/**
 * Device power state of a VF.
 */
#define PF_BROKER_POWER_STATE_D1 1

/**
 * Device power state of a VF.
 */
#define PF_BROKER_POWER_STATE_D2 2

/**
 * Device power state of a VF.
 */
#define PF_BROKER_POWER_STATE_D3 3

/**
 * Whether a VF is served.
 */
#define PF_BROKER_SERVICE_HELD 0

/**
 * Whether a VF is served.
 */
#define PF_BROKER_SERVICE_OPEN 1

/**
 * Whether a VF is served.
 */
#define PF_BROKER_SERVICE_UNACKNOWLEDGED 2

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_READ 0

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_WRITE 1

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_PUBLISH 2

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_INVALIDATE 3

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_DRAIN 4

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_RESET 5

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_SET_POWER 6

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_HOST_READ 7

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_TAKE_INVALIDATION 8

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_BEGIN_RESET 9

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_FAIL_RESET 10

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_REMOVE 11

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_WITHDRAW 12

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_ACKNOWLEDGE 13

/**
 * What an entry of a journal records.
 */
#define PF_BROKER_OPERATION_EXPIRE 14

/**
 * The first bytes of both sides of a connection to a simulated device, as an initializer; the last
 * one is the version of the framing.
 */
#define PF_BROKER_SIMULATED_GREETING {0xB7, 0x50, 0x46, 0x42, 0x53, 0x49, 0x4D, 0x01}



/**
 * The version of this interface, in PF_BROKER_QUERY_REPLY.abi_version. It grows with every change that
 * an older client would misread.
 */
#define PF_BROKER_ABI_VERSION 3

/**
 * Kind of a PF_BROKER_CHANGE of a block: a VF's write to a register was committed.
 */
#define PF_BROKER_CHANGE_WRITTEN (1 << 0)

/**
 * Kind of a PF_BROKER_CHANGE of a block: a VF's message was queued to a stream.
 */
#define PF_BROKER_CHANGE_MESSAGE (1 << 1)

/**
 * Kind of a PF_BROKER_CHANGE of a VF: a reset has finished, and the VF is served again or, with the
 * manifest's `reset = "acknowledged"`, waits for IOCTL_PF_BROKER_ACKNOWLEDGE.
 * What changed before the reset is not reported any more; blocks in the same reply changed after
 * their wipe.
 */
#define PF_BROKER_CHANGE_RESET (1 << 2)

/**
 * Kind of a PF_BROKER_CHANGE of a VF: its power state was set.
 */
#define PF_BROKER_CHANGE_POWER (1 << 3)

/**
 * Kind of a PF_BROKER_CHANGE of a block: a publish was committed.
 */
#define PF_BROKER_CHANGE_PUBLISHED (1 << 4)

/**
 * Kind of a PF_BROKER_CHANGE of a VF: its journal has recorded a refusal. Of a flood it records the
 * first refused write only.
 */
#define PF_BROKER_CHANGE_REFUSED (1 << 5)

/**
 * Kind of the PF_BROKER_CHANGE of the device: a virtualization stack has attached.
 */
#define PF_BROKER_CHANGE_ATTACHED (1 << 6)

/**
 * Kind of the PF_BROKER_CHANGE of the device: the virtualization stack has detached.
 */
#define PF_BROKER_CHANGE_DETACHED (1 << 7)

/**
 * Kind of a PF_BROKER_CHANGE of a VF: its journal has recorded an event of any kind.
 */
#define PF_BROKER_CHANGE_JOURNALED (1 << 8)

/**
 * Flag of PF_BROKER_CHANGES_REQUEST: the request does not pend, and its reply may have no entry.
 */
#define PF_BROKER_CHANGES_POLL (1 << 0)

/**
 * Flag of PF_BROKER_CHANGES_REPLY: there are more entries than fit. The next request, with the cookie of
 * this reply, continues the list.
 */
#define PF_BROKER_CHANGES_MORE (1 << 0)

/**
 * Flag of PF_BROKER_CHANGES_REPLY: the cookie of the request is of another start of the device, or from
 * the future. The reply lists everything since this start, and the request does not pend.
 */
#define PF_BROKER_CHANGES_RESTARTED (1 << 1)

/**
 * Room for reasons in PF_BROKER_STATS_REPLY.refused and
 * PF_BROKER_HOST_REFUSALS_REPLY.refused.
 */
#define PF_BROKER_MAX_REASONS 24

/**
 * Bytes of the largest block.
 */
#define PF_BROKER_MAX_BLOCK_LENGTH 128

/**
 * Bytes of a name, which is UTF-8 padded with zeros.
 */
#define PF_BROKER_NAME_LENGTH 64

/**
 * Scope of IOCTL_PF_BROKER_PUBLISH and IOCTL_PF_BROKER_INVALIDATE: the VF that the request names.
 */
#define PF_BROKER_SCOPE_VF 0

/**
 * Scope of IOCTL_PF_BROKER_PUBLISH and IOCTL_PF_BROKER_INVALIDATE: every VF; `vf` is 0. It is a field of its
 * own because no VF index can stand for all: a caller may try any of them, 0xFFFF too.
 */
#define PF_BROKER_SCOPE_ALL 1

/**
 * Flag of PF_BROKER_PUBLISH_REQUEST: the block must have the revision `expected`.
 */
#define PF_BROKER_PUBLISH_EXPECTS (1 << 0)

/**
 * The code of the frame that cancels the request before it. It is no control code.
 */
#define PF_BROKER_SIMULATED_CANCEL 0

/**
 * The longest input of a request in bytes: far longer than a publish of a whole block, so that the
 * device itself refuses longer ones.
 */
#define PF_BROKER_SIMULATED_MAX_INPUT (1 << 16)

/**
 * The most bytes of output that a device returns for one request, however many the client has room
 * for: more than the messages of the longest stream.
 */
#define PF_BROKER_SIMULATED_MAX_OUTPUT (1 << 20)

/**
 * Output of IOCTL_PF_BROKER_QUERY.
 */
typedef struct PF_BROKER_QUERY_REPLY {
  /**
   * PF_BROKER_ABI_VERSION of the driver.
   */
  uint32_t abi_version;
  /**
   * CRC-32 of the block table in force.
   */
  uint32_t table_crc;
  /**
   * Major, minor and patch version of the driver.
   */
  uint16_t driver_version[3];
  /**
   * Number of VFs; their indexes are 0 to `num_vfs - 1`.
   */
  uint16_t num_vfs;
  /**
   * PCI vendor ID of the PF, from its configuration space.
   */
  uint16_t vendor_id;
  /**
   * PCI device ID of the PF, from its configuration space.
   */
  uint16_t device_id;
  /**
   * Blocks in the table.
   */
  uint16_t block_count;
  /**
   * Where the table comes from, a PF_BROKER_TABLE_SOURCE.
   */
  uint8_t table_source;
  /**
   * 1 while a virtualization stack is attached.
   */
  uint8_t attached;
  /**
   * The manifest's device name.
   */
  uint8_t name[PF_BROKER_NAME_LENGTH];
} PF_BROKER_QUERY_REPLY;

/**
 * Input of IOCTL_PF_BROKER_BLOCKS.
 */
typedef struct PF_BROKER_BLOCKS_REQUEST {
  /**
   * How many blocks of the table to skip.
   */
  uint32_t first;
} PF_BROKER_BLOCKS_REQUEST;

/**
 * One block, in the output of IOCTL_PF_BROKER_BLOCKS.
 */
typedef struct PF_BROKER_BLOCK_INFO {
  /**
   * The block's ID.
   */
  uint32_t id;
  /**
   * A PF_BROKER_BLOCK_KIND.
   */
  uint8_t kind;
  /**
   * What a VF may do, a PF_BROKER_VF_ACCESS.
   */
  uint8_t vf_access;
  /**
   * 1 if a publish invalidates the block.
   */
  uint8_t notify;
  /**
   * 1 if a read shorter than the block returns its first bytes.
   */
  uint8_t prefix_reads;
  /**
   * Bytes of the shortest write.
   */
  uint16_t min_length;
  /**
   * Bytes of the block.
   */
  uint16_t max_length;
  /**
   * Messages that the stream keeps for each VF; 0 for a register.
   */
  uint16_t depth;
  /**
   * 1 if a full stream drops its oldest message.
   */
  uint8_t drop_oldest;
  /**
   * Which operations of a VF the companion driver handles, a PF_BROKER_COMPANION.
   */
  uint8_t companion;
  /**
   * The block's name.
   */
  uint8_t name[PF_BROKER_NAME_LENGTH];
} PF_BROKER_BLOCK_INFO;

/**
 * Names a VF: input of IOCTL_PF_BROKER_STATS and IOCTL_PF_BROKER_RESET.
 */
typedef struct PF_BROKER_VF_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * Zero.
   */
  uint16_t reserved;
} PF_BROKER_VF_REQUEST;

/**
 * Output of IOCTL_PF_BROKER_STATS: counters since the device started, and the VF's state.
 */
typedef struct PF_BROKER_STATS_REPLY {
  /**
   * Reads of the VF that were answered.
   */
  uint64_t reads;
  /**
   * Writes of the VF that were committed.
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
   * Stream messages that were dropped for newer ones.
   */
  uint64_t dropped;
  /**
   * Resets of the VF that have begun.
   */
  uint64_t resets;
  /**
   * Floods: periods in which the VF wrote faster than its limit allows.
   */
  uint64_t floods;
  /**
   * Invalidations not yet delivered; bit n stands for block n.
   */
  uint64_t pending;
  /**
   * A PF_BROKER_POWER_STATE.
   */
  uint8_t power;
  /**
   * Whether the VF is served, a PF_BROKER_SERVICE.
   */
  uint8_t service;
  /**
   * Zero.
   */
  uint8_t reserved[2];
  /**
   * Number of codes that the driver counts, from 0 on.
   */
  uint32_t reason_count;
  /**
   * Refused reads and writes of the VF, indexed by PF_BROKER_REFUSAL_INDEX.
   */
  uint64_t refused[PF_BROKER_MAX_REASONS];
} PF_BROKER_STATS_REPLY;

/**
 * Names a block of a VF: input of IOCTL_PF_BROKER_BLOCK_STATS, IOCTL_PF_BROKER_READ and IOCTL_PF_BROKER_DRAIN.
 */
typedef struct PF_BROKER_BLOCK_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * Zero.
   */
  uint16_t reserved;
  /**
   * The block's ID.
   */
  uint32_t block;
} PF_BROKER_BLOCK_REQUEST;

/**
 * Output of IOCTL_PF_BROKER_BLOCK_STATS.
 */
typedef struct PF_BROKER_BLOCK_STATS_REPLY {
  /**
   * Reads of the VF that were answered.
   */
  uint64_t reads;
  /**
   * Writes of the VF that were committed.
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
   * Stream messages that were dropped for newer ones.
   */
  uint64_t dropped;
  /**
   * Stream messages not yet drained.
   */
  uint64_t queued;
  /**
   * The block's revision; see PF_BROKER_READ_REPLY.revision.
   */
  uint64_t revision;
} PF_BROKER_BLOCK_STATS_REPLY;

/**
 * Output of IOCTL_PF_BROKER_READ, followed by the block's bytes.
 */
typedef struct PF_BROKER_READ_REPLY {
  /**
   * The block's revision: how often it was committed (by a write or a publish) or reset since
   * the device started. A reset of the VF counts for each of its blocks, also for one that keeps
   * its value.
   */
  uint64_t revision;
} PF_BROKER_READ_REPLY;

/**
 * Input of IOCTL_PF_BROKER_PUBLISH, followed by the data.
 */
typedef struct PF_BROKER_PUBLISH_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * PF_BROKER_SCOPE_VF or PF_BROKER_SCOPE_ALL.
   */
  uint16_t scope;
  /**
   * The block's ID.
   */
  uint32_t block;
  /**
   * Zero or PF_BROKER_PUBLISH_EXPECTS, which is valid only with PF_BROKER_SCOPE_VF: each VF has its own
   * revisions.
   */
  uint32_t flags;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * With PF_BROKER_PUBLISH_EXPECTS the revision that the block must have, from
   * PF_BROKER_READ_REPLY.revision; otherwise zero.
   */
  uint64_t expected;
} PF_BROKER_PUBLISH_REQUEST;

/**
 * Input of IOCTL_PF_BROKER_INVALIDATE.
 */
typedef struct PF_BROKER_INVALIDATE_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * PF_BROKER_SCOPE_VF or PF_BROKER_SCOPE_ALL.
   */
  uint16_t scope;
  /**
   * Zero.
   */
  uint16_t reserved[2];
  /**
   * Bit n stands for block n.
   */
  uint64_t mask;
} PF_BROKER_INVALIDATE_REQUEST;

/**
 * One message of a stream, in the output of IOCTL_PF_BROKER_DRAIN.
 */
typedef struct PF_BROKER_MESSAGE {
  /**
   * Bytes of `data` that the VF sent.
   */
  uint32_t length;
  /**
   * The message, followed by zeros.
   */
  uint8_t data[PF_BROKER_MAX_BLOCK_LENGTH];
} PF_BROKER_MESSAGE;

/**
 * Input of IOCTL_PF_BROKER_ACKNOWLEDGE.
 */
typedef struct PF_BROKER_ACKNOWLEDGE_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * Zero.
   */
  uint16_t reserved[3];
  /**
   * The number of the reset: PF_BROKER_STATS_REPLY.resets, read before the VF's blocks were prepared.
   */
  uint64_t resets;
} PF_BROKER_ACKNOWLEDGE_REQUEST;

/**
 * Input of IOCTL_PF_BROKER_POWER.
 */
typedef struct PF_BROKER_POWER_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * One of PF_BROKER_POWER_STATE.
   */
  uint16_t state;
} PF_BROKER_POWER_REQUEST;

/**
 * Input of IOCTL_PF_BROKER_JOURNAL.
 */
typedef struct PF_BROKER_JOURNAL_REQUEST {
  /**
   * The VF's index.
   */
  uint16_t vf;
  /**
   * Zero.
   */
  uint16_t reserved[3];
  /**
   * Return only entries with a greater PF_BROKER_JOURNAL_ENTRY.sequence, which includes an entry that
   * was returned before and has grown; 0 for all that are kept.
   */
  uint64_t after;
} PF_BROKER_JOURNAL_REQUEST;

/**
 * One entry of a VF's journal, in the output of IOCTL_PF_BROKER_JOURNAL.
 */
typedef struct PF_BROKER_JOURNAL_ENTRY {
  /**
   * The number of the entry's last event. The events of a VF are numbered from 1 without gaps,
   * and the entry holds those from `sequence - repeated` to `sequence`: events missing between
   * two entries were overwritten.
   */
  uint64_t sequence;
  /**
   * Time since the system started, in units of 100 ns, without the time it slept.
   */
  uint64_t time;
  /**
   * The block's ID as the caller gave it.
   */
  uint32_t block;
  /**
   * Length in bytes as the caller gave it; for PF_BROKER_OPERATION_SET_POWER a PF_BROKER_POWER_STATE.
   */
  uint32_t length;
  /**
   * The NTSTATUS of the outcome.
   */
  int32_t status;
  /**
   * How often the event repeated, without another event in between.
   */
  uint32_t repeated;
  /**
   * The operation, an PF_BROKER_OPERATION.
   */
  uint8_t operation;
  /**
   * 1 plus the offset in the block of what broke a rule of the manifest, if the fault is at one
   * place of the block; otherwise 0. Of repeated events it is that of the first.
   */
  uint8_t fault;
  /**
   * Zero.
   */
  uint8_t reserved[2];
  /**
   * The NTSTATUS with which the companion driver declined the operation, if `status` is that of
   * PF_BROKER_REFUSAL_DECLINED; otherwise zero.
   */
  int32_t companion_status;
} PF_BROKER_JOURNAL_ENTRY;

/**
 * Output of IOCTL_PF_BROKER_HOST_REFUSALS: operations of host software and of the virtualization stack
 * that were refused since the device started. They are not counted for any VF.
 */
typedef struct PF_BROKER_HOST_REFUSALS_REPLY {
  /**
   * Number of codes that the driver counts, from 0 on.
   */
  uint32_t reason_count;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * Refusals, indexed by PF_BROKER_REFUSAL_INDEX.
   */
  uint64_t refused[PF_BROKER_MAX_REASONS];
} PF_BROKER_HOST_REFUSALS_REPLY;

/**
 * What a caller has received of the changes of a device. Callers return it as they got it. Zeros,
 * the default, stand for the start of the device.
 */
typedef struct PF_BROKER_CHANGES_COOKIE {
  /**
   * Identifies a start of a device.
   */
  uint64_t start[2];
  /**
   * The caller has received every change up to this epoch.
   */
  uint64_t since;
  /**
   * The epoch in which an unfinished list was begun; 0 if there is none.
   */
  uint64_t upto;
  /**
   * The VF with which the list continues.
   */
  uint16_t vf;
  /**
   * Zero.
   */
  uint16_t reserved;
  /**
   * The entry of that VF with which the list continues: 0 for the VF itself, n for block n - 1
   * of the table.
   */
  uint32_t entry;
} PF_BROKER_CHANGES_COOKIE;

/**
 * Input of IOCTL_PF_BROKER_CHANGES.
 */
typedef struct PF_BROKER_CHANGES_REQUEST {
  /**
   * The kinds of changes to report, such as PF_BROKER_CHANGE_WRITTEN: one or more. No kind, or an
   * unknown one, is `STATUS_INVALID_PARAMETER_1`.
   */
  uint16_t kinds;
  /**
   * Zero or PF_BROKER_CHANGES_POLL.
   */
  uint16_t flags;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The cookie of the last reply, or zeros. One of this start of the device that no reply can
   * have had is `STATUS_INVALID_PARAMETER_2`.
   */
  struct PF_BROKER_CHANGES_COOKIE cookie;
} PF_BROKER_CHANGES_REQUEST;

/**
 * The head of the output of IOCTL_PF_BROKER_CHANGES, followed by the entries. An output without room for
 * one entry is `STATUS_BUFFER_TOO_SMALL`.
 */
typedef struct PF_BROKER_CHANGES_REPLY {
  /**
   * For the next request.
   */
  struct PF_BROKER_CHANGES_COOKIE cookie;
  /**
   * PF_BROKER_CHANGES_MORE and PF_BROKER_CHANGES_RESTARTED.
   */
  uint32_t flags;
  /**
   * Zero.
   */
  uint32_t reserved;
} PF_BROKER_CHANGES_REPLY;

/**
 * One entry of the output of IOCTL_PF_BROKER_CHANGES: the device, a VF, or a block of a VF. The entry of
 * the device comes first. The others are ordered by VF; the VF itself comes before its blocks,
 * which have the order of the table.
 */
typedef struct PF_BROKER_CHANGE {
  /**
   * The VF's index; 0 for the device.
   */
  uint16_t vf;
  /**
   * What changed, of the requested kinds. An entry has kinds of the device, of a VF or of a
   * block only.
   */
  uint16_t kinds;
  /**
   * The block's ID; 0 for a VF and the device.
   */
  uint32_t block;
  /**
   * The block's revision, see PF_BROKER_BLOCK_STATS_REPLY.revision; for a VF the
   * PF_BROKER_JOURNAL_ENTRY.sequence of the last change of these kinds; for the device how often a
   * stack has attached and detached.
   */
  uint64_t revision;
} PF_BROKER_CHANGE;

/**
 * Input of IOCTL_PF_BROKER_TABLE.
 */
typedef struct PF_BROKER_TABLE_REQUEST {
  /**
   * How many bytes of the table to skip. From the end of the table on there are no bytes.
   */
  uint32_t offset;
} PF_BROKER_TABLE_REQUEST;

/**
 * Output of IOCTL_PF_BROKER_CLOCK.
 */
typedef struct PF_BROKER_CLOCK_REPLY {
  /**
   * The present time, as in PF_BROKER_JOURNAL_ENTRY.time. It advances in steps of the system's clock
   * interrupt, up to 15.6 ms.
   */
  uint64_t time;
} PF_BROKER_CLOCK_REPLY;

/**
 * Output of IOCTL_PF_BROKER_LOCATION: what the PCI bus driver's `GetLocation` of
 * `PCI_VIRTUALIZATION_INTERFACE` (`wdm.h`) says. It may change when the bus is configured anew.
 */
typedef struct PF_BROKER_LOCATION_REPLY {
  /**
   * The PCI segment.
   */
  uint16_t segment;
  /**
   * The bus.
   */
  uint8_t bus;
  /**
   * The function number in 8 bits, as alternative routing IDs have it (PCI Express Base
   * Specification, section 6.13): the device in the upper 5, the function in the lower 3.
   */
  uint8_t function;
} PF_BROKER_LOCATION_REPLY;
/**
 * The answer where no location is known: while the PF is not in D0, and of a simulated device.
 */
#define PF_BROKER_LOCATION_REPLY_NONE (PF_BROKER_LOCATION_REPLY){ .segment = UINT16_MAX, .bus = UINT8_MAX, .function = UINT8_MAX }

/**
 * The head of a request, followed by `length` bytes of input.
 */
typedef struct PF_BROKER_SIMULATED_REQUEST {
  /**
   * Bytes of input, at most PF_BROKER_SIMULATED_MAX_INPUT.
   */
  uint32_t length;
  /**
   * The control code, or PF_BROKER_SIMULATED_CANCEL with no input and no output.
   */
  uint32_t code;
  /**
   * Bytes of output that the client has room for.
   */
  uint32_t output_length;
  /**
   * Zero.
   */
  uint32_t reserved;
} PF_BROKER_SIMULATED_REQUEST;

/**
 * The head of a reply, followed by `length` bytes of output.
 */
typedef struct PF_BROKER_SIMULATED_REPLY {
  /**
   * Bytes of output; 0 when the request failed.
   */
  uint32_t length;
  /**
   * The NTSTATUS of the request.
   */
  uint32_t status;
} PF_BROKER_SIMULATED_REPLY;



































#endif  /* PF_BROKER_H */
