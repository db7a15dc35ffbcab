/*
 * VF configuration blocks of Contoso CX-100. Generated from its block manifest: change that
 * instead.
 */
#ifndef CONTOSO_CX_100_BLOCKS_H
#define CONTOSO_CX_100_BLOCKS_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#if defined(__cplusplus) || defined(__KERNEL__) || (defined(_MSC_VER) && !defined(__clang__))
#define CONTOSO_CX_100_ASSERT(condition) static_assert(condition, #condition)
#else
#define CONTOSO_CX_100_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#ifdef __KERNEL__
#define CONTOSO_CX_100_LE(bits) __le##bits
#define CONTOSO_CX_100_BE(bits) __be##bits
#else
#define CONTOSO_CX_100_LE(bits) uint##bits##_t
#define CONTOSO_CX_100_BE(bits) uint##bits##_t
#endif

/* PCI IDs of the PF. */
#define CONTOSO_CX_100_VENDOR_ID 0x1414u
#define CONTOSO_CX_100_DEVICE_ID 0xB001u

/* Values of `opcode`. */
#define CONTOSO_CX_100_OPCODE_NOP 0x0u
#define CONTOSO_CX_100_OPCODE_MAP 0x1u
#define CONTOSO_CX_100_OPCODE_UNMAP 0x2u
#define CONTOSO_CX_100_OPCODE_SUBMIT 0x3u
#define CONTOSO_CX_100_OPCODE_SET_LABEL 0x4u

/* Values of `result`. */
#define CONTOSO_CX_100_RESULT_OK 0x0u
#define CONTOSO_CX_100_RESULT_REJECTED 0x1u
#define CONTOSO_CX_100_RESULT_NO_MEMORY 0x2u
#define CONTOSO_CX_100_RESULT_DEVICE_ERROR 0x3u

/* Values of `link`. */
#define CONTOSO_CX_100_LINK_DOWN 0x0u
#define CONTOSO_CX_100_LINK_UP 0x1u
#define CONTOSO_CX_100_LINK_DEGRADED 0x2u

static inline uint64_t contoso_cx_100_load_le(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[place + width];
	return value;
}

static inline uint64_t contoso_cx_100_load_be(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;
	size_t index;

	for (index = 0; index < width; index++)
		value = value << 8 | bytes[place + index];
	return value;
}

static inline uint64_t contoso_cx_100_add(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a + b < a;
	return a + b;
}

static inline uint64_t contoso_cx_100_subtract(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a < b;
	return a - b;
}

static inline uint64_t contoso_cx_100_multiply(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t a_high = a >> 32, b_high = b >> 32;
	uint64_t cross = a_high * (uint32_t)b + b_high * (uint32_t)a;

	*overflow |= (a_high != 0 && b_high != 0) || cross >> 32 != 0 || a * b < cross << 32;
	return a * b;
}

static inline uint64_t contoso_cx_100_crc32(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0xFFFFFFFFu;
	size_t index;
	int bit;

	for (index = 0; index < length; index++) {
		sum ^= bytes[index];
		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
	}
	return sum ^ 0xFFFFFFFFu;
}

#pragma pack(push, 1)

/*
 * Block 0 "status", a register that the VF reads, with a notification when the host changes it; a
 * shorter read gets its first bytes; what the host set survives a reset of the VF. What the VF
 * may do, and how the device is.
 */
#define CONTOSO_CX_100_STATUS_BLOCK_ID 0u
#define CONTOSO_CX_100_STATUS_LENGTH 32u
#define CONTOSO_CX_100_STATUS_INVALIDATION_MASK 0x1u
#define CONTOSO_CX_100_STATUS_VERSION_MIN 0x1u
#define CONTOSO_CX_100_STATUS_VERSION_DEFAULT 0x1u
#define CONTOSO_CX_100_STATUS_FEATURES_DEFAULT 0x43u
#define CONTOSO_CX_100_STATUS_MEMORY_LIMIT_DEFAULT 0x10000000u
#define CONTOSO_CX_100_STATUS_NUMA_NODE_DEFAULT 0xFFFFu
#define CONTOSO_CX_100_STATUS_FEATURES_MAPPING_SHIFT 0u
#define CONTOSO_CX_100_STATUS_FEATURES_MAPPING_MASK 0x1u
#define CONTOSO_CX_100_STATUS_FEATURES_JOBS_SHIFT 1u
#define CONTOSO_CX_100_STATUS_FEATURES_JOBS_MASK 0x2u
#define CONTOSO_CX_100_STATUS_FEATURES_TELEMETRY_SHIFT 2u
#define CONTOSO_CX_100_STATUS_FEATURES_TELEMETRY_MASK 0x4u
#define CONTOSO_CX_100_STATUS_FEATURES_QUEUE_LOG_SHIFT 4u
#define CONTOSO_CX_100_STATUS_FEATURES_QUEUE_LOG_MASK 0xF0u

