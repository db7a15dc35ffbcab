//! I/O request packets that the driver sees before the framework, in preprocess callbacks.
//!
//! `IoSkipCurrentIrpStackLocation` and `IoCopyCurrentIrpStackLocationToNext` are inline functions of
//! `wdm.h` and so no exports; this file has their like.

use core::ffi::c_void;

use pf_state::{rebalance::Signal as _, status::NtStatus};
use wdk_sys::{DEVICE_OBJECT, IO_STACK_LOCATION, NTSTATUS, PDEVICE_OBJECT, PIRP, WDFDEVICE};

use crate::os::{wait::Event, wdf};

/// `STATUS_MORE_PROCESSING_REQUIRED`: the packet is the driver's again.
const MORE_PROCESSING_REQUIRED: NTSTATUS = u32::cast_signed(0xC000_0016);
/// `SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL`
const INVOKE_ALWAYS: u8 = 0xE0;

/// `IoGetCurrentIrpStackLocation`.
///
/// # Safety
/// The driver owns the packet; the location is its own for as long.
pub(crate) unsafe fn stack_location(irp: PIRP) -> *mut IO_STACK_LOCATION {
    // SAFETY: the driver owns the packet.
    let tail = unsafe { &(*irp).Tail };
    // SAFETY: in a packet that is under way the union holds the stack location.
    let overlay = unsafe { &tail.Overlay };
    // SAFETY: as above.
    unsafe {
        overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    }
}

/// `IoSkipCurrentIrpStackLocation`: the next driver gets this driver's stack location.
///
/// # Safety
/// The driver owns the packet and has not changed its stack location.
unsafe fn skip_stack_location(irp: PIRP) {
    // The packet is not borrowed whole: other threads may cancel it meanwhile.
    // SAFETY: only the driver that owns the packet accesses its location.
    let location = unsafe { &mut (*irp).CurrentLocation };
    *location = location.wrapping_add(1);
    // SAFETY: as for the location.
    let tail = unsafe { &mut (*irp).Tail };
    // SAFETY: in a packet that is under way the union holds the stack location.
    let overlay = unsafe { &mut tail.Overlay };
    // SAFETY: as above.
    let current = unsafe {
        &mut overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    };
    *current = current.wrapping_add(1);
}

/// Returns a packet to the framework, as the result of a preprocess callback.
///
/// # Safety
/// The packet is the callback's, which does not use it after this.
pub(crate) unsafe fn return_to_framework(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    // SAFETY: the packet is the callback's until it is passed on.
    unsafe { skip_stack_location(irp) };
    // SAFETY: the packet goes back to the framework, whose it is.
    unsafe { wdf::call!(WdfDeviceWdmDispatchPreprocessedIrp, device, irp) }
}

/// The device object below a device.
fn below(device: WDFDEVICE) -> PDEVICE_OBJECT {
    // SAFETY: the device is live, and stays attached while packets reach it.
    unsafe { wdf::call!(WdfDeviceWdmGetAttachedDevice, device) }
}

/// Whether the device is attached directly above the bus driver's device.
pub(crate) fn is_directly_above_the_bus(device: WDFDEVICE) -> bool {
    // SAFETY: the device is live.
    let physical = unsafe { wdf::call!(WdfDeviceWdmGetPhysicalDevice, device) };
    core::ptr::eq::<DEVICE_OBJECT>(below(device), physical)
}

/// Passes a packet to the driver below, untouched, as the result of a preprocess callback. Callable
/// at the level and on the thread that the packet arrived with.
///
/// # Safety
/// The packet is the callback's, which does not use it after this.
pub(crate) unsafe fn pass_down(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    // SAFETY: the packet is the callback's until it is passed on.
    unsafe { skip_stack_location(irp) };
    // SAFETY: the device below gets the location that this driver's device had.
    unsafe { wdk_sys::ntddk::IofCallDriver(below(device), irp) }
}

/// Completes a packet with an error, as the result of a preprocess callback. Up to
/// `DISPATCH_LEVEL`.
///
/// # Safety
/// The packet is the callback's, which does not use it after this.
pub(crate) unsafe fn fail(irp: PIRP, status: NtStatus) -> NTSTATUS {
    // SAFETY: only the driver that owns the packet accesses its status.
    let result = unsafe { &mut (*irp).IoStatus };
    result.__bindgen_anon_1.Status = status;
    result.Information = 0;
    // SAFETY: the packet is the callback's, and no increment is `IO_NO_INCREMENT`.
    unsafe { wdk_sys::ntddk::IofCompleteRequest(irp, 0) };
    status
}

/// Sends a packet to the driver below and waits for its completion, at `PASSIVE_LEVEL`. The packet
/// is the driver's again then, at the same stack location.
///
/// # Safety
/// The packet is the calling preprocess callback's.
pub(crate) unsafe fn pass_down_and_wait(device: WDFDEVICE, irp: PIRP) {
    let completed = Event::unusable();
    completed.initialize();
    // SAFETY: the packet is the callback's.
    let own = unsafe { stack_location(irp) };
    // SAFETY: the location is this driver's.
    let mut next = unsafe { own.read_unaligned() };
    next.Control = INVOKE_ALWAYS;
    next.CompletionRoutine = Some(signal);
    next.Context = (&raw const completed).cast_mut().cast();
    // SAFETY: the sender allocated a location for each device below, and locations are an array
    // whose lower entries belong to lower devices.
    let below_own = unsafe { own.sub(1) };
    // SAFETY: the location of the device below is this driver's until it passes the packet on.
    unsafe { below_own.write_unaligned(next) };
    // Whatever it returns, the completion routine runs.
    // SAFETY: the next location is filled for the device below, and the event lives through the
    // wait.
    let _ = unsafe { wdk_sys::ntddk::IofCallDriver(below(device), irp) };
    completed.wait();
}

/// The completion routine of [`pass_down_and_wait`].
unsafe extern "C" fn signal(_: PDEVICE_OBJECT, _: PIRP, completed: *mut c_void) -> NTSTATUS {
    // SAFETY: the context is the event of the thread that waits.
    let completed = unsafe { &*completed.cast::<Event>() };
    completed.set();
    MORE_PROCESSING_REQUIRED
}
