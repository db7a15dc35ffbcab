//! The companion of a PF, which calls may use while its attachment admits them.

use core::{cell::UnsafeCell, ffi::c_void};

use pf_state::companion::{Attachment, Callbacks, Caller, Turn, VfCalls};

use crate::os::{interface, kernel, wait::Event};

/// A companion that has accepted, and the reference to its interface, which is given back last.
pub(crate) struct Attached {
    pub(crate) callbacks: Callbacks,
    pub(crate) held: interface::Held,
}

/// The companion of a PF, with what admits calls into it.
pub(crate) struct CompanionAccess {
    pub(crate) attachment: Attachment,
    /// Written only while no call is admitted and none is in flight.
    attached: UnsafeCell<Option<Attached>>,
}

// SAFETY: the companion follows the rule at its field, its functions may be called from any thread,
// and its context is its own; the attachment synchronizes itself.
unsafe impl Sync for CompanionAccess {}
// SAFETY: as above.
unsafe impl Send for CompanionAccess {}

impl CompanionAccess {
    /// No companion.
    pub(crate) fn none() -> Self {
        Self {
            attachment: Attachment::absent(),
            attached: UnsafeCell::new(None),
        }
    }

    /// What orders the calls about a VF, for the present thread.
    pub(crate) fn calls<'p>(&'p self, turn: &'p Turn<Event>) -> VfCalls<'p, Event> {
        VfCalls {
            attachment: &self.attachment,
            turn,
            caller: Caller(kernel::current_thread()),
        }
    }

    /// One of the companion's functions, with the context for it, for a call that is admitted;
    /// `None` if the companion does not have it.
    ///
    /// # Safety
    /// The attachment has admitted a call, which has not left.
    pub(crate) unsafe fn function<F>(
        &self,
        choose: impl FnOnce(&Callbacks) -> Option<F>,
    ) -> Option<(*mut c_void, F)> {
        // SAFETY: a call is in flight, so nothing writes.
        let attached = unsafe { &*self.attached.get() };
        let callbacks = &attached.as_ref()?.callbacks;
        Some((callbacks.context, choose(callbacks)?))
    }

    /// Replaces the companion, for `EvtDevicePrepareHardware` and `EvtDeviceReleaseHardware`, which
    /// the framework calls one at a time.
    ///
    /// # Safety
    /// The caller is one of the two callbacks, and the attachment admits no call and has none in
    /// flight.
    pub(crate) unsafe fn replace(&self, companion: Option<Attached>) -> Option<Attached> {
        // SAFETY: as the caller promises.
        let place = unsafe { &mut *self.attached.get() };
        core::mem::replace(place, companion)
    }
}
