//! The input of the writer: the manifest's blocks, lowered to images and rules.

use crate::format::Instruction;
use crate::{Access, Companion, Image, Kind, Limits, Reset, ShortRead, WhenFull};

/// A table to be written.
#[derive(Clone, Debug)]
pub struct Source {
    /// The device's name, 1 to 63 bytes.
    pub name: String,
    /// PCI vendor ID of the PF.
    pub vendor_id: u16,
    /// PCI device IDs that the PF may have, 1 to 16.
    pub device_ids: Vec<u16>,
    /// The most VFs, 1 to 4096.
    pub max_vfs: u16,
    /// Limits of each VF.
    pub limits: Option<Limits>,
    /// When a VF is served again after a reset.
    pub reset: Reset,
    /// The blocks.
    pub blocks: Vec<BlockSource>,
    /// See [`Table::manifest`](crate::Table::manifest); empty without one.
    pub manifest: Vec<u8>,
}

/// A block to be written.
#[derive(Clone, Debug)]
pub struct BlockSource {
    /// The block ID.
    pub id: u32,
    /// The name, 1 to 63 bytes.
    pub name: String,
    /// The kind of the block.
    pub kind: Kind,
    /// The VF's access.
    pub vf_access: Access,
    /// The shortest write in bytes.
    pub min_length: u8,
    /// The longest write in bytes.
    pub max_length: u8,
    /// Whether a publish invalidates the block.
    pub notify: bool,
    /// The result of short reads.
    pub short_read: ShortRead,
    /// Messages that a stream keeps; zero for a register.
    pub depth: u16,
    /// The handling of a message for a full stream.
    pub when_full: WhenFull,
    /// What the companion driver handles.
    pub companion: Companion,
    /// The places in [`Source::blocks`] of the blocks whose values the rules of this one read.
    pub uses: Vec<u16>,
    /// The checksum field.
    pub checksum: Option<Checksum>,
    /// The block itself, see [`BlockRecord::shape`](crate::format::BlockRecord::shape).
    pub shape: Shape,
    /// See [`BlockRecord::common`](crate::format::BlockRecord::common).
    pub common: Image,
    /// Rules before the choice of a layout.
    pub rules: Vec<Rule>,
    /// Alternative layouts.
    pub layouts: Vec<Layout>,
    /// Rules at the end.
    pub last_rules: Vec<Rule>,
}

/// A checksum field.
#[derive(Clone, Copy, Debug)]
pub struct Checksum {
    /// Offset in bytes.
    pub offset: u8,
    /// Shape, [`format::operand`](crate::format::operand).
    pub operand: u8,
    /// [`format::owner`](crate::format::owner) bits.
    pub owner: u8,
    /// [`format::covered`](crate::format::covered): the bytes that it is of.
    pub covered: u8,
}

/// The images of a block or a layout, see [`format::Shape`](crate::format::Shape).
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The default image.
    pub default: Image,
    /// Bytes that a VF's write sets.
    pub vf: Image,
    /// Bytes that a publish sets.
    pub pf: Image,
    /// Bits that must be zero, among them all bits after the block.
    pub reserved: Image,
    /// Bytes that stay at a reset.
    pub kept: Image,
}

/// A layout to be written.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The condition that chooses it; empty for always.
    pub when: Vec<Instruction>,
    /// Its images.
    pub shape: Shape,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// The field of a rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field {
    /// Offset in bytes.
    pub offset: u8,
    /// Shape of one element, [`format::operand`](crate::format::operand).
    pub operand: u8,
    /// Number of elements.
    pub elements: u8,
    /// Whether the rule applies only to counted elements.
    pub counted: bool,
}

/// A list of entries to be written, see [`format::rule::LIST`](crate::format::rule::LIST).
#[derive(Clone, Debug)]
pub struct List {
    /// The bytes of the list, with the shape of a tag.
    pub field: Field,
    /// Shape of a length.
    pub length: u8,
    /// [`format::list`](crate::format::list) bits but [`END`](crate::format::list::END).
    pub flags: u8,
    /// The tag that ends the entries.
    pub end: Option<u64>,
    /// For an unknown tag with one of these bits the opposite of
    /// [`SKIP`](crate::format::list::SKIP) holds.
    pub except: u64,
    /// The known entries, in any order.
    pub entries: Vec<Entry>,
}

/// A known entry of a list, see [`format::rule::ENTRY`](crate::format::rule::ENTRY).
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its tag.
    pub tag: u64,
    /// The bytes that it has at least, with tag and length.
    pub length: u8,
    /// [`format::entry`](crate::format::entry) bits.
    pub flags: u8,
    /// Its rules, over the bytes from its first one on.
    pub rules: Vec<Rule>,
}

/// A rule to be written.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Each element lies in `min..=max`.
    Range(Field, u64, u64),
    /// Each element lies between the two values, of which the first one is negative and the other
    /// one is not; both as the bits of an element.
    SignedRange(Field, u64, u64),
    /// No element has a bit outside the mask.
    Mask(Field, u64),
    /// Each element is a multiple of the value, which is not zero.
    Multiple(Field, u64),
    /// Each element is among the values, which may be in any order.
    OneOf(Field, Vec<u64>),
    /// No element is among the values, which may be in any order.
    NoneOf(Field, Vec<u64>),
    /// ASCII, zero padded.
    Text(Field),
    /// The integer at `offset` of shape `operand` counts the field's elements.
    Count {
        /// The counted field.
        field: Field,
        /// Offset of the count.
        offset: u8,
        /// Shape of the count.
        operand: u8,
    },
    /// The number that the code leaves counts the field's elements.
    CountByCode {
        /// The counted field, or structures.
        field: Field,
        /// The code.
        number: Vec<Instruction>,
        /// Offset of the integer whose fault a larger number is.
        at: u8,
        /// The length of an element in bytes, if those after the counted ones are zero; zero if they
        /// may be any.
        clear: u8,
    },
    /// The rules hold in each of the field's elements, structures of `length` bytes, and count their
    /// offsets from its first byte.
    Each {
        /// The structures; the operand is zero.
        field: Field,
        /// The length of one in bytes.
        length: u8,
        /// The rules.
        rules: Vec<Rule>,
    },
    /// The field's bytes, `elements` in number, hold entries with tags of its operand.
    List(List),
    /// The field, six bytes, is a MAC address of this kind, [`format::mac`](crate::format::mac).
    Mac(Field, u8),
    /// No element has a bit of the mask: these are reserved.
    Clear(Field, u64),
    /// The expression is not zero.
    Require(Vec<Instruction>),
    /// The rule, which is one on each element, holds for bits of its field, a single integer.
    Bits {
        /// The lowest of the bits.
        low: u8,
        /// How many there are, 1 to 64.
        count: u8,
        /// The rule on their value, shifted down by `low`.
        rule: Box<Rule>,
    },
    /// The field is a sequence number that advances.
    Sequence {
        /// The field.
        field: Field,
        /// [`format::sequence`](crate::format::sequence).
        kind: u8,
        /// [`format::owner`](crate::format::owner) bits.
        owner: u8,
    },
}