struct contoso_cx_100_status {
	/* Version of this protocol. Set by the host. Must be at least 1. */
	CONTOSO_CX_100_LE(16) version;
	/* State of the device's link. Set by the host. Must be one of `link` (0, 1, 2). */
	uint8_t link;
	/*
	 * What the host lets this VF do. Set by the host. Bit 0: mapping. Bit 1: jobs. Bit 2:
	 * telemetry. Bits 4 to 7: queue_log. Other bits are zero.
	 */
	uint8_t features;
	/*
	 * Bytes that the VF may have mapped at once. Set by the host. Must be a multiple of 4096.
	 */
	CONTOSO_CX_100_LE(64) memory_limit;
	/* The VF's address, as six bytes in the order of the wire. Set by the host. */
	uint8_t mac[6];
	/*
	 * Where the VF's memory is best placed; 0xFFFF when that does not matter. Set by the
	 * host. Big-endian.
	 */
	CONTOSO_CX_100_BE(16) numa_node;
	/* Zero. */
	uint8_t reserved_20[12];
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_status) == 32);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, version) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, link) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, features) == 3);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, memory_limit) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, mac) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, numa_node) == 18);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_status, reserved_20) == 20);
/* The bytes of its defaults, as the initializer of `uint8_t[32]`. */
#define CONTOSO_CX_100_STATUS_DEFAULTS { \
	0x01, 0x00, 0x00, 0x43, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, \
	0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF }

/*
 * Block 1 "command", a register that the VF reads and writes. The VF asks; the host answers in
 * `response`.
 */
#define CONTOSO_CX_100_COMMAND_BLOCK_ID 1u
#define CONTOSO_CX_100_COMMAND_LENGTH 64u
#define CONTOSO_CX_100_COMMAND_INVALIDATION_MASK 0x2u
#define CONTOSO_CX_100_COMMAND_MAP_SIZE_MIN 0x1000u
#define CONTOSO_CX_100_COMMAND_MAP_SIZE_MAX 0x1000000u
#define CONTOSO_CX_100_COMMAND_UNMAP_MAPPING_MIN 0x1u
#define CONTOSO_CX_100_COMMAND_SUBMIT_INPUT_LENGTH_MIN 0x1u
#define CONTOSO_CX_100_COMMAND_SUBMIT_INPUT_LENGTH_MAX 0x100000u
#define CONTOSO_CX_100_COMMAND_SUBMIT_OUTPUT_LENGTH_MIN 0x1u
#define CONTOSO_CX_100_COMMAND_SUBMIT_OUTPUT_LENGTH_MAX 0x100000u
#define CONTOSO_CX_100_COMMAND_FLAGS_URGENT_SHIFT 0u
#define CONTOSO_CX_100_COMMAND_FLAGS_URGENT_MASK 0x1u
#define CONTOSO_CX_100_COMMAND_FLAGS_PRIORITY_SHIFT 1u
#define CONTOSO_CX_100_COMMAND_FLAGS_PRIORITY_MASK 0xEu

/* What all layouts of block "command" share. */
struct contoso_cx_100_command {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* As the layout says. */
	uint8_t layout_12[48];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, layout_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command, checksum) == 60);

/*
 * Block "command" when opcode == opcode.map. Makes pages of guest memory visible to the
 * accelerator.
 * Required: address + size <= 0x1_0000_0000.
 * Required: entries >= 1 || size == 4096.
 */
