//! The wall-clock time of events, which journals have in the driver's clock.

use chrono::{DateTime, TimeDelta, Utc};
use pf_broker_client::{Control, Device, Error};

use super::names::UNKNOWN_CODE;
use crate::failure::Failure;

/// The driver's clock and that of this machine at one moment.
///
/// The driver's clock advances in steps of up to 15.6 ms and stands still while the system sleeps.
/// So the time of an event is right to about 20 ms, unless the system slept or its time was set
/// between the event and this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    driver: u64,
    machine: DateTime<Utc>,
}

impl Clock {
    /// The clocks at a moment.
    pub(super) const fn new(driver: u64, machine: DateTime<Utc>) -> Self {
        Self { driver, machine }
    }

    /// Compares the clocks: none with a driver that does not report its own. `now` is the clock of
    /// this machine.
    pub(super) fn of<C: Control>(
        device: &Device<C>,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Option<Self>, Failure> {
        match device.clock() {
            Ok(driver) => Ok(Some(Self::new(driver, now()))),
            Err(Error::Status(UNKNOWN_CODE)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The wall-clock time of a time of the driver's clock; none if the calendar has no such time.
    pub(super) fn at(self, time: u64) -> Option<DateTime<Utc>> {
        let since = i128::from(time) - i128::from(self.driver);
        let since = TimeDelta::nanoseconds(i64::try_from(since * 100).ok()?);
        self.machine.checked_add_signed(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_long_ago_on_either_clock() {
        let machine = DateTime::from_timestamp_millis(1_000_000).expect("a time");
        let clock = Clock::new(50_000_000, machine);
        for (time, milliseconds) in [
            (50_000_000, 1_000_000),
            (49_990_000, 999_999),
            (0, 995_000),
            // One that happened since the clocks were compared.
            (50_120_000, 1_000_012),
        ] {
            let at = clock.at(time).map(|at| at.timestamp_millis());
            assert_eq!(at, Some(milliseconds), "{time}");
        }
        assert_eq!(clock.at(u64::MAX), None);
    }
}
