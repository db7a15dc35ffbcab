//! A shortage on command: one call of a driver fails for want of resources. Which one is the number in
//! the value `Shortage` of the double's own registry key, counted from 1 and from the first
//! `EvtDriverDeviceAdd` on, over all calls that make something.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wdk_sys::NTSTATUS;

use crate::{
    call::Call,
    registry::{self, KEY},
    report::note,
    status,
};

/// Calls up to the one that fails, that one included; 0 when none is to fail.
static LEFT: AtomicU32 = AtomicU32::new(0);
static BEGUN: AtomicBool = AtomicBool::new(false);

/// A device is about to be added: the first one begins the count.
pub(crate) fn begin() {
    if !BEGUN.swap(true, Ordering::AcqRel) {
        let number = registry::number(KEY, "Shortage");
        LEFT.store(number.unwrap_or(0), Ordering::Release);
    }
}

/// Passes, unless this is the call that is to fail.
///
/// # Errors
/// `STATUS_INSUFFICIENT_RESOURCES`
pub(crate) fn pass(call: &Call) -> Result<(), NTSTATUS> {
    let count = |left: u32| left.checked_sub(1);
    match LEFT.fetch_update(Ordering::AcqRel, Ordering::Acquire, count) {
        Ok(1) => {
            note!("shortage: {} fails", call.function());
            Err(status::INSUFFICIENT_RESOURCES)
        }
        _ => Ok(()),
    }
}