struct contoso_cx_100_command_map {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* Zero. */
	uint8_t reserved_12[4];
	/* Guest physical address of the first page. Set by the VF. Must be a multiple of 4096. */
	CONTOSO_CX_100_LE(64) address;
	/* Bytes to map. Set by the VF. Must be from 4096 to 0x1000000 and a multiple of 4096. */
	CONTOSO_CX_100_LE(32) size;
	/*
	 * Page numbers relative to `address`, where the pages do not follow each other. Set by
	 * the VF. `entries` elements, and zeros after them.
	 */
	CONTOSO_CX_100_LE(16) pages[8];
	/* Zero. */
	uint8_t reserved_44[16];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command_map) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, reserved_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, address) == 16);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, size) == 24);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, pages) == 28);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, reserved_44) == 44);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_map, checksum) == 60);
/* The bytes of its defaults, as the initializer of `uint8_t[64]`. */
#define CONTOSO_CX_100_COMMAND_MAP_DEFAULTS { \
	0x01 }

/* Block "command" when opcode == opcode.unmap && entries == 0. Takes a mapping back. */
struct contoso_cx_100_command_unmap {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* Zero. */
	uint8_t reserved_12[4];
	/* Handle from the response to `map`. Set by the VF. Must be at least 1. */
	CONTOSO_CX_100_LE(64) mapping;
	/* Zero. */
	uint8_t reserved_24[36];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command_unmap) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, reserved_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, mapping) == 16);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, reserved_24) == 24);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_unmap, checksum) == 60);
/* The bytes of its defaults, as the initializer of `uint8_t[64]`. */
#define CONTOSO_CX_100_COMMAND_UNMAP_DEFAULTS { \
	0x02 }

/*
 * Block "command" when opcode == opcode.submit && entries == 0. Runs a job whose input and output
 * lie in one mapping.
 * Required: input_offset + input_length <= limit.
 * Required: output_offset + output_length <= limit.
 * Required: input_offset + input_length <= output_offset || output_offset + output_length <=
 * input_offset.
 * Required: !(flags.urgent == 1 && flags.priority == 0).
 */
struct contoso_cx_100_command_submit {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* Zero. */
	uint8_t reserved_12[4];
	/* Set by the VF. */
	CONTOSO_CX_100_LE(64) input_offset;
	/* Set by the VF. */
	CONTOSO_CX_100_LE(64) output_offset;
	/* Set by the VF. Must be from 1 to 0x100000. */
	CONTOSO_CX_100_LE(32) input_length;
	/* Set by the VF. Must be from 1 to 0x100000. */
	CONTOSO_CX_100_LE(32) output_length;
	/* The length of the mapping, as the VF understands it. Set by the VF. */
	CONTOSO_CX_100_LE(64) limit;
	/* Zero. */
	uint8_t reserved_48[12];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command_submit) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, reserved_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, input_offset) == 16);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, output_offset) == 24);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, input_length) == 32);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, output_length) == 36);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, limit) == 40);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, reserved_48) == 48);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_submit, checksum) == 60);
/* The bytes of its defaults, as the initializer of `uint8_t[64]`. */
#define CONTOSO_CX_100_COMMAND_SUBMIT_DEFAULTS { \
	0x03 }

/*
 * Block "command" when opcode == opcode.set_label && entries == 0. Names this VF for the
 * administrator.
 */
struct contoso_cx_100_command_set_label {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* Zero. */
	uint8_t reserved_12[4];
	/* Set by the VF. */
	uint8_t label[16];
	/* Zero. */
	uint8_t reserved_32[28];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command_set_label) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, reserved_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, label) == 16);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, reserved_32) == 32);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_set_label, checksum) == 60);
/* The bytes of its defaults, as the initializer of `uint8_t[64]`. */
#define CONTOSO_CX_100_COMMAND_SET_LABEL_DEFAULTS { \
	0x04 }

/* Block "command" when opcode == opcode.nop && entries == 0. */
struct contoso_cx_100_command_nop {
	/*
	 * What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1,
	 * 2, 3, 4).
	 */
	CONTOSO_CX_100_LE(16) opcode;
	/* Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero. */
	CONTOSO_CX_100_LE(16) flags;
	/*
	 * Number of the command; the response carries it back. Set by the VF. Greater in each
	 * write than in the one before, wrapping around.
	 */
	CONTOSO_CX_100_LE(32) sequence;
	/* Elements of the layout's array that are used. Set by the VF. */
	CONTOSO_CX_100_LE(32) entries;
	/* Zero. */
	uint8_t reserved_12[48];
	/*
	 * Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes
	 * 0 to 59.
	 */
	CONTOSO_CX_100_LE(32) checksum;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_command_nop) == 64);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, opcode) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, flags) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, sequence) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, entries) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, reserved_12) == 12);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_command_nop, checksum) == 60);

