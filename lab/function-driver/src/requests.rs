//! Requests that reach the driver: each is counted, most are answered.

use lab_control::function_driver::{IOCTL_ECHO, IOCTL_TAKE_RECORD};
use wdk_sys::{
    NTSTATUS, PIRP, STATUS_INVALID_DEVICE_REQUEST, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_SUCCESS,
    WDFDEVICE, WDFFILEOBJECT, WDFQUEUE, WDFREQUEST,
};
use zerocopy::IntoBytes as _;

use crate::{
    buffers::reply,
    companion,
    record::{self, COUNTERS, Counter},
    wdf,
};

/// `EvtDeviceFileCreate`: the driver has no names below its device, and refuses them, as "Controlling
/// Device Namespace Access" has it.
pub(crate) unsafe extern "C" fn create(
    _device: WDFDEVICE,
    request: WDFREQUEST,
    file: WDFFILEOBJECT,
) {
    let status = if has_name(file) {
        COUNTERS.named_creates.count();
        STATUS_OBJECT_NAME_NOT_FOUND
    } else {
        COUNTERS.creates.count();
        STATUS_SUCCESS
    };
    complete(request, status, 0);
}

fn has_name(file: WDFFILEOBJECT) -> bool {
    if file.is_null() {
        return false;
    }
    // SAFETY: the framework gave the file for this open.
    let name = unsafe { wdf::call!(WdfFileObjectGetFileName, file) };
    // SAFETY: NULL or the name of the file object.
    unsafe { name.as_ref() }.is_some_and(|name| name.Length > 0)
}

/// `EvtFileCleanup`
pub(crate) unsafe extern "C" fn cleanup(_file: WDFFILEOBJECT) {
    COUNTERS.cleanups.count();
}

/// `EvtFileClose`
pub(crate) unsafe extern "C" fn close(_file: WDFFILEOBJECT) {
    COUNTERS.closes.count();
}

/// `EvtIoRead`: there is nothing to read.
pub(crate) unsafe extern "C" fn read(_queue: WDFQUEUE, request: WDFREQUEST, _length: usize) {
    COUNTERS.reads.count();
    complete(request, STATUS_SUCCESS, 0);
}

/// `EvtIoWrite`: takes everything.
pub(crate) unsafe extern "C" fn write(_queue: WDFQUEUE, request: WDFREQUEST, length: usize) {
    COUNTERS.writes.count();
    complete(request, STATUS_SUCCESS, length);
}

/// `EvtIoDeviceControl`
pub(crate) unsafe extern "C" fn device_control(
    _queue: WDFQUEUE,
    request: WDFREQUEST,
    output: usize,
    input: usize,
    code: u32,
) {
    control(&COUNTERS.controls, request, (input, output), code);
}

/// `EvtIoInternalDeviceControl`
pub(crate) unsafe extern "C" fn internal_device_control(
    _queue: WDFQUEUE,
    request: WDFREQUEST,
    output: usize,
    input: usize,
    code: u32,
) {
    control(&COUNTERS.internal_controls, request, (input, output), code);
}

fn control(counter: &Counter, request: WDFREQUEST, lengths: (usize, usize), code: u32) {
    match code {
        IOCTL_TAKE_RECORD => finish(request, reply(request, record::take().as_bytes())),
        _ if companion::is_own_code(code) => {
            finish(request, companion::control(request, lengths.1, code));
        }
        IOCTL_ECHO => {
            counter.count();
            // Input and output are one buffer, so the bytes are where they belong.
            complete(request, STATUS_SUCCESS, lengths.0.min(lengths.1));
        }
        _ => {
            counter.count();
            complete(request, STATUS_INVALID_DEVICE_REQUEST, 0);
        }
    }
}

fn finish(request: WDFREQUEST, result: Result<usize, NTSTATUS>) {
    match result {
        Ok(written) => complete(request, STATUS_SUCCESS, written),
        Err(status) => complete(request, status, 0),
    }
}

fn complete(request: WDFREQUEST, status: NTSTATUS, information: usize) {
    // SAFETY: the driver owns the request, which ends here.
    unsafe {
        wdf::call!(
            WdfRequestCompleteWithInformation,
            request,
            status,
            information as u64,
        );
    }
}

/// `EvtDeviceWdmIrpPreprocess` for WMI: counts, and leaves the packet to the framework.
pub(crate) unsafe extern "C" fn wmi(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    COUNTERS.wmi.count();
    // SAFETY: the packet is the callback's until it is passed on.
    unsafe { skip_stack_location(irp) };
    // SAFETY: the packet goes back to the framework, whose it is.
    unsafe { wdf::call!(WdfDeviceWdmDispatchPreprocessedIrp, device, irp) }
}

/// `IoSkipCurrentIrpStackLocation`, an inline function of `wdm.h`.
///
/// # Safety
/// The packet is the calling callback's, which has not changed its stack location.
unsafe fn skip_stack_location(irp: PIRP) {
    // SAFETY: the packet is the caller's.
    let packet = unsafe { &mut *irp };
    packet.CurrentLocation = packet.CurrentLocation.wrapping_add(1);
    // SAFETY: in a packet that is under way the union holds the stack location.
    let overlay = unsafe { &mut packet.Tail.Overlay };
    // SAFETY: as above.
    let current = unsafe {
        &mut overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    };
    *current = current.wrapping_add(1);
}
