//! The spelling of values in a line.

use std::fmt;

use pf_broker_abi::PowerState;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::operation::{Direction, Target};

pub(crate) struct State(pub(crate) PowerState);

impl State {
    const ALL: [PowerState; 4] = [
        PowerState::D0,
        PowerState::D1,
        PowerState::D2,
        PowerState::D3,
    ];

    /// How a line spells a device power state: as the Windows documentation does.
    fn name(state: PowerState) -> &'static str {
        match state {
            PowerState::D0 => "D0",
            PowerState::D1 => "D1",
            PowerState::D2 => "D2",
            PowerState::D3 => "D3",
        }
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(
            deserializer,
            &Self::ALL.map(|state| (Self::name(state), state)),
        )
        .map(Self)
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::name(self.0))
    }
}

impl<'de> Deserialize<'de> for Direction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(
            deserializer,
            &[("write", Self::Write), ("read", Self::Read)],
        )
    }
}

/// Reads a string that is one of `words`. A derived reader of an enumeration would also accept
/// `{"D3":null}`.
pub(crate) fn word<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    words: &[(&str, T)],
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        de::Error::custom(format_args!(
            "unknown word `{text}`, expected one of {}",
            known.join(", ")
        ))
    })
}

/// Bytes, two hexadecimal digits each, of either case.
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        bytes_from_hex(&text).map(Self).map_err(de::Error::custom)
    }
}

/// Why a text is not a sequence of bytes in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character is not a hexadecimal digit.
    #[error(
        "character {position} is {character:?}, not a hexadecimal digit: two digits for each byte, nothing between"
    )]
    Digit {
        /// The character.
        character: char,
        /// Its position in the text, in characters from 1.
        position: usize,
    },
    /// The last byte lacks its second digit.
    #[error("{digits} hexadecimal digits, an odd number: two digits for each byte")]
    Odd {
        /// Number of digits.
        digits: usize,
    },
}

/// Reads bytes that are written as two hexadecimal digits each, of either case, with nothing
/// between them. An empty text is no bytes.
///
/// # Errors
///
/// The first character that is not a digit; otherwise an odd number of digits. A space between
/// bytes often causes both, and the character explains more.
pub fn bytes_from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let foreign = (1..)
        .zip(text.chars())
        .find(|(_, character)| !character.is_ascii_hexdigit());
    if let Some((position, character)) = foreign {
        return Err(HexError::Digit {
            character,
            position,
        });
    }
    // All characters are digits, so only their number can be wrong.
    hex::decode(text).map_err(|_| HexError::Odd { digits: text.len() })
}

/// A mask: `0x` and 1 to 16 hexadecimal digits of either case.
pub(crate) struct Mask(pub(crate) u64);

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(NumberVisitor { digits: 16 })
            .map(Self)
    }
}

/// An NTSTATUS: `0x` and 1 to 8 hexadecimal digits of either case.
pub(crate) struct NtStatus(pub(crate) u32);

impl<'de> Deserialize<'de> for NtStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_str(NumberVisitor { digits: 8 })?;
        u32::try_from(number).map(Self).map_err(de::Error::custom)
    }
}

/// Reads a number of `0x` and at most this many hexadecimal digits.
struct NumberVisitor {
    digits: usize,
}

impl Visitor<'_> for NumberVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a string of 0x and 1 to {} hexadecimal digits",
            self.digits
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        text.strip_prefix("0x")
            .filter(|digits| {
                digits.len() <= self.digits && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetVisitor)
    }
}

struct TargetVisitor;

impl Visitor<'_> for TargetVisitor {
    type Value = Target;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a VF index, 0 to 65535, or \"all\"")
    }

    fn visit_u64<E: de::Error>(self, index: u64) -> Result<Target, E> {
        u16::try_from(index)
            .map(Target::Vf)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(index), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Target, E> {
        if text == "all" {
            Ok(Target::All)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Vf(index) => serializer.serialize_u16(*index),
            Self::All => serializer.serialize_str("all"),
        }
    }
}