/*
 * Judges a write of block "command" before it is sent: NULL if it is valid, or else what is
 * wrong. It reads the host's fields from the bytes, so read the block before you change your
 * fields. It judges neither sequences nor rules that read other blocks or the values before the
 * write.
 */
static inline const char *contoso_cx_100_command_problem(const void *block, size_t length)
{
	const uint8_t *sent = (const uint8_t *)block;
	uint8_t image[64] = { 0 };
	uint64_t value = 0, count = 0;
	size_t index;
	int layout = 0, overflow = 0;

	(void)image, (void)value, (void)count, (void)layout, (void)overflow;
	if (length < 64 || length > 64)
		return "length: must be from 64 to 64";
	for (index = 0; index < length; index++)
		image[index] = sent[index];
	if (!(length >= 64 && contoso_cx_100_crc32(sent, 60) == contoso_cx_100_load_le(sent, 60, 4)))
		return "checksum: not the CRC-32";
	for (index = 0; index < 1; index++) {
		value = contoso_cx_100_load_le(image, 0 + 2 * index, 2);
		if (!((value == 0x0 || value == 0x1 || value == 0x2 || value == 0x3 || value == 0x4)))
			return "opcode: must be one of `opcode` (0, 1, 2, 3, 4)";
	}
	for (index = 0; index < 1; index++) {
		value = contoso_cx_100_load_le(image, 2 + 2 * index, 2);
		if (!((value & 0xFFFFFFFFFFFFFFF0ull) == 0))
			return "flags: bits that are not allowed";
	}
	if (layout == 0 && (contoso_cx_100_load_le(image, 0, 2) == 0x1ull)) {
		layout = 1;
	}
	if (!(!overflow))
		return "layout map: its condition overflows";
	if (layout == 0 && ((contoso_cx_100_load_le(image, 0, 2) == 0x2ull) && (contoso_cx_100_load_le(image, 8, 4) == 0x0ull))) {
		layout = 2;
	}
	if (!(!overflow))
		return "layout unmap: its condition overflows";
	if (layout == 0 && ((contoso_cx_100_load_le(image, 0, 2) == 0x3ull) && (contoso_cx_100_load_le(image, 8, 4) == 0x0ull))) {
		layout = 3;
	}
	if (!(!overflow))
		return "layout submit: its condition overflows";
	if (layout == 0 && ((contoso_cx_100_load_le(image, 0, 2) == 0x4ull) && (contoso_cx_100_load_le(image, 8, 4) == 0x0ull))) {
		layout = 4;
	}
	if (!(!overflow))
		return "layout set_label: its condition overflows";
	if (layout == 0 && ((contoso_cx_100_load_le(image, 0, 2) == 0x0ull) && (contoso_cx_100_load_le(image, 8, 4) == 0x0ull))) {
		layout = 5;
	}
	if (!(!overflow))
		return "layout nop: its condition overflows";
	if (!(layout != 0))
		return "no layout has this message";
	if (layout == 1) {
		for (index = 12; index < 16; index++) {
			if (!(image[index] == 0))
				return "bytes 12 to 15: not zero";
		}
		for (index = 44; index < 60; index++) {
			if (!(image[index] == 0))
				return "bytes 44 to 59: not zero";
		}
		for (index = 0; index < 1; index++) {
			value = contoso_cx_100_load_le(image, 16 + 8 * index, 8);
			if (!(value % 0x1000 == 0))
				return "address: must be a multiple of 4096";
		}
		for (index = 0; index < 1; index++) {
			value = contoso_cx_100_load_le(image, 24 + 4 * index, 4);
			if (!(value >= 0x1000 && value <= 0x1000000 && value % 0x1000 == 0))
				return "size: must be from 4096 to 0x1000000 and a multiple of 4096";
		}
		count = contoso_cx_100_load_le(image, 8, 4);
		if (!(count <= 8))
			return "entries: more than 8 elements";
		for (index = (size_t)count; index < 8; index++) {
			value = contoso_cx_100_load_le(image, 28 + 2 * index, 2);
			if (!(value == 0))
				return "pages: elements after the count are not zero";
		}
		if (!((contoso_cx_100_add(contoso_cx_100_load_le(image, 16, 8), contoso_cx_100_load_le(image, 24, 4), &overflow) <= 0x100000000ull)))
			return "address + size <= 0x1_0000_0000";
		if (!(!overflow))
			return "address + size <= 0x1_0000_0000: overflows";
		if (!(((contoso_cx_100_load_le(image, 8, 4) >= 0x1ull) || (contoso_cx_100_load_le(image, 24, 4) == 0x1000ull))))
			return "entries >= 1 || size == 4096";
		if (!(!overflow))
			return "entries >= 1 || size == 4096: overflows";
	}
	if (layout == 2) {
		for (index = 12; index < 16; index++) {
			if (!(image[index] == 0))
				return "bytes 12 to 15: not zero";
		}
		for (index = 24; index < 60; index++) {
			if (!(image[index] == 0))
				return "bytes 24 to 59: not zero";
		}
		for (index = 0; index < 1; index++) {
			value = contoso_cx_100_load_le(image, 16 + 8 * index, 8);
			if (!(value >= 0x1))
				return "mapping: must be at least 1";
		}
	}
	if (layout == 3) {
		for (index = 12; index < 16; index++) {
			if (!(image[index] == 0))
				return "bytes 12 to 15: not zero";
		}
		for (index = 48; index < 60; index++) {
			if (!(image[index] == 0))
				return "bytes 48 to 59: not zero";
		}
		for (index = 0; index < 1; index++) {
			value = contoso_cx_100_load_le(image, 32 + 4 * index, 4);
			if (!(value >= 0x1 && value <= 0x100000))
				return "input_length: must be from 1 to 0x100000";
		}
		for (index = 0; index < 1; index++) {
			value = contoso_cx_100_load_le(image, 36 + 4 * index, 4);
			if (!(value >= 0x1 && value <= 0x100000))
				return "output_length: must be from 1 to 0x100000";
		}
		if (!((contoso_cx_100_add(contoso_cx_100_load_le(image, 16, 8), contoso_cx_100_load_le(image, 32, 4), &overflow) <= contoso_cx_100_load_le(image, 40, 8))))
			return "input_offset + input_length <= limit";
		if (!(!overflow))
			return "input_offset + input_length <= limit: overflows";
		if (!((contoso_cx_100_add(contoso_cx_100_load_le(image, 24, 8), contoso_cx_100_load_le(image, 36, 4), &overflow) <= contoso_cx_100_load_le(image, 40, 8))))
			return "output_offset + output_length <= limit";
		if (!(!overflow))
			return "output_offset + output_length <= limit: overflows";
		if (!(((contoso_cx_100_add(contoso_cx_100_load_le(image, 16, 8), contoso_cx_100_load_le(image, 32, 4), &overflow) <= contoso_cx_100_load_le(image, 24, 8)) || (contoso_cx_100_add(contoso_cx_100_load_le(image, 24, 8), contoso_cx_100_load_le(image, 36, 4), &overflow) <= contoso_cx_100_load_le(image, 16, 8)))))
			return "input_offset + input_length <= output_offset || output_offset + output_length <= input_offset";
		if (!(!overflow))
			return "input_offset + input_length <= output_offset || output_offset + output_length <= input_offset: overflows";
		if (!(!((((contoso_cx_100_load_le(image, 2, 2) >> 0) & 0x1ull) == 0x1ull) && (((contoso_cx_100_load_le(image, 2, 2) >> 1) & 0x7ull) == 0x0ull))))
			return "!(flags.urgent == 1 && flags.priority == 0)";
		if (!(!overflow))
			return "!(flags.urgent == 1 && flags.priority == 0): overflows";
	}
	if (layout == 4) {
		for (index = 12; index < 16; index++) {
			if (!(image[index] == 0))
				return "bytes 12 to 15: not zero";
		}
		for (index = 32; index < 60; index++) {
			if (!(image[index] == 0))
				return "bytes 32 to 59: not zero";
		}
		for (index = 16; index < 32; index++) {
			if (!(image[index] == 0 || (image[index] >= 0x20 && image[index] <= 0x7E && (index == 16 || image[index - 1] != 0))))
				return "label: not printable ASCII with zeros after it";
		}
	}
	if (layout == 5) {
		for (index = 12; index < 60; index++) {
			if (!(image[index] == 0))
				return "bytes 12 to 59: not zero";
		}
	}
	return NULL;
}

