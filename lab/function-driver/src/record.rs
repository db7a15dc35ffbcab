//! Counters of what reached the driver. There is one PF, so there is one set.

use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::function_driver::Record;

/// One counter.
pub(crate) struct Counter(AtomicU32);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Counts one more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// A counter for each field of [`Record`].
pub(crate) struct Counters {
    pub(crate) creates: Counter,
    pub(crate) cleanups: Counter,
    pub(crate) closes: Counter,
    pub(crate) reads: Counter,
    pub(crate) writes: Counter,
    pub(crate) controls: Counter,
    pub(crate) internal_controls: Counter,
    pub(crate) named_creates: Counter,
    pub(crate) wmi: Counter,
    pub(crate) d0_entries: Counter,
    pub(crate) d0_exits: Counter,
    pub(crate) with_vfs_on: Counter,
}

/// The counters.
pub(crate) static COUNTERS: Counters = Counters {
    creates: Counter::new(),
    cleanups: Counter::new(),
    closes: Counter::new(),
    reads: Counter::new(),
    writes: Counter::new(),
    controls: Counter::new(),
    internal_controls: Counter::new(),
    named_creates: Counter::new(),
    wmi: Counter::new(),
    d0_entries: Counter::new(),
    d0_exits: Counter::new(),
    with_vfs_on: Counter::new(),
};

/// Takes the counters, which begin anew.
pub(crate) fn take() -> Record {
    let all = &COUNTERS;
    Record {
        creates: all.creates.take(),
        cleanups: all.cleanups.take(),
        closes: all.closes.take(),
        reads: all.reads.take(),
        writes: all.writes.take(),
        controls: all.controls.take(),
        internal_controls: all.internal_controls.take(),
        named_creates: all.named_creates.take(),
        wmi: all.wmi.take(),
        d0_entries: all.d0_entries.take(),
        d0_exits: all.d0_exits.take(),
        with_vfs_on: all.with_vfs_on.take(),
    }
}
