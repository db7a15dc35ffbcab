//! Every key of the language, with its values and its default.
//!
//! The reader takes ranges, words and defaults from here, and a test compares the tables of
//! docs/manifest.md with it.

use std::fmt;

use block_table::format::MAX_DEVICE_IDS;
use block_table::{
    Access, Companion, Kind, MAX_BLOCK_LENGTH, MAX_DEPTH, MAX_NAME_LENGTH, MAX_RESET_TIMEOUT,
    MAX_VFS, OnReset, ShortRead, WhenFull,
};

use crate::diagnostic::listed;
use crate::model::{Behind, Covered, LengthCounts, Mac, Owner, SequenceKind, Unknown};

/// A table of the language, such as `[[block.field]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The table's header, as in a manifest.
    pub header: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Section {
    /// The key with this spelling.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its spelling.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
    /// Its default.
    pub default: Default,
}

/// The values of a key. [`Display`](fmt::Display) writes them as the reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Integers from the first to the last of these.
    Integers(u64, u64),
    /// The same, with a hexadecimal upper bound.
    Hexadecimal(u64, u64),
    /// The same, or an array of at least one and at most this many different ones.
    OneOrMore(u64, u64, usize),
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// A name for use in expressions and in generated code.
    Name,
    /// The name of the device, which is not used there.
    DeviceName,
    /// As this phrase describes.
    Other(&'static str),
}

