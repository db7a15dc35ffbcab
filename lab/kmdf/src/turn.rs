//! Which thread moves a device between power states: a power packet, a start, a stop or a removal.
//!
//! In the framework the power state machine handles one event at a time, and the Plug and Play state
//! machine waits for it where it needs another power state (`PnpPowerPolicyStart`,
//! `PnpPowerPolicyStop`, `PnpPowerPolicySurpriseRemove`).

use crate::{device::Device, wait, world::Reference};

/// The turn of one thread; it ends when this is dropped.
pub(crate) struct Turn<'d>(&'d Reference<Device>);

impl<'d> Turn<'d> {
    /// Waits for the thread that has the turn, as long as the driver makes it last.
    pub(crate) fn take(device: &'d Reference<Device>) -> Self {
        wait::until(u32::MAX, || {
            device
                .moving
                .with(|moving| !core::mem::replace(moving, true))
        });
        Self(device)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.moving.with(|moving| *moving = false);
    }
}
