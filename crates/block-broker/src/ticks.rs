//! The caller's clock.

/// A point in time in units of 100 nanoseconds, counted from wherever the caller's clock begins.
///
/// In a Windows kernel this is `KeQueryInterruptTime`, which may be called at any IRQL and costs a
/// few loads; it advances in steps of the clock interrupt (up to 15.6 ms), so a limit's `burst`
/// should cover the writes of one such step. A clock that runs backwards stands still here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(pub u64);

impl Ticks {
    /// How many units make a second.
    pub const PER_SECOND: u64 = 10_000_000;

    /// The time `milliseconds` after the beginning of the clock; it stops at the end of time.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds.saturating_mul(Self::PER_SECOND / 1000))
    }

    /// The time `milliseconds` later; it stops at the end of time.
    #[must_use]
    pub(crate) const fn after_milliseconds(self, milliseconds: u64) -> Self {
        Self(
            self.0
                .saturating_add(Self::from_milliseconds(milliseconds).0),
        )
    }

    /// The units that have passed since `earlier`; 0 when `earlier` is later.
    #[must_use]
    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
