//! Time for the sequences that have to wait for hardware.

/// The longest time between two ticks of the system clock, 15.625 ms, in whole milliseconds.
/// Windows counts a wait from the tick before it began, so it may end that much early
/// (documentation of `KeDelayExecutionThread`: its resolution is that of the clock).
pub(crate) const TICK_MILLISECONDS: u32 = 16;

/// Lets time pass. The thread sleeps.
pub trait Clock {
    /// Returns after this time, or up to a tick of the system clock earlier.
    fn sleep(&mut self, milliseconds: u32);

    /// Returns after this time at the earliest.
    fn sleep_at_least(&mut self, milliseconds: u32) {
        self.sleep(milliseconds.saturating_add(TICK_MILLISECONDS));
    }
}
