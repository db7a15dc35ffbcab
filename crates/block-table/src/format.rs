//! The records of a block table, as laid out in its bytes.
//!
//! All records are little-endian and have an alignment of one byte, so a table can be read in
//! place. The sections follow the [`Header`] in this order and without gaps, so there are no
//! section offsets:
//!
//! | section | element | count in the header |
//! |---|---|---|
//! | blocks | [`BlockRecord`] | `blocks` |
//! | slots of the ID lookup | `U16`, [`EMPTY_SLOT`] or a block's index | `slots` |
//! | layouts | [`LayoutRecord`] | `layouts` |
//! | rules | [`RuleRecord`] | `rules` |
//! | instructions | [`Instruction`] | `instructions` |
//! | values | `U64` | `values` |
//! | images | [`Image`](crate::Image), 128 bytes each | `images` |
//! | strings | UTF-8 bytes | `strings` |
//! | manifest | bytes, see [`Table::manifest`](crate::Table::manifest) | `manifest` |

use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The first eight bytes of every table.
pub const MAGIC: [u8; 8] = *b"PFBLOCKS";
/// The version of the format that this crate reads and writes.
pub const VERSION: u16 = 5;
/// The most device IDs that one table can be for.
pub const MAX_DEVICE_IDS: usize = 16;
/// A slot of the ID lookup that holds no block.
pub const EMPTY_SLOT: u16 = u16::MAX;
/// The most slots that a lookup may probe.
pub const MAX_PROBES: u8 = 8;
/// Offset of the first byte that the header's CRC covers: the one after the CRC.
pub const CRC_START: usize = 20;
/// [`BlockRecord::checksum_offset`] of a block without a checksum field.
pub const NO_CHECKSUM: u8 = u8::MAX;
/// The most other blocks whose values the rules of one block may read.
pub const MAX_USES: usize = 4;
/// An entry of [`BlockRecord::uses`] that names no block.
pub const NO_BLOCK: u16 = u16::MAX;
/// The length of a [`KeyRecord`]'s mask and value in bytes.
pub const KEY_LENGTH: usize = 16;
/// The last offset at which a [`KeyRecord`] may begin.
pub const LAST_KEY_START: u8 = 112;

/// The beginning of a table.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U16,
    /// Zero.
    pub reserved: U16,
    /// The length of the whole table in bytes.
    pub length: U32,
    /// CRC-32/ISO-HDLC of every byte after this field, up to `length`.
    pub crc: U32,
    /// PCI vendor ID of the PF.
    pub vendor_id: U16,
    /// PCI device IDs that the PF may have: the first [`device_id_count`](Self::device_id_count),
    /// all different. The others are zero.
    pub device_ids: [U16; MAX_DEVICE_IDS],
    /// Number of device IDs, 1 to [`MAX_DEVICE_IDS`].
    pub device_id_count: u8,
    /// The most VFs that may be enabled, 1 to [`MAX_VFS`](crate::MAX_VFS).
    pub max_vfs: U16,
    /// Writes that each VF may make in a second; zero without a limit.
    pub writes_per_second: U32,
    /// Writes that each VF may make at once; zero without a limit.
    pub burst: U32,
    /// Milliseconds for which a VF waits for an acknowledgement after a reset, at most
    /// [`MAX_RESET_TIMEOUT`](crate::MAX_RESET_TIMEOUT); zero if it is served at once.
    pub reset_timeout: U16,
    /// The device's name.
    pub name: Text,
    /// Multiplier of the ID lookup: a block's first slot is `(id * multiplier) >> shift`, modulo
    /// `slots`.
    pub multiplier: U32,
    /// Shift of the ID lookup, at most 31.
    pub shift: u8,
    /// Slots to probe before an ID is unknown, 1 to [`MAX_PROBES`].
    pub probes: u8,
    /// Number of blocks.
    pub blocks: U16,
    /// Number of slots, a power of two.
    pub slots: U32,
    /// Number of layouts.
    pub layouts: U32,
    /// Number of rules.
    pub rules: U32,
    /// Number of instructions.
    pub instructions: U32,
    /// Number of values.
    pub values: U32,
    /// Number of images.
    pub images: U32,
    /// Length of the strings in bytes.
    pub strings: U32,
    /// Length of the manifest in bytes; zero without one.
    pub manifest: U32,
}

