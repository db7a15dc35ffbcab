//! The hardware of a PF, which calls may use while its rundowns are open.

use core::{cell::UnsafeCell, ops::Deref};

use pf_state::{hardware_rundowns::HardwareRundowns, rundown::RundownGuard};

use crate::{os::wait, pci::Hardware};

/// The hardware of a PF, with the rundowns of its users.
pub(crate) struct HardwareAccess {
    pub(crate) rundowns: HardwareRundowns,
    /// Written only while both rundowns are closed and empty.
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
            rundowns: HardwareRundowns::closed(),
            hardware: UnsafeCell::new(None),
        }
    }

    /// The hardware, for calls, while the device is in D0.
    pub(crate) fn powered(&self) -> Option<Powered<'_>> {
        self.admitted(self.rundowns.enter_powered()?)
    }

    /// The hardware, for a reset and for saving and restoring registers, while the VFs are on.
    pub(crate) fn vfs_on(&self) -> Option<Powered<'_>> {
        self.admitted(self.rundowns.enter_vfs_on()?)
    }

    /// The hardware for a call that `rundowns` admitted with `guard`.
    fn admitted<'p>(&'p self, guard: RundownGuard<'p>) -> Option<Powered<'p>> {
        // SAFETY: the guard keeps one of the rundowns from becoming empty, so nothing writes.
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
        self.rundowns.close(wait::pause);
        // SAFETY: both rundowns are closed and empty, so no call reads, and the framework calls the
        // callbacks that may write one at a time.
        change(unsafe { &mut *self.hardware.get() })
    }

    /// Refuses new calls and waits for those in flight, at `PASSIVE_LEVEL`. Resets continue.
    pub(crate) fn hold_calls(&self) {
        self.rundowns.hold_calls(wait::pause);
    }
}
