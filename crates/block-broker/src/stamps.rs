//! Epochs and stamps, from which a reader finds what changed since its last call.
//!
//! A call of [`Broker::changes`] begins a new epoch. Every change is stamped, under its VF's lock,
//! with the epoch in which it happened, so the changes since a call are those with later stamps. A
//! VF's [`Newest`] shows a reader without the lock whether the VF may have any.
//!
//! The first change after a reader visited the VF marks the VF as unread, before it loads the
//! epoch. A reader begins an epoch before it loads the mark. Of the two, at least one sees the
//! other: the reader finds the mark and waits for the VF's lock, or the change is stamped with an
//! epoch that the reader's next call reports.
//!
//! [`Broker::changes`]: crate::Broker::changes

use crate::sync::{AtomicU64, Ordering, fence};

/// The value of [`Newest`] for a VF that has changed since a reader visited it. Above all epochs.
const UNREAD: u64 = u64::MAX;

/// Bytes around the epoch, so that readers, which write it, and VFs, which load it, share no cache
/// line for anything else, nor a pair of lines that a processor fetches together.
const DISTANCE: usize = 120;

/// The current epoch of a device, written by readers only.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Epoch {
    before: [u8; DISTANCE],
    number: AtomicU64,
    after: [u8; DISTANCE],
}

impl Epoch {
    pub(crate) fn first() -> Self {
        Self {
            before: [0; DISTANCE],
            number: AtomicU64::new(1),
            after: [0; DISTANCE],
        }
    }

    #[inline]
    pub(crate) fn current(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Begins a new epoch and returns the one before it.
    pub(crate) fn advance(&self) -> u64 {
        let ended = self.number.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        ended
    }
}

/// The newest change of a VF, for readers without the VF's lock. It belongs to the VF's lock; see
/// [`VfLock::newest`](crate::VfLock::newest).
#[derive(Debug)]
pub struct Newest(AtomicU64);

impl Default for Newest {
    fn default() -> Self {
        Self::new()
    }
}

impl Newest {
    /// That of a VF without a change.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// That of a VF without a change.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The stamp for a change of the VF, whose lock the caller holds. It costs a fence for the
    /// first change after a reader visited the VF, and two loads for all others.
    #[inline]
    pub(crate) fn stamp(&self, epoch: &Epoch) -> u64 {
        if self.0.load(Ordering::Relaxed) != UNREAD {
            self.mark_unread();
        }
        epoch.current()
    }

    #[cold]
    fn mark_unread(&self) {
        self.0.store(UNREAD, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Whether the VF may have changes with stamps above `since`.
    pub(crate) fn may_be_above(&self, since: u64) -> bool {
        self.0.load(Ordering::Relaxed) > since
    }

    /// A reader that holds the VF's lock visits the VF, whose newest stamp is `newest`.
    pub(crate) fn mark_read(&self, newest: u64) {
        self.0.store(newest, Ordering::Relaxed);
    }
}

/// When the virtualization stack attached and detached.
#[derive(Debug)]
pub(crate) struct Attachment {
    attached: AtomicU64,
    detached: AtomicU64,
    /// How often either happened.
    number: AtomicU64,
}

impl Attachment {
    pub(crate) fn new() -> Self {
        Self {
            attached: AtomicU64::new(0),
            detached: AtomicU64::new(0),
            number: AtomicU64::new(0),
        }
    }

    /// Stamps an attach or a detach. Calls come one at a time.
    pub(crate) fn note(&self, attached: bool, epoch: &Epoch) {
        let stamp = if attached {
            &self.attached
        } else {
            &self.detached
        };
        self.number.fetch_add(1, Ordering::Relaxed);
        // A reader that loads this reports the change, and again if the epoch is its own.
        stamp.store(UNREAD, Ordering::Release);
        fence(Ordering::SeqCst);
        stamp.store(epoch.current(), Ordering::Release);
    }

    /// Whether the stack attached, and whether it detached, after the epoch `since`.
    pub(crate) fn since(&self, since: u64) -> (bool, bool) {
        let [attached, detached] =
            [&self.attached, &self.detached].map(|stamp| stamp.load(Ordering::Acquire) > since);
        (attached, detached)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }
}