impl Header {
    /// The device IDs that are there; none if their number is too large.
    pub(crate) fn device_ids(&self) -> &[U16] {
        self.device_ids
            .get(..usize::from(self.device_id_count))
            .unwrap_or(&[])
    }
}

/// A string in the string section.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Text {
    /// The first byte.
    pub start: U32,
    /// The length in bytes.
    pub length: U16,
}

/// Consecutive elements of a section.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Span {
    /// Index of the first element.
    pub start: U32,
    /// The number of elements.
    pub count: U16,
}

/// The role of each byte of an image, as five indices into the image section.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Shape {
    /// The image that the block has after a reset, or that a layout has when it is newly chosen.
    pub default: U16,
    /// `0xFF` for each byte that a VF's write sets, zero for the others.
    pub vf: U16,
    /// `0xFF` for each byte that a publish sets, zero for the others.
    pub pf: U16,
    /// The bits that must be zero.
    pub reserved: U16,
    /// `0xFF` for each byte that stays at a reset: bytes that no VF's write sets.
    pub kept: U16,
}

/// One block.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BlockRecord {
    /// The block ID.
    pub id: U32,
    /// The block's name.
    pub name: Text,
    /// [`block_kind`].
    pub kind: u8,
    /// [`access`].
    pub access: u8,
    /// [`block_flag`]s.
    pub flags: u8,
    /// The shortest write in bytes.
    pub min_length: u8,
    /// The longest write, and the length of the block, in bytes.
    pub max_length: u8,
    /// Offset of the checksum, or [`NO_CHECKSUM`].
    pub checksum_offset: u8,
    /// [`operand`] shape of the checksum: four bytes of either order.
    pub checksum_operand: u8,
    /// [`owner`] bits: whose writes must contain the checksum.
    pub checksum_owner: u8,
    /// [`covered`]: the bytes that the checksum is of; zero without a checksum field.
    pub checksum_covered: u8,
    /// Messages that a stream keeps for each VF; zero for a register.
    pub depth: U16,
    /// The block as a whole. In a block with layouts either side sets the bytes outside of
    /// `common`; the chosen layout decides whose they are.
    pub shape: Shape,
    /// Index of an image with `0xFF` for each byte that fields of the block itself cover, where
    /// layouts do not reach. In a block with layouts the rules before the choice, the keys and the
    /// conditions read no other bytes, and each layout has the masks of the block there.
    pub common: U16,
    /// Rules that hold before a layout is chosen.
    pub rules: Span,
    /// The alternative layouts, in the order in which they are tried; none for a block of one
    /// shape.
    pub layouts: Span,
    /// Rules that hold in every layout, evaluated last.
    pub last_rules: Span,
    /// The most simple comparisons that one write takes ([`Work`](crate::Work)), at most
    /// [`MAX_WORK`](crate::MAX_WORK).
    pub work: U32,
    /// Indices of the blocks whose values the rules of this one read ([`source::used`]), all
    /// different: registers that no VF writes. The entries after them are [`NO_BLOCK`].
    pub uses: [U16; MAX_USES],
}

/// The bits that identify a layout. Most conditions of layouts begin with equalities of fields and
/// constants that lie close together; a key compares all of them in one step.
///
/// Every image matches a key without bits.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct KeyRecord {
    /// The first of the [`KEY_LENGTH`] bytes of the image that are compared, at most
    /// [`LAST_KEY_START`].
    pub start: u8,
    /// The bits among them that are compared, all of them inside the block.
    pub mask: U128,
    /// The value of these bits; the others are zero.
    pub value: U128,
}

/// One alternative layout of a block.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LayoutRecord {
    /// The bits that an image in this layout must have.
    pub key: KeyRecord,
    /// The instructions that choose this layout for an image that has the key; an empty span
    /// chooses it always.
    pub when: Span,
    /// The whole block in this layout.
    pub shape: Shape,
    /// Rules that hold in this layout.
    pub rules: Span,
}

