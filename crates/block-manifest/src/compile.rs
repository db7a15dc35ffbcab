//! Compiles the model to a block table.

use block_table::encode::{self, BlockSource, Checksum, Rule, Shape, Source};
use block_table::format::{covered, entry as entry_flag, list as list_flag, mac, owner, sequence};
use block_table::{Image, Limits, MAX_BLOCK_LENGTH, OnReset};

use crate::condense::condensed;
use crate::expression::Source as ReadFrom;
use crate::expression::lower::lower;
use crate::model::{
    Behind, Block, Condition, Count, Covered, Device, Field, Layout, LengthCounts, List, Mac,
    Owner, SequenceKind, Structure, Unknown, Valid,
};
use crate::types::{Integer, Type, low_bits};

/// The source of the table of `blocks`, which are those of the manifest `text`.
pub(crate) fn source(
    device: &Device,
    limits: Option<Limits>,
    blocks: &[Block],
    text: &str,
) -> Source {
    Source {
        name: device.name.clone(),
        vendor_id: device.vendor_id,
        device_ids: device.device_ids.clone(),
        max_vfs: device.max_vfs,
        limits,
        reset: device.reset,
        blocks: blocks.iter().map(|one| block(one, blocks)).collect(),
        manifest: condensed(text).into_bytes(),
    }
}

fn block(block: &Block, all: &[Block]) -> BlockSource {
    let own = Painted::new(block, &[], block.list.as_ref());
    let layouts: Vec<encode::Layout> = block
        .layouts
        .iter()
        .map(|layout| lower_layout(block, layout))
        .collect();
    let mut shape = own.shape;
    if let Some(chosen) = encode::chosen(&layouts, &shape.default) {
        shape.default = layouts[chosen].shape.default;
    }
    if layouts.is_empty() {
        // A block without layouts has one shape; bytes without a field are reserved.
        shape.reserved = own.reserved_when_alone();
    } else {
        // Bytes of layouts have no owner yet: the writer sets them, and the selected layout judges
        // them.
        shape.reserved = own.reserved_among(&own.covered);
    }
    let mut last_rules: Vec<Rule> = block.require.iter().map(require).collect();
    last_rules.extend(block.fields.iter().filter_map(sequence_rule));
    BlockSource {
        id: block.id,
        name: block.name.clone(),
        kind: block.kind,
        vf_access: block.vf_access,
        min_length: block.min_length,
        max_length: block.max_length,
        notify: block.notify,
        short_read: block.short_read,
        depth: block.depth,
        when_full: block.when_full,
        companion: block.companion,
        uses: block
            .uses
            .iter()
            .filter_map(|name| place_of(name, all))
            .collect(),
        checksum: block.fields.iter().find_map(checksum),
        shape,
        common: own.covered,
        rules: shape_rules(&block.fields, block.list.as_ref()),
        layouts,
        last_rules,
    }
}

/// The place of the block `name`, which the check of `uses` has found.
fn place_of(name: &str, blocks: &[Block]) -> Option<u16> {
    let place = blocks.iter().position(|block| block.name == name)?;
    u16::try_from(place).ok()
}

fn lower_layout(block: &Block, layout: &Layout) -> encode::Layout {
    let painted = Painted::new(block, &layout.fields, layout.list.as_ref());
    let mut shape = painted.shape;
    shape.reserved = painted.reserved_when_alone();
    let mut rules = shape_rules(&layout.fields, layout.list.as_ref());
    rules.extend(layout.require.iter().map(require));
    let when = layout
        .when
        .as_ref()
        .map(|when| lower(&when.expression).0)
        .unwrap_or_default();
    encode::Layout { when, shape, rules }
}

/// The images of a block, painted field by field.
struct Painted {
    shape: Shape,
    /// `0xFF` for each byte that a field covers.
    covered: Image,
    /// The bits that must be zero within fields.
    undefined: Image,
    length: usize,
    opaque: bool,
}

