//! Time: sleeping and measuring. Every function is for `PASSIVE_LEVEL`.

use wdk_sys::LARGE_INTEGER;
use wdk_sys::ntddk::{KeDelayExecutionThread, KeQueryPerformanceCounter};

/// Units of 100 ns in a millisecond.
pub const MILLISECOND: u64 = 10_000;

/// A time from now on, as the kernel's waits take it.
pub(crate) fn relative(milliseconds: u32) -> LARGE_INTEGER {
    LARGE_INTEGER {
        QuadPart: -10_000 * i64::from(milliseconds),
    }
}

/// Suspends the calling thread.
pub fn sleep(milliseconds: u32) {
    let mut interval = relative(milliseconds);
    // SAFETY: the interval lives until the call returns; the caller is at PASSIVE_LEVEL.
    let _ = unsafe { KeDelayExecutionThread(0, 0, &raw mut interval) };
}

/// Lets other threads run for a millisecond.
pub fn pause() {
    sleep(1);
}

/// The performance counter, in units of 100 ns.
#[must_use]
pub fn now() -> u64 {
    let mut frequency = LARGE_INTEGER::default();
    // SAFETY: the frequency is written to a local.
    let counter = unsafe { KeQueryPerformanceCounter(&raw mut frequency) };
    // SAFETY: every bit pattern is a 64-bit integer.
    let counter = unsafe { counter.QuadPart };
    // SAFETY: as before.
    let frequency = unsafe { frequency.QuadPart };
    let scaled = i128::from(counter) * 10_000_000 / i128::from(frequency.max(1));
    u64::try_from(scaled).unwrap_or(0)
}

/// Tests `ready` every millisecond until it holds or the time is over; whether it holds.
pub fn wait_until(milliseconds: u32, mut ready: impl FnMut() -> bool) -> bool {
    let deadline = now() + u64::from(milliseconds) * MILLISECOND;
    loop {
        if ready() {
            return true;
        }
        if now() >= deadline {
            return false;
        }
        pause();
    }
}
