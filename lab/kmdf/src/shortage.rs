//! A shortage on command: one call of a driver fails for want of resources. Which one is the number in
//! the value `WdfDoubleShortage` of a device's hardware key, counted from 1 and from
//! `EvtDriverDeviceAdd` of that device on, over all calls that make something.

use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::{NTSTATUS, PDEVICE_OBJECT};

use crate::{call::Call, registry, report::note, status};

/// The value's name.
const VALUE: &str = "WdfDoubleShortage";

/// Calls up to the one that fails, that one included; 0 when none is to fail.
static LEFT: AtomicU32 = AtomicU32::new(0);

/// Looks at the device's hardware key; a device without the value changes nothing.
pub(crate) fn begin(pdo: PDEVICE_OBJECT) {
    if let Some(number) = registry::hardware_number(pdo, VALUE) {
        LEFT.store(number, Ordering::Release);
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