impl Painted {
    /// Paints the block's own fields, then `others`, and then `list`.
    fn new(block: &Block, others: &[Field], list: Option<&List>) -> Self {
        let length = usize::from(block.max_length);
        // Bytes that no field covers are reserved. They belong to the writer, so that they are
        // checked and refused.
        let mut writable = [0; MAX_BLOCK_LENGTH];
        writable[..length].fill(0xFF);
        let shape = Shape {
            default: [0; MAX_BLOCK_LENGTH],
            vf: writable,
            pf: writable,
            reserved: [0; MAX_BLOCK_LENGTH],
            kept: [0; MAX_BLOCK_LENGTH],
        };
        let mut painted = Self {
            shape,
            covered: [0; MAX_BLOCK_LENGTH],
            undefined: [0; MAX_BLOCK_LENGTH],
            length,
            opaque: block.is_opaque(),
        };
        if painted.opaque {
            let owner = block.opaque_owner();
            let keeps = !owner.has_vf() && block.on_reset == OnReset::Keep;
            painted.own(0..length, owner, keeps);
        }
        for field in block.fields.iter().chain(others) {
            painted.field(field, block.keeps(field));
        }
        if let Some(list) = list {
            let start = usize::from(list.offset);
            let bytes = start..start + usize::from(list.length);
            let keeps = !list.owner.has_vf() && block.on_reset == OnReset::Keep;
            painted.own(bytes.clone(), list.owner, keeps);
            painted.shape.default[bytes].copy_from_slice(&list.default);
        }
        painted
    }

    fn own(&mut self, bytes: std::ops::Range<usize>, owner: Owner, keeps: bool) {
        self.shape.vf[bytes.clone()].fill(if owner.has_vf() { 0xFF } else { 0 });
        self.shape.pf[bytes.clone()].fill(if owner.has_pf() { 0xFF } else { 0 });
        self.shape.kept[bytes.clone()].fill(if keeps { 0xFF } else { 0 });
        self.covered[bytes].fill(0xFF);
    }

    fn field(&mut self, field: &Field, keeps: bool) {
        let bytes = usize::from(field.offset)..field.end();
        self.own(bytes.clone(), field.owner, keeps);
        self.shape.default[bytes.clone()].copy_from_slice(&field.default);
        if field.structure.is_some() {
            // The reserved bits of structures are judged with the rules of each.
            return;
        }
        let element = field.ty.element();
        let undefined = element.encode((!field.defined_bits()).into());
        for (byte, undefined) in self.undefined[bytes]
            .iter_mut()
            .zip(undefined.iter().cycle())
        {
            *byte = *undefined;
        }
    }

    /// The reserved bits when every byte that no field covers is reserved.
    fn reserved_when_alone(&self) -> Image {
        self.reserved_among(&[0xFF; MAX_BLOCK_LENGTH])
    }

    /// The reserved bits among those of `judged`, and all after the block.
    fn reserved_among(&self, judged: &Image) -> Image {
        let mut reserved = self.undefined;
        for (index, byte) in reserved.iter_mut().enumerate() {
            if index >= self.length || (self.covered[index] == 0 && judged[index] != 0) {
                *byte = 0xFF;
            }
        }
        reserved
    }
}

fn require(condition: &Condition) -> Rule {
    Rule::Require(lower(&condition.expression).0)
}

fn checksum(field: &Field) -> Option<Checksum> {
    let covered = match field.checksum? {
        Covered::Before => covered::BEFORE,
        Covered::Rest => covered::REST,
    };
    Some(Checksum {
        covered,
        offset: field.offset,
        operand: field.ty.element().operand(),
        owner: owner_bits(field.owner),
    })
}

const fn owner_bits(owner: Owner) -> u8 {
    match owner {
        Owner::Vf => owner::VF,
        Owner::Pf => owner::PF,
        Owner::Both => owner::VF | owner::PF,
    }
}

