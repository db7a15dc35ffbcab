//! The rules on values, and what the keys of fields and lists choose among.

use crate::types::low_bits;

/// The bytes of a write that a checksum is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Covered {
    /// All bytes before it.
    Before,
    /// All bytes after it, as many as are sent.
    Rest,
}

/// The owner of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The VF, with its writes.
    Vf,
    /// The PF, with publishes of host software.
    Pf,
    /// Either of them.
    Both,
}

impl Owner {
    /// Whether a VF's write sets it.
    #[must_use]
    pub const fn has_vf(self) -> bool {
        !matches!(self, Self::Pf)
    }

    /// Whether a publish sets it.
    #[must_use]
    pub const fn has_pf(self) -> bool {
        !matches!(self, Self::Vf)
    }

    /// The spelling in a manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vf => "vf",
            Self::Pf => "pf",
            Self::Both => "both",
        }
    }
}

/// Consecutive bits of an integer field with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    /// The name.
    pub name: String,
    /// The lowest bit, counted from the least significant one.
    pub low: u8,
    /// The highest bit.
    pub high: u8,
    /// The rules on their value, shifted down by `low`.
    pub valid: Valid,
}

impl Bits {
    /// Whether their rules allow the bits that `value` of the whole integer has.
    #[must_use]
    pub fn allow(&self, value: i128) -> bool {
        let part = (low_bits(value) & self.mask()) >> self.low;
        self.valid.allows(part.into())
    }

    /// The bits within the integer.
    #[must_use]
    pub const fn mask(&self) -> u64 {
        (u64::MAX >> (63 - (self.high - self.low))) << self.low
    }
}

/// The elements of an array after the counted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behind {
    /// They are zero.
    Zero,
    /// They may be anything.
    Any,
}

/// What the length of an entry counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthCounts {
    /// The whole entry.
    Entry,
    /// The bytes after tag and length.
    Value,
}

/// What becomes of an entry with an unknown tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// The write is refused.
    Refuse,
    /// The entry is skipped.
    Skip,
}

/// How a sequence advances from one write to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SequenceKind {
    /// Greater.
    Strict,
    /// Not less.
    NonDecreasing,
    /// Greater, wrapping around (RFC 1982).
    Serial,
    /// One more, wrapping around.
    Next,
}

impl SequenceKind {
    /// The spelling in a manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NonDecreasing => "non-decreasing",
            Self::Serial => "serial",
            Self::Next => "next",
        }
    }
}

/// `valid` of a field. All given rules hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Valid {
    /// The only value.
    pub equals: Option<i128>,
    /// The only values.
    pub one_of: Option<OneOf>,
    /// The values that are excluded.
    pub none_of: Option<OneOf>,
    /// The smallest value.
    pub min: Option<i128>,
    /// The largest value.
    pub max: Option<i128>,
    /// The bits that may be set.
    pub mask: Option<u64>,
    /// The divisor of the value.
    pub multiple_of: Option<u64>,
    /// What the six bytes of a field are, which has no integers for the other rules.
    pub mac: Option<Mac>,
}

/// A kind of MAC address (IEEE 802).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mac {
    /// That of one station: not of a group, and not zero.
    Unicast,
    /// That of a group; broadcast is one of them.
    Multicast,
    /// Any but zero.
    Nonzero,
}

impl Mac {
    /// The bytes that an address has.
    pub const LENGTH: u8 = 6;

    /// Whether these bytes are such an address.
    #[must_use]
    pub fn allows(self, bytes: &[u8]) -> bool {
        let is_group = bytes.first().is_some_and(|byte| byte & 1 != 0);
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        match self {
            Self::Unicast => !is_group && !is_zero,
            Self::Multicast => is_group,
            Self::Nonzero => !is_zero,
        }
    }
}

/// A list of values, optionally that of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOf {
    /// The enumeration's name.
    pub enumeration: Option<String>,
    /// The values.
    pub values: Vec<i128>,
}

impl Valid {
    /// Whether every rule allows `value`.
    #[must_use]
    pub fn allows(&self, value: i128) -> bool {
        self.equals.is_none_or(|equals| value == equals)
            && self
                .one_of
                .as_ref()
                .is_none_or(|one_of| one_of.values.contains(&value))
            && self
                .none_of
                .as_ref()
                .is_none_or(|none_of| !none_of.values.contains(&value))
            && self.min.is_none_or(|min| value >= min)
            && self.max.is_none_or(|max| value <= max)
            && self.mask.is_none_or(|mask| low_bits(value) & !mask == 0)
            && self
                .multiple_of
                .is_none_or(|divisor| value.checked_rem(divisor.into()) == Some(0))
    }
}
