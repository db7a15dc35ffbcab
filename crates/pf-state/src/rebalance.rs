//! The attachment of the virtualization stack, and the events of a resource rebalance.
//!
//! The virtualization stack attaches to the PF. When Plug and Play wants to stop the PF, the stack
//! gets an event ([`PfEvent::QueryStopDevice`]) and may veto; when the PF runs again, or the stop
//! was cancelled, it gets another ([`PfEvent::Restart`]). Each event waits for the stack's
//! `IOCTL_SRIOV_EVENT_COMPLETE`, for its detach, or for the end of its handle.
//!
//! The machine is used under one lock. It never blocks: a Plug and Play callback that has to
//! [wait](Verdict::Wait) sleeps outside the lock, in a [`Sleeper`], until a function returns a
//! [`Wake`]. At most one callback sleeps at a time: the framework sends one query at a time, and a
//! PF that runs again while a query waits, such as after a sleep of the system, has nothing to wait
//! for.

use crate::{
    atomic::{AtomicI32, Ordering},
    status::{self, NtStatus},
};
pub use pcivirt_abi::sriov::PfEvent;

/// The identity of the file object that a request came through; 0 for a request without one.
pub type Handle = usize;

/// Where the PF is between two rebalances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Running, or never started.
    Steady,
    /// A stop was requested, and the stack has not answered.
    QueryStop {
        /// A notification has carried the event.
        delivered: bool,
    },
    /// The stack agreed to a stop, or vetoed one that is not yet cancelled.
    Stopped,
    /// Running again, and the stack has not answered.
    Restart {
        /// A notification has carried the event.
        delivered: bool,
    },
    /// Removed.
    Removed,
}

/// What a Plug and Play callback does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Return this status.
    Proceed(NtStatus),
    /// Sleep until woken, then return the status of the [`Wake`].
    Wait,
}

/// What a callback does for a PF that runs again. It cannot fail: the PF runs, and a callback that
/// failed would remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumption {
    /// There is no event, or a callback waits for its answer already.
    Complete,
    /// There is an event for the stack: sleep until woken.
    Wait,
}

/// Wakes the Plug and Play callback that sleeps, with the status that a query returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a callback sleeps until this is delivered"]
pub struct Wake(pub NtStatus);

/// What a thread sleeps on: a kernel event that lets one waiter go for each time it is set, also
/// when it is set before the wait.
pub trait Signal {
    /// Lets one waiter go, now or later.
    fn set(&self);
    /// Waits until it is set.
    fn wait(&self);
}

/// Where a Plug and Play callback sleeps that has to wait.
#[derive(Debug)]
pub struct Sleeper<S> {
    signal: S,
    status: AtomicI32,
}

impl<S: Signal> Sleeper<S> {
    /// No callback sleeps.
    pub fn new(signal: S) -> Self {
        Self {
            signal,
            status: AtomicI32::new(status::SUCCESS),
        }
    }

    /// The signal.
    pub const fn signal(&self) -> &S {
        &self.signal
    }

    /// Wakes the callback, if there is something to wake; this may come before it sleeps.
    pub fn wake(&self, wake: Option<Wake>) {
        if let Some(Wake(status)) = wake {
            // Release: the callback that the signal wakes reads this status.
            self.status.store(status, Ordering::Release);
            self.signal.set();
        }
    }

    /// Sleeps until woken. Returns the status of the [`Wake`].
    pub fn sleep(&self) -> NtStatus {
        self.signal.wait();
        self.status.load(Ordering::Acquire)
    }
}

/// What happens to the oldest waiting `IOCTL_SRIOV_ATTACH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is attached now: complete with success.
    Granted,
    /// Complete with this status.
    Refused(NtStatus),
    /// It stays pending until the rebalance is over.
    Wait,
}

/// The machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebalance {
    attached: Option<Handle>,
    phase: Phase,
}

impl Default for Rebalance {
    fn default() -> Self {
        Self::new()
    }
}