/*
 * Block 2 "response", a register that the VF reads, with a notification when the host changes it.
 * The host's answer to the last command.
 * Required: result == result.ok || detail != 0.
 */
#define CONTOSO_CX_100_RESPONSE_BLOCK_ID 2u
#define CONTOSO_CX_100_RESPONSE_LENGTH 32u
#define CONTOSO_CX_100_RESPONSE_INVALIDATION_MASK 0x4u

struct contoso_cx_100_response {
	/* The sequence number of the command that this answers. Set by the host. */
	CONTOSO_CX_100_LE(32) sequence;
	/* Set by the host. Must be one of `result` (0, 1, 2, 3). */
	CONTOSO_CX_100_LE(16) result;
	/* Why it failed; zero when it did not. Set by the host. */
	CONTOSO_CX_100_LE(16) detail;
	/* Handle of a new mapping. Set by the host. */
	CONTOSO_CX_100_LE(64) mapping;
	/* Set by the host. */
	CONTOSO_CX_100_LE(32) payload[4];
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_response) == 32);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_response, sequence) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_response, result) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_response, detail) == 6);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_response, mapping) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_response, payload) == 16);

/*
 * Block 3 "mailbox", a register that the VF reads and writes, with a notification when the host
 * changes it. Doorbell and queue sizes, agreed on by both sides.
 * Required: wanted_queues <= granted_queues.
 */
