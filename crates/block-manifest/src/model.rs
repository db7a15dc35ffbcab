//! The model of a valid manifest, for the compiler, the generators and the tools.

mod rules;

pub use rules::{
    Behind, Bits, Covered, LengthCounts, Mac, OneOf, Owner, SequenceKind, Unknown, Valid,
};

use std::ops::Range;

use block_table::{Access, Companion, Kind, Limits, OnReset, Reset, ShortRead, WhenFull};

use crate::diagnostic::{Diagnostics, Span};
use crate::expression::{Expression, Load, Node};
use crate::types::{Integer, Type, low_bits};

/// A checked manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub(crate) device: Device,
    pub(crate) limits: Option<Limits>,
    pub(crate) constants: Vec<Member>,
    pub(crate) enums: Vec<Enum>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) warnings: Diagnostics,
    pub(crate) table: Vec<u8>,
}

/// `[device]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name, 1 to 63 bytes.
    pub name: String,
    /// PCI vendor ID of the PF.
    pub vendor_id: u16,
    /// PCI device IDs that the PF may have, 1 to 16 different ones in the order of the manifest.
    pub device_ids: Vec<u16>,
    /// The maximum number of VFs, 1 to 4096.
    pub max_vfs: u16,
    /// When a VF is served again after a reset.
    pub reset: Reset,
}

impl Device {
    /// The first of the device IDs, for uses that have room for one.
    #[must_use]
    pub fn device_id(&self) -> u16 {
        self.device_ids.first().copied().unwrap_or_default()
    }
}

/// `[enum.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    /// Its name.
    pub name: String,
    /// Its named values, in the order of the manifest.
    pub members: Vec<Member>,
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: String,
    /// The value: one of 64 bits, signed or unsigned.
    pub value: i128,
}

/// `[[block]]`.
#[derive(Clone, Debug)]
pub struct Block {
    /// The block ID.
    pub id: u32,
    /// The name.
    pub name: String,
    /// The author's documentation.
    pub doc: Option<String>,
    /// Its kind.
    pub kind: Kind,
    /// The access of VFs.
    pub vf_access: Access,
    /// The shortest write in bytes.
    pub min_length: u8,
    /// The longest write in bytes, and the length of the block.
    pub max_length: u8,
    /// Whether publishing invalidates.
    pub notify: bool,
    /// The result of a short read.
    pub short_read: ShortRead,
    /// What a reset does to PF-owned fields that do not say it themselves.
    pub on_reset: OnReset,
    /// Messages that a stream keeps for each VF; zero for a register.
    pub depth: u16,
    /// What a full stream does with another message.
    pub when_full: WhenFull,
    /// What the companion driver handles.
    pub companion: Companion,
    /// The names of the blocks whose values its rules read, in the order of
    /// [`Source::Used`](crate::expression::Source::Used).
    pub uses: Vec<String>,
    /// Rules over the block's fields.
    pub require: Vec<Condition>,
    /// The block's own fields, in the order of the manifest.
    pub fields: Vec<Field>,
    /// Its alternative layouts, in the order in which they are tried.
    pub layouts: Vec<Layout>,
    /// The list after its fields; none if it has layouts, which have lists of their own.
    pub list: Option<List>,
    /// The span of its header.
    pub span: Span,
}

impl Block {
    /// Whether the block has no fields: any bytes are valid.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        self.fields.is_empty() && self.layouts.is_empty() && self.list.is_none()
    }

    /// Whether a reset keeps the value of `field`, one of the block or of its layouts.
    #[must_use]
    pub fn keeps(&self, field: &Field) -> bool {
        !field.owner.has_vf() && field.on_reset.unwrap_or(self.on_reset) == OnReset::Keep
    }

    /// Whether host software can write any byte of the block, in any of its layouts.
    #[must_use]
    pub fn has_pf(&self) -> bool {
        if self.is_opaque() {
            return self.opaque_owner().has_pf();
        }
        let layouts = self.layouts.iter().flat_map(|layout| &layout.fields);
        let fields = self.fields.iter().chain(layouts);
        fields
            .map(|field| field.owner)
            .chain(self.lists().map(|list| list.owner))
            .any(Owner::has_pf)
    }

    /// The lists of the block and of its layouts.
    pub fn lists(&self) -> impl Iterator<Item = &List> {
        let of_layouts = self
            .layouts
            .iter()
            .filter_map(|layout| layout.list.as_ref());
        self.list.iter().chain(of_layouts)
    }

    /// The list of the block in `layout`, one of its layouts.
    #[must_use]
    pub fn list_in<'b>(&'b self, layout: Option<&'b Layout>) -> Option<&'b List> {
        layout.map_or(self.list.as_ref(), |layout| layout.list.as_ref())
    }

    /// The block in the mask of an invalidation, which has the blocks 0 to 63; `None` for a block
    /// without a place in it or that the VF does not read.
    #[must_use]
    pub fn invalidation_mask(&self) -> Option<u64> {
        let read = matches!(self.vf_access, Access::ReadOnly | Access::ReadWrite);
        if read {
            1u64.checked_shl(self.id)
        } else {
            None
        }
    }

    /// Who owns the bytes of an opaque block.
    #[must_use]
    pub const fn opaque_owner(&self) -> Owner {
        match (self.kind, self.vf_access) {
            (_, Access::ReadOnly | Access::None) => Owner::Pf,
            (Kind::Stream, _) => Owner::Vf,
            _ => Owner::Both,
        }
    }
}