/// One rule.
///
/// `start`, `shift` and `mask` follow from `offset` and `operand`. They are stored so that a rule
/// on a single integer does not compute them: it reads eight bytes from `start`, shifts them right
/// and masks them. A rule on consecutive bits of a single integer has a larger shift and a smaller
/// mask.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RuleRecord {
    /// [`rule`], perhaps with [`rule::COUNTED`].
    pub kind: u8,
    /// Offset of the field in bytes.
    pub offset: u8,
    /// [`operand`] shape of the field, or of one of its elements.
    pub operand: u8,
    /// Number of elements, 1 to 128.
    pub elements: u8,
    /// First of the eight bytes that contain the first element.
    pub start: u8,
    /// Right shift that moves its lowest bit, or the lowest one that is judged, to bit 0.
    pub shift: u8,
    /// First detail, as documented at [`rule`]; otherwise zero.
    pub detail: u8,
    /// Second detail, as documented at [`rule`]; otherwise zero.
    pub second: u8,
    /// The bits that an element has, or those that are judged.
    pub mask: U64,
    /// First argument.
    pub a: U64,
    /// Second argument.
    pub b: U64,
}

/// One instruction of a compiled expression. The expression is a stack machine on 64-bit values,
/// which are unsigned except in operations with [`op::SIGNED`].
///
/// Most conditions compare a field, or the sum of two, with a field or a constant. [`op::COMPARE`]
/// does that in one instruction; the others do everything else.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Instruction {
    /// [`op`], perhaps with one of [`op::IMMEDIATE`], [`op::FIELD`] and [`op::COMPARE`], and with
    /// [`op::SIGNED`].
    pub op: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// [`op::COMPARE`]: the left side; otherwise zero.
    pub left: FieldRecord,
    /// [`op::COMPARE`]: the field that is added to the left side, if it has any bits; otherwise
    /// zero.
    pub plus: FieldRecord,
    /// [`op::FIELD`]: the right operand. [`op::COMPARE`]: the right side, if it has any bits.
    /// Otherwise zero.
    pub right: FieldRecord,
    /// [`op::IMMEDIATE`]: the right operand, or the number of instructions that a jump skips.
    /// [`op::COMPARE`]: the right side if it is not a field. Otherwise zero.
    pub immediate: U64,
}

/// A field in an expression, or some bits of one.
///
/// It is extracted from the eight bytes of an image at `start`: they are read as a little-endian
/// or big-endian integer and shifted right by `shift`, and the lowest `bits` remain. So fields of
/// any width, and parts of them, take the same few steps.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct FieldRecord {
    /// The first of the eight bytes, at most 120.
    pub start: u8,
    /// Bits to shift right by, less than 64.
    pub shift: u8,
    /// [`operand::BIG_ENDIAN`] or zero, [`operand::SIGNED`] or zero, and the [`source`] of the bytes.
    pub order: u8,
    /// Bits that remain, 1 to 64; zero when there is no field.
    pub bits: u8,
}

/// Values of [`BlockRecord::kind`].
pub mod block_kind {
    /// The last committed value.
    pub const REGISTER: u8 = 0;
    /// A bounded queue of messages from VF to PF.
    pub const STREAM: u8 = 1;
}

/// Values of [`BlockRecord::access`]: what a VF may do.
pub mod access {
    /// The VF does nothing: the block is state of the host.
    pub const NONE: u8 = 0;
    /// The VF reads.
    pub const READ_ONLY: u8 = 1;
    /// The VF writes.
    pub const WRITE_ONLY: u8 = 2;
    /// The VF reads and writes.
    pub const READ_WRITE: u8 = 3;
}

/// Bits of [`BlockRecord::flags`].
pub mod block_flag {
    /// Publishing the block invalidates it for the VF.
    pub const NOTIFY: u8 = 1 << 0;
    /// A read shorter than the block gets a prefix.
    pub const SHORT_READ: u8 = 1 << 1;
    /// Some bytes stay at a reset: [`Shape::kept`](super::Shape::kept).
    pub const KEEP: u8 = 1 << 2;
    /// A full stream drops its oldest message.
    pub const DROP_OLDEST: u8 = 1 << 3;
    /// A VF's write sets every byte of the block, in each of its layouts.
    pub const VF_WRITES_ALL: u8 = 1 << 4;
    /// A publish sets every byte of the block, in each of its layouts.
    pub const PF_WRITES_ALL: u8 = 1 << 5;
    /// The companion driver handles a VF's write before it is committed.
    pub const COMPANION_WRITE: u8 = 1 << 6;
    /// The companion driver sets the PF's bytes before a VF's read is answered.
    pub const COMPANION_READ: u8 = 1 << 7;
}

