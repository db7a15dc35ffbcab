//! What tests of the double and of its drivers may ask it. Nobody relies on it, since no other
//! WDFLDR.SYS has it.

use core::ffi::c_void;

use kmdf_rules::level::Level;

use crate::call::{callback, thread};

/// The level that the double tracks for the calling thread: 0 to 2, as the kernel numbers them.
#[unsafe(no_mangle)]
pub extern "C" fn WdfDoubleLevel() -> u8 {
    thread(|thread| thread.level()) as u8
}

/// Calls `routine` with the calling thread at `DISPATCH_LEVEL`: as a driver that has raised it and calls
/// another one.
///
/// # Safety
/// `routine` can be called with `context`, once, on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfDoubleAtDispatch(
    routine: unsafe extern "C" fn(*mut c_void),
    context: *mut c_void,
) {
    callback("a caller at DISPATCH_LEVEL", Level::Dispatch, || {
        // SAFETY: demanded of the caller.
        unsafe { routine(context) }
    });
}
