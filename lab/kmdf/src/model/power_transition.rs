//! The thread that moves a device between power states: a power packet, a start, a stop or a
//! removal.
//!
//! The framework's power state machine handles one event at a time, and its Plug and Play state
//! machine waits for it where it needs another power state (`PnpPowerPolicyStart`,
//! `PnpPowerPolicyStop`, `PnpPowerPolicySurpriseRemove`).

use crate::{kernel::wait, model::device::Device};

/// One thread's transition; it ends when this is dropped.
pub(crate) struct PowerTransition<'d>(&'d Device);

impl<'d> PowerTransition<'d> {
    /// Waits for another thread's transition, as long as the driver makes it last.
    pub(crate) fn begin(device: &'d Device) -> Self {
        wait::until(u32::MAX, || {
            device
                .in_transition
                .with(|moving| !core::mem::replace(moving, true))
        });
        Self(device)
    }
}

impl Drop for PowerTransition<'_> {
    fn drop(&mut self) {
        self.0.in_transition.with(|moving| *moving = false);
    }
}