/// Bits that say who owns a field.
pub mod owner {
    /// The VF sets it.
    pub const VF: u8 = 1;
    /// Host software sets it.
    pub const PF: u8 = 2;
}

/// Values of [`BlockRecord::checksum_covered`]: the bytes of a write that its checksum is of.
pub mod covered {
    /// All bytes before the checksum.
    pub const BEFORE: u8 = 0;
    /// All bytes after the checksum, as many as were sent.
    pub const REST: u8 = 1;
}

/// How an integer lies in an image: the lower two bits are the binary logarithm of its width in
/// bytes.
pub mod operand {
    /// The bits with the logarithm of the width.
    pub const WIDTH: u8 = 0b011;
    /// Big-endian.
    pub const BIG_ENDIAN: u8 = 0b100;
    /// Every bit that an operand shape may have.
    pub const ALL: u8 = WIDTH | BIG_ENDIAN;
    /// Only in [`FieldRecord::order`](super::FieldRecord::order), and only in operations with
    /// [`op::SIGNED`](super::op::SIGNED): the highest bit of the field is its sign.
    pub const SIGNED: u8 = 0b1000;

    /// The width in bytes: 1, 2, 4 or 8.
    #[must_use]
    pub const fn width(operand: u8) -> u8 {
        1 << (operand & WIDTH)
    }
}

/// Where the bytes of a [`FieldRecord`] come from: bits of [`FieldRecord::order`]. Only rules of the
/// kind [`rule::REQUIRE_IN_CONTEXT`] read another source than [`BLOCK`](source::BLOCK), and those of
/// the kind [`rule::COUNT_BY_CODE`] in an element, which may read [`WHOLE`](source::WHOLE).
pub mod source {
    /// The bits of a source.
    pub const ALL: u8 = 0x70;
    /// How far a source is shifted to the left.
    pub const SHIFT: u8 = 4;
    /// The block, merged with what is written.
    pub const BLOCK: u8 = 0x00;
    /// The block before the write.
    pub const WAS: u8 = 0x10;
    /// The write itself: one byte at [`LENGTH`], one at [`WRITER`].
    pub const WRITE: u8 = 0x20;
    /// In a rule of an element ([`EACH`](super::rule::EACH)): the block that the element lies in,
    /// merged with what is written. [`BLOCK`] is the element there.
    pub const WHOLE: u8 = 0x30;
    /// The first of the blocks in [`BlockRecord::uses`](super::BlockRecord::uses).
    pub const USED: u8 = 0x40;

    /// In [`WRITE`]: the number of bytes that were sent.
    pub const LENGTH: u8 = 0;
    /// In [`WRITE`]: the [`owner`](super::owner) bit of the side that writes.
    pub const WRITER: u8 = 1;
    /// The number of bytes that [`WRITE`] has.
    pub const WRITE_LENGTH: u8 = 2;

    /// The source of the block at `place` of [`BlockRecord::uses`](super::BlockRecord::uses).
    #[must_use]
    pub const fn used(place: u8) -> u8 {
        USED | (place << SHIFT) & ALL
    }
}

/// Bits of [`RuleRecord::detail`] in a rule of the kind [`rule::REQUIRE_IN_CONTEXT`].
pub mod context {
    /// It reads the block before the write.
    pub const WAS: u8 = 1 << 0;
    /// It reads other blocks, so that it applies to writes of the VF only.
    pub const USED: u8 = 1 << 1;
}

