//! `WdfFileObject…` (`fxfileobjectapi.cpp`).

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{PFILE_OBJECT, PUNICODE_STRING, PWDF_DRIVER_GLOBALS, WDFDEVICE, WDFFILEOBJECT};

use crate::{
    api::call::Call,
    kernel::handle::pointer,
    model::{
        device::Device,
        file::{self, FileObject},
    },
};

/// `WdfFileObjectGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> WDFDEVICE {
    let call = Call::enter("WdfFileObjectGetDevice", Level::Dispatch);
    pointer(call.object::<FileObject, _>(file).device)
}

/// `WdfDeviceGetFileObject`.
pub(crate) unsafe extern "C" fn of_wdm(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    wdm: PFILE_OBJECT,
) -> WDFFILEOBJECT {
    let call = Call::enter("WdfDeviceGetFileObject", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    file::expect(call.function, &device, wdm).map_or(ptr::null_mut(), pointer)
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