/// `[[block.layout]]`.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Its name: given, or derived from its condition.
    pub name: String,
    /// The author's documentation.
    pub doc: Option<String>,
    /// The condition that selects it; `None` is `else`.
    pub when: Option<Condition>,
    /// Rules over its fields and those of the block.
    pub require: Vec<Condition>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The list after its fields.
    pub list: Option<List>,
    /// The span of its header.
    pub span: Span,
}

/// An expression with its text.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Its text in the manifest.
    pub text: String,
    /// The parsed expression.
    pub expression: Expression,
    /// Its span.
    pub span: Span,
}

/// `[[block.field]]` or `[[block.layout.field]]`.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The author's documentation.
    pub doc: Option<String>,
    /// Its offset in the block, in bytes.
    pub offset: u8,
    /// Its type.
    pub ty: Type,
    /// Its owner.
    pub owner: Owner,
    /// Its default in the bytes of the block; as long as its type.
    pub default: Vec<u8>,
    /// Its rules.
    pub valid: Valid,
    /// Its named bits; empty when all bits are one integer.
    pub bits: Vec<Bits>,
    /// The number of its elements that count.
    pub count: Option<Count>,
    /// What its elements are, if they are structures.
    pub structure: Option<Structure>,
    /// How its value advances.
    pub sequence: Option<SequenceKind>,
    /// What a reset does to its value, if it says so itself.
    pub on_reset: Option<OnReset>,
    /// The bytes of a write that it is the CRC-32 of, if it is a checksum.
    pub checksum: Option<Covered>,
    /// The span of its name in the group that defines it; `None` for a field of no group.
    pub definition: Option<Span>,
    /// The span of its header, or of that of the field that uses the group.
    pub span: Span,
}

impl Field {
    /// The bytes that the field is the checksum of in a write of `length` bytes; none for another
    /// field, and in a write that ends before them.
    #[must_use]
    pub fn covered(&self, length: usize) -> Range<usize> {
        match self.checksum {
            None => 0..0,
            Some(Covered::Before) => 0..length.min(self.offset.into()),
            Some(Covered::Rest) => self.end().min(length)..length,
        }
    }

    /// The first byte after it.
    #[must_use]
    pub fn end(&self) -> usize {
        usize::from(self.offset) + self.ty.length()
    }

    /// The fields that hold values: the field itself, or for an array of structures those of each
    /// element, at their places in the block. The names are `array[0].field`.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        if self.structure.is_none() {
            return vec![self.clone()];
        }
        (0..self.ty.elements())
            .flat_map(|index| self.element(index))
            .collect()
    }

    /// The fields of the structure at `index`, at their places in the block; none for a field that
    /// is no array of structures.
    #[must_use]
    pub fn element(&self, index: u8) -> Vec<Self> {
        let start = self.element_offset(index);
        let structure = self.structure.as_ref();
        structure.map_or_else(Vec::new, |structure| {
            structure.fields_at(&format!("{}[{index}]", self.name), start)
        })
    }

    /// The rules over the structure at `index`, as rules over the block.
    #[must_use]
    pub fn element_rules(&self, index: u8) -> Vec<Expression> {
        let start = self.element_offset(index);
        let structure = self.structure.as_ref();
        structure.map_or_else(Vec::new, |structure| structure.rules_at(start))
    }

    /// The offset of the element at `index` in the block.
    #[must_use]
    pub fn element_offset(&self, index: u8) -> u8 {
        let before = index.saturating_mul(self.ty.element_length());
        self.offset.saturating_add(before)
    }

    /// Whether the rules of the field and of its bits allow `value` in each element.
    #[must_use]
    pub fn allows(&self, value: i128) -> bool {
        let integer = self.ty.element();
        (integer.min()..=integer.max()).contains(&value)
            && low_bits(value) & integer.mask() & !self.defined_bits() == 0
            && self.valid.allows(value)
            && self.bits.iter().all(|bits| bits.allow(value))
    }

    /// The bits of each element that may be set: those with a name, or all of them.
    #[must_use]
    pub fn defined_bits(&self) -> u64 {
        if self.bits.is_empty() {
            return self.ty.element().mask();
        }
        self.bits.iter().fold(0, |mask, bits| mask | bits.mask())
    }
}