#define CONTOSO_CX_100_MAILBOX_BLOCK_ID 3u
#define CONTOSO_CX_100_MAILBOX_MIN_LENGTH 8u
#define CONTOSO_CX_100_MAILBOX_LENGTH 16u
#define CONTOSO_CX_100_MAILBOX_INVALIDATION_MASK 0x8u
#define CONTOSO_CX_100_MAILBOX_READY_MAX 0x1u
#define CONTOSO_CX_100_MAILBOX_GRANTED_QUEUES_MIN 0x1u
#define CONTOSO_CX_100_MAILBOX_GRANTED_QUEUES_MAX 0x40u
#define CONTOSO_CX_100_MAILBOX_GRANTED_QUEUES_DEFAULT 0x4u

struct contoso_cx_100_mailbox {
	/* Set by the VF. */
	CONTOSO_CX_100_LE(16) wanted_queues;
	/* The VF's driver has set itself up. Set by the VF. Must be at most 1. */
	uint8_t ready;
	/* Zero. */
	uint8_t reserved_3[1];
	/* Either side adds one to wake the other. Set by the VF and by the host. */
	CONTOSO_CX_100_LE(32) doorbell;
	/* Set by the host. Must be from 1 to 64. */
	CONTOSO_CX_100_LE(16) granted_queues;
	/* Zero. */
	uint8_t reserved_10[2];
	/*
	 * Counts the times that the host has changed its grants; it never goes back. Set by the
	 * host. Never less than in the write before.
	 */
	CONTOSO_CX_100_LE(32) epoch;
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_mailbox) == 16);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, wanted_queues) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, ready) == 2);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, reserved_3) == 3);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, doorbell) == 4);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, granted_queues) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, reserved_10) == 10);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_mailbox, epoch) == 12);
/* The bytes of its defaults, as the initializer of `uint8_t[16]`. */
#define CONTOSO_CX_100_MAILBOX_DEFAULTS { \
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04 }

/*
 * Judges a write of block "mailbox" before it is sent: NULL if it is valid, or else what is
 * wrong. It reads the host's fields from the bytes, so read the block before you change your
 * fields. It judges neither sequences nor rules that read other blocks or the values before the
 * write.
 */
static inline const char *contoso_cx_100_mailbox_problem(const void *block, size_t length)
{
	const uint8_t *sent = (const uint8_t *)block;
	uint8_t image[16] = { 0 };
	uint64_t value = 0, count = 0;
	size_t index;
	int layout = 0, overflow = 0;

	(void)image, (void)value, (void)count, (void)layout, (void)overflow;
	if (length < 8 || length > 16)
		return "length: must be from 8 to 16";
	for (index = 0; index < length; index++)
		image[index] = sent[index];
	for (index = 0; index < 1; index++) {
		value = contoso_cx_100_load_le(image, 2 + 1 * index, 1);
		if (!(value <= 0x1))
			return "ready: must be at most 1";
	}
	for (index = 0; index < 1; index++) {
		value = contoso_cx_100_load_le(image, 8 + 2 * index, 2);
		if (!(value >= 0x1 && value <= 0x40))
			return "granted_queues: must be from 1 to 64";
	}
	for (index = 3; index < 4; index++) {
		if (!(image[index] == 0))
			return "bytes 3 to 3: not zero";
	}
	for (index = 10; index < 12; index++) {
		if (!(image[index] == 0))
			return "bytes 10 to 11: not zero";
	}
	if (!((contoso_cx_100_load_le(image, 0, 2) <= contoso_cx_100_load_le(image, 8, 2))))
		return "wanted_queues <= granted_queues";
	if (!(!overflow))
		return "wanted_queues <= granted_queues: overflows";
	return NULL;
}

