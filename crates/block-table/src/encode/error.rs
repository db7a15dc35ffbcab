//! Why no table could be written, and the check of counts.

use std::fmt;

use zerocopy::little_endian::{U16, U32};

use crate::TableError;

/// Why no table could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A count does not fit the format.
    TooMany(&'static str),
    /// The verifier refuses the written table.
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

pub(super) fn count16(count: usize, what: &'static str) -> Result<U16, EncodeError> {
    u16::try_from(count)
        .map(U16::new)
        .map_err(|_| EncodeError::TooMany(what))
}

pub(super) fn count32(count: usize, what: &'static str) -> Result<U32, EncodeError> {
    u32::try_from(count)
        .map(U32::new)
        .map_err(|_| EncodeError::TooMany(what))
}
