//! Counted strings of the kernel (`UNICODE_STRING`).

use alloc::vec::Vec;

use wdk_sys::{PCUNICODE_STRING, UNICODE_STRING};

use crate::kernel::argument::In;

/// The characters of a counted string, followed by a zero that its length does not count. Empty for
/// a null or an empty string.
///
/// # Safety
/// A non-null string is valid for its length.
pub(crate) unsafe fn characters(text: PCUNICODE_STRING) -> Vec<u16> {
    // SAFETY: the caller guarantees that a non-null structure is valid.
    let Some(text) = (unsafe { In::new(text) }).optional() else {
        return Vec::new();
    };
    let length = usize::from(text.Length) / 2;
    if length == 0 || text.Buffer.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller guarantees that the characters are valid.
    let mut copy = Vec::from(unsafe { core::slice::from_raw_parts(text.Buffer, length) });
    copy.push(0);
    copy
}

/// A counted string over zero-terminated characters; valid as long as they are.
pub(crate) fn unicode(characters: &[u16]) -> UNICODE_STRING {
    let bytes = u16::try_from(characters.len() * 2).unwrap_or(0);
    UNICODE_STRING {
        Length: bytes.saturating_sub(2),
        MaximumLength: bytes,
        Buffer: characters.as_ptr().cast_mut(),
    }
}
