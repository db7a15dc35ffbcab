//! The first step: reads TOML into the language's own tables, each value with its span.
//!
//! It checks the form only: known keys, kinds of values, spellings and ranges. The next step
//! compares the values with each other.

mod bits;
mod fields;
mod headers;
mod list;
mod names;
pub(crate) mod read;
mod reader;

use block_table::{Access, Companion, Kind, OnReset, ShortRead, WhenFull};

use crate::diagnostic::{Located, Span};
use crate::keys::ServedAgain;
use crate::model::{Behind, Covered, LengthCounts, Mac, Owner, SequenceKind, Unknown};
use crate::types::{Integer, Type};

/// The value of a key. An unreadable value is reported once, and causes no further errors.
#[derive(Clone, Debug)]
pub(crate) enum Written<T> {
    /// The key is absent.
    Absent,
    /// The key is present, perhaps misspelt, and its value cannot be read.
    Unreadable,
    /// The value.
    Value(Located<T>),
}

impl<T> Written<T> {
    pub(crate) const fn value(&self) -> Option<&Located<T>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }

    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable)
    }
}

/// A manifest as it is written.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) device: Option<Device>,
    pub(crate) limits: Option<Limits>,
    pub(crate) constants: Vec<Constant>,
    /// Whether every constant could be read.
    pub(crate) knows_constants: bool,
    pub(crate) enums: Vec<Enum>,
    /// Whether every enumeration could be read.
    pub(crate) knows_enums: bool,
    pub(crate) groups: Vec<Group>,
    /// Whether every group could be read.
    pub(crate) knows_groups: bool,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the PCI term is device ID")]
pub(crate) struct Device {
    pub(crate) header: Span,
    pub(crate) name: Option<Located<String>>,
    pub(crate) vendor_id: Option<Located<u16>>,
    pub(crate) device_ids: Option<Vec<Located<u16>>>,
    pub(crate) max_vfs: Option<Located<u16>>,
    pub(crate) reset: Written<ServedAgain>,
    pub(crate) reset_timeout: Option<Located<u16>>,
}

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) writes_per_second: Option<Located<u32>>,
    pub(crate) burst: Option<Located<u32>>,
}

/// A named integer.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) name: Located<String>,
    /// Its value, if that can be read.
    pub(crate) value: Option<i128>,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: Located<String>,
    /// The named values; one that cannot be read is still a name. Empty if none could be read.
    pub(crate) members: Vec<(Located<String>, Option<i128>)>,
}

/// Fields that others stand for.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Located<String>,
    pub(crate) fields: Vec<Field>,
    /// Whether the name of every field could be read.
    pub(crate) knows_fields: bool,
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) header: Span,
    pub(crate) id: Option<Located<u32>>,
    pub(crate) name: Option<Located<String>>,
    pub(crate) doc: Option<String>,
    pub(crate) kind: Written<Kind>,
    pub(crate) vf_access: Option<Located<Access>>,
    pub(crate) length: Written<u8>,
    pub(crate) min_length: Written<u8>,
    pub(crate) max_length: Written<u8>,
    pub(crate) notify: Option<Located<bool>>,
    pub(crate) short_read: Option<Located<ShortRead>>,
    pub(crate) on_reset: Option<Located<OnReset>>,
    pub(crate) depth: Option<Located<u16>>,
    pub(crate) when_full: Option<Located<WhenFull>>,
    pub(crate) companion: Option<Located<Companion>>,
    pub(crate) uses: Vec<Located<String>>,
    pub(crate) require: Vec<Located<String>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) lists: Vec<List>,
    /// Whether the name of every field and layout could be read.
    pub(crate) knows_fields: bool,
}