fn table_field(field: &Field) -> encode::Field {
    encode::Field {
        offset: field.offset,
        operand: field.ty.element().operand(),
        elements: field.ty.elements(),
        counted: false,
    }
}

/// The rules of the fields and the list of a block or a layout.
fn shape_rules(fields: &[Field], list: Option<&List>) -> Vec<Rule> {
    let fields = fields.iter().flat_map(field_rules);
    fields.chain(list.map(list_rule)).collect()
}

fn list_rule(list: &List) -> Rule {
    let flags = [
        (
            list.length_counts == LengthCounts::Value,
            list_flag::OF_VALUE,
        ),
        (
            list.end.is_some() && list.behind == Behind::Any,
            list_flag::ANY_BEHIND,
        ),
        (list.unknown == Unknown::Skip, list_flag::SKIP),
    ];
    let flags = flags.iter().filter(|(set, _)| *set);
    let entries = list.entries.iter().map(|entry| encode::Entry {
        tag: entry.tag.value,
        length: entry.length,
        flags: if entry.once { entry_flag::ONCE } else { 0 }
            | match entry.behind {
                Behind::Zero => 0,
                Behind::Any => entry_flag::ANY_BEHIND,
            },
        rules: structure_rules(&entry.structure, list.header_length()..entry.length),
    });
    Rule::List(encode::List {
        field: encode::Field {
            offset: list.offset,
            operand: list.tag_type.operand(),
            elements: list.length,
            counted: false,
        },
        length: list.length_type.operand(),
        flags: flags.fold(owner_bits(list.owner), |all, (_, flag)| all | flag),
        end: list.end.as_ref().map(|end| end.value),
        except: list.except,
        entries: entries.collect(),
    })
}

/// The rules of one field without its sequence: the count first, then the rules for each element.
fn field_rules(field: &Field) -> Vec<Rule> {
    let mut target = table_field(field);
    let mut rules = Vec::new();
    if let Some(count) = &field.count {
        rules.push(count_rule(count, field, target));
        target.counted = true;
    }
    if let Some(structure) = &field.structure {
        let inner = structure_rules(structure, 0..field.ty.element_length());
        if !inner.is_empty() {
            rules.push(Rule::Each {
                field: target,
                length: field.ty.element_length(),
                rules: inner,
            });
        }
        return rules;
    }
    if let Type::Ascii(_) = field.ty {
        rules.push(Rule::Text(target));
    }
    rules.extend(field.valid.mac.map(|kind| {
        let kind = match kind {
            Mac::Unicast => mac::UNICAST,
            Mac::Multicast => mac::MULTICAST,
            Mac::Nonzero => mac::NONZERO,
        };
        Rule::Mac(target, kind)
    }));
    rules.extend(value_rules(&field.valid, target, field.ty.element()));
    for bits in &field.bits {
        let count = bits.high - bits.low + 1;
        let largest = (bits.mask() >> bits.low).into();
        let own = unsigned_rules(&bits.valid, target, largest);
        rules.extend(own.into_iter().map(|rule| Rule::Bits {
            low: bits.low,
            count,
            rule: Box::new(rule),
        }));
    }
    rules
}

fn count_rule(count: &Count, field: &Field, target: encode::Field) -> Rule {
    let load = count.load().filter(|load| load.source == ReadFrom::Block);
    match (load, count.behind) {
        (Some(load), Behind::Zero)
            if load.is_whole() && !load.integer.signed && field.structure.is_none() =>
        {
            Rule::Count {
                field: target,
                offset: load.offset,
                operand: load.integer.operand(),
            }
        }
        _ => Rule::CountByCode {
            field: target,
            number: lower(&count.expression).0,
            at: first_read(count).unwrap_or(field.offset),
            clear: match count.behind {
                Behind::Zero => field.ty.element_length(),
                Behind::Any => 0,
            },
        },
    }
}

/// The offset of the first integer that a count reads beside those of the block around an element.
fn first_read(count: &Count) -> Option<u8> {
    let mut first = None;
    count.expression.for_each_load(&mut |load, _| {
        if load.source == ReadFrom::Block {
            first = first.or(Some(load.offset));
        }
    });
    first
}

