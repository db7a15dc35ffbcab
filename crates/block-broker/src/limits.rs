//! The rate limit of one VF: a token bucket on the caller's clock.

use crate::Ticks;
use block_table::Limits;

/// One write, in the unit in which the bucket is filled: at `writes-per-second` units for each tick
/// of 100 ns, a second fills it by exactly `writes-per-second` writes, without rounding.
const WRITE: u64 = Ticks::PER_SECOND;

/// The result of a write at the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the limit; a token has been taken.
    Granted,
    /// The first write beyond the limit: a flood begins and must be reported.
    FloodBegins,
    /// One more write of a flood that has been reported.
    Flood,
}

/// A token bucket. It begins full, is filled by the time that passes, and each write takes a token,
/// even if a later check refuses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Units of [`WRITE`] that are left.
    level: u64,
    filled: Ticks,
    flooding: bool,
}

impl Bucket {
    /// A full bucket of any size.
    pub(crate) const FULL: Self = Self {
        level: u64::MAX,
        filled: Ticks(0),
        flooding: false,
    };

    /// Checks one write at `now`.
    ///
    /// Writes are granted again as soon as time has brought a token; the flood itself is over, and
    /// the next one reported, once the VF has paused long enough to fill the bucket.
    pub(crate) fn take(&mut self, limits: Limits, now: Ticks) -> Verdict {
        // 2³² writes of 10⁷ units each stay far below 2⁶⁴.
        let capacity = u64::from(limits.burst).saturating_mul(WRITE);
        let gained = now
            .since(self.filled)
            .saturating_mul(u64::from(limits.writes_per_second));
        let level = self.level.saturating_add(gained).min(capacity);
        self.filled = self.filled.max(now);
        if level == capacity {
            self.flooding = false;
        }
        if let Some(left) = level.checked_sub(WRITE) {
            self.level = left;
            Verdict::Granted
        } else {
            self.level = level;
            if core::mem::replace(&mut self.flooding, true) {
                Verdict::Flood
            } else {
                Verdict::FloodBegins
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Verdict};
    use crate::Ticks;
    use block_table::Limits;

    const LIMITS: Limits = Limits {
        writes_per_second: 2000,
        burst: 3,
    };

    fn spend(bucket: &mut Bucket, now: Ticks) {
        for _ in 0..LIMITS.burst {
            assert_eq!(bucket.take(LIMITS, now), Verdict::Granted);
        }
    }

    #[test]
    fn a_full_bucket_grants_its_burst_at_once_and_not_one_write_more() {
        let mut bucket = Bucket::FULL;
        spend(&mut bucket, Ticks(0));
        assert_eq!(bucket.take(LIMITS, Ticks(0)), Verdict::FloodBegins);
        assert_eq!(bucket.take(LIMITS, Ticks(0)), Verdict::Flood);
    }

    #[test]
    fn one_write_is_granted_exactly_when_its_time_has_passed() {
        let mut bucket = Bucket::FULL;
        spend(&mut bucket, Ticks(70));
        let period = Ticks::PER_SECOND / u64::from(LIMITS.writes_per_second);
        assert_eq!(
            bucket.take(LIMITS, Ticks(70 + period - 1)),
            Verdict::FloodBegins
        );
        assert_eq!(bucket.take(LIMITS, Ticks(70 + period)), Verdict::Granted);
        assert_eq!(bucket.take(LIMITS, Ticks(70 + period)), Verdict::Flood);
    }

    #[test]
    fn a_flood_that_never_rests_is_reported_once() {
        let mut bucket = Bucket::FULL;
        let begun = (0..1_000_000_u64)
            .filter(|&step| bucket.take(LIMITS, Ticks(step * 100)) == Verdict::FloodBegins)
            .count();
        assert_eq!(begun, 1);
    }

    #[test]
    fn a_flood_is_over_once_the_bucket_has_filled_and_the_next_is_reported_again() {
        let mut bucket = Bucket::FULL;
        spend(&mut bucket, Ticks(0));
        assert_eq!(bucket.take(LIMITS, Ticks(0)), Verdict::FloodBegins);
        let calm = Ticks(
            u64::from(LIMITS.burst) * Ticks::PER_SECOND / u64::from(LIMITS.writes_per_second),
        );
        spend(&mut bucket, calm);
        assert_eq!(bucket.take(LIMITS, calm), Verdict::FloodBegins);
    }

    #[test]
    fn over_a_long_time_exactly_the_rate_is_granted() {
        let mut bucket = Bucket::FULL;
        let limits = Limits {
            writes_per_second: 7,
            burst: 1,
        };
        // 7 does not divide the ticks of a second, so any rounding would show.
        let granted = (0..=3000_u64)
            .filter(|&step| bucket.take(limits, Ticks(step * 100_000)) == Verdict::Granted)
            .count();
        // Write every 10 ms for 30 seconds: a token is added each 142.857 ms, the next write takes
        // it, and the full bucket of one gains nothing.
        assert_eq!(granted, 1 + 3000 / 15);
    }

    #[test]
    fn a_clock_that_runs_backwards_grants_nothing() {
        let mut bucket = Bucket::FULL;
        spend(&mut bucket, Ticks(1_000_000_000));
        assert_eq!(bucket.take(LIMITS, Ticks(0)), Verdict::FloodBegins);
        assert_eq!(bucket.take(LIMITS, Ticks(1_000_000_000)), Verdict::Flood);
    }

    #[test]
    fn the_largest_limits_and_times_do_not_overflow() {
        let mut bucket = Bucket::FULL;
        let limits = Limits {
            writes_per_second: u32::MAX,
            burst: u32::MAX,
        };
        assert_eq!(bucket.take(limits, Ticks(u64::MAX)), Verdict::Granted);
        assert_eq!(bucket.take(limits, Ticks(u64::MAX)), Verdict::Granted);
    }
}
