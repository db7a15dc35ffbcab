//! Waiting for calls into the companion that are in flight.

/// How long a call may take before it is reported, in milliseconds.
pub const REPORTED_AFTER: u32 = 5_000;

/// The longest pause, in milliseconds.
const LONGEST_PAUSE: u32 = 32;

/// Waits until the calls have returned, whatever the time: what a call uses must not go away. One
/// that takes longer than [`REPORTED_AFTER`] is reported once. `pause` lets a number of milliseconds
/// pass, at least.
pub fn wait_for_calls(
    have_returned: impl Fn() -> bool,
    pause: impl Fn(u32),
    report: impl FnOnce(),
) {
    let mut waited: u32 = 0;
    let mut report = Some(report);
    while !have_returned() {
        if waited >= REPORTED_AFTER
            && let Some(report) = report.take()
        {
            report();
        }
        // A longer wait has longer pauses: a timer tick, by which a pause may be too long, matters
        // less then.
        let milliseconds = (waited / 8).clamp(1, LONGEST_PAUSE);
        pause(milliseconds);
        waited = waited.saturating_add(milliseconds);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Waits for calls that return after so many milliseconds: the time waited and the reports.
    fn wait(returning_after: u32) -> (u32, usize) {
        let (waited, reports) = (Cell::new(0), Cell::new(0));
        wait_for_calls(
            || waited.get() >= returning_after,
            |milliseconds| waited.set(waited.get() + milliseconds),
            || {
                assert!(waited.get() >= REPORTED_AFTER, "reported too early");
                reports.set(reports.get() + 1);
            },
        );
        (waited.get(), reports.get())
    }

    #[test]
    fn a_call_that_returns_in_time_is_not_reported() {
        assert_eq!(wait(0), (0, 0));
        assert_eq!(wait(1), (1, 0));
        assert_eq!(wait(REPORTED_AFTER).1, 0);
    }

    #[test]
    fn a_call_that_takes_too_long_is_reported_once_and_waited_for() {
        for after in [REPORTED_AFTER + LONGEST_PAUSE, 100 * REPORTED_AFTER] {
            let (waited, reports) = wait(after);
            assert!(waited >= after && waited < after + LONGEST_PAUSE);
            assert_eq!(reports, 1);
        }
    }

    #[test]
    fn a_wait_ends_soon_after_the_call() {
        for after in 1..REPORTED_AFTER {
            assert!(wait(after).0 - after <= after.div_ceil(8));
        }
    }
}
