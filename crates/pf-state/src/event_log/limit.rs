//! How often an entry is written: the first at once, then one in an hour.

use super::entry::{ALL, LogEntry, VF_FLOODS};
use crate::atomic::{AtomicU32, AtomicU64, Ordering};

/// An hour in units of 100 ns.
const PERIOD: u64 = 36_000_000_000;

/// The limit of one entry about one VF or one PF. Neither a reset nor anything else that a guest
/// does ends its hour.
#[derive(Debug)]
pub struct Limit {
    /// When the last entry was written, plus 1; 0 if none was.
    last: AtomicU64,
    left_out: AtomicU32,
}

impl Limit {
    fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
            left_out: AtomicU32::new(0),
        }
    }

    /// Whether an entry is written at `now`, in units of 100 ns; if so, how many were left out
    /// since the one before. Callable at any IRQL.
    #[must_use = "the caller writes the entry"]
    pub fn admit(&self, now: u64) -> Option<u32> {
        let last = self.last.load(Ordering::Acquire);
        let is_due = last == 0 || now.saturating_add(1).saturating_sub(last) >= PERIOD;
        let time = now.saturating_add(1);
        if is_due
            && self
                .last
                .compare_exchange(last, time, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        {
            return Some(self.left_out.swap(0, Ordering::AcqRel));
        }
        // At 2³² the count begins anew: one that takes an hour to reach it is a million a second.
        self.left_out.fetch_add(1, Ordering::AcqRel);
        None
    }
}

/// The limits of every entry about one VF or one PF.
#[derive(Debug)]
pub struct Limits([Limit; ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// No entry was written.
    #[must_use]
    pub fn new() -> Self {
        Self([(); ALL.len()].map(|()| Limit::new()))
    }

    /// The limit of an entry.
    #[must_use]
    pub fn of(&self, entry: &LogEntry) -> Option<&Limit> {
        self.0.get(entry.place())
    }
}

/// The floods of one VF, between the write that begins one, at any IRQL, and the work item that
/// reports it.
#[derive(Debug)]
pub struct Floods {
    /// The floods to report; 0 for none.
    due: AtomicU32,
}

impl Default for Floods {
    fn default() -> Self {
        Self::new()
    }
}

impl Floods {
    /// No flood.
    #[must_use]
    pub fn new() -> Self {
        Self {
            due: AtomicU32::new(0),
        }
    }

    /// A flood begins at `now`. Returns whether it is to be reported, which is so once in an hour.
    /// Callable at any IRQL.
    #[must_use = "the shell queues the work item"]
    pub fn begin(&self, limits: &Limits, now: u64) -> bool {
        let admitted = limits.of(&VF_FLOODS).and_then(|limit| limit.admit(now));
        if let Some(left_out) = admitted {
            self.due
                .store(left_out.saturating_add(1), Ordering::Release);
        }
        admitted.is_some()
    }

    /// If a flood is to be reported: how many were left out before it. Each is taken once.
    #[must_use = "the flood has to be reported"]
    pub fn take(&self) -> Option<u32> {
        self.due.swap(0, Ordering::AcqRel).checked_sub(1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Floods, Limits, PERIOD};
    use crate::event_log::{REMOVE_VETOED, VF_FLOODS};

    #[test]
    fn one_entry_is_written_in_an_hour_and_names_how_many_were_left_out() {
        let limits = Limits::new();
        let limit = limits.of(&VF_FLOODS).expect("every entry has a limit");
        for begin in [0, PERIOD, 5 * PERIOD] {
            let left_out = if begin == 0 { 0 } else { 1000 };
            assert_eq!(limit.admit(begin), Some(left_out));
            for step in 1..=1000 {
                assert_eq!(limit.admit(begin + step * (PERIOD / 1000) - 1), None);
            }
        }
    }

    #[test]
    fn a_flood_is_reported_once_with_those_left_out_before() {
        let (limits, floods) = (Limits::new(), Floods::new());
        assert_eq!(floods.take(), None);
        assert!(floods.begin(&limits, 5));
        assert!(!floods.begin(&limits, 6) && !floods.begin(&limits, 7));
        assert_eq!([floods.take(), floods.take()], [Some(0), None]);
        assert!(floods.begin(&limits, PERIOD + 5));
        assert_eq!([floods.take(), floods.take()], [Some(2), None]);
    }

    #[test]
    fn each_entry_has_a_limit_of_its_own() {
        let limits = Limits::new();
        for entry in [&VF_FLOODS, &REMOVE_VETOED] {
            let limit = limits.of(entry).expect("every entry has a limit");
            assert_eq!([limit.admit(7), limit.admit(7)], [Some(0), None]);
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_writes_nothing() {
        let limits = Limits::new();
        let limit = limits.of(&VF_FLOODS).expect("every entry has a limit");
        assert_eq!(limit.admit(PERIOD), Some(0));
        assert_eq!(limit.admit(0), None);
        assert_eq!(limit.admit(2 * PERIOD), Some(1));
    }
}
