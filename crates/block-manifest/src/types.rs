//! The types of fields.

use std::fmt;

use block_table::MAX_BLOCK_LENGTH;
use block_table::format::operand;

use crate::diagnostic::{Diagnostic, Located, printable};

/// An unsigned integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    /// Binary logarithm of the width in bytes, 0 to 3.
    pub width_log: u8,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

impl Integer {
    /// A byte.
    pub const U8: Self = Self {
        width_log: 0,
        big_endian: false,
    };

    /// The width in bytes: 1, 2, 4 or 8.
    #[must_use]
    pub const fn width(self) -> u8 {
        1 << self.width_log
    }

    /// The width in bits: 8, 16, 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u8 {
        8 << self.width_log
    }

    /// The largest value.
    #[must_use]
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// Its encoding in the block table.
    #[must_use]
    pub const fn operand(self) -> u8 {
        self.width_log
            | if self.big_endian {
                operand::BIG_ENDIAN
            } else {
                0
            }
    }

    /// The bytes of `value`, cut to the width.
    #[must_use]
    pub fn encode(self, value: u64) -> Vec<u8> {
        let width = usize::from(self.width());
        let mut bytes = value.to_le_bytes()[..width].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The value of an integer at the start of `bytes`.
    pub(crate) fn decode(self, bytes: &[u8]) -> u64 {
        let bytes = bytes.iter().take(self.width().into());
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.fold(0, fold)
        } else {
            bytes.rev().fold(0, fold)
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "u{}{}",
            self.bits(),
            if self.big_endian { "be" } else { "" }
        )
    }
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// One integer.
    Integer(Integer),
    /// Several integers, 1 to 128.
    Array(Integer, u8),
    /// Bytes that the broker does not interpret, 1 to 128.
    Bytes(u8),
    /// Printable ASCII, padded with zeros, 1 to 128 bytes.
    Ascii(u8),
    /// An array of structures.
    Structures {
        /// The bytes of one structure, 1 to 128.
        length: u8,
        /// How many there are, 1 to 128.
        elements: u8,
    },
}

/// The integer types by name.
const INTEGERS: [(&str, u8, bool); 7] = [
    ("u8", 0, false),
    ("u16", 1, false),
    ("u32", 2, false),
    ("u64", 3, false),
    ("u16be", 1, true),
    ("u32be", 2, true),
    ("u64be", 3, true),
];

impl Type {
    /// The length in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        self.element_length() as usize * self.elements() as usize
    }

    /// The length of one element in bytes.
    #[must_use]
    pub const fn element_length(self) -> u8 {
        match self {
            Self::Integer(integer) | Self::Array(integer, _) => integer.width(),
            Self::Bytes(_) | Self::Ascii(_) => 1,
            Self::Structures { length, .. } => length,
        }
    }

    /// The number of elements: 1 for a single integer, the number of bytes for bytes and ASCII.
    #[must_use]
    pub const fn elements(self) -> u8 {
        match self {
            Self::Integer(_) => 1,
            Self::Array(_, elements)
            | Self::Bytes(elements)
            | Self::Ascii(elements)
            | Self::Structures { elements, .. } => elements,
        }
    }

    /// The type of one element; a byte where an element is no integer.
    #[must_use]
    pub const fn element(self) -> Integer {
        match self {
            Self::Integer(integer) | Self::Array(integer, _) => integer,
            Self::Bytes(_) | Self::Ascii(_) | Self::Structures { .. } => Integer::U8,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, TypeError> {
        let Some((name, rest)) = text.split_once('[') else {
            return match integer(text) {
                Some(integer) => Ok(Self::Integer(integer)),
                None if matches!(text, "bytes" | "ascii") => Err(TypeError::NoLength),
                None => Err(TypeError::Unknown),
            };
        };
        let make: fn(Integer, u8) -> Self = match name {
            "bytes" => |_, length| Self::Bytes(length),
            "ascii" => |_, length| Self::Ascii(length),
            _ => Self::Array,
        };
        let element = if matches!(name, "bytes" | "ascii") {
            Integer::U8
        } else {
            integer(name).ok_or(TypeError::Unknown)?
        };
        let number = rest
            .strip_suffix(']')
            .filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|number| number.parse::<u64>().ok())
            .ok_or(TypeError::Length)?;
        let most = MAX_BLOCK_LENGTH as u64 / u64::from(element.width());
        match u8::try_from(number) {
            Ok(elements) if elements >= 1 && number <= most => Ok(make(element, elements)),
            _ => Err(TypeError::Elements { number, most }),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(formatter, "{integer}"),
            Self::Array(integer, elements) => write!(formatter, "{integer}[{elements}]"),
            Self::Bytes(length) => write!(formatter, "bytes[{length}]"),
            Self::Ascii(length) => write!(formatter, "ascii[{length}]"),
            Self::Structures { elements, .. } => write!(formatter, "structure[{elements}]"),
        }
    }
}

