//! Observes the PF driver from the bus below it: how its start ended, and what it answers once its
//! device is gone.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use kernel_runtime::clock;
use pcivirt_abi::sriov::{DEVICE_INTERFACE_VERSION, DeviceInterface};
use wdk_sys::ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject};
use wdk_sys::{
    DEVICE_OBJECT, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_START_DEVICE, IRP_MN_SURPRISE_REMOVAL,
    NTSTATUS, PIRP, STATUS_IO_TIMEOUT, STATUS_NO_SUCH_DEVICE, STATUS_PENDING, STATUS_SUCCESS,
};

use crate::kernel::irp;
use crate::pf_connection::{attachment_log, interface};

/// The status of the PF's first start: `STATUS_PENDING` before it ends, `STATUS_NO_SUCH_DEVICE` if
/// no driver was above the bus because its `AddDevice` failed.
static PF_START: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// The same of the VF that was plugged in last.
static VF_START: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// The status of a query for the SR-IOV interface between surprise removal and removal.
static LATE_QUERY: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// The status of a control request at the same moment.
static LATE_REQUEST: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// The number of `Restart` events when a cancelled stop reached the bus.
static RESTARTS: AtomicU32 = AtomicU32::new(0);

/// A PF is plugged in: forgets what was observed of the last one.
pub(crate) fn clear() {
    PF_START.store(STATUS_PENDING, Ordering::SeqCst);
    LATE_QUERY.store(STATUS_PENDING, Ordering::SeqCst);
    LATE_REQUEST.store(STATUS_PENDING, Ordering::SeqCst);
}

/// A VF is plugged in: forgets how the start of the last one ended.
pub(crate) fn clear_vf() {
    VF_START.store(STATUS_PENDING, Ordering::SeqCst);
}

/// A start request has reached a VF's device on the bus.
pub(crate) fn observe_vf_start(irp: PIRP) {
    observe_start(irp, &VF_START);
}

/// A Plug and Play request has reached the PF's device on the bus: every driver above has seen it.
pub(crate) fn observe(physical: *mut DEVICE_OBJECT, irp: PIRP, minor: u32) {
    match minor {
        IRP_MN_START_DEVICE => observe_start(irp, &PF_START),
        IRP_MN_CANCEL_STOP_DEVICE => {
            RESTARTS.store(attachment_log::restart_events(), Ordering::SeqCst);
        }
        IRP_MN_SURPRISE_REMOVAL => query_late(physical),
        _ => {}
    }
}

/// The number of `Restart` events when the last cancelled stop reached the bus.
pub(crate) fn restarts_before_cancel_stop() -> u32 {
    RESTARTS.load(Ordering::SeqCst)
}

/// Sets a completion routine for the driver above, as a filter on top of it would, to learn the
/// status of a start request that the kernel sent.
fn observe_start(irp: PIRP, start: &'static AtomicI32) {
    // SAFETY: the request is the bus's while it is dispatched.
    let request = unsafe { &mut *irp };
    if request.CurrentLocation >= request.StackCount {
        start.store(STATUS_NO_SUCH_DEVICE, Ordering::SeqCst);
        return;
    }
    let above = usize::try_from(request.StackCount - request.CurrentLocation).unwrap_or(0);
    // SAFETY: the location of the topmost driver, which has passed the request on.
    let top = unsafe { irp::current(request).add(above) };
    // SAFETY: as before; that driver waits for those below.
    let above = unsafe { &mut *top };
    // A start that the lab itself sends has a completion routine already.
    if above.CompletionRoutine.is_none() {
        above.CompletionRoutine = Some(start_ended);
        above.Context = ptr::from_ref(start).cast_mut().cast();
        above.Control |= irp::INVOKE_ALWAYS;
    }
}

unsafe extern "C" fn start_ended(
    _device: *mut DEVICE_OBJECT,
    irp: PIRP,
    context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the kernel calls with the request that is being completed.
    let status = irp::status_of(unsafe { &*irp });
    // SAFETY: `observe_start` has set the context, a static.
    let start = unsafe { &*context.cast::<AtomicI32>() };
    start.store(status, Ordering::SeqCst);
    STATUS_SUCCESS
}

/// Waits for the status of the PF's first start.
pub(crate) fn started(milliseconds: u32) -> Result<NTSTATUS, NTSTATUS> {
    wait_for(&PF_START, milliseconds)
}

/// Waits for the status of the start of the VF that was plugged in last.
pub(crate) fn vf_started(milliseconds: u32) -> Result<NTSTATUS, NTSTATUS> {
    wait_for(&VF_START, milliseconds)
}

fn wait_for(start: &AtomicI32, milliseconds: u32) -> Result<NTSTATUS, NTSTATUS> {
    let ended = || start.load(Ordering::SeqCst) != STATUS_PENDING;
    if clock::wait_until(milliseconds, ended) {
        Ok(start.load(Ordering::SeqCst))
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Queries the PF driver's interface and LUID although its device is gone: the surprise removal has
/// reached the bus, so the driver has handled it, and the removal comes later.
fn query_late(physical: *mut DEVICE_OBJECT) {
    // SAFETY: the bus's own device.
    let top = unsafe { IoGetAttachedDeviceReference(physical) };
    let size = u16::try_from(size_of::<DeviceInterface>()).unwrap_or(0);
    let status = match interface::query_interface(top, size, DEVICE_INTERFACE_VERSION) {
        Ok(interface) => {
            if let Some(dereference) = interface.interface_dereference {
                // SAFETY: this gives back the reference that the query returned.
                unsafe { dereference(interface.context) };
            }
            STATUS_SUCCESS
        }
        Err(status) => status,
    };
    LATE_QUERY.store(status, Ordering::SeqCst);
    LATE_REQUEST.store(interface::query_luid(top), Ordering::SeqCst);
    // SAFETY: this gives the reference back.
    unsafe { ObfDereferenceObject(top.cast()) };
}

/// The status of the last late control request.
pub(crate) fn late_request() -> NTSTATUS {
    LATE_REQUEST.load(Ordering::SeqCst)
}

/// The status of the last late interface query.
pub(crate) fn late_query() -> NTSTATUS {
    LATE_QUERY.load(Ordering::SeqCst)
}
