//! The steps of an operation that the companion handles, and of a power change, in their order.

use super::attachment::{Attachment, AttachmentState};
use super::turn::{Caller, ResetGuard, Turn, Unavailable};
use crate::{rebalance::Signal, status::NtStatus};

/// What orders the calls about one VF, for one caller.
#[derive(Debug)]
pub struct VfCalls<'a, S> {
    /// The companion of the PF.
    pub attachment: &'a Attachment,
    /// The turn of the VF.
    pub turn: &'a Turn<S>,
    /// The present thread.
    pub caller: Caller,
}

impl<'a, S: Signal> VfCalls<'a, S> {
    /// Begins a reset of the VF: see [`Turn::begin_reset`].
    ///
    /// # Errors
    /// As for [`Turn::begin_reset`].
    pub fn begin_reset(self) -> Result<VfCallsOfReset<'a, S>, Unavailable> {
        let guard = self.turn.begin_reset(self.caller)?;
        Ok(VfCallsOfReset {
            attachment: self.attachment,
            guard,
        })
    }
}

/// The same for a reset that has begun; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the reset ends as soon as this is dropped"]
pub struct VfCallsOfReset<'a, S: Signal> {
    attachment: &'a Attachment,
    guard: ResetGuard<'a, S>,
}

impl<S: Signal> VfCallsOfReset<'_, S> {
    /// Whether the call that ran when the reset began has returned.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.guard.is_granted()
    }

    /// Notifies the companion, if there is one, and ends the turn.
    pub fn finish(self, notify: impl FnOnce()) {
        if let Some(_call) = self.attachment.enter_notification() {
            self.guard.call(notify);
        }
    }
}

/// One write or read of a VF that the companion handles, as the shell carries it out. All functions
/// run at `PASSIVE_LEVEL`, without a lock.
pub trait Handed {
    /// Where operations of the VF wait for each other.
    type Signal: Signal;
    /// The operation between its two parts.
    type Pending;
    /// Why the operation is refused.
    type Refusal;

    /// What orders the calls about the VF.
    fn calls(&self) -> VfCalls<'_, Self::Signal>;

    /// The first part: everything that is checked before the call. `companion` says why the call
    /// cannot be made, if so; the operation is refused for it, unless another check comes first.
    /// `None` if there is nothing to call for.
    ///
    /// # Errors
    /// The refusal.
    fn begin(
        &self,
        companion: Result<(), Unavailable>,
    ) -> Result<Option<Self::Pending>, Self::Refusal>;

    /// Calls the companion, and returns its answer.
    fn call(&self, pending: &mut Self::Pending) -> NtStatus;

    /// The second part, with the companion's answer.
    ///
    /// # Errors
    /// The refusal.
    fn finish(&self, pending: Self::Pending, answer: NtStatus) -> Result<(), Self::Refusal>;

    /// Notifies the companion of the commit.
    fn committed(&self);
}

/// Carries out an operation of a VF that the companion handles. It waits for other calls about the
/// VF, unless no companion is ready or a reset begins.
///
/// # Errors
/// The refusal of either part.
pub fn hand_over<O: Handed>(operation: &O) -> Result<(), O::Refusal> {
    let refuse = |unavailable| operation.begin(Err(unavailable)).map(drop);
    let VfCalls {
        attachment,
        turn,
        caller,
    } = operation.calls();
    // Without a companion that is ready there is nothing to wait for.
    if attachment.state() != AttachmentState::Ready {
        return refuse(Unavailable::NotReady);
    }
    let _turn = match turn.acquire(caller) {
        Ok(turn) => turn,
        Err(unavailable) => return refuse(unavailable),
    };
    let Some(_call) = attachment.enter() else {
        return refuse(Unavailable::NotReady);
    };
    let Some(mut pending) = operation.begin(Ok(()))? else {
        return Ok(());
    };
    let answer = operation.call(&mut pending);
    operation.finish(pending, answer)?;
    operation.committed();
    Ok(())
}

/// One change of a VF's power state, as the shell carries it out. All functions run at
/// `PASSIVE_LEVEL`, without a lock.
pub trait PowerChange {
    /// Where operations of the VF wait for each other.
    type Signal: Signal;
    /// Why the change is refused.
    type Refusal;

    /// What orders the calls about the VF.
    fn calls(&self) -> VfCalls<'_, Self::Signal>;

    /// Records the state.
    ///
    /// # Errors
    /// The refusal.
    fn record(&self) -> Result<(), Self::Refusal>;

    /// Notifies the companion.
    fn notify(&self);
}

/// Changes the power state of a VF. The companion is notified of the states in the order in which
/// they are recorded. A change that the companion makes inside a call about the same VF is recorded
/// without a notification.
///
/// # Errors
/// The refusal.
pub fn change_power<C: PowerChange>(change: &C) -> Result<(), C::Refusal> {
    let VfCalls {
        attachment,
        turn,
        caller,
    } = change.calls();
    if !matches!(
        attachment.state(),
        AttachmentState::NotReady | AttachmentState::Ready
    ) {
        return change.record();
    }
    let turn = turn.acquire_after_resets(caller);
    change.record()?;
    if turn.is_ok()
        && let Some(_call) = attachment.enter_notification()
    {
        change.notify();
    }
    Ok(())
}