impl Rebalance {
    /// No stack is attached and no rebalance runs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            attached: None,
            phase: Phase::Steady,
        }
    }

    /// Whether a virtualization stack is attached.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.attached.is_some()
    }

    /// Whether an `IOCTL_SRIOV_ATTACH` would have to wait now, according to
    /// [`attach`](Self::attach).
    #[must_use]
    pub const fn attach_waits(&self) -> bool {
        self.attached.is_none() && !matches!(self.phase, Phase::Steady | Phase::Removed)
    }

    /// `IOCTL_SRIOV_ATTACH` through `handle`: only one may attach, and none between a query-stop
    /// and the end of the rebalance.
    pub fn attach(&mut self, handle: Handle) -> Admission {
        match (self.phase, self.attached) {
            (Phase::Removed, _) => Admission::Refused(status::DEVICE_REMOVED),
            (_, Some(_)) => Admission::Refused(status::SHARING_VIOLATION),
            (Phase::Steady, None) => {
                self.attached = Some(handle);
                Admission::Granted
            }
            (Phase::QueryStop { .. } | Phase::Stopped | Phase::Restart { .. }, None) => {
                Admission::Wait
            }
        }
    }

    /// `IOCTL_SRIOV_DETACH`. It always succeeds, also without an attachment, and counts as the
    /// stack's answer to a pending event.
    #[must_use]
    pub fn detach(&mut self) -> Option<Wake> {
        self.attached = None;
        match self.phase {
            Phase::QueryStop { .. } => {
                self.phase = Phase::Stopped;
                Some(Wake(status::SUCCESS))
            }
            Phase::Restart { .. } => {
                self.phase = Phase::Steady;
                Some(Wake(status::SUCCESS))
            }
            Phase::Steady | Phase::Stopped | Phase::Removed => None,
        }
    }

    /// A handle was closed: if it is the one that attached, that is a detach.
    #[must_use]
    pub fn handle_gone(&mut self, handle: Handle) -> Option<Wake> {
        // A request without a file object has no handle that could end.
        if handle != 0 && self.attached == Some(handle) {
            self.detach()
        } else {
            None
        }
    }

    /// Whether a new `IOCTL_SRIOV_NOTIFICATION` may wait; before the attach, too.
    ///
    /// # Errors
    /// `STATUS_DEVICE_REMOVED` once the device is removed.
    pub const fn admit_notification(&self) -> Result<(), NtStatus> {
        match self.phase {
            Phase::Removed => Err(status::DEVICE_REMOVED),
            _ => Ok(()),
        }
    }

    /// The event that the next notification has to carry, if there is one. When a notification does
    /// carry it, [`mark_delivered`](Self::mark_delivered) has to be called under the same lock.
    #[must_use]
    pub const fn pending_event(&self) -> Option<PfEvent> {
        match self.phase {
            Phase::QueryStop { delivered: false } => Some(PfEvent::QueryStopDevice),
            Phase::Restart { delivered: false } => Some(PfEvent::Restart),
            _ => None,
        }
    }

    /// A notification carries the event now: no other will.
    pub const fn mark_delivered(&mut self) {
        match &mut self.phase {
            Phase::QueryStop { delivered } | Phase::Restart { delivered } => *delivered = true,
            Phase::Steady | Phase::Stopped | Phase::Removed => {}
        }
    }

    /// `IOCTL_SRIOV_EVENT_COMPLETE` with the stack's answer, which counts for a query only.
    ///
    /// # Errors
    /// `STATUS_INVALID_DEVICE_STATE` without an event that the stack could answer;
    /// `STATUS_DEVICE_REMOVED` once the device is removed.
    pub fn event_complete(&mut self, query_status: NtStatus) -> Result<Wake, NtStatus> {
        match self.phase {
            Phase::QueryStop { delivered: true } => {
                self.phase = Phase::Stopped;
                Ok(Wake(query_answer(query_status)))
            }
            Phase::Restart { delivered: true } => {
                self.phase = Phase::Steady;
                Ok(Wake(status::SUCCESS))
            }
            Phase::Removed => Err(status::DEVICE_REMOVED),
            Phase::QueryStop { delivered: false }
            | Phase::Restart { delivered: false }
            | Phase::Steady
            | Phase::Stopped => Err(status::INVALID_DEVICE_STATE),
        }
    }

    /// `IRP_MN_QUERY_STOP_DEVICE`.
    pub fn query_stop(&mut self) -> Verdict {
        match self.phase {
            Phase::Steady | Phase::Stopped if self.attached.is_some() => {
                self.phase = Phase::QueryStop { delivered: false };
                Verdict::Wait
            }
            Phase::Steady | Phase::Stopped => {
                self.phase = Phase::Stopped;
                Verdict::Proceed(status::SUCCESS)
            }
            Phase::QueryStop { .. } | Phase::Restart { .. } => {
                Verdict::Proceed(status::DEVICE_BUSY)
            }
            Phase::Removed => Verdict::Proceed(status::DEVICE_REMOVED),
        }
    }

    /// `IRP_MN_CANCEL_STOP_DEVICE`, or the PF is in D0 again, after a rebalance or a sleep. The
    /// stack gets an event if there was a stop, even one that it vetoed: it may have paused its VFs
    /// before it did.
    ///
    /// A PF can wake from a sleep in every phase. While a query waits for its answer the stop is
    /// neither agreed to nor cancelled, so there is no event yet; while a restart waits there is
    /// one already.
    pub const fn running_again(&mut self) -> Resumption {
        match self.phase {
            Phase::Stopped if self.attached.is_some() => {
                self.phase = Phase::Restart { delivered: false };
                Resumption::Wait
            }
            Phase::Stopped => {
                self.phase = Phase::Steady;
                Resumption::Complete
            }
            Phase::Steady | Phase::Removed | Phase::QueryStop { .. } | Phase::Restart { .. } => {
                Resumption::Complete
            }
        }
    }

    /// The device was removed, by surprise or not: wakes a callback that sleeps.
    #[must_use]
    pub fn removed(&mut self) -> Option<Wake> {
        let before = core::mem::replace(&mut self.phase, Phase::Removed);
        matches!(before, Phase::QueryStop { .. } | Phase::Restart { .. })
            .then_some(Wake(status::DEVICE_REMOVED))
    }
}

/// The stack's answer as a Plug and Play query may return it. `EvtDeviceQueryStop` must not return
/// `STATUS_NOT_SUPPORTED`, which in a Plug and Play request means that no driver handled it, and
/// its page allows no other success than `STATUS_SUCCESS`.
const fn query_answer(query_status: NtStatus) -> NtStatus {
    match query_status {
        status::NOT_SUPPORTED => status::UNSUCCESSFUL,
        0.. => status::SUCCESS,
        veto => veto,
    }
}

#[cfg(test)]
mod tests;
