//! What the bus sees of the driver above it: how its start ended, and what it answers once its
//! device is gone.

use core::ffi::c_void;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use pcivirt_abi::sriov::{DEVICE_INTERFACE_VERSION, DeviceInterface};
use wdk_sys::ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject};
use wdk_sys::{
    DEVICE_OBJECT, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_START_DEVICE, IRP_MN_SURPRISE_REMOVAL,
    NTSTATUS, PIRP, STATUS_IO_TIMEOUT, STATUS_NO_SUCH_DEVICE, STATUS_PENDING, STATUS_SUCCESS,
};

use crate::kernel::clock;
use crate::kernel::irp;
use crate::pf_connection;
use crate::pf_connection::attachment;

/// How the first start of the PF ended; `STATUS_PENDING` until it has, and `STATUS_NO_SUCH_DEVICE`
/// when no driver was above to be started: its `AddDevice` failed.
static START: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// What a query for the interface was answered between surprise removal and removal.
static LATE_QUERY: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// What a control request was answered at the same moment.
static LATE_REQUEST: AtomicI32 = AtomicI32::new(STATUS_PENDING);
/// How many restarts the stack had been told of when a cancelled stop reached the bus.
static RESTARTS: AtomicU32 = AtomicU32::new(0);

/// A PF is plugged in: nothing is known of it.
pub(crate) fn forget() {
    START.store(STATUS_PENDING, Ordering::SeqCst);
    LATE_QUERY.store(STATUS_PENDING, Ordering::SeqCst);
    LATE_REQUEST.store(STATUS_PENDING, Ordering::SeqCst);
}

/// A Plug and Play request has reached the PF's device on the bus: every driver above has seen it.
pub(crate) fn see(physical: *mut DEVICE_OBJECT, irp: PIRP, minor: u32) {
    match minor {
        IRP_MN_START_DEVICE => watch_start(irp),
        IRP_MN_CANCEL_STOP_DEVICE => {
            let (_, restarts, ..) = attachment::seen();
            RESTARTS.store(restarts, Ordering::SeqCst);
        }
        IRP_MN_SURPRISE_REMOVAL => ask_late(physical),
        _ => {}
    }
}

/// How many restarts the stack had been told of when a cancelled stop was seen last.
pub(crate) fn restarts_before_cancel_stop() -> u32 {
    RESTARTS.load(Ordering::SeqCst)
}

/// Watches how the driver above completes a start request, as a filter on top of it would: the
/// kernel, which sent the request, keeps the status to itself.
fn watch_start(irp: PIRP) {
    // SAFETY: the request is the bus's while it is dispatched.
    let request = unsafe { &mut *irp };
    if request.CurrentLocation >= request.StackCount {
        START.store(STATUS_NO_SUCH_DEVICE, Ordering::SeqCst);
        return;
    }
    // SAFETY: there is a stack location above, the one of the driver that passed the request on.
    let above = unsafe { irp::current(request).add(1) };
    // SAFETY: as before; that driver waits for this one.
    let above = unsafe { &mut *above };
    // A start that the lab itself sends is watched by its sender.
    if above.CompletionRoutine.is_none() {
        above.CompletionRoutine = Some(start_ended);
        above.Control |= irp::INVOKE_ALWAYS;
    }
}

unsafe extern "C" fn start_ended(
    _device: *mut DEVICE_OBJECT,
    irp: PIRP,
    _context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the kernel calls with the request that is being completed.
    let status = irp::status_of(unsafe { &*irp });
    START.store(status, Ordering::SeqCst);
    STATUS_SUCCESS
}

/// Waits until the PF's first start has ended; its status.
pub(crate) fn started(milliseconds: u32) -> Result<NTSTATUS, NTSTATUS> {
    let ended = || START.load(Ordering::SeqCst) != STATUS_PENDING;
    if clock::wait_until(milliseconds, ended) {
        Ok(START.load(Ordering::SeqCst))
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Asks the PF driver for its interface and its LUID although its device is gone: the surprise removal has
/// reached the bus, so that driver has seen it, and the removal has not come yet.
fn ask_late(physical: *mut DEVICE_OBJECT) {
    // SAFETY: the bus's own device.
    let top = unsafe { IoGetAttachedDeviceReference(physical) };
    let size = u16::try_from(size_of::<DeviceInterface>()).unwrap_or(0);
    let status = match pf_connection::query_interface(top, size, DEVICE_INTERFACE_VERSION) {
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
    LATE_REQUEST.store(pf_connection::query_luid(top), Ordering::SeqCst);
    // SAFETY: this gives the reference back.
    unsafe { ObfDereferenceObject(top.cast()) };
}

/// How the last late request was answered.
pub(crate) fn late_request() -> NTSTATUS {
    LATE_REQUEST.load(Ordering::SeqCst)
}

/// How the last late query was answered.
pub(crate) fn late_query() -> NTSTATUS {
    LATE_QUERY.load(Ordering::SeqCst)
}
