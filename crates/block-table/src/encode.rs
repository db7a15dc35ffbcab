//! The writer of the format. The manifest compiler lowers a manifest to a [`Source`]; this lays it out as bytes.

use std::collections::HashMap;
use std::fmt;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::format::{
    self, BlockRecord, CRC_START, EMPTY_SLOT, Header, LayoutRecord, MAGIC, MAX_PROBES, NO_CHECKSUM,
    RuleRecord, Span, Text, VERSION, block_flag, rule,
};
use crate::image::{place, unused_bits};
use crate::lookup::first_slot;
use crate::{Access, Image, Kind, Limits, OnReset, ShortRead, Table, TableError, WhenFull};

pub use crate::format::{FieldRecord, Instruction};

/// A table to be written.
#[derive(Clone, Debug)]
pub struct Source {
    /// The device's name, 1 to 63 bytes.
    pub name: String,
    /// PCI vendor ID of the PF.
    pub vendor_id: u16,
    /// PCI device ID of the PF.
    pub device_id: u16,
    /// The most VFs, 1 to 4096.
    pub max_vfs: u16,
    /// Limits of each VF.
    pub limits: Option<Limits>,
    /// The blocks.
    pub blocks: Vec<BlockSource>,
}

/// A block to be written.
#[derive(Clone, Debug)]
pub struct BlockSource {
    /// The block ID.
    pub id: u32,
    /// The name, 1 to 63 bytes.
    pub name: String,
    /// What the block holds.
    pub kind: Kind,
    /// What a VF may do.
    pub vf_access: Access,
    /// The shortest write in bytes.
    pub min_length: u8,
    /// The longest write in bytes.
    pub max_length: u8,
    /// Whether publishing invalidates.
    pub notify: bool,
    /// What short reads get.
    pub short_read: ShortRead,
    /// What a reset does to PF-owned bytes.
    pub on_reset: OnReset,
    /// Messages that a stream keeps; zero for a register.
    pub depth: u16,
    /// What a full stream does.
    pub when_full: WhenFull,
    /// The checksum field.
    pub checksum: Option<Checksum>,
    /// The block itself, see [`BlockRecord::shape`].
    pub shape: Shape,
    /// See [`BlockRecord::common`].
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
    /// Shape, [`format::operand`].
    pub operand: u8,
    /// [`format::owner`] bits.
    pub owner: u8,
}

/// The images of a block or a layout, see [`format::Shape`].
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The default image.
    pub default: Image,
    /// Bytes that a VF's write sets.
    pub vf: Image,
    /// Bytes that a publish sets.
    pub pf: Image,
    /// Bits that must be zero, all of them behind the block.
    pub reserved: Image,
}

/// A layout to be written.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What chooses it; empty for always.
    pub when: Vec<Instruction>,
    /// Its images.
    pub shape: Shape,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A field that a rule is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field {
    /// Offset in bytes.
    pub offset: u8,
    /// Shape of one element, [`format::operand`].
    pub operand: u8,
    /// Number of elements.
    pub elements: u8,
    /// Whether only counted elements are meant.
    pub counted: bool,
}

/// A rule to be written.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Each element lies in `min..=max`.
    Range(Field, u64, u64),
    /// No element has a bit outside of the mask.
    Mask(Field, u64),
    /// Each element is a multiple of the value, which is not zero.
    Multiple(Field, u64),
    /// Each element is among the values; they may stand in any order.
    OneOf(Field, Vec<u64>),
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
    /// The expression is not zero.
    Require(Vec<Instruction>),
    /// The field moves on.
    Sequence {
        /// The field.
        field: Field,
        /// [`format::sequence`].
        kind: u8,
        /// [`format::owner`] bits.
        owner: u8,
    },
}

/// The field of an expression: the integer of shape `operand` at `offset`, of which `bits` remain behind the lowest `shift`.
#[must_use]
pub fn field_record(offset: u8, operand: u8, shift: u8, bits: u8) -> FieldRecord {
    let (start, lowest) = place(offset, operand);
    let order = operand & format::operand::BIG_ENDIAN;
    FieldRecord {
        start,
        shift: lowest + shift,
        order,
        bits,
    }
}

/// `operation` with a field as its right operand: a push, or a binary one.
#[must_use]
pub fn on_field(operation: u8, right: FieldRecord) -> Instruction {
    Instruction {
        op: operation | format::op::FIELD,
        right,
        ..Instruction::default()
    }
}

/// `operation` with a constant as its right operand: a push, a jump, or a binary one.
#[must_use]
pub fn on_constant(operation: u8, immediate: u64) -> Instruction {
    Instruction {
        op: operation | format::op::IMMEDIATE,
        immediate: immediate.into(),
        ..Instruction::default()
    }
}

