//! Waits for changes, without a lock that writers share.
//!
//! A waiter queues its request, announces itself, and counts. An operation that changes something
//! counts it under its VF's lock and then checks for an announcement. [`Broker::count`] takes the
//! same lock, so either the waiter's count holds the change or the operation sees the announcement:
//! no change is missed, and an operation without waiters costs one load.
//!
//! The shell holds the waiting requests, in a queue for each set of kinds ([`Waiters`]).
//!
//! [`Broker::count`]: crate::Broker::count

use crate::sync::{AtomicU8, Ordering};

/// Kinds of changes that can be waited for: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Committed writes of VFs and finished resets, which host software acts on.
    pub const CHANGES: Self = Self(1);
    /// Every event that a VF's journal records, repeated ones too.
    pub const JOURNAL: Self = Self(2);
    /// Every set that can be waited for.
    pub const SETS: [Self; 3] = [Self(1), Self(2), Self(3)];

    /// The set of these bits: bit 0 for [`Kinds::CHANGES`], bit 1 for [`Kinds::JOURNAL`]. `None`
    /// for no bit or any other.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            1 => Some(Self(1)),
            2 => Some(Self(2)),
            3 => Some(Self(3)),
            _ => None,
        }
    }

    /// The kinds of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets have a kind in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The shell's queues of waiting requests, one for each set of kinds, oldest first.
pub trait Waiters {
    /// A request that waits.
    type Request;

    /// How many requests wait for exactly these kinds.
    fn waiting(&self, kinds: Kinds) -> usize;

    /// Takes the oldest request that waits for exactly these kinds.
    fn next(&self, kinds: Kinds) -> Option<Self::Request>;

    /// Answers a request with the count of its kinds.
    fn answer(&self, request: Self::Request, count: u64);
}

/// The result of starting a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival<R> {
    /// It is answered with this count at once.
    Answer(R, u64),
    /// It waits in its queue.
    Waits,
    /// It waits in its queue, and something changed meanwhile: [`Watch::complete_due`] has to run.
    Due,
}

/// How many requests are taken out of a queue before their kinds are counted for all of them.
const BATCH: usize = 16;

/// Which kinds of changes requests wait for, and which of them have occurred.
#[derive(Debug)]
pub struct Watch {
    /// Kinds that a request waits for.
    waited_for: AtomicU8,
    /// Kinds that changed while a request waited for them, until [`Watch::complete_due`] handles
    /// them.
    due: AtomicU8,
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
            waited_for: AtomicU8::new(0),
            due: AtomicU8::new(0),
        }
    }

    /// No request waits.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            waited_for: AtomicU8::new(0),
            due: AtomicU8::new(0),
        }
    }

    /// Starts the wait of a request until the count of its kinds differs from `seen`. `queue` puts
    /// it into its queue, where [`Watch::complete_due`] may answer it at once.
    pub fn begin_wait<R>(
        &self,
        request: R,
        kinds: Kinds,
        seen: u64,
        count: impl Fn(Kinds) -> u64,
        queue: impl FnOnce(R),
    ) -> Arrival<R> {
        let before = count(kinds);
        if before != seen {
            return Arrival::Answer(request, before);
        }
        queue(request);
        // Before the count, which takes the locks that changes are counted under.
        self.waited_for.fetch_or(kinds.0, Ordering::AcqRel);
        if count(kinds) != seen && self.mark_due(kinds) {
            Arrival::Due
        } else {
            Arrival::Waits
        }
    }

    /// Marks these kinds, which were counted under a lock that is released by now, as due if a
    /// request waits for them. Returns whether [`Watch::complete_due`] has to run. Callable at any
    /// IRQL: one load when no request waits, otherwise two more atomic operations, for any number
    /// of waiters.
    #[inline]
    #[must_use]
    pub fn mark_due(&self, kinds: Kinds) -> bool {
        // The lock orders this after an announcement whose count did not include the change.
        self.waited_for.load(Ordering::Acquire) & kinds.0 != 0 && self.take(kinds)
    }

    #[cold]
    fn take(&self, kinds: Kinds) -> bool {
        let taken = self.waited_for.fetch_and(!kinds.0, Ordering::AcqRel) & kinds.0;
        if taken != 0 {
            self.due.fetch_or(taken, Ordering::AcqRel);
        }
        taken != 0
    }

    /// Answers the requests that wait for kinds that changed: those that were queued when this
    /// began, and no later one, however fast their senders wait again. Any number of calls may run
    /// at one time.
    ///
    /// A request is counted for after it was taken out of its queue, so its answer is not below
    /// what its sender has seen.
    pub fn complete_due(&self, waiters: &impl Waiters, count: impl Fn(Kinds) -> u64) {
        let due = Kinds(self.due.swap(0, Ordering::AcqRel));
        for kinds in Kinds::SETS
            .into_iter()
            .filter(|kinds| kinds.intersects(due))
        {
            let mut left = waiters.waiting(kinds);
            while left > 0 {
                let mut batch = [const { None }; BATCH];
                let mut taken = 0;
                for (place, request) in batch
                    .iter_mut()
                    .take(left)
                    .zip(core::iter::from_fn(|| waiters.next(kinds)))
                {
                    *place = Some(request);
                    taken += 1;
                }
                if taken == 0 {
                    break;
                }
                left -= taken;
                let count = count(kinds);
                for request in batch.into_iter().flatten() {
                    waiters.answer(request, count);
                }
            }
        }
    }
}
