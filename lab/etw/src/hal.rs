//! What the lab's drivers import from HAL.DLL itself, in whose place this library lies: a clock.

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "C" {
    /// Tells the counter and how many of its units make a second; the latter may be NULL.
    fn NtQueryPerformanceCounter(counter: *mut i64, frequency: *mut i64) -> i32;
}

/// The counter, as Wine's HAL.DLL tells it.
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
