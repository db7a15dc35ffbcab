//! The two rundowns of a PF's hardware, and the order in which they open and close.
//!
//! Calls may reach the VFs while the device is in D0 and the VFs' registers are restored. Resets,
//! and saving and restoring registers ([`retention`](crate::retention)), may reach them as long as
//! the VFs are on, which includes the time of every call. The hardware itself may only change while
//! both rundowns are closed and empty.

use crate::rundown::{Rundown, RundownGuard};

/// The rundowns of a PF's hardware.
#[derive(Debug)]
pub struct HardwareRundowns {
    powered: Rundown,
    vfs_on: Rundown,
}

impl HardwareRundowns {
    /// Both closed: there is no hardware.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            powered: Rundown::closed(),
            vfs_on: Rundown::closed(),
        }
    }

    /// Admits a call of the virtualization stack.
    pub fn enter_powered(&self) -> Option<RundownGuard<'_>> {
        self.powered.enter()
    }

    /// Admits a reset, or saving or restoring registers.
    pub fn enter_vfs_on(&self) -> Option<RundownGuard<'_>> {
        self.vfs_on.enter()
    }

    /// The VFs are on: admits resets.
    pub fn admit_resets(&self) {
        self.vfs_on.reopen();
    }

    /// The VFs' registers are restored: admits calls.
    pub fn power_up(&self) {
        self.powered.reopen();
    }

    /// Refuses new calls, and waits for those in flight. Resets continue. `pause` lets a moment
    /// pass, at `PASSIVE_LEVEL`.
    pub fn hold_calls(&self, pause: impl FnMut()) {
        close_and_wait(&self.powered, pause);
    }

    /// Refuses new calls and resets, and waits for those in flight. Afterwards the hardware may
    /// change. `pause` lets a moment pass, at `PASSIVE_LEVEL`.
    pub fn close(&self, mut pause: impl FnMut()) {
        self.hold_calls(&mut pause);
        close_and_wait(&self.vfs_on, pause);
    }

    /// The device is removed: refuses calls and resets for good. Those in flight continue.
    pub fn shut(&self) {
        self.powered.shut();
        self.vfs_on.shut();
    }

    /// Whether no call and no reset is in flight.
    #[must_use]
    pub fn are_empty(&self) -> bool {
        self.powered.is_empty() && self.vfs_on.is_empty()
    }
}

/// Closes a rundown and waits until it is empty.
fn close_and_wait(rundown: &Rundown, mut pause: impl FnMut()) {
    // It may be closed already.
    let _ = rundown.close();
    while !rundown.is_empty() {
        pause();
    }
}
