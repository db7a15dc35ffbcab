//! Strings for the kernel.

use alloc::format;
use alloc::vec::Vec;

use wdk_sys::UNICODE_STRING;
use wdk_sys::ntddk::DbgPrint;

/// A kernel string with the memory it points to.
pub(crate) struct Text(Vec<u16>);

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.encode_utf16().chain([0]).collect())
    }

    pub(crate) fn from_units(units: &[u16]) -> Self {
        Self(units.iter().copied().chain([0]).collect())
    }

    /// The string as the kernel wants it; valid as long as `self` is.
    pub(crate) fn as_kernel(&mut self) -> UNICODE_STRING {
        let bytes = u16::try_from(self.0.len() * 2).unwrap_or(u16::MAX);
        UNICODE_STRING {
            Length: bytes - 2,
            MaximumLength: bytes,
            Buffer: self.0.as_mut_ptr(),
        }
    }
}

pub(crate) fn print(line: &str) {
    let line = format!("{line}\n\0");
    // SAFETY: both strings end with a zero, and the format takes one string.
    unsafe { DbgPrint(c"%s".as_ptr().cast(), line.as_ptr()) };
}