/// How many of an array's elements count. The rules of the elements apply to these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Its text in the manifest.
    pub text: String,
    /// The number.
    pub expression: Expression,
    /// The elements after the counted ones.
    pub behind: Behind,
}

impl Count {
    /// The field, or the bits of one, that the number is; `None` if it is computed.
    #[must_use]
    pub const fn load(&self) -> Option<&Load> {
        match &self.expression.node {
            Node::Load(load) => Some(load),
            _ => None,
        }
    }
}

/// One element of an array of structures, or an entry of a list.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Its fields, in the order of the manifest. Their offsets count from its first byte.
    pub fields: Vec<Field>,
    /// Rules over its fields, and those of the block before the array or list.
    pub require: Vec<Condition>,
}

impl Structure {
    /// Its fields where it begins at `start` of the block. The names follow `name` and a point.
    #[must_use]
    pub fn fields_at(&self, name: &str, start: u8) -> Vec<Field> {
        let placed = self.fields.iter().map(|inner| Field {
            name: format!("{name}.{}", inner.name),
            offset: inner.offset.saturating_add(start),
            count: inner.count.as_ref().map(|count| Count {
                expression: count.expression.of_element_at(start),
                ..count.clone()
            }),
            ..inner.clone()
        });
        placed.collect()
    }

    /// Its rules where it begins at `start` of the block, as rules over the block.
    #[must_use]
    pub fn rules_at(&self, start: u8) -> Vec<Expression> {
        let rules = self.require.iter();
        rules
            .map(|rule| rule.expression.of_element_at(start))
            .collect()
    }
}

/// `[[block.list]]` or `[[block.layout.list]]`: entries with a tag and a length, one after the other
/// up to the end of the block.
#[derive(Clone, Debug)]
pub struct List {
    /// Its name.
    pub name: String,
    /// The author's documentation.
    pub doc: Option<String>,
    /// Its offset in the block, in bytes.
    pub offset: u8,
    /// The bytes from there to the end of the block.
    pub length: u8,
    /// Who writes it.
    pub owner: Owner,
    /// The type of a tag.
    pub tag_type: Integer,
    /// The type of a length, which follows the tag.
    pub length_type: Integer,
    /// What a length counts.
    pub length_counts: LengthCounts,
    /// The tag that ends the entries; without one they end with the bytes that are sent.
    pub end: Option<Tag>,
    /// The bytes after the end.
    pub behind: Behind,
    /// What becomes of an entry with an unknown tag.
    pub unknown: Unknown,
    /// The bits of a tag with which the opposite of `unknown` holds.
    pub except: u64,
    /// The known entries, in the order of the manifest.
    pub entries: Vec<Entry>,
    /// The bytes of a list without entries, as many as `length`.
    pub default: Vec<u8>,
    /// The span of its header.
    pub span: Span,
}

/// `[[block.list.entry]]` or `[[block.layout.list.entry]]`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: given, or derived from its tag.
    pub name: String,
    /// The author's documentation.
    pub doc: Option<String>,
    /// The tag.
    pub tag: Tag,
    /// Whether a list has at most one of them.
    pub once: bool,
    /// The bytes after its fields.
    pub behind: Behind,
    /// The bytes that it has at least, with tag and length.
    pub length: u8,
    /// Its fields after the tag and the length, and its rules.
    pub structure: Structure,
    /// The span of its header.
    pub span: Span,
}

/// A tag of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its spelling in the manifest.
    pub text: String,
    /// Its value.
    pub value: u64,
}

impl Manifest {
    /// The device.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The limits of each VF.
    #[must_use]
    pub const fn limits(&self) -> Option<Limits> {
        self.limits
    }

    /// The constants, in the order of the manifest.
    #[must_use]
    pub fn constants(&self) -> &[Member] {
        &self.constants
    }

    /// The enumerations, in the order of the manifest.
    #[must_use]
    pub fn enums(&self) -> &[Enum] {
        &self.enums
    }

    /// The blocks, in the order of the manifest, which is that of the block table.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The warnings.
    #[must_use]
    pub const fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// The block table, as the driver loads it.
    #[must_use]
    pub fn compile(&self) -> Vec<u8> {
        self.table.clone()
    }
}