fn integer(name: &str) -> Option<Integer> {
    let (_, width_log, big_endian) = INTEGERS.iter().find(|(known, ..)| *known == name)?;
    Some(Integer {
        width_log: *width_log,
        big_endian: *big_endian,
    })
}

/// Why a type cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeError {
    Unknown,
    NoLength,
    Length,
    Elements { number: u64, most: u64 },
}

impl TypeError {
    pub(crate) fn diagnostic(self, text: &Located<String>) -> Diagnostic {
        let written = printable(&text.value);
        let error = |message: String, label: String| Diagnostic::error(message, &text.span, label);
        match self {
            Self::Unknown => {
                let known = || {
                    INTEGERS
                        .iter()
                        .map(|(name, ..)| *name)
                        .chain(["bytes", "ascii"])
                };
                let name = text.value.split('[').next().unwrap_or_default();
                let unknown = error(format!("unknown type `{written}`"), "no such type".into());
                let bracketed = text.value.replace('(', "[").replace(')', "]");
                let unsigned = name.replacen('i', "u", 1);
                if let Some(little) = name.strip_suffix("le").filter(|name| integer(name).is_some())
                {
                    let help = "integers are little-endian unless their type ends in `be`";
                    unknown.help(format!("did you mean `{little}`? {help}"))
                } else if Type::parse(&bracketed).is_ok() {
                    unknown.help(format!("did you mean `{bracketed}`?"))
                } else if name.starts_with('i') && integer(&unsigned).is_some() {
                    unknown.help(format!("integers are unsigned: did you mean `{unsigned}`?"))
                } else {
                    unknown.did_you_mean(name, known())
                }
                    .note("types are u8, u16, u32, u64, u16be, u32be, u64be, arrays of them such as u32[4], bytes[8] and ascii[16]")
            }
            Self::NoLength => error(
                format!("type `{written}` needs a length"),
                format!("write `{written}[8]` for eight bytes"),
            ),
            Self::Length => error(
                format!("the length of type `{written}` is not a number in brackets"),
                "expected decimal digits and `]`".into(),
            ),
            Self::Elements { number, most } => error(
                format!("type `{written}` has {number} elements, and may have 1 to {most}"),
                format!("a block has {MAX_BLOCK_LENGTH} bytes at most"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_printed_as_it_is_written() {
        for text in [
            "u8",
            "u16",
            "u32",
            "u64",
            "u16be",
            "u32be",
            "u64be",
            "u8[128]",
            "u64be[16]",
            "bytes[1]",
            "ascii[128]",
        ] {
            assert_eq!(Type::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn types_that_no_block_could_hold_are_refused() {
        for (text, error) in [
            (
                "u64[17]",
                TypeError::Elements {
                    number: 17,
                    most: 16,
                },
            ),
            (
                "u8[0]",
                TypeError::Elements {
                    number: 0,
                    most: 128,
                },
            ),
            (
                "bytes[129]",
                TypeError::Elements {
                    number: 129,
                    most: 128,
                },
            ),
            ("bytes", TypeError::NoLength),
            ("u8be", TypeError::Unknown),
            ("i32", TypeError::Unknown),
            ("u8[", TypeError::Length),
            ("u8[-1]", TypeError::Length),
            ("u8[4]x", TypeError::Length),
            ("u16[+4]", TypeError::Length),
            ("u8[ 2 ]", TypeError::Length),
            (" u8", TypeError::Unknown),
            ("u8 [2]", TypeError::Unknown),
        ] {
            assert_eq!(Type::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn integers_are_encoded_in_their_byte_order() {
        let encode = |text| match Type::parse(text) {
            Ok(Type::Integer(integer)) => integer.encode(0x0102_0304),
            other => panic!("{other:?}"),
        };
        assert_eq!(encode("u16"), [4, 3]);
        assert_eq!(encode("u16be"), [3, 4]);
        assert_eq!(encode("u32be"), [1, 2, 3, 4]);
        assert_eq!(encode("u64"), [4, 3, 2, 1, 0, 0, 0, 0]);
        for (name, ..) in INTEGERS {
            let integer = integer(name).unwrap();
            let value = 0x0102_0304_0506_0708 & integer.max();
            assert_eq!(integer.decode(&integer.encode(value)), value, "{name}");
        }
    }
}
