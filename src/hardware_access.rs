//! The hardware of a PF, and the rundowns that say when calls may use it.

use core::{cell::UnsafeCell, ops::Deref};

use pf_state::rundown::{Rundown, RundownGuard};

use crate::{os::wait, pci::Hardware};

/// The hardware of a PF, with the rundowns of its users.
pub(crate) struct HardwareAccess {
    /// Open while calls may reach the VFs: the device is in D0, and their registers are restored.
    powered: Rundown,
    /// Open while the VFs are on, for resets and for saving and restoring registers; always when
    /// `powered` is. See [`pf_state::retention`].
    vfs_on: Rundown,
    /// Written only while `powered` and `vfs_on` are closed and empty.
    hardware: UnsafeCell<Option<Hardware>>,
}

// SAFETY: the hardware follows the rule at its field; the rundowns synchronise themselves.
unsafe impl Sync for HardwareAccess {}

/// The hardware, which stays as it is while this lives.
pub(crate) struct Powered<'p> {
    hardware: &'p Hardware,
    _guard: RundownGuard<'p>,
}

impl Deref for Powered<'_> {
    type Target = Hardware;

    fn deref(&self) -> &Hardware {
        self.hardware
    }
}

impl HardwareAccess {
    /// No hardware.
    pub(crate) fn none() -> Self {
        Self {
            powered: Rundown::closed(),
            vfs_on: Rundown::closed(),
            hardware: UnsafeCell::new(None),
        }
    }

    /// The hardware, for calls, while the device is in D0.
    pub(crate) fn powered(&self) -> Option<Powered<'_>> {
        self.enter(&self.powered)
    }

    /// The hardware, for a reset and for saving and restoring registers, while the VFs are on.
    pub(crate) fn vfs_on(&self) -> Option<Powered<'_>> {
        self.enter(&self.vfs_on)
    }

    /// The hardware through `powered` or `vfs_on`.
    fn enter<'p>(&'p self, rundown: &'p Rundown) -> Option<Powered<'p>> {
        let guard = rundown.enter()?;
        // SAFETY: the guard keeps `powered` or `vfs_on` from becoming empty, so nothing writes.
        let hardware = unsafe { &*self.hardware.get() };
        Some(Powered {
            hardware: hardware.as_ref()?,
            _guard: guard,
        })
    }

    /// The hardware, for `EvtDevicePrepareHardware`, `EvtDeviceD0Entry`, `EvtDeviceD0Exit` and
    /// `EvtDeviceReleaseHardware`. The framework calls these one at a time: the two about power
    /// from its power state machine, and its Plug and Play state machine calls the others when that
    /// one rests.
    ///
    /// `EvtDeviceSurpriseRemoval`, `EvtDeviceQueryStop` and `EvtDeviceQueryRemove` may run at the
    /// same time and must not call this. They may shut the rundowns, which only refuses more calls.
    ///
    /// # Safety
    /// The caller is one of the four callbacks.
    pub(crate) unsafe fn change<R>(&self, change: impl FnOnce(&mut Option<Hardware>) -> R) -> R {
        self.hold_calls();
        close_and_wait(&self.vfs_on);
        // SAFETY: both rundowns are closed and empty, so no call reads, and the framework calls the
        // callbacks that may write one at a time.
        change(unsafe { &mut *self.hardware.get() })
    }

    /// The VFs are on: admits resets.
    pub(crate) fn admit_resets(&self) {
        self.vfs_on.reopen();
    }

    /// The VFs' registers are restored: admits calls.
    pub(crate) fn power_up(&self) {
        self.powered.reopen();
    }

    /// Refuses new calls and waits for those in flight, at `PASSIVE_LEVEL`. Resets continue.
    pub(crate) fn hold_calls(&self) {
        close_and_wait(&self.powered);
    }

    /// The device is removed: refuses calls and resets for good. Calls in flight continue.
    pub(crate) fn shut(&self) {
        self.powered.shut();
        self.vfs_on.shut();
    }

    /// Whether no call and no reset uses the hardware.
    pub(crate) fn is_empty(&self) -> bool {
        self.powered.is_empty() && self.vfs_on.is_empty()
    }
}

/// Closes a rundown and waits until it is empty, at `PASSIVE_LEVEL`.
fn close_and_wait(rundown: &Rundown) {
    // It may be closed already, which is as good.
    let _ = rundown.close();
    wait::until(|| rundown.is_empty());
}
