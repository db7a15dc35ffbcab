//! Functions that the lab's drivers import from HAL.DLL: its clock, the level of the calling thread,
//! and a handler of exceptions. The stack double cannot have the last two of its own: they need
//! imports from ntdll, and Wine loads an image with such an import as a program's library instead of
//! a driver.

use core::ffi::c_void;

use crate::level::{self, Routine};

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "C" {
    /// Returns the counter and its frequency in units per second. `frequency` can be NULL.
    fn NtQueryPerformanceCounter(counter: *mut i64, frequency: *mut i64) -> i32;
    /// Adds a handler of exceptions of every thread, in front of the others if `first` is not 0.
    fn RtlAddVectoredExceptionHandler(first: u32, handler: *const c_void) -> *mut c_void;
}

/// The counter, as Wine's HAL.DLL returns it.
///
/// # Safety
/// `frequency` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn KeQueryPerformanceCounter(frequency: *mut i64) -> i64 {
    let mut counter = 0;
    // SAFETY: the counter lives here; the rest is demanded of the caller. Wine has no way to fail.
    let _ = unsafe { NtQueryPerformanceCounter(&raw mut counter, frequency) };
    counter
}

/// The level of the calling thread as the KMDF double tracks it, numbered as the kernel does.
#[unsafe(no_mangle)]
pub extern "C" fn LabLevel() -> u8 {
    level::current()
}

/// Calls `routine` at `DISPATCH_LEVEL`, where the level is tracked.
///
/// # Safety
/// `routine` can be called with `context`, once, on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn LabAtDispatch(routine: Routine, context: *mut c_void) {
    // SAFETY: demanded of the caller.
    unsafe { level::at_dispatch(routine, context) };
}

/// Adds a handler of exceptions in front of the others; it is never removed.
///
/// # Safety
/// `handler` is a `PVECTORED_EXCEPTION_HANDLER` whose image stays loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn LabHandleExceptions(handler: *const c_void) {
    // SAFETY: demanded of the caller.
    unsafe { RtlAddVectoredExceptionHandler(1, handler) };
}
