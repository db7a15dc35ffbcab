//! Requests that wait for a change, without a lock that writers share.
//!
//! A request that finds no change is queued, announces its kinds, and checks once more. An
//! operation that changes something stamps it under its VF's lock and then checks for an
//! announcement. Either the request finds the change, or the operation sees the announcement, as
//! [`crate::stamps`] explains for a mark: no change is missed, and an operation costs one load
//! while no request waits.
//!
//! The shell holds the waiting requests ([`Waiters`]) and runs [`Watch::serve`] at `PASSIVE_LEVEL`.

use pf_broker_abi::ChangesCookie;

use crate::kinds::Kinds;
use crate::sync::{AtomicU16, Ordering, fence};
use crate::{Broker, VfLock};

/// The two queues of waiting requests. A request that is put back goes into the other one, because
/// a framework does not put a request into the queue that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The queue that new requests go to.
    First,
    /// The other one.
    Second,
}

impl Queue {
    /// The queue for requests that come from this one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The shell's requests that wait for changes.
pub trait Waiters {
    /// A request.
    type Request;

    /// How many requests wait in a queue.
    fn waiting(&self, queue: Queue) -> usize;

    /// Takes the oldest request out of a queue.
    fn next(&self, queue: Queue) -> Option<Self::Request>;

    /// Completes the request if there are changes for it. If not, returns it, its kinds, and the
    /// cookie from which it waits.
    fn answer(&self, request: Self::Request) -> Option<(Self::Request, Kinds, ChangesCookie)>;

    /// Puts a request into a queue, out of which it may be cancelled at once.
    fn queue(&self, request: Self::Request, queue: Queue);
}

/// The kinds of changes that requests wait for.
#[derive(Debug)]
pub struct Watch {
    /// Announced kinds. A change takes its kinds away, so that one of many changes calls for
    /// [`Watch::serve`], which announces the kinds of requests that go on waiting again.
    waited_for: AtomicU16,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Watch {
    /// No request waits.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waited_for: AtomicU16::new(0),
        }
    }

    /// No request waits.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            waited_for: AtomicU16::new(0),
        }
    }

    /// Completes a request that arrives, or lets it wait. Returns whether [`Watch::serve`] has to
    /// run, because something changed meanwhile.
    #[must_use = "the shell runs `serve` if this returns true"]
    pub fn arrive<L: VfLock, W: Waiters>(
        &self,
        broker: &Broker<'_, L>,
        waiters: &W,
        request: W::Request,
    ) -> bool {
        self.answer_or_queue(broker, waiters, request, Queue::First)
    }

    /// Whether a request waits for one of these kinds, which were stamped under a lock that is
    /// released by now; [`Watch::serve`] has to run then. Callable at any IRQL: one load when no
    /// request waits, otherwise one more atomic operation, for any number of requests.
    #[inline]
    #[must_use = "the shell runs `serve` if this returns true"]
    pub fn mark_due(&self, kinds: Kinds) -> bool {
        self.waited_for.load(Ordering::Acquire) & kinds.bits() != 0 && self.take(kinds)
    }

    #[cold]
    fn take(&self, kinds: Kinds) -> bool {
        let before = self.waited_for.fetch_and(!kinds.bits(), Ordering::AcqRel);
        before & kinds.bits() != 0
    }

    /// Completes the requests for which there are changes. It handles as many requests as wait when
    /// it begins, however fast their senders call again. Any number of calls may run at one time.
    /// Returns whether it has to run again, because something changed meanwhile.
    #[must_use = "the shell runs `serve` again if this returns true"]
    pub fn serve<L: VfLock, W: Waiters>(&self, broker: &Broker<'_, L>, waiters: &W) -> bool {
        let queues = [Queue::First, Queue::Second].map(|queue| (queue, waiters.waiting(queue)));
        let mut is_due = false;
        for (queue, count) in queues {
            for _ in 0..count {
                let Some(request) = waiters.next(queue) else {
                    break;
                };
                is_due |= self.answer_or_queue(broker, waiters, request, queue.other());
            }
        }
        is_due
    }

    fn answer_or_queue<L: VfLock, W: Waiters>(
        &self,
        broker: &Broker<'_, L>,
        waiters: &W,
        request: W::Request,
        queue: Queue,
    ) -> bool {
        let Some((request, kinds, cookie)) = waiters.answer(request) else {
            return false;
        };
        waiters.queue(request, queue);
        self.waited_for.fetch_or(kinds.bits(), Ordering::AcqRel);
        fence(Ordering::SeqCst);
        broker.has_changes(kinds, &cookie) && self.mark_due(kinds)
    }
}
