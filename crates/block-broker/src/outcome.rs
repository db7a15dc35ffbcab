//! What an operation returns: its result, and what the shell has to do next.

use pf_broker_abi::Refusal;

use crate::kinds::Kinds;

/// VFs with pending invalidations that the shell should try to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// None.
    Nothing,
    /// Those of one VF: see
    /// [`Broker::hand_over_invalidation`](crate::Broker::hand_over_invalidation).
    ToVf(u16),
    /// Those of every VF. At `PASSIVE_LEVEL`: only operations on all VFs return it.
    ToAllVfs,
}

/// What the shell does after an operation, without a VF's lock. After an operation of a VF it is as
/// bounded as that: [`FollowUp::changed`] costs one atomic load while no request waits, and there
/// is nothing to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the shell wakes waiting requests and delivers invalidations"]
pub struct FollowUp {
    /// Kinds of changes that the operation stamped: see
    /// [`Watch::mark_due`](crate::Watch::mark_due).
    pub changed: Kinds,
    /// Invalidations that became pending.
    pub deliver: Deliver,
}

impl FollowUp {
    /// Nothing to do.
    pub const NOTHING: Self = Self {
        changed: Kinds::NONE,
        deliver: Deliver::Nothing,
    };

    /// Drops the follow-up in a shell without waiting requests, where it has nothing to do.
    pub fn without_waiters(self) {}

    /// Adds what a later step of the same operation requires.
    pub(crate) fn add(&mut self, later: Self) {
        self.changed = self.changed.union(later.changed);
        if later.deliver != Deliver::Nothing {
            self.deliver = later.deliver;
        }
    }
}

/// The result of an operation and its follow-up. A refused operation has one too: its journal entry
/// may end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the result is returned once the follow-up is carried out"]
pub struct Outcome<T> {
    pub(crate) result: Result<T, Refusal>,
    pub(crate) follow_up: FollowUp,
}

impl<T> Outcome<T> {
    /// Passes the follow-up to the shell, if there is any, and returns the result.
    ///
    /// # Errors
    /// Why the operation was refused.
    #[inline]
    pub fn follow_up(self, carry_out: impl FnOnce(FollowUp)) -> Result<T, Refusal> {
        if self.follow_up != FollowUp::NOTHING {
            carry_out(self.follow_up);
        }
        self.result
    }

    /// Returns the result in a shell without waiting requests, where the follow-up has nothing to
    /// do.
    ///
    /// # Errors
    /// Why the operation was refused.
    pub fn without_waiters(self) -> Result<T, Refusal> {
        self.result
    }

    /// Changes a result that is no refusal.
    pub(crate) fn map<R>(self, change: impl FnOnce(T) -> R) -> Outcome<R> {
        Outcome {
            result: self.result.map(change),
            follow_up: self.follow_up,
        }
    }

    /// A refusal that no VF has counted or journaled.
    pub(crate) const fn refused(refusal: Refusal) -> Self {
        Self {
            result: Err(refusal),
            follow_up: FollowUp::NOTHING,
        }
    }

    /// Adds the follow-up of this step to that of the whole operation, and returns the step's
    /// result.
    pub(crate) fn add_to(self, whole: &mut FollowUp) -> Result<T, Refusal> {
        whole.add(self.follow_up);
        self.result
    }
}

impl Outcome<bool> {
    /// Delivers to these VFs if the operation left invalidations pending, as its result says.
    pub(crate) fn deliver(self, to: Deliver) -> Outcome<()> {
        self.map(|is_pending| (is_pending, ())).deliver(to)
    }
}

impl<T> Outcome<(bool, T)> {
    /// The same, for an operation with another result besides.
    pub(crate) fn deliver(self, to: Deliver) -> Outcome<T> {
        let mut follow_up = self.follow_up;
        if let Ok((true, _)) = self.result {
            follow_up.deliver = to;
        }
        Outcome {
            result: self.result.map(|(_, result)| result),
            follow_up,
        }
    }
}
