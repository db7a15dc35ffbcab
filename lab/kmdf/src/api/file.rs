//! `WdfFileObject…` (`fxfileobjectapi.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{PUNICODE_STRING, PWDF_DRIVER_GLOBALS, WDFDEVICE, WDFFILEOBJECT};

use crate::{api::call::Call, kernel::handle::pointer, model::file::FileObject};

/// `WdfFileObjectGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> WDFDEVICE {
    let call = Call::enter("WdfFileObjectGetDevice", Level::Dispatch);
    pointer(call.object::<FileObject, _>(file).device)
}

/// `WdfFileObjectGetFileName`.
pub(crate) unsafe extern "C" fn get_file_name(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> PUNICODE_STRING {
    let call = Call::enter("WdfFileObjectGetFileName", Level::Passive);
    let wdm = call.object::<FileObject, _>(file).wdm;
    // SAFETY: the WDM file object lives until its close packet was completed.
    unsafe { &raw mut (*wdm).FileName }
}
