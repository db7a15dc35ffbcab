//! Counted strings and `WDFSTRING`.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PUNICODE_STRING, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES,
    UNICODE_STRING, WDFSTRING,
};

use crate::{
    argument::{In, Out},
    body::Body,
    call::Call,
    status,
    world::{self, Order},
};

/// The characters of a counted string with a zero behind them that its length does not count;
/// nothing at all for a null or an empty one.
///
/// # Safety
/// A non-null string is valid for its length.
pub(crate) unsafe fn characters(text: PCUNICODE_STRING) -> Vec<u16> {
    // SAFETY: the caller vouches for the structure.
    let Some(text) = (unsafe { In::new(text) }).optional() else {
        return Vec::new();
    };
    let length = usize::from(text.Length) / 2;
    if length == 0 || text.Buffer.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller vouches for the characters.
    let mut copy = Vec::from(unsafe { core::slice::from_raw_parts(text.Buffer, length) });
    copy.push(0);
    copy
}

/// A counted string over what [`characters`] returned; valid as long as the vector.
pub(crate) fn unicode(characters: &[u16]) -> UNICODE_STRING {
    let bytes = u16::try_from(characters.len() * 2).unwrap_or(0);
    UNICODE_STRING {
        Length: bytes.saturating_sub(2),
        MaximumLength: bytes,
        Buffer: characters.as_ptr().cast_mut(),
    }
}

/// A `WDFSTRING`.
pub(crate) struct Text(Locked<Vec<u16>>);

impl Text {
    /// Replaces the text.
    pub(crate) fn set(&self, text: &str) {
        let characters: Vec<u16> = text.encode_utf16().chain([0]).collect();
        self.set_characters(&characters);
    }

    /// Replaces the text by characters that end with a zero.
    pub(crate) fn set_characters(&self, characters: &[u16]) {
        self.0.with(|own| *own = characters.to_vec());
    }
}

/// `WdfStringCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    text: PCUNICODE_STRING,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    string: *mut WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfStringCreate", Level::Passive);
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, string, "String") };
    status::of(world::create_for(&call, &order, |_| {
        // SAFETY: as above.
        Ok(Body::String(Text(Locked::new(unsafe { characters(text) }))))
    }))
}

/// `WdfStringGetUnicodeString`.
pub(crate) unsafe extern "C" fn get_unicode_string(
    _globals: PWDF_DRIVER_GLOBALS,
    string: WDFSTRING,
    output: PUNICODE_STRING,
) {
    let call = Call::enter("WdfStringGetUnicodeString", Level::Passive);
    let text = call.object::<Text, _>(string);
    // SAFETY: the driver vouches for what it passes.
    let output = unsafe { Out::new(output) }.required(&call, "UnicodeString");
    output.set(text.0.with(|characters| unicode(characters)));
}
