//! A simulated shortage of resources: one call that creates something fails.
//!
//! The value `Shortage` of the double's registry key is the number of that call, counted from 1
//! over all calls that create something, from the first `EvtDriverDeviceAdd` on.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wdk_sys::NTSTATUS;

use crate::kernel::{registry_key, report::log, status};

/// Calls up to and including the one that fails; 0 for none.
static LEFT: AtomicU32 = AtomicU32::new(0);
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Begins the count with the first device.
pub(crate) fn begin() {
    if !BEGUN.swap(true, Ordering::AcqRel) {
        let number = registry_key::setting("Shortage");
        LEFT.store(number.unwrap_or(0), Ordering::Release);
    }
}

/// Counts a call of `function`.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES` for the call that has to fail.
pub(crate) fn count(function: &'static str) -> Result<(), NTSTATUS> {
    let next = |left: u32| left.checked_sub(1);
    match LEFT.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
        Ok(1) => {
            log!("shortage: {function} fails");
            Err(status::INSUFFICIENT_RESOURCES)
        }
        _ => Ok(()),
    }
}
