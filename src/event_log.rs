//! What an administrator must act on: events that also get an entry in the System event log.
//!
//! [`pf_state::event_log`] holds the entries, their limit and their bytes. The kernel copies an
//! entry and writes it to the log later; one that it has no memory for is lost.

use core::{
    ffi::c_void,
    sync::atomic::{AtomicPtr, Ordering},
};

use pf_state::{
    event,
    event_log::{Limits, LogEntry, Packet},
    failure::StartFailure,
    status::NtStatus,
};
use wdk_sys::{DRIVER_OBJECT, PDRIVER_OBJECT};

use crate::{
    etw::{self, EtwEvent, Source},
    os::wait,
};

/// The driver object, whose name is the source of the entries. The entries name the device in a
/// string of their own, as a device object of a function driver has no name.
static DRIVER: AtomicPtr<DRIVER_OBJECT> = AtomicPtr::new(core::ptr::null_mut());

/// Entries may be written from now on, until the driver is unloaded.
pub(crate) fn begin(driver: PDRIVER_OBJECT) {
    DRIVER.store(driver, Ordering::Release);
}

/// Reports an event, and writes its entry unless it would be the second one within the hour.
/// Callable up to `DISPATCH_LEVEL`.
pub(crate) fn report(source: &Source, limits: &Limits, entry: &LogEntry, event: &EtwEvent) {
    match limits
        .of(entry)
        .and_then(|limit| limit.admit(wait::now().0))
    {
        Some(left_out) => report_always(source, entry, left_out, event),
        None => etw::write(source, event),
    }
}

/// Reports an event and writes its entry, for a caller that limits itself. Callable up to
/// `DISPATCH_LEVEL`.
#[inline(never)]
pub(crate) fn report_always(source: &Source, entry: &LogEntry, left_out: u32, event: &EtwEvent) {
    etw::write(source, event);
    write(&Packet::new(entry, event, source.device_name(), left_out));
}

/// Reports why a device does not start, as an event, an entry, and to a debugger, because nothing
/// else of the driver can be queried then. Returns the status with which it does not start. At
/// `PASSIVE_LEVEL`.
pub(crate) fn start_failed(source: &Source, failure: StartFailure) -> NtStatus {
    let (first, second) = failure.values();
    let failed = EtwEvent {
        status: failure.status(),
        first,
        second,
        sentence: failure.sentence(),
        ..EtwEvent::of(&event::START_FAILED)
    };
    etw::write(source, &failed);
    write(&Packet::of_failed_start(
        failure,
        &failed,
        source.device_name(),
    ));
    // SAFETY: the arguments are as the format asks, and the strings end with a zero.
    unsafe {
        wdk_sys::ntddk::DbgPrintEx(
            wdk_sys::_DPFLTR_TYPE::DPFLTR_IHVDRIVER_ID.cast_unsigned(),
            wdk_sys::DPFLTR_ERROR_LEVEL,
            c"pf_broker: %s (status 0x%08x, values %I64u and %I64u)\n".as_ptr(),
            failure.sentence().as_ptr(),
            failure.status(),
            first,
            second,
        )
    };
    failure.status()
}

/// Has the kernel write an entry.
fn write(packet: &Packet) {
    let driver: *mut c_void = DRIVER.load(Ordering::Acquire).cast();
    if driver.is_null() {
        return;
    }
    // SAFETY: the driver object lives as long as this image, and the IRQL is at most DISPATCH_LEVEL.
    let entry = unsafe { wdk_sys::ntddk::IoAllocateErrorLogEntry(driver, packet.length()) };
    if entry.is_null() {
        return;
    }
    let bytes = packet.as_bytes();
    // SAFETY: the kernel has allocated the length of the packet, which is not shared yet.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), entry.cast(), bytes.len()) };
    // SAFETY: the entry was allocated above, holds a whole packet, and is given up here.
    unsafe { wdk_sys::ntddk::IoWriteErrorLogEntry(entry) };
}
