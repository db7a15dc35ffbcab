//! The two descriptions that come with every self-describing event: of its provider and of itself.
//!
//! Provider traits ("Provider Traits"): their size in 16 bits, the provider's name with a zero behind
//! it, then traits, each with its own size. Event metadata (`TraceLoggingProvider.h`): their size in
//! 16 bits, tags of one byte or more, the last of which has its highest bit clear, the event's name
//! with a zero behind it, then of each field its name with a zero behind it and its type.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use thiserror::Error;

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// There is no room for a size.
    #[error("{size} bytes have no room for their own size")]
    NoSize {
        /// The size of the descriptor.
        size: usize,
    },
    /// The size inside is another than that of the descriptor.
    #[error("they say that they have {inside} bytes, and have {size}")]
    OtherSize {
        /// The size that the description starts with.
        inside: u16,
        /// The size of the descriptor.
        size: usize,
    },
    /// The bytes end before a name does.
    #[error("no zero ends the name of the {of}")]
    EndlessName {
        /// Whose name.
        of: &'static str,
    },
    /// A name has no characters.
    #[error("the name of the {of} is empty")]
    EmptyName {
        /// Whose name.
        of: &'static str,
    },
    /// A name is not UTF-8.
    #[error("the name of the {of} is not UTF-8")]
    NameNotUtf8 {
        /// Whose name.
        of: &'static str,
    },
    /// The bytes end inside the tags.
    #[error("the tags of the event do not end")]
    EndlessTags,
    /// The bytes end before a field's type.
    #[error("the field {field} has no type")]
    NoType {
        /// The field.
        field: String,
    },
    /// A type that this double does not read.
    #[error("the field {field} has the type {number:#04x}, which the ETW double does not read")]
    UnknownType {
        /// The field.
        field: String,
        /// `TlgIn_t`
        number: u8,
    },
    /// A trait that does not fit behind the name.
    #[error("a trait of {size} bytes does not fit into the {left} that are left")]
    TraitSize {
        /// What it says.
        size: u16,
        /// What is left.
        left: usize,
    },
}

/// The type of a field (`TlgIn_t` of `TraceLoggingProvider.h`), of those that the double reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `TlgInANSISTRING`: characters with a zero behind them.
    AnsiString,
    /// `TlgInUINT8` to `TlgInUINT64`, of so many bytes.
    Unsigned(usize),
    /// `TlgInHEXINT32` and `TlgInHEXINT64`, of so many bytes.
    Hexadecimal(usize),
}

impl FieldType {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            2 => Self::AnsiString,
            4 => Self::Unsigned(1),
            6 => Self::Unsigned(2),
            8 => Self::Unsigned(4),
            10 => Self::Unsigned(8),
            20 => Self::Hexadecimal(4),
            21 => Self::Hexadecimal(8),
            _ => return None,
        })
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnsiString => f.write_str("ANSISTRING"),
            Self::Unsigned(bytes) => write!(f, "UINT{}", bytes * 8),
            Self::Hexadecimal(bytes) => write!(f, "HEXINT{}", bytes * 8),
        }
    }
}

/// What metadata say of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The event's name.
    pub name: String,
    /// Names and types of its fields, in order.
    pub fields: Vec<(String, FieldType)>,
}

impl Description {
    /// Reads event metadata.
    ///
    /// # Errors
    /// The first flaw.
    pub fn read(metadata: &[u8]) -> Result<Self, Flaw> {
        let rest = behind_size(metadata)?;
        let tags = rest.iter().position(|tag| tag & 0x80 == 0);
        let (name, mut rest) = name(&rest[tags.ok_or(Flaw::EndlessTags)? + 1..], "event")?;
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let (field, behind) = self::name(rest, "field")?;
            let Some((&number, behind)) = behind.split_first() else {
                return Err(Flaw::NoType { field });
            };
            let Some(kind) = FieldType::of(number) else {
                return Err(Flaw::UnknownType { field, number });
            };
            fields.push((field, kind));
            rest = behind;
        }
        Ok(Self { name, fields })
    }
}

/// The provider's name in its traits.
///
/// # Errors
/// The first flaw.
pub fn provider_name(traits: &[u8]) -> Result<String, Flaw> {
    let (name, mut rest) = name(behind_size(traits)?, "provider")?;
    while !rest.is_empty() {
        let left = rest.len();
        let size = size(rest)?;
        // A size of 16 bits and a type of 8 are in it.
        if size < 3 || usize::from(size) > left {
            return Err(Flaw::TraitSize { size, left });
        }
        rest = &rest[usize::from(size)..];
    }
    Ok(name)
}

fn size(bytes: &[u8]) -> Result<u16, Flaw> {
    match bytes {
        [low, high, ..] => Ok(u16::from_le_bytes([*low, *high])),
        _ => Err(Flaw::NoSize { size: bytes.len() }),
    }
}

fn behind_size(bytes: &[u8]) -> Result<&[u8], Flaw> {
    let (inside, size) = (size(bytes)?, bytes.len());
    if usize::from(inside) == size {
        Ok(&bytes[2..])
    } else {
        Err(Flaw::OtherSize { inside, size })
    }
}

/// Takes a name off the front, and the zero behind it.
fn name<'b>(bytes: &'b [u8], of: &'static str) -> Result<(String, &'b [u8]), Flaw> {
    let end = bytes.iter().position(|&byte| byte == 0);
    let end = end.ok_or(Flaw::EndlessName { of })?;
    let name = core::str::from_utf8(&bytes[..end]).map_err(|_| Flaw::NameNotUtf8 { of })?;
    if name.is_empty() {
        return Err(Flaw::EmptyName { of });
    }
    Ok((name.to_string(), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests;