/// `operation` with nothing but the stack.
#[must_use]
pub fn on_stack(operation: u8) -> Instruction {
    Instruction {
        op: operation,
        ..Instruction::default()
    }
}

/// A comparison of `left`, or the sum of `left` and `plus`, with a constant.
#[must_use]
pub fn compare_constant(
    comparison: u8,
    left: FieldRecord,
    plus: FieldRecord,
    immediate: u64,
) -> Instruction {
    Instruction {
        op: comparison | format::op::COMPARE,
        left,
        plus,
        immediate: immediate.into(),
        ..Instruction::default()
    }
}

/// A comparison of `left`, or the sum of `left` and `plus`, with `right`.
#[must_use]
pub fn compare_field(
    comparison: u8,
    left: FieldRecord,
    plus: FieldRecord,
    right: FieldRecord,
) -> Instruction {
    Instruction {
        op: comparison | format::op::COMPARE,
        left,
        plus,
        right,
        ..Instruction::default()
    }
}

/// Why no table could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// There is more of something than the format can count.
    TooMany(&'static str),
    /// The verifier refuses what was written.
    Refused(TableError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(what) => write!(formatter, "too many {what} for one block table"),
            Self::Refused(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for EncodeError {}

impl Source {
    /// Writes the table and verifies it.
    ///
    /// # Errors
    /// [`EncodeError::TooMany`] when a count does not fit, [`EncodeError::Refused`] when the verifier refuses the result.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::default();
        let name = writer.text(&self.name)?;
        let blocks = self
            .blocks
            .iter()
            .map(|block| writer.block(block))
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<u32> = self.blocks.iter().map(|block| block.id).collect();
        let lookup = SlotTable::for_ids(&ids).ok_or(EncodeError::TooMany("blocks"))?;
        let limits = self.limits.unwrap_or(Limits {
            writes_per_second: 0,
            burst: 0,
        });
        let header = Header {
            magic: MAGIC,
            version: VERSION.into(),
            reserved: 0.into(),
            length: 0.into(),
            crc: 0.into(),
            vendor_id: self.vendor_id.into(),
            device_id: self.device_id.into(),
            max_vfs: self.max_vfs.into(),
            writes_per_second: limits.writes_per_second.into(),
            burst: limits.burst.into(),
            name,
            multiplier: lookup.multiplier.into(),
            shift: lookup.shift,
            probes: lookup.probes,
            blocks: count16(blocks.len(), "blocks")?,
            slots: count32(lookup.slots.len(), "slots")?,
            layouts: count32(writer.layouts.len(), "layouts")?,
            rules: count32(writer.rules.len(), "rules")?,
            instructions: count32(writer.instructions.len(), "instructions")?,
            values: count32(writer.values.len(), "values")?,
            images: count32(writer.images.len(), "images")?,
            strings: count32(writer.strings.len(), "bytes of names")?,
        };
        let mut bytes = header.as_bytes().to_vec();
        for section in [
            blocks.as_bytes(),
            lookup.slots.as_bytes(),
            writer.layouts.as_bytes(),
            writer.rules.as_bytes(),
        ] {
            bytes.extend_from_slice(section);
        }
        for section in [
            writer.instructions.as_bytes(),
            writer.values.as_bytes(),
            writer.images.as_bytes(),
            &writer.strings,
        ] {
            bytes.extend_from_slice(section);
        }
        seal(&mut bytes);
        Table::verify(&bytes).map_err(EncodeError::Refused)?;
        Ok(bytes)
    }
}

/// Sets the length and the CRC in the header of a table, as far as `bytes` reach.
pub fn seal(bytes: &mut [u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(field) = bytes.get_mut(CRC_START - 8..CRC_START - 4) {
        field.copy_from_slice(&length);
    }
    let crc = crate::checksum::crc32(bytes.get(CRC_START..).unwrap_or(&[])).to_le_bytes();
    if let Some(field) = bytes.get_mut(CRC_START - 4..CRC_START) {
        field.copy_from_slice(&crc);
    }
}

fn count16(count: usize, what: &'static str) -> Result<U16, EncodeError> {
    u16::try_from(count)
        .map(U16::new)
        .map_err(|_| EncodeError::TooMany(what))
}

fn count32(count: usize, what: &'static str) -> Result<U32, EncodeError> {
    u32::try_from(count)
        .map(U32::new)
        .map_err(|_| EncodeError::TooMany(what))
}

/// The slots of the ID lookup.
struct SlotTable {
    slots: Vec<U16>,
    multiplier: u32,
    shift: u8,
    probes: u8,
}

impl SlotTable {
    /// Finds a hash that reaches each of `ids` in few probes. Dense IDs from zero get the identity.
    fn for_ids(ids: &[u32]) -> Option<Self> {
        let smallest = ids.len().next_power_of_two().trailing_zeros();
        (smallest..=16)
            .flat_map(|bits| Self::hashes(bits).map(move |hash| (bits, hash)))
            .find_map(|(bits, hash)| {
                // Up to four times the smallest table, one probe is worth a search; beyond that, any bounded number will do.
                let probes = if bits <= smallest + 2 { 1 } else { MAX_PROBES };
                Self::build(ids, bits, hash, probes)
            })
    }

    fn hashes(bits: u32) -> impl Iterator<Item = (u32, u8)> {
        // Odd multiples of the golden ratio of 2^32 spread consecutive IDs evenly (Knuth, volume 3, section 6.4).
        let spread = u8::try_from(32 - bits.max(1)).unwrap_or(31);
        let multiples =
            (0..64u32).map(move |index| (0x9E37_79B1u32.wrapping_mul(2 * index + 1), spread));
        std::iter::once((1, 0)).chain(multiples)
    }

    fn build(
        ids: &[u32],
        bits: u32,
        (multiplier, shift): (u32, u8),
        max_probes: u8,
    ) -> Option<Self> {
        let mask = (1usize << bits) - 1;
        let mut slots = vec![U16::new(EMPTY_SLOT); mask + 1];
        let mut most = 1;
        for (index, id) in ids.iter().enumerate() {
            let first = first_slot(*id, multiplier, shift);
            let probes = (0..max_probes).find(|probe| {
                slots[first.wrapping_add(usize::from(*probe)) & mask] == EMPTY_SLOT
            })?;
            slots[first.wrapping_add(usize::from(probes)) & mask] =
                u16::try_from(index).ok()?.into();
            most = most.max(probes + 1);
        }
        Some(Self {
            slots,
            multiplier,
            shift,
            probes: most,
        })
    }
}

/// The sections behind the blocks, as they grow.
#[derive(Default)]
struct Writer {
    layouts: Vec<LayoutRecord>,
    rules: Vec<RuleRecord>,
    instructions: Vec<Instruction>,
    values: Vec<U64>,
    images: Vec<Image>,
    known_images: HashMap<Image, u16>,
    strings: Vec<u8>,
}

impl Writer {
    fn block(&mut self, block: &BlockSource) -> Result<BlockRecord, EncodeError> {
        // The order of these is the order in which the verifier expects each section's elements.
        let rules = self.rule_list(&block.rules)?;
        let first_layout = self.layouts.len();
        for layout in &block.layouts {
            let record = self.layout(layout)?;
            self.layouts.push(record);
        }
        let layouts = span(first_layout, block.layouts.len(), "layouts")?;
        let last_rules = self.rule_list(&block.last_rules)?;
        let checksum = block.checksum.unwrap_or(Checksum {
            offset: NO_CHECKSUM,
            operand: 0,
            owner: 0,
        });
        Ok(BlockRecord {
            id: block.id.into(),
            name: self.text(&block.name)?,
            kind: match block.kind {
                Kind::Register => format::block_kind::REGISTER,
                Kind::Stream => format::block_kind::STREAM,
            },
            access: match block.vf_access {
                Access::ReadOnly => format::access::READ_ONLY,
                Access::WriteOnly => format::access::WRITE_ONLY,
                Access::ReadWrite => format::access::READ_WRITE,
            },
            flags: flags(block),
            min_length: block.min_length,
            max_length: block.max_length,
            checksum_offset: checksum.offset,
            checksum_operand: checksum.operand,
            checksum_owner: checksum.owner,
            depth: block.depth.into(),
            shape: self.shape(&block.shape)?,
            common: self.image(&block.common)?,
            rules,
            layouts,
            last_rules,
        })
    }

    fn layout(&mut self, layout: &Layout) -> Result<LayoutRecord, EncodeError> {
        let when = span(self.instructions.len(), layout.when.len(), "instructions")?;
        self.instructions.extend_from_slice(&layout.when);
        Ok(LayoutRecord {
            when,
            shape: self.shape(&layout.shape)?,
            rules: self.rule_list(&layout.rules)?,
        })
    }

    fn rule_list(&mut self, rules: &[Rule]) -> Result<Span, EncodeError> {
        let first = self.rules.len();
        for rule in rules {
            let record = self.rule(rule)?;
            self.rules.push(record);
        }
        span(first, rules.len(), "rules")
    }

    fn rule(&mut self, source: &Rule) -> Result<RuleRecord, EncodeError> {
        let record = rule_record;
        Ok(match source {
            Rule::Range(field, min, max) => record(rule::RANGE, *field, *min, *max),
            Rule::Mask(field, mask) => record(rule::MASK, *field, *mask, 0),
            Rule::Multiple(field, divisor) => record(rule::MULTIPLE, *field, *divisor, 0),
            Rule::OneOf(field, values) => {
                let (kind, a, b) = self.one_of(values)?;
                record(kind, *field, a, b)
            }
            Rule::Text(field) => record(rule::TEXT, *field, 0, 0),
            Rule::Count {
                field,
                offset,
                operand,
            } => RuleRecord {
                detail: *offset,
                second: *operand,
                ..record(rule::COUNT, *field, 0, 0)
            },
            Rule::Require(code) => {
                let code = self.code(code)?;
                record(
                    rule::REQUIRE,
                    Field::default(),
                    code.start.get().into(),
                    code.count.get().into(),
                )
            }
            Rule::Sequence { field, kind, owner } => RuleRecord {
                detail: *kind,
                second: *owner,
                ..record(rule::SEQUENCE, *field, 0, 0)
            },
        })
    }

    /// A bitmap when the values lie within 64 of each other, a sorted list otherwise.
    fn one_of(&mut self, values: &[u64]) -> Result<(u8, u64, u64), EncodeError> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let first = sorted.first().copied().unwrap_or(0);
        if sorted.last().is_some_and(|last| last - first < 64) {
            let bits = sorted
                .iter()
                .fold(0, |bits, value| bits | 1 << (value - first));
            return Ok((rule::ONE_OF_NEAR, first, bits));
        }
        let span = span(self.values.len(), sorted.len(), "values")?;
        self.values.extend(sorted.into_iter().map(U64::new));
        Ok((
            rule::ONE_OF_LISTED,
            span.start.get().into(),
            span.count.get().into(),
        ))
    }

    fn code(&mut self, code: &[Instruction]) -> Result<Span, EncodeError> {
        let span = span(self.instructions.len(), code.len(), "instructions")?;
        self.instructions.extend_from_slice(code);
        Ok(span)
    }

    fn shape(&mut self, shape: &Shape) -> Result<format::Shape, EncodeError> {
        Ok(format::Shape {
            default: self.image(&shape.default)?,
            vf: self.image(&shape.vf)?,
            pf: self.image(&shape.pf)?,
            reserved: self.image(&shape.reserved)?,
        })
    }

    /// The index of `image`; equal images are stored once.
    fn image(&mut self, image: &Image) -> Result<U16, EncodeError> {
        if let Some(index) = self.known_images.get(image) {
            return Ok(U16::new(*index));
        }
        let index = u16::try_from(self.images.len())
            .map_err(|_| EncodeError::TooMany("different images"))?;
        self.images.push(*image);
        self.known_images.insert(*image, index);
        Ok(U16::new(index))
    }

    fn text(&mut self, text: &str) -> Result<Text, EncodeError> {
        let start = count32(self.strings.len(), "bytes of names")?;
        self.strings.extend_from_slice(text.as_bytes());
        Ok(Text {
            start,
            length: count16(text.len(), "bytes of one name")?,
        })
    }
}

fn rule_record(kind: u8, field: Field, a: u64, b: u64) -> RuleRecord {
    let (start, shift) = place(field.offset, field.operand);
    let all_bits = u64::MAX >> unused_bits(field.operand);
    RuleRecord {
        kind: if field.counted {
            kind | rule::COUNTED
        } else {
            kind
        },
        offset: field.offset,
        operand: field.operand,
        elements: field.elements,
        start,
        shift,
        detail: 0,
        second: 0,
        // A rule without a field, which has no elements, has no bits either.
        mask: if field.elements == 0 { 0 } else { all_bits }.into(),
        a: a.into(),
        b: b.into(),
    }
}

fn span(start: usize, count: usize, what: &'static str) -> Result<Span, EncodeError> {
    Ok(Span {
        start: count32(start, what)?,
        count: count16(count, what)?,
    })
}

fn flags(block: &BlockSource) -> u8 {
    let length = usize::from(block.max_length);
    let shapes =
        || std::iter::once(&block.shape).chain(block.layouts.iter().map(|layout| &layout.shape));
    let whole = |mask: fn(&Shape) -> &Image| {
        shapes().all(|shape| mask(shape).iter().take(length).all(|byte| *byte == 0xFF))
    };
    let flags = [
        (block.notify, block_flag::NOTIFY),
        (
            block.short_read == ShortRead::Prefix,
            block_flag::SHORT_READ,
        ),
        (block.on_reset == OnReset::Keep, block_flag::KEEP),
        (
            block.when_full == WhenFull::DropOldest,
            block_flag::DROP_OLDEST,
        ),
        (whole(|shape| &shape.vf), block_flag::VF_WRITES_ALL),
        (whole(|shape| &shape.pf), block_flag::PF_WRITES_ALL),
    ];
    flags
        .iter()
        .filter(|(set, _)| *set)
        .fold(0, |flags, (_, flag)| flags | flag)
}
