//! The broker that the caller holds, and what each of its operations returns.

use block_broker::{Broker, Deliver, FollowUp, Kinds, Outcome, Watch};
use pf_broker_abi::Refusal;

use crate::pointers::put;
use crate::status::{BB_INVALID_ARGUMENT, BB_SUCCESS, bb_status, refused};
use crate::vf_context::VfContext;

/// `deliver` of `bb_follow_up`: no invalidation is to be delivered.
pub const BB_DELIVER_NOTHING: u16 = 0;
/// `deliver` of `bb_follow_up`: one VF has invalidations.
pub const BB_DELIVER_TO_VF: u16 = 1;
/// `deliver` of `bb_follow_up`: every VF may have invalidations.
pub const BB_DELIVER_TO_ALL_VFS: u16 = 2;

/// What the caller does after an operation, whether it was done or refused.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct bb_follow_up {
    /// Kinds of changes that the operation made: a set of `BB_CHANGE_…`.
    pub changed: u16,
    /// 1 if a caller of `bb_await_changes` waits for one of these kinds: wake every such caller. 0
    /// otherwise.
    pub wake: u16,
    /// Whose invalidations are to be delivered, with `bb_take_invalidation` or
    /// `bb_hand_over_invalidation`: `BB_DELIVER_NOTHING`, `BB_DELIVER_TO_VF` or
    /// `BB_DELIVER_TO_ALL_VFS`.
    pub deliver: u16,
    /// The VF of `BB_DELIVER_TO_VF`; otherwise 0.
    pub vf: u16,
}

impl bb_follow_up {
    /// Nothing to do.
    const NOTHING: Self = Self {
        changed: 0,
        wake: 0,
        deliver: BB_DELIVER_NOTHING,
        vf: 0,
    };
}

/// An index that no VF has, because a device has at most 4096.
const NO_VF: u16 = u16::MAX;

/// The blocks of all VFs of one device. Its functions may be called on any number of processors at
/// the same time.
pub struct bb_broker {
    pub(crate) blocks: Broker<'static, VfContext>,
    pub(crate) watch: Watch,
    pub(crate) contexts: &'static [VfContext],
}

impl bb_broker {
    pub(crate) fn context(&self, vf: u16) -> Option<&'static VfContext> {
        self.contexts.get(usize::from(vf))
    }

    /// The index for the broker: that of a VF that is not allocated does not exist for an operation.
    #[inline]
    pub(crate) fn allocated(&self, vf: u16) -> u16 {
        match self.context(vf) {
            Some(context) if !context.is_allocated() => NO_VF,
            _ => vf,
        }
    }

    /// Passes the follow-up of an operation to the caller, and returns the result.
    ///
    /// # Safety
    /// `place` is NULL or writable.
    #[inline]
    pub(crate) unsafe fn settle<T>(
        &self,
        outcome: Outcome<T>,
        place: *mut bb_follow_up,
    ) -> Result<T, Refusal> {
        // SAFETY: as the caller promises.
        unsafe { put(place, bb_follow_up::NOTHING) };
        outcome.follow_up(|follow_up| {
            // SAFETY: as the caller promises.
            unsafe { self.follow_up(follow_up, place) };
        })
    }

    /// Passes a follow-up to the caller. For one that takes none, no caller waits. Not inlined,
    /// because every function ends with it; most reads have none.
    ///
    /// # Safety
    /// `place` is NULL or writable.
    #[inline(never)]
    pub(crate) unsafe fn follow_up(&self, follow_up: FollowUp, place: *mut bb_follow_up) {
        if place.is_null() {
            return;
        }
        let FollowUp { changed, deliver } = follow_up;
        let (deliver, vf) = match deliver {
            Deliver::Nothing => (BB_DELIVER_NOTHING, 0),
            Deliver::ToVf(vf) => (BB_DELIVER_TO_VF, vf),
            Deliver::ToAllVfs => (BB_DELIVER_TO_ALL_VFS, 0),
        };
        let is_due = changed != Kinds::NONE && self.watch.mark_due(changed);
        let follow_up = bb_follow_up {
            changed: changed.bits(),
            wake: u16::from(is_due),
            deliver,
            vf,
        };
        // SAFETY: as the caller promises.
        unsafe { put(place, follow_up) };
    }
}

/// Runs a function on the caller's broker.
///
/// # Safety
/// `broker` is NULL or comes from `bb_initialize`.
#[inline]
pub(crate) unsafe fn with(
    broker: *const bb_broker,
    run: impl FnOnce(&'static bb_broker) -> bb_status,
) -> bb_status {
    // SAFETY: the caller's memory holds the broker as long as functions are called with it.
    match unsafe { broker.as_ref() } {
        Some(broker) => run(broker),
        None => BB_INVALID_ARGUMENT,
    }
}

/// Runs an operation, passes its follow-up to the caller, and its value, if it was not refused, to
/// `take`.
///
/// # Safety
/// `follow_up` is NULL or writable; otherwise as for [`with`].
#[inline]
pub(crate) unsafe fn operate<T>(
    broker: *const bb_broker,
    follow_up: *mut bb_follow_up,
    operation: impl FnOnce(&'static bb_broker) -> Outcome<T>,
    take: impl FnOnce(T) -> bb_status,
) -> bb_status {
    let run = |broker: &'static bb_broker| {
        let outcome = operation(broker);
        // SAFETY: as the caller promises.
        match unsafe { broker.settle(outcome, follow_up) } {
            Ok(value) => take(value),
            Err(refusal) => refused(refusal),
        }
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, run) }
}

/// [`operate`] for an operation without a value.
///
/// # Safety
/// As for [`operate`].
#[inline]
pub(crate) unsafe fn carry_out(
    broker: *const bb_broker,
    follow_up: *mut bb_follow_up,
    operation: impl FnOnce(&'static bb_broker) -> Outcome<()>,
) -> bb_status {
    // SAFETY: as the caller promises.
    unsafe { operate(broker, follow_up, operation, |()| BB_SUCCESS) }
}
