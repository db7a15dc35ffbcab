//! Exports for tests of the double and of its drivers. No other WDFLDR.SYS has them, so tests must
//! work without.

use core::ffi::c_void;

use kmdf_rules::level::Level;

use crate::model::threads::{callback, thread};

/// The tracked level of the calling thread: 0 to 2, as the kernel numbers them.
#[unsafe(no_mangle)]
pub extern "C" fn WdfDoubleLevel() -> u8 {
    thread(|thread| thread.level()) as u8
}

/// Calls `routine` with the calling thread at `DISPATCH_LEVEL`, as a driver that raised the level
/// and calls another one.
///
/// # Safety
/// `routine` can be called with `context`, once, on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfDoubleAtDispatch(
    routine: unsafe extern "C" fn(*mut c_void),
    context: *mut c_void,
) {
    callback("a caller at DISPATCH_LEVEL", Level::Dispatch, || {
        // SAFETY: the caller guarantees it.
        unsafe { routine(context) }
    });
}