/// The rules of one structure whose fields lie in `bytes`: those of its fields, its reserved bits, and
/// its `require`.
fn structure_rules(structure: &Structure, bytes: std::ops::Range<u8>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = structure.fields.iter().flat_map(field_rules).collect();
    rules.extend(structure.fields.iter().filter_map(|field| {
        let reserved = field.ty.element().mask() & !field.defined_bits();
        (reserved != 0).then(|| Rule::Clear(table_field(field), reserved))
    }));
    let is_covered = |byte: u8| {
        let mut fields = structure.fields.iter();
        fields.any(|field| (usize::from(field.offset)..field.end()).contains(&byte.into()))
    };
    let mut from = bytes.start;
    while from < bytes.end {
        let until = (from..bytes.end)
            .find(|byte| is_covered(*byte))
            .unwrap_or(bytes.end);
        if until > from {
            let gap = encode::Field {
                offset: from,
                operand: Integer::U8.operand(),
                elements: until - from,
                counted: false,
            };
            rules.push(Rule::Clear(gap, Integer::U8.mask()));
        }
        from = until + 1;
    }
    rules.extend(structure.require.iter().map(require));
    rules
}

/// The rules of `valid` for values of `integer`.
fn value_rules(valid: &Valid, target: encode::Field, integer: Integer) -> Vec<Rule> {
    rules_between(
        valid,
        target,
        (integer.min(), integer.max()),
        integer.mask(),
    )
}

/// The rules of `valid` for values from 0 to `largest`.
fn unsigned_rules(valid: &Valid, target: encode::Field, largest: i128) -> Vec<Rule> {
    rules_between(valid, target, (0, largest), u64::MAX)
}

/// The rules of `valid` for values from `smallest` to `largest`, whose bits are those of `mask`.
fn rules_between(
    valid: &Valid,
    target: encode::Field,
    (smallest, largest): (i128, i128),
    mask: u64,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    let bits = |value: i128| low_bits(value) & mask;
    let all_bits = |values: &[i128]| values.iter().map(|value| bits(*value)).collect();
    let (min, max) = valid.equals.map_or(
        (valid.min.unwrap_or(smallest), valid.max.unwrap_or(largest)),
        |equals| (equals, equals),
    );
    if (min, max) != (smallest, largest) {
        rules.push(if min < 0 && max >= 0 {
            Rule::SignedRange(target, bits(min), bits(max))
        } else {
            // Among values of one sign the bits have the order of the values.
            Rule::Range(target, bits(min), bits(max))
        });
    }
    rules.extend(valid.mask.map(|mask| Rule::Mask(target, mask)));
    rules.extend(
        valid
            .multiple_of
            .map(|divisor| Rule::Multiple(target, divisor)),
    );
    rules.extend(
        valid
            .one_of
            .as_ref()
            .map(|one_of| Rule::OneOf(target, all_bits(&one_of.values))),
    );
    rules.extend(
        valid
            .none_of
            .as_ref()
            .map(|none_of| Rule::NoneOf(target, all_bits(&none_of.values))),
    );
    rules
}

fn sequence_rule(field: &Field) -> Option<Rule> {
    let kind = match (field.sequence?, field.ty.element().signed) {
        (SequenceKind::Strict, false) => sequence::STRICT,
        (SequenceKind::Strict, true) => sequence::SIGNED_STRICT,
        (SequenceKind::NonDecreasing, false) => sequence::NON_DECREASING,
        (SequenceKind::NonDecreasing, true) => sequence::SIGNED_NON_DECREASING,
        (SequenceKind::Serial, _) => sequence::SERIAL,
        (SequenceKind::Next, _) => sequence::NEXT,
    };
    Some(Rule::Sequence {
        field: table_field(field),
        kind,
        owner: owner_bits(field.owner),
    })
}
