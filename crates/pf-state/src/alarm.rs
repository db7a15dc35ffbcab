//! When one timer has to run for many deadlines.

use crate::atomic::{AtomicU64, Ordering};

/// The value of an alarm that is not set.
const NEVER: u64 = u64::MAX;

/// The shortest delay in units of 100 ns: 10 ms, about one step of the clock. A timer that runs
/// within the step of its deadline would find it not reached, and run again and again.
const SHORTEST: u64 = 100_000;

/// The longest delay in the same unit. The callback starts the timer again, so a longer one needs
/// no other handling.
const LONGEST: u64 = 36_000_000_000;

/// An alarm for the earliest of many deadlines. The shell has one timer, whose callback calls
/// [`ring`](Alarm::ring), visits whatever has a deadline, and sets the alarm for the next one.
///
/// A deadline is stored where the callback finds it before the alarm is set for it. Either the
/// callback that runs meanwhile finds the deadline, or the alarm is set for it.
#[derive(Debug)]
pub struct Alarm {
    at: AtomicU64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Alarm {
    /// An alarm that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at: AtomicU64::new(NEVER),
        }
    }

    /// Sets the alarm for `deadline`. Returns after which delay, in units of 100 ns, the shell has
    /// to start the timer; `None` if it runs earlier anyway. Callable at any IRQL.
    #[must_use = "the shell starts the timer"]
    pub fn set(&self, deadline: u64, now: u64) -> Option<u64> {
        let before = self.at.fetch_min(deadline, Ordering::AcqRel);
        (deadline < before).then(|| deadline.saturating_sub(now).clamp(SHORTEST, LONGEST))
    }

    /// The timer runs: the alarm is not set any more.
    pub fn ring(&self) {
        self.at.swap(NEVER, Ordering::AcqRel);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Alarm, LONGEST, SHORTEST};

    #[test]
    fn the_timer_is_started_for_the_earliest_deadline_only() {
        let alarm = Alarm::new();
        assert_eq!(alarm.set(2_000_000, 1_000_000), Some(1_000_000));
        assert_eq!(alarm.set(2_000_000, 1_000_000), None);
        assert_eq!(alarm.set(2_000_001, 1_000_000), None);
        assert_eq!(alarm.set(1_900_000, 1_000_000), Some(900_000));
        alarm.ring();
        assert_eq!(alarm.set(2_000_001, 1_900_000), Some(100_001));
    }

    #[test]
    fn a_delay_is_neither_too_short_nor_too_long() {
        for (deadline, now, delay) in [
            (5, 5, SHORTEST),
            (5, 6, SHORTEST),
            (SHORTEST + 6, 5, SHORTEST + 1),
            (LONGEST + 5, 5, LONGEST),
            (u64::MAX - 1, 0, LONGEST),
        ] {
            assert_eq!(Alarm::new().set(deadline, now), Some(delay));
        }
    }

    #[test]
    fn the_end_of_time_is_no_deadline() {
        assert_eq!(Alarm::new().set(u64::MAX, 0), None);
    }
}