/// Values of [`RuleRecord::kind`].
pub mod rule {
    /// The rule applies only to the elements that the [`COUNT`] rule on the same field has counted.
    pub const COUNTED: u8 = 0x80;
    /// Each element lies in `a..=b`.
    pub const RANGE: u8 = 0;
    /// No element has a bit outside `a`.
    pub const MASK: u8 = 1;
    /// Each element is a multiple of `a`, which is not zero.
    pub const MULTIPLE: u8 = 2;
    /// Each element `e` has `e - a` below 64 and that bit set in `b`.
    pub const ONE_OF_NEAR: u8 = 3;
    /// Each element is among the `b` ascending values from index `a` of the value section.
    pub const ONE_OF_LISTED: u8 = 4;
    /// `elements` bytes hold printable ASCII (20h to 7Eh), then zeros.
    pub const TEXT: u8 = 5;
    /// The integer at offset `detail` with the operand shape `second` is at most `elements`, and
    /// elements after it are zero.
    pub const COUNT: u8 = 6;
    /// The `b` instructions from index `a` leave a value other than zero.
    pub const REQUIRE: u8 = 7;
    /// The field, which the [`owner`](super::owner)s in `second` set, advances as `detail`
    /// ([`sequence`](super::sequence)) says: at writes of the VF if it is one of them, otherwise at
    /// publishes.
    pub const SEQUENCE: u8 = 8;
    /// No element `e` has `e - a` below 64 and that bit set in `b`.
    pub const NONE_OF_NEAR: u8 = 9;
    /// No element is among the `b` ascending values from index `a` of the value section.
    pub const NONE_OF_LISTED: u8 = 10;
    /// Like [`REQUIRE`], and the instructions read more than the block: `detail` has the
    /// [`context`](super::context) bits of what.
    pub const REQUIRE_IN_CONTEXT: u8 = 11;
    /// The `b` instructions from index `a` leave a number that is at most `elements`; a larger one is
    /// a fault of the integer at offset `detail`. If `second` is not zero, an element has as many
    /// bytes, and those after the counted ones are zero.
    pub const COUNT_BY_CODE: u8 = 12;
    /// The next `a` rules of the list hold for each of `elements` structures of `detail` bytes. They
    /// are over one structure, and count their offsets from its first byte.
    pub const EACH: u8 = 13;
    /// No element has a bit of `a`: these are reserved.
    pub const CLEAR: u8 = 14;
    /// The six bytes of the field are a MAC address as `detail` ([`mac`](super::mac)) says.
    pub const MAC: u8 = 15;
    /// In the `elements` bytes from `offset` on lie entries, one after the other: a tag of the shape
    /// `operand`, a length of the shape `second`, and a value. The next `a` rules of the list are
    /// the known entries, each an [`ENTRY`] with its rules. `detail` has [`list`](super::list) bits,
    /// and `b` is the tag that ends the entries; without one they end with the bytes that were sent.
    /// For an unknown tag with a bit of `mask` the opposite of [`SKIP`](super::list::SKIP) holds.
    pub const LIST: u8 = 16;
    /// The next `a` rules hold for an entry with the tag `b`, which has at least `elements` bytes,
    /// and count their offsets from its first byte. `detail` has [`entry`](super::entry) bits. The
    /// entries of a list ascend by their tags.
    pub const ENTRY: u8 = 17;
    /// Each element `e` has `e - a`, modulo its number of values, at most `b`: the range from a
    /// negative value, whose bits are `a`, to one that is not negative.
    pub const SIGNED_RANGE: u8 = 18;
}

/// Bits of [`RuleRecord::detail`] in a rule of the kind [`rule::LIST`].
pub mod list {
    /// The [`owner`](super::owner)s, whose writes are judged.
    pub const OWNERS: u8 = 0b11;
    /// A length counts the value alone, and not the tag and the length.
    pub const OF_VALUE: u8 = 1 << 2;
    /// A tag ends the entries.
    pub const END: u8 = 1 << 3;
    /// The bytes after the end may be any; otherwise they are zero.
    pub const ANY_BEHIND: u8 = 1 << 4;
    /// Entries with an unknown tag are skipped; otherwise they are refused.
    pub const SKIP: u8 = 1 << 5;
    /// Every bit that there is.
    pub const ALL: u8 = OWNERS | OF_VALUE | END | ANY_BEHIND | SKIP;
}

/// Bits of [`RuleRecord::detail`] in a rule of the kind [`rule::ENTRY`].
pub mod entry {
    /// A list has at most one such entry.
    pub const ONCE: u8 = 1 << 0;
    /// The bytes of the entry after its fields may be any; otherwise they are zero.
    pub const ANY_BEHIND: u8 = 1 << 1;
    /// Every bit that there is.
    pub const ALL: u8 = ONCE | ANY_BEHIND;
}

