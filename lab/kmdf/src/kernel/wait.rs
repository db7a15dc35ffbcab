//! Waiting at `PASSIVE_LEVEL`.

use core::ptr;

use wdk_sys::{LARGE_INTEGER, ntddk::KeDelayExecutionThread};

use crate::kernel::irp::KERNEL_MODE;

/// A millisecond in the unit of kernel times, 100 ns.
const MILLISECOND: i64 = 10_000;
/// For so many milliseconds a wait tests its condition each millisecond.
const EAGER: u32 = 20;
/// Afterwards it tests in these intervals, milliseconds. Sleeps of one millisecond each would add
/// up to much more than the intended time on a busy machine.
const INTERVAL: u32 = 10;

/// Waits until `done`, at least so many milliseconds; without limit for `u32::MAX`. Returns `false`
/// on a timeout.
pub(crate) fn until(milliseconds: u32, mut done: impl FnMut() -> bool) -> bool {
    let mut waited = 0_u32;
    while !done() {
        if waited >= milliseconds && milliseconds != u32::MAX {
            return false;
        }
        let interval = if waited < EAGER { 1 } else { INTERVAL };
        sleep(interval);
        waited = waited.saturating_add(interval);
    }
    true
}

fn sleep(milliseconds: u32) {
    let mut interval = LARGE_INTEGER {
        QuadPart: -i64::from(milliseconds) * MILLISECOND,
    };
    // SAFETY: the interval lives until the call returns.
    let _ = unsafe { KeDelayExecutionThread(KERNEL_MODE, 0, ptr::from_mut(&mut interval)) };
}