#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) header: Span,
    pub(crate) name: Option<Located<String>>,
    pub(crate) doc: Option<String>,
    pub(crate) when: Option<Located<String>>,
    pub(crate) require: Vec<Located<String>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) lists: Vec<List>,
    /// Whether the name of every field could be read.
    pub(crate) knows_fields: bool,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) header: Span,
    pub(crate) name: Option<Located<String>>,
    pub(crate) doc: Option<String>,
    pub(crate) offset: Written<u8>,
    pub(crate) tag_type: Option<Located<Integer>>,
    pub(crate) length_type: Option<Located<Integer>>,
    pub(crate) length_counts: Option<Located<LengthCounts>>,
    pub(crate) owner: Option<Located<Owner>>,
    pub(crate) end: Written<Value>,
    pub(crate) behind: Option<Located<Behind>>,
    pub(crate) unknown: Written<Unknown>,
    pub(crate) except: Option<Located<Value>>,
    pub(crate) entries: Vec<Entry>,
    /// Whether every entry could be read, with the names of its fields.
    pub(crate) knows_entries: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) header: Span,
    pub(crate) when: Option<Located<Value>>,
    pub(crate) name: Option<Located<String>>,
    pub(crate) doc: Option<String>,
    pub(crate) once: Option<Located<bool>>,
    pub(crate) behind: Option<Located<Behind>>,
    pub(crate) require: Vec<Located<String>>,
    pub(crate) fields: Vec<Field>,
    /// Whether the name of every field could be read.
    pub(crate) knows_fields: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) header: Span,
    pub(crate) name: Option<Located<String>>,
    pub(crate) doc: Option<String>,
    pub(crate) offset: Written<u8>,
    pub(crate) ty: Option<Located<Type>>,
    /// Whether the type is written, also if it cannot be read.
    pub(crate) has_type: bool,
    /// The group for whose fields it stands.
    pub(crate) group: Written<String>,
    /// Where the group lies that it has replaced a field as a part of.
    pub(crate) member: Option<Member>,
    pub(crate) owner: Option<Located<Owner>>,
    pub(crate) default: Option<Located<Value>>,
    pub(crate) valid: Valid,
    pub(crate) bits: Written<Vec<Bits>>,
    pub(crate) count: Option<Located<String>>,
    pub(crate) behind: Option<Located<Behind>>,
    /// How many structures there are; absent for a field of another type.
    pub(crate) elements: Written<u8>,
    /// The fields of a structure.
    pub(crate) inner: Vec<Self>,
    /// Whether the name of every field of a structure could be read.
    pub(crate) knows_inner: bool,
    pub(crate) require: Vec<Located<String>>,
    pub(crate) sequence: Option<Located<SequenceKind>>,
    pub(crate) on_reset: Option<Located<OnReset>>,
    pub(crate) check: Option<Located<Covered>>,
}

/// The place of a field in a group that another field stands for.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The name of the field that uses the group.
    pub(crate) user: String,
    /// The bytes of the group before it.
    pub(crate) start: usize,
    /// The bytes of the group.
    pub(crate) length: usize,
    /// Whether it is the first field of the group.
    pub(crate) is_first: bool,
    /// Where the group names it.
    pub(crate) definition: Span,
}

/// A value of any field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(i128),
    /// The text of an ASCII field, or the name of an enumeration's value.
    Text(String),
    List(Vec<Located<Self>>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Valid {
    pub(crate) equals: Option<Located<Value>>,
    pub(crate) one_of: Option<Located<Value>>,
    pub(crate) none_of: Option<Located<Value>>,
    pub(crate) min: Option<Located<Value>>,
    pub(crate) max: Option<Located<Value>>,
    pub(crate) mask: Option<Located<Value>>,
    pub(crate) multiple_of: Option<Located<Value>>,
    pub(crate) mac: Option<Located<Mac>>,
}

impl Valid {
    /// Every given rule on integers.
    pub(crate) fn given(&self) -> impl Iterator<Item = &Located<Value>> {
        [
            &self.equals,
            &self.one_of,
            &self.none_of,
            &self.min,
            &self.max,
            &self.mask,
            &self.multiple_of,
        ]
        .into_iter()
        .flatten()
    }

    /// The place of the first given rule.
    pub(crate) fn place(&self) -> Option<&Span> {
        let mac = self.mac.iter().map(|mac| &mac.span);
        self.given().map(|rule| &rule.span).chain(mac).next()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Bits {
    pub(crate) name: Located<String>,
    /// The lowest and the highest bit, if they can be read.
    pub(crate) range: Option<(u8, u8)>,
    pub(crate) valid: Valid,
    pub(crate) span: Span,
}