impl fmt::Display for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integers(min, max) => write!(formatter, "{min} to {max}"),
            Self::Hexadecimal(min, max) => write!(formatter, "{min} to {max:#X}"),
            Self::OneOrMore(min, max, most) => write!(
                formatter,
                "{min} to {max:#X}, or an array of 1 to {most} different ones"
            ),
            Self::Words(words) => formatter.write_str(&listed(words.iter().copied())),
            Self::Boolean => formatter.write_str("boolean"),
            Self::Name => write!(formatter, "name of 1 to {MAX_NAME_LENGTH} bytes"),
            Self::DeviceName => write!(formatter, "string of 1 to {MAX_NAME_LENGTH} bytes"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

/// The default of a key. [`Display`](fmt::Display) writes it as the reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The key is required.
    Required,
    /// This word.
    Word(&'static str),
    /// This number.
    Number(u64),
    /// This truth value.
    Boolean(bool),
    /// As this phrase describes.
    Other(&'static str),
}

impl fmt::Display for Default {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => formatter.write_str("required"),
            Self::Word(word) => write!(formatter, "`{word}`"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Boolean(value) => write!(formatter, "`{value}`"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

/// Words with their meanings. The first one is the default, if the key has such a default.
pub type Words<T, const N: usize> = [(&'static str, T); N];

/// What serves a VF again after a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedAgain {
    /// The end of the reset itself.
    ByReset,
    /// The acknowledgement by host software.
    ByAcknowledgement,
}

/// `reset`.
pub const RESET: Words<ServedAgain, 2> = [
    ("immediate", ServedAgain::ByReset),
    ("acknowledged", ServedAgain::ByAcknowledgement),
];
/// `kind`.
pub const KIND: Words<Kind, 2> = [("register", Kind::Register), ("stream", Kind::Stream)];
/// `vf-access`.
pub const VF_ACCESS: Words<Access, 4> = [
    ("read-only", Access::ReadOnly),
    ("write-only", Access::WriteOnly),
    ("read-write", Access::ReadWrite),
    ("none", Access::None),
];
/// `short-read`.
pub const SHORT_READ: Words<ShortRead, 2> =
    [("refuse", ShortRead::Refuse), ("prefix", ShortRead::Prefix)];
/// `on-reset`.
pub const ON_RESET: Words<OnReset, 2> = [("default", OnReset::Default), ("keep", OnReset::Keep)];
/// `when-full`.
pub const WHEN_FULL: Words<WhenFull, 2> = [
    ("refuse", WhenFull::Refuse),
    ("drop-oldest", WhenFull::DropOldest),
];
/// `companion`.
pub const COMPANION: Words<Companion, 3> = [
    ("write", Companion::Write),
    ("read", Companion::Read),
    ("read-write", Companion::ReadWrite),
];
pub(crate) const OWNER: Words<Owner, 3> =
    [("vf", Owner::Vf), ("pf", Owner::Pf), ("both", Owner::Both)];
pub(crate) const SEQUENCE: Words<SequenceKind, 4> = [
    ("strict", SequenceKind::Strict),
    ("non-decreasing", SequenceKind::NonDecreasing),
    ("serial", SequenceKind::Serial),
    ("next", SequenceKind::Next),
];
/// `mac`.
pub const MAC: Words<Mac, 3> = [
    ("unicast", Mac::Unicast),
    ("multicast", Mac::Multicast),
    ("nonzero", Mac::Nonzero),
];
/// `behind`.
pub const BEHIND: Words<Behind, 2> = [("zero", Behind::Zero), ("any", Behind::Any)];
/// `length-counts`.
pub const LENGTH_COUNTS: Words<LengthCounts, 2> = [
    ("entry", LengthCounts::Entry),
    ("value", LengthCounts::Value),
];
/// `unknown`.
pub const UNKNOWN: Words<Unknown, 2> = [("refuse", Unknown::Refuse), ("skip", Unknown::Skip)];
pub(crate) const CHECK: Words<Covered, 1> = [("crc32", Covered::Before)];
/// `crc32` of `check`.
pub const COVERED: Words<Covered, 2> = [("before", Covered::Before), ("rest", Covered::Rest)];

/// The word for a value; `None` for a value that a manifest expresses by omitting the key.
#[must_use]
pub fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    let named = words.iter().find(|(_, meaning)| meaning == value);
    named.map(|(word, _)| *word)
}

/// Milliseconds for which a VF waits for an acknowledgement by default.
pub(crate) const RESET_TIMEOUT: u16 = 5000;
/// Messages that a stream keeps for each VF by default.
pub(crate) const DEPTH: u16 = 32;
/// Whether a list has at most one entry of a kind by default.
pub(crate) const ONCE: bool = false;
/// The name of a list by default.
pub(crate) const LIST_NAME: &str = "entries";
/// Whether publishing invalidates by default.
pub(crate) const NOTIFY: bool = false;

/// The words without their meanings.
const fn words<T: Copy, const N: usize>(words: &Words<T, N>) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = words[index].0;
        index += 1;
    }
    names
}

const fn key(name: &'static str, values: Values, default: Default) -> Key {
    Key {
        name,
        values,
        default,
    }
}

const fn required(name: &'static str, values: Values) -> Key {
    key(name, values, Default::Required)
}

/// A key whose default is a phrase.
const fn optional(name: &'static str, values: Values, default: &'static str) -> Key {
    key(name, values, Default::Other(default))
}

const LENGTH: Values = Values::Integers(1, MAX_BLOCK_LENGTH as u64);
const ANY_U16: Values = Values::Hexadecimal(0, u16::MAX as u64);
const DEVICE_IDS: Values = Values::OneOrMore(0, u16::MAX as u64, MAX_DEVICE_IDS);
const ANY_U32: Values = Values::Integers(0, u32::MAX as u64);
const POSITIVE_U32: Values = Values::Integers(1, u32::MAX as u64);
const INTEGER: Values = Values::Other("integer");
const VALUES: Values = Values::Other("array of integers, or the name of an enumeration");
const TABLE: Values = Values::Other("table");
const TABLES: Values = Values::Other("array of tables");
const STRING: Values = Values::Other("string");
const EXPRESSIONS: Values = Values::Other("array of expressions");
const OFFSET: Values = Values::Integers(0, MAX_BLOCK_LENGTH as u64 - 1);
/// Two bytes follow at least: a tag and a length.
const LIST_OFFSET: Values = Values::Integers(0, MAX_BLOCK_LENGTH as u64 - 2);
const TYPE: Values = Values::Other("type");
const USE: Key = optional("use", Values::Other("name of a group"), "no group");
const DEFAULT: Key = optional("default", Values::Other("value of the type"), "zeros");
const VALID_RULES: Key = optional("valid", TABLE, "any value");
const NAMED_BITS: Key = optional("bits", TABLE, "one integer");
const COUNT: Key = optional(
    "count",
    Values::Other("expression that is a number"),
    "all elements",
);
const BEHIND_COUNT: Key = key(
    "behind",
    Values::Words(&words(&BEHIND)),
    Default::Word(BEHIND[0].0),
);

const OWNER_KEY: Key = optional(
    "owner",
    Values::Words(&words(&OWNER)),
    "`vf` if the VF writes the block, `pf` otherwise",
);
const INNER_FIELDS: Values = Values::Other("array of tables, the fields of a structure");
const LIST_TABLES: Key = optional("list", TABLES, "no list");

/// The whole file.
pub const FILE: Section = Section {
    header: "the manifest",
    keys: &[
        required("device", TABLE),
        optional("limits", TABLE, "no limit"),
        optional("const", TABLE, "no constants"),
        optional("enum", Values::Other("tables"), "no enumerations"),
        optional("group", Values::Other("tables"), "no groups"),
        required("block", TABLES),
    ],
};

/// `[device]`.
pub const DEVICE: Section = Section {
    header: "[device]",
    keys: &[
        required("name", Values::DeviceName),
        required("vendor-id", ANY_U16),
        required("device-id", DEVICE_IDS),
        required("max-vfs", Values::Integers(1, MAX_VFS as u64)),
        key(
            "reset",
            Values::Words(&words(&RESET)),
            Default::Word(RESET[0].0),
        ),
        key(
            "reset-timeout",
            Values::Integers(1, MAX_RESET_TIMEOUT as u64),
            Default::Number(RESET_TIMEOUT as u64),
        ),
    ],
};

/// `[limits]`.
pub const LIMITS: Section = Section {
    header: "[limits]",
    keys: &[
        required("writes-per-second", POSITIVE_U32),
        required("burst", POSITIVE_U32),
    ],
};

/// `[[block]]`.
pub const BLOCK: Section = Section {
    header: "[[block]]",
    keys: &[
        required("id", ANY_U32),
        required("name", Values::Name),
        optional("doc", STRING, "none"),
        key(
            "kind",
            Values::Words(&words(&KIND)),
            Default::Word(KIND[0].0),
        ),
        required("vf-access", Values::Words(&words(&VF_ACCESS))),
        optional("length", LENGTH, "`min-length` and `max-length`"),
        optional("min-length", LENGTH, "`length`"),
        optional("max-length", LENGTH, "`length`"),
        key("notify", Values::Boolean, Default::Boolean(NOTIFY)),
        key(
            "short-read",
            Values::Words(&words(&SHORT_READ)),
            Default::Word(SHORT_READ[0].0),
        ),
        key(
            "on-reset",
            Values::Words(&words(&ON_RESET)),
            Default::Word(ON_RESET[0].0),
        ),
        key(
            "depth",
            Values::Integers(1, MAX_DEPTH as u64),
            Default::Number(DEPTH as u64),
        ),
        key(
            "when-full",
            Values::Words(&words(&WHEN_FULL)),
            Default::Word(WHEN_FULL[0].0),
        ),
        optional("companion", Values::Words(&words(&COMPANION)), "none"),
        optional(
            "uses",
            Values::Other("array of up to 4 names of blocks"),
            "none",
        ),
        optional("require", EXPRESSIONS, "none"),
        optional("field", TABLES, "opaque"),
        optional("layout", TABLES, "one shape"),
        LIST_TABLES,
    ],
};

/// `[[block.field]]` and `[[block.layout.field]]`.
pub const FIELD: Section = Section {
    header: "[[block.field]]",
    keys: &[
        required("name", Values::Name),
        optional("doc", STRING, "none"),
        optional("offset", OFFSET, "after the field before"),
        optional("type", TYPE, "structures of the `field`s"),
        USE,
        optional("elements", LENGTH, "one value, or as `type` says"),
        OWNER_KEY,
        DEFAULT,
        VALID_RULES,
        NAMED_BITS,
        COUNT,
        BEHIND_COUNT,
        optional("require", EXPRESSIONS, "none"),
        optional("field", INNER_FIELDS, "no structures"),
        optional("sequence", Values::Words(&words(&SEQUENCE)), "none"),
        optional(
            "on-reset",
            Values::Words(&words(&ON_RESET)),
            "`on-reset` of the block",
        ),
        optional("check", Values::Other("`crc32`, or a table"), "none"),
    ],
};

/// `[[block.field.field]]` and `[[block.list.entry.field]]`, also in a layout.
pub const ELEMENT: Section = Section {
    header: "[[block.field.field]]",
    keys: &[
        required("name", Values::Name),
        optional("doc", STRING, "none"),
        optional("offset", OFFSET, "after the field before"),
        optional("type", TYPE, "those of the group in `use`"),
        USE,
        DEFAULT,
        VALID_RULES,
        NAMED_BITS,
        COUNT,
        BEHIND_COUNT,
    ],
};

/// `[group.NAME]`.
pub const GROUP: Section = Section {
    header: "[group.NAME]",
    keys: &[required(
        "field",
        Values::Other("array of tables, the fields of the group"),
    )],
};

/// `[[group.NAME.field]]`: the keys of a structure's field.
pub const MEMBER: Section = Section {
    header: "[[group.NAME.field]]",
    keys: ELEMENT.keys,
};

const EQUALS: Key = optional("equals", INTEGER, "any value");
const ONE_OF: Key = optional("one-of", VALUES, "any value");
const NONE_OF: Key = optional("none-of", VALUES, "no value excluded");
const MIN: Key = optional("min", INTEGER, "the smallest of the type");
const MAX: Key = optional("max", INTEGER, "the largest of the type");
const MASK: Key = optional("mask", INTEGER, "all bits");
const MULTIPLE_OF: Key = optional("multiple-of", Values::Other("integer from 1"), "1");

/// `valid` of a field.
pub const VALID: Section = Section {
    header: "valid",
    keys: &[
        EQUALS,
        ONE_OF,
        NONE_OF,
        MIN,
        MAX,
        MASK,
        MULTIPLE_OF,
        optional("mac", Values::Words(&words(&MAC)), "any bytes"),
    ],
};

/// Named bits with rules, in `bits` of a field.
pub const BITS: Section = Section {
    header: "bits",
    keys: &[
        required("at", Values::Other("bit, or range of bits")),
        EQUALS,
        ONE_OF,
        NONE_OF,
        MIN,
        MAX,
        MASK,
        MULTIPLE_OF,
    ],
};

/// A checksum of other bytes than those before it, in `check` of a field.
pub const COVERING: Section = Section {
    header: "check",
    keys: &[required("crc32", Values::Words(&words(&COVERED)))],
};

/// `[[block.layout]]`.
pub const LAYOUT: Section = Section {
    header: "[[block.layout]]",
    keys: &[
        optional("name", Values::Name, "taken from `when`"),
        optional("doc", STRING, "none"),
        required("when", Values::Other("expression, or `else`")),
        optional("require", EXPRESSIONS, "none"),
        optional("field", TABLES, "no fields"),
        LIST_TABLES,
    ],
};

/// `[[block.list]]` and `[[block.layout.list]]`.
pub const LIST: Section = Section {
    header: "[[block.list]]",
    keys: &[
        key("name", Values::Name, Default::Word(LIST_NAME)),
        optional("doc", STRING, "none"),
        optional("offset", LIST_OFFSET, "after the field before"),
        required("type", TYPE),
        required("length", TYPE),
        key(
            "length-counts",
            Values::Words(&words(&LENGTH_COUNTS)),
            Default::Word(LENGTH_COUNTS[0].0),
        ),
        OWNER_KEY,
        optional("end", INTEGER, "the end of the bytes that are sent"),
        BEHIND_COUNT,
        key(
            "unknown",
            Values::Words(&words(&UNKNOWN)),
            Default::Word(UNKNOWN[0].0),
        ),
        optional("except", INTEGER, "no bits"),
        optional("entry", TABLES, "no known entries"),
    ],
};

/// `[[block.list.entry]]` and `[[block.layout.list.entry]]`.
pub const ENTRY: Section = Section {
    header: "[[block.list.entry]]",
    keys: &[
        required("when", INTEGER),
        optional("name", Values::Name, "taken from `when`"),
        optional("doc", STRING, "none"),
        key("once", Values::Boolean, Default::Boolean(ONCE)),
        BEHIND_COUNT,
        optional("require", EXPRESSIONS, "none"),
        optional("field", INNER_FIELDS, "no fields"),
    ],
};

/// Every table with a fixed set of keys. `[const]`, `[enum.NAME]` and `bits` have keys of the
/// author's choice.
pub const SECTIONS: &[&Section] = &[
    &FILE, &DEVICE, &LIMITS, &BLOCK, &FIELD, &ELEMENT, &GROUP, &MEMBER, &VALID, &BITS, &COVERING,
    &LAYOUT, &LIST, &ENTRY,
];
