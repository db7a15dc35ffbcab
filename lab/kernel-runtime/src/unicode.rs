//! Strings for the kernel.

use alloc::vec::Vec;

use wdk_sys::UNICODE_STRING;

/// A kernel string with the memory that it points to.
#[derive(Debug)]
pub struct Text(Vec<u16>);

impl Text {
    /// A copy of `text`, with a zero behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.encode_utf16().chain([0]).collect())
    }

    /// A copy of `units`, with a zero behind it.
    #[must_use]
    pub fn from_units(units: &[u16]) -> Self {
        Self(units.iter().copied().chain([0]).collect())
    }

    /// The string's kernel form, valid as long as `self` is.
    pub fn as_kernel(&mut self) -> UNICODE_STRING {
        let bytes = u16::try_from(self.0.len() * 2).unwrap_or(u16::MAX);
        UNICODE_STRING {
            Length: bytes - 2,
            MaximumLength: bytes,
            Buffer: self.0.as_mut_ptr(),
        }
    }
}
