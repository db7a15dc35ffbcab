//! Unloading a driver, which Wine never does by itself: with the last device of a driver gone, the
//! kernel of Windows calls its unload routine.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering};

use lab_control::stack::Unload;
use wdk_sys::ntddk::ZwUnloadDriver;
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT, STATUS_SUCCESS};

use kernel_runtime::thread;
use kernel_runtime::unicode::Text;

/// Where the kernel finds services.
pub(crate) const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services\";

/// Unloads a driver and waits for the end of its unload routine.
pub(crate) fn unload(request: &Unload) -> Result<(), NTSTATUS> {
    let length = usize::try_from(request.length).unwrap_or(usize::MAX);
    let service = request
        .service
        .get(..length)
        .ok_or(STATUS_INVALID_PARAMETER)?;
    let mut path = String::from(SERVICES);
    path.push_str(&String::from_utf16_lossy(service));
    let status = Arc::new(AtomicI32::new(STATUS_SUCCESS));
    let result = Arc::clone(&status);
    // On a thread of its own: a driver that waits for something in vain must not keep the caller.
    let thread = thread::spawn(move || {
        let mut path = Text::new(&path);
        let mut name = path.as_kernel();
        // SAFETY: the string lives until the call returns. The caller has seen the driver's devices
        // go, so nothing enters its image any more.
        let status = unsafe { ZwUnloadDriver(&raw mut name) };
        result.store(status, Ordering::SeqCst);
    })?;
    if !thread.join_within(request.milliseconds) {
        return Err(STATUS_IO_TIMEOUT);
    }
    match status.load(Ordering::SeqCst) {
        STATUS_SUCCESS => Ok(()),
        status => Err(status),
    }
}