/// Values of [`RuleRecord::detail`] in a rule on a MAC address (IEEE 802: the lowest bit of the first
/// byte distinguishes groups from stations).
pub mod mac {
    /// The bytes that an address has.
    pub const LENGTH: u8 = 6;
    /// That of one station: not of a group, and not zero.
    pub const UNICAST: u8 = 0;
    /// That of a group; broadcast is one of them.
    pub const MULTICAST: u8 = 1;
    /// Any but zero.
    pub const NONZERO: u8 = 2;
}

/// Values of [`RuleRecord::detail`] in a sequence rule.
pub mod sequence {
    /// Greater than the value before.
    pub const STRICT: u8 = 0;
    /// Not less than the value before.
    pub const NON_DECREASING: u8 = 1;
    /// Greater in serial number arithmetic (RFC 1982): by less than half of the number space.
    pub const SERIAL: u8 = 2;
    /// One more than the value before; the smallest value follows the largest one.
    pub const NEXT: u8 = 3;
    /// Like [`STRICT`], for signed values.
    pub const SIGNED_STRICT: u8 = 4;
    /// Like [`NON_DECREASING`], for signed values.
    pub const SIGNED_NON_DECREASING: u8 = 5;
}

/// Values of [`Instruction::op`]: an operation, and where its right operand comes from.
///
/// A binary operation takes its right operand from the top of the stack and its left one from
/// below. With [`IMMEDIATE`](op::IMMEDIATE) or [`FIELD`](op::FIELD) the instruction has the right
/// operand, and with [`COMPARE`](op::COMPARE) the instruction has both sides of a comparison and
/// pushes its result.
///
/// With [`SIGNED`](op::SIGNED) operands and result are the bits of signed 64-bit values.
pub mod op {
    /// The right operand is the instruction's immediate.
    pub const IMMEDIATE: u8 = 0x80;
    /// The right operand is a field.
    pub const FIELD: u8 = 0x40;
    /// The instruction has both sides of a comparison.
    pub const COMPARE: u8 = 0xC0;
    /// The bits of the operation itself.
    pub const OPERATION: u8 = 0x1F;
    /// The values are signed. Only a push of a field, arithmetic and comparisons have this bit.
    pub const SIGNED: u8 = 0x20;
    /// Pushes its right operand, which the instruction has.
    pub const PUSH: u8 = 0;
    /// Replaces zero with one and everything else with zero.
    pub const NOT: u8 = 1;
    /// If the top is zero, skips the number of instructions in the immediate; otherwise drops the
    /// top. A jump is reached with one value on the stack, and so is its target.
    pub const AND_THEN: u8 = 2;
    /// If the top is not zero, skips the number of instructions in the immediate; otherwise drops
    /// the top.
    pub const OR_ELSE: u8 = 3;
    /// Sum; overflow ends the evaluation.
    pub const ADD: u8 = 4;
    /// Difference; overflow ends the evaluation.
    pub const SUBTRACT: u8 = 5;
    /// Product; overflow ends the evaluation.
    pub const MULTIPLY: u8 = 6;
    /// Bitwise and.
    pub const BIT_AND: u8 = 7;
    /// Bitwise or.
    pub const BIT_OR: u8 = 8;
    /// A comparison. Its lowest three bits are the relations of the left operand to the right one
    /// that result in 1.
    pub const COMPARISON: u8 = 0x10;
    /// In a comparison: less.
    pub const IS_LESS: u8 = 1 << 0;
    /// In a comparison: equal.
    pub const IS_EQUAL: u8 = 1 << 1;
    /// In a comparison: greater.
    pub const IS_GREATER: u8 = 1 << 2;
    /// One when equal, otherwise zero.
    pub const EQUAL: u8 = COMPARISON | IS_EQUAL;
    /// One when not equal.
    pub const NOT_EQUAL: u8 = COMPARISON | IS_LESS | IS_GREATER;
    /// One when the left operand is less.
    pub const LESS: u8 = COMPARISON | IS_LESS;
    /// One when the left operand is not greater.
    pub const LESS_OR_EQUAL: u8 = COMPARISON | IS_LESS | IS_EQUAL;
    /// One when the left operand is greater.
    pub const GREATER: u8 = COMPARISON | IS_GREATER;
    /// One when the left operand is not less.
    pub const GREATER_OR_EQUAL: u8 = COMPARISON | IS_GREATER | IS_EQUAL;
}
