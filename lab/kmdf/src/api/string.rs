//! `WdfString…` (`fxstringapi.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PUNICODE_STRING, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES,
    WDFSTRING,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{argument::Out, counted_string::characters, status},
    model::{driver, text::Text},
};

/// `WdfStringCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    text: PCUNICODE_STRING,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfStringCreate", Level::Passive);
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "String") };
    // SAFETY: as above.
    status::of(new.create(&call, |_| Ok(Text::new(unsafe { characters(text) }))))
}

/// `WdfStringGetUnicodeString`.
pub(crate) unsafe extern "C" fn get_unicode_string(
    _globals: PWDF_DRIVER_GLOBALS,
    string: WDFSTRING,
    output: PUNICODE_STRING,
) {
    let call = Call::enter("WdfStringGetUnicodeString", Level::Passive);
    let text = call.object::<Text, _>(string);
    // SAFETY: the driver guarantees its pointers.
    let output = unsafe { Out::new(output) }.required(call.function, "UnicodeString");
    output.set(text.counted());
}
