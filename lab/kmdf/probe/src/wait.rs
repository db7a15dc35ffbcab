//! Waiting for what another thread does.

use wdk_sys::{LARGE_INTEGER, ntddk::KeDelayExecutionThread};

/// The limit of a wait, milliseconds.
const TIMEOUT: u32 = 5000;

/// Waits until `done`; `false` on a timeout.
pub(crate) fn until(done: impl Fn() -> bool) -> bool {
    for _ in 0..TIMEOUT {
        if done() {
            return true;
        }
        // Negative: from now on, in units of 100 ns.
        let mut millisecond = LARGE_INTEGER { QuadPart: -10_000 };
        // SAFETY: the interval lives until the call returns.
        let _ = unsafe { KeDelayExecutionThread(0, 0, &raw mut millisecond) };
    }
    false
}
