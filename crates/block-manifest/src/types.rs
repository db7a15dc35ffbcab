//! The types of fields.

use std::fmt;

use block_table::MAX_BLOCK_LENGTH;
use block_table::format::operand;

use crate::diagnostic::{Diagnostic, Located, printable};

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    /// Binary logarithm of the width in bytes, 0 to 3.
    pub width_log: u8,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// Whether it is signed, in two's complement.
    pub signed: bool,
}

impl Integer {
    /// A byte.
    pub const U8: Self = Self {
        width_log: 0,
        big_endian: false,
        signed: false,
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

    /// The smallest value.
    #[must_use]
    pub fn min(self) -> i128 {
        if self.signed { !self.max() } else { 0 }
    }

    /// The largest value.
    #[must_use]
    pub fn max(self) -> i128 {
        i128::from(self.mask() >> u32::from(self.signed))
    }

    /// All of its bits.
    #[must_use]
    pub const fn mask(self) -> u64 {
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
    pub fn encode(self, value: i128) -> Vec<u8> {
        let width = usize::from(self.width());
        let mut bytes = value.to_le_bytes()[..width].to_vec();
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The value of an integer at the start of `bytes`; bytes that are missing count as zero.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> i128 {
        let mut whole = [0; 8];
        for (byte, given) in whole.iter_mut().zip(bytes).take(self.width().into()) {
            *byte = *given;
        }
        if self.big_endian {
            whole[..self.width().into()].reverse();
        }
        self.value(u64::from_le_bytes(whole))
    }

    /// The value of these bits, which are among [`mask`](Self::mask).
    #[must_use]
    pub fn value(self, bits: u64) -> i128 {
        let value = i128::from(bits);
        if value > self.max() {
            value - i128::from(self.mask()) - 1
        } else {
            value
        }
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}{}{}",
            if self.signed { "i" } else { "u" },
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

/// The low 64 bits of a value: its bits in two's complement.
#[must_use]
pub fn low_bits(value: i128) -> u64 {
    u64::try_from(value & i128::from(u64::MAX)).unwrap_or_default()
}

/// The integer types by name.
const INTEGERS: [(&str, Integer); 14] = [
    ("u8", integer_type(0, false, false)),
    ("u16", integer_type(1, false, false)),
    ("u32", integer_type(2, false, false)),
    ("u64", integer_type(3, false, false)),
    ("u16be", integer_type(1, true, false)),
    ("u32be", integer_type(2, true, false)),
    ("u64be", integer_type(3, true, false)),
    ("i8", integer_type(0, false, true)),
    ("i16", integer_type(1, false, true)),
    ("i32", integer_type(2, false, true)),
    ("i64", integer_type(3, false, true)),
    ("i16be", integer_type(1, true, true)),
    ("i32be", integer_type(2, true, true)),
    ("i64be", integer_type(3, true, true)),
];

const fn integer_type(width_log: u8, big_endian: bool, signed: bool) -> Integer {
    Integer {
        width_log,
        big_endian,
        signed,
    }
}

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
    let (_, integer) = INTEGERS.iter().find(|(known, _)| *known == name)?;
    Some(*integer)
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
                if let Some(little) = name.strip_suffix("le").filter(|name| integer(name).is_some())
                {
                    let help = "integers are little-endian unless their type ends in `be`";
                    unknown.help(format!("did you mean `{little}`? {help}"))
                } else if Type::parse(&bracketed).is_ok() {
                    unknown.help(format!("did you mean `{bracketed}`?"))
                } else {
                    unknown.did_you_mean(name, known())
                }
                    .note("types are u8, u16, u32, u64, i8, i16, i32, i64, big-endian ones such as u16be and i64be, arrays of them such as u32[4], bytes[8] and ascii[16]")
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
            "i8",
            "i16",
            "i32be",
            "i64[16]",
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
            ("i128", TypeError::Unknown),
            ("i8be", TypeError::Unknown),
            (
                "i64be[17]",
                TypeError::Elements {
                    number: 17,
                    most: 16,
                },
            ),
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