/*
 * Block 70 "telemetry", a stream of messages from the VF; 32 are kept, then the oldest is
 * dropped. What the VF measures, one message for each sample.
 */
#define CONTOSO_CX_100_TELEMETRY_BLOCK_ID 70u
#define CONTOSO_CX_100_TELEMETRY_MIN_LENGTH 24u
#define CONTOSO_CX_100_TELEMETRY_LENGTH 128u
#define CONTOSO_CX_100_TELEMETRY_VALUES_MAX 0xFFFFFFFFFFFFull

struct contoso_cx_100_telemetry {
	/*
	 * Nanoseconds since the VF driver started. Set by the VF. Greater in each write than in
	 * the one before.
	 */
	CONTOSO_CX_100_LE(64) time;
	/* Values that follow. Set by the VF. */
	uint8_t samples;
	/* Set by the VF. Must be one of 1, 2, 4, 8, 16. */
	uint8_t unit;
	/* Zero. */
	uint8_t reserved_10[6];
	/*
	 * Set by the VF. `samples` elements, and zeros after them. Each must be at most
	 * 0xFFFFFFFFFFFF.
	 */
	CONTOSO_CX_100_LE(64) values[14];
};
CONTOSO_CX_100_ASSERT(sizeof(struct contoso_cx_100_telemetry) == 128);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_telemetry, time) == 0);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_telemetry, samples) == 8);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_telemetry, unit) == 9);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_telemetry, reserved_10) == 10);
CONTOSO_CX_100_ASSERT(offsetof(struct contoso_cx_100_telemetry, values) == 16);

/*
 * Judges a write of block "telemetry" before it is sent: NULL if it is valid, or else what is
 * wrong. It reads the host's fields from the bytes, so read the block before you change your
 * fields. It judges neither sequences nor rules that read other blocks or the values before the
 * write.
 */
static inline const char *contoso_cx_100_telemetry_problem(const void *block, size_t length)
{
	const uint8_t *sent = (const uint8_t *)block;
	uint8_t image[128] = { 0 };
	uint64_t value = 0, count = 0;
	size_t index;
	int layout = 0, overflow = 0;

	(void)image, (void)value, (void)count, (void)layout, (void)overflow;
	if (length < 24 || length > 128)
		return "length: must be from 24 to 128";
	for (index = 0; index < length; index++)
		image[index] = sent[index];
	for (index = 0; index < 1; index++) {
		value = contoso_cx_100_load_le(image, 9 + 1 * index, 1);
		if (!((value == 0x1 || value == 0x2 || value == 0x4 || value == 0x8 || value == 0x10)))
			return "unit: must be one of 1, 2, 4, 8, 16";
	}
	count = contoso_cx_100_load_le(image, 8, 1);
	if (!(count <= 14))
		return "samples: more than 14 elements";
	for (index = (size_t)count; index < 14; index++) {
		value = contoso_cx_100_load_le(image, 16 + 8 * index, 8);
		if (!(value == 0))
			return "values: elements after the count are not zero";
	}
	for (index = 0; index < (size_t)count; index++) {
		value = contoso_cx_100_load_le(image, 16 + 8 * index, 8);
		if (!(value <= 0xFFFFFFFFFFFF))
			return "values: must be at most 0xFFFFFFFFFFFF";
	}
	for (index = 10; index < 16; index++) {
		if (!(image[index] == 0))
			return "bytes 10 to 15: not zero";
	}
	return NULL;
}

#pragma pack(pop)

#undef CONTOSO_CX_100_ASSERT
#undef CONTOSO_CX_100_LE
#undef CONTOSO_CX_100_BE

#endif /* CONTOSO_CX_100_BLOCKS_H */
