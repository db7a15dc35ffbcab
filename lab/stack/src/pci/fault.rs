//! What the hardware does wrong, as the runner switches it on and off.

use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::stack::{Fault, fault};
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER};

/// For each fault 0, or 1 + the VF that it is about. They belong to no PF, so that one that is not
/// there yet can have them from its start.
static FAULTS: [AtomicU32; fault::COUNT] = [const { AtomicU32::new(0) }; fault::COUNT];

fn switch(fault: u32) -> Option<&'static AtomicU32> {
    FAULTS.get(usize::try_from(fault).ok()?)
}

/// Switches a fault on or off.
pub(crate) fn set(fault: Fault) -> Result<(), NTSTATUS> {
    let switch = switch(fault.fault).ok_or(STATUS_INVALID_PARAMETER)?;
    switch.store(fault.target, Ordering::SeqCst);
    Ok(())
}

/// Whether a fault is on for a VF; those of the PF itself are on for VF 0.
pub(crate) fn is_on(fault: u32, vf: u16) -> bool {
    let target = switch(fault).map_or(0, |switch| switch.load(Ordering::SeqCst));
    target == 0xFFFF || target == u32::from(vf) + 1
}
