/*
 * VF configuration blocks of Contoso CX-200. Generated from its block manifest: change that
 * instead.
 */
#ifndef CONTOSO_CX_200_BLOCKS_H
#define CONTOSO_CX_200_BLOCKS_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#if defined(__cplusplus) || defined(__KERNEL__) || (defined(_MSC_VER) && !defined(__clang__))
#define CONTOSO_CX_200_ASSERT(condition) static_assert(condition, #condition)
#else
#define CONTOSO_CX_200_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#ifdef __KERNEL__
#define CONTOSO_CX_200_LE(bits) __le##bits
#define CONTOSO_CX_200_BE(bits) __be##bits
#else
#define CONTOSO_CX_200_LE(bits) uint##bits##_t
#define CONTOSO_CX_200_BE(bits) uint##bits##_t
#endif

/* PCI IDs of the PF. */
#define CONTOSO_CX_200_VENDOR_ID 0x1414u
#define CONTOSO_CX_200_DEVICE_ID 0xB020u

/* Values of `opcode`. */
#define CONTOSO_CX_200_OPCODE_MAP 0x1u
#define CONTOSO_CX_200_OPCODE_UNMAP 0x2u

static inline uint64_t contoso_cx_200_load_le(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[place + width];
	return value;
}

static inline uint64_t contoso_cx_200_load_be(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;
	size_t index;

	for (index = 0; index < width; index++)
		value = value << 8 | bytes[place + index];
	return value;
}

static inline uint64_t contoso_cx_200_add(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a + b < a;
	return a + b;
}

static inline uint64_t contoso_cx_200_subtract(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a < b;
	return a - b;
}

static inline uint64_t contoso_cx_200_multiply(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t a_high = a >> 32, b_high = b >> 32;
	uint64_t cross = a_high * (uint32_t)b + b_high * (uint32_t)a;

	*overflow |= (a_high != 0 && b_high != 0) || cross >> 32 != 0 || a * b < cross << 32;
	return a * b;
}

static inline uint64_t contoso_cx_200_crc32(const uint8_t *bytes, size_t length)
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
 * Block 0 "command", a register that the VF reads and writes; the PF's driver handles each write,
 * and may decline it. The VF's request. The companion handles each write before it is committed.
 */
#define CONTOSO_CX_200_COMMAND_BLOCK_ID 0u
#define CONTOSO_CX_200_COMMAND_LENGTH 20u
#define CONTOSO_CX_200_COMMAND_INVALIDATION_MASK 0x1u
#define CONTOSO_CX_200_COMMAND_SEQUENCE_MIN 0x1u
#define CONTOSO_CX_200_COMMAND_SIZE_MIN 0x1000u
#define CONTOSO_CX_200_COMMAND_SIZE_MAX 0x1000000u

struct contoso_cx_200_command {
	/*
	 * The number of the command; the response carries it back. Set by the VF. Must be at
	 * least 1. Greater in each write than in the one before, wrapping around.
	 */
	CONTOSO_CX_200_LE(32) sequence;
	/* Set by the VF. Must be one of `opcode` (1, 2). */
	CONTOSO_CX_200_LE(16) opcode;
	/* Zero. */
	uint8_t reserved_6[2];
	/* Guest physical address of the first byte. Set by the VF. Must be a multiple of 4096. */
	CONTOSO_CX_200_LE(64) address;
	/*
	 * Bytes. The device may take fewer than the manifest allows, which only the companion can
	 * know. Set by the VF. Must be from 4096 to 0x1000000 and a multiple of 4096.
	 */
	CONTOSO_CX_200_LE(32) size;
};
CONTOSO_CX_200_ASSERT(sizeof(struct contoso_cx_200_command) == 20);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_command, sequence) == 0);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_command, opcode) == 4);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_command, reserved_6) == 6);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_command, address) == 8);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_command, size) == 16);

/*
 * Judges a write of block "command" before it is sent: NULL if it is valid, or else what is
 * wrong. It reads the host's fields from the bytes, so read the block before you change your
 * fields. It judges neither sequences nor rules that read other blocks or the values before the
 * write.
 */
static inline const char *contoso_cx_200_command_problem(const void *block, size_t length)
{
	const uint8_t *sent = (const uint8_t *)block;
	uint8_t image[20] = { 0 };
	uint64_t value = 0, count = 0;
	size_t index;
	int layout = 0, overflow = 0;

	(void)image, (void)value, (void)count, (void)layout, (void)overflow;
	if (length < 20 || length > 20)
		return "length: must be from 20 to 20";
	for (index = 0; index < length; index++)
		image[index] = sent[index];
	for (index = 0; index < 1; index++) {
		value = contoso_cx_200_load_le(image, 0 + 4 * index, 4);
		if (!(value >= 0x1))
			return "sequence: must be at least 1";
	}
	for (index = 0; index < 1; index++) {
		value = contoso_cx_200_load_le(image, 4 + 2 * index, 2);
		if (!((value == 0x1 || value == 0x2)))
			return "opcode: must be one of `opcode` (1, 2)";
	}
	for (index = 0; index < 1; index++) {
		value = contoso_cx_200_load_le(image, 8 + 8 * index, 8);
		if (!(value % 0x1000 == 0))
			return "address: must be a multiple of 4096";
	}
	for (index = 0; index < 1; index++) {
		value = contoso_cx_200_load_le(image, 16 + 4 * index, 4);
		if (!(value >= 0x1000 && value <= 0x1000000 && value % 0x1000 == 0))
			return "size: must be from 4096 to 0x1000000 and a multiple of 4096";
	}
	for (index = 6; index < 8; index++) {
		if (!(image[index] == 0))
			return "bytes 6 to 7: not zero";
	}
	return NULL;
}

/*
 * Block 1 "response", a register that the VF reads, with a notification when the host changes it.
 * The answer to the last command.
 */
#define CONTOSO_CX_200_RESPONSE_BLOCK_ID 1u
#define CONTOSO_CX_200_RESPONSE_LENGTH 8u
#define CONTOSO_CX_200_RESPONSE_INVALIDATION_MASK 0x2u

struct contoso_cx_200_response {
	/* The number of the command that this answers. Set by the host. */
	CONTOSO_CX_200_LE(32) sequence;
	/* Pages that the command covered. Set by the host. */
	CONTOSO_CX_200_LE(32) pages;
};
CONTOSO_CX_200_ASSERT(sizeof(struct contoso_cx_200_response) == 8);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_response, sequence) == 0);
CONTOSO_CX_200_ASSERT(offsetof(struct contoso_cx_200_response, pages) == 4);

#pragma pack(pop)

#undef CONTOSO_CX_200_ASSERT
#undef CONTOSO_CX_200_LE
#undef CONTOSO_CX_200_BE

#endif /* CONTOSO_CX_200_BLOCKS_H */
