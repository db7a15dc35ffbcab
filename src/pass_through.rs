//! What the driver passes to the function driver below when it is an upper filter.
//!
//! The framework passes Plug and Play, power, WMI and every packet that it does not know. Here are
//! the packets of which some are the driver's own:
//!
//! | packet | the driver's own | the others |
//! |---|---|---|
//! | device control | codes of the virtualization stack and of the management interface, and whatever comes through a file that was opened for management | passed down as they are, before the framework makes a request of them |
//! | create | files that are opened for management | sent down, and completed with the result |
//! | read, write, flush, information | of these files: refused | passed down as they are |
//! | cleanup, close | of these files | sent down first, then handled by the framework |
//!
//! So the function driver sees an equal number of creates, cleanups and closes.

use pf_state::{opener::Opened, status};
use wdk_sys::{NTSTATUS, PIRP, WDFDEVICE, WDFFILEOBJECT, WDFREQUEST};

use crate::{
    ioctl, opener,
    os::{packet, request::Request, wdf},
};

/// `EvtDeviceWdmIrpPreprocess` for device controls of both major functions, up to `DISPATCH_LEVEL`.
pub(crate) unsafe extern "C" fn device_control(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    // SAFETY: the packet is the callback's.
    let location = unsafe { packet::stack_location(irp) };
    // SAFETY: the location is the callback's.
    let parameters = unsafe { &(*location).Parameters };
    // SAFETY: a device control uses this member.
    let code = unsafe { parameters.DeviceIoControl.IoControlCode };
    if ioctl::is_own_code(code) || is_for_management(device, irp) {
        // SAFETY: the packet is the callback's, which ends here.
        return unsafe { packet::return_to_framework(device, irp) };
    }
    // SAFETY: as above.
    unsafe { packet::pass_down(device, irp) }
}

/// `EvtDeviceWdmIrpPreprocess` for the other packets about a file, up to `DISPATCH_LEVEL`. The
/// function driver has never seen the create of a file that was opened for management.
pub(crate) unsafe extern "C" fn file_access(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    if is_for_management(device, irp) {
        // SAFETY: the packet is the callback's, which ends here.
        return unsafe { packet::fail(irp, status::INVALID_DEVICE_REQUEST) };
    }
    // SAFETY: as above.
    unsafe { packet::pass_down(device, irp) }
}

/// `EvtDeviceFileCreate`, at `PASSIVE_LEVEL` in the opener's thread.
pub(crate) unsafe extern "C" fn create(
    device: WDFDEVICE,
    request: WDFREQUEST,
    file: WDFFILEOBJECT,
) {
    // SAFETY: the framework passes ownership of the request.
    let request = unsafe { Request::own(request) };
    match opener::admit(&request, file) {
        Ok(Opened::Plainly) => request.send_below(device),
        Ok(Opened::ForManagement) => request.complete(opener::mark(file)),
        Err(status) => request.complete(status),
    }
}

/// `EvtDeviceWdmIrpPreprocess` for cleanups and closes, at `PASSIVE_LEVEL`. Their status means
/// nothing: both always succeed.
pub(crate) unsafe extern "C" fn end_of_file(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    if !is_for_management(device, irp) {
        // SAFETY: the packet is the callback's.
        unsafe { packet::pass_down_and_wait(device, irp) };
    }
    // SAFETY: the packet is the callback's, which ends here.
    unsafe { packet::return_to_framework(device, irp) }
}

/// Whether a packet comes through a file that was opened for management, up to `DISPATCH_LEVEL`.
fn is_for_management(device: WDFDEVICE, irp: PIRP) -> bool {
    // SAFETY: the packet is the calling preprocess callback's.
    let location = unsafe { packet::stack_location(irp) };
    // SAFETY: the location is the callback's.
    let file = unsafe { (*location).FileObject };
    if file.is_null() {
        return false;
    }
    // SAFETY: the device is live, and the file object is that of a packet under way.
    let file = unsafe { wdf::call!(WdfDeviceGetFileObject, device, file) };
    opener::opened(file) == Some(Opened::ForManagement)
}
