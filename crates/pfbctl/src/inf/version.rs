//! `DriverVer`: date and version of a package, by which Windows selects the newer of two.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::failure::Failure;

/// Characters of an INF's `DriverVer` that are not digits, in their order.
const SEPARATORS: [char; 6] = ['/', '/', ',', '.', '.', '.'];

/// The environment variable that fixes the time of a build (reproducible-builds.org): seconds since
/// 1970 in UTC.
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// A `DriverVer` of the form MM/DD/YYYY,A.B.C.D.
pub(super) fn given(text: &str) -> Result<&str, Failure> {
    let separators = text.chars().filter(|character| !character.is_ascii_digit());
    let numbers = text.split(|character: char| !character.is_ascii_digit());
    let numbers: Option<Vec<u16>> = numbers.map(|number| number.parse().ok()).collect();
    let is_dated = matches!(
        numbers.as_deref(),
        Some([month, day, year, _, _, _, _]) if (1..=days(*month, *year)).contains(day)
    );
    if separators.eq(SEPARATORS) && is_dated {
        Ok(text)
    } else {
        Err(Failure::Argument {
            argument: "--driver-ver",
            problem: format!(
                "{text:?} is not a date of the calendar and a version, such as 01/31/2026,1.0.0.0; \
                 each part of the version is at most 65535"
            ),
        })
    }
}

/// The `DriverVer` of a package that is written now, or at `SOURCE_DATE_EPOCH`: that day, and the
/// tool's version with the minute of the day, so that the later of two packages is the newer one.
pub(super) fn of_today() -> Result<String, Failure> {
    let seconds = match std::env::var_os(SOURCE_DATE_EPOCH) {
        None => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        Some(text) => text
            .to_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Failure::Argument {
                argument: SOURCE_DATE_EPOCH,
                problem: format!("{} is not a number of seconds since 1970", text.display()),
            })?,
    };
    made_at(seconds).ok_or_else(|| Failure::Argument {
        argument: SOURCE_DATE_EPOCH,
        problem: format!("{seconds} seconds since 1970 are beyond the year 9999"),
    })
}

/// The `DriverVer` of a package that is written this many seconds after 1970 began; none beyond the
/// year 9999.
fn made_at(seconds: u64) -> Option<String> {
    let (month, day, year) = date(seconds / SECONDS_A_DAY)?;
    Some(format!(
        "{month:02}/{day:02}/{year:04},{}.{}.{}.{}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
        seconds % SECONDS_A_DAY / 60
    ))
}

/// Month, day and year of a day that is counted from January 1, 1970.
fn date(mut day: u64) -> Option<(u16, u64, u16)> {
    for year in 1970..=9999 {
        for month in 1..=12 {
            let length = u64::from(days(month, year));
            if day < length {
                return Some((month, day + 1, year));
            }
            day -= length;
        }
    }
    None
}

/// The days that a month has; none when there is no such month or year.
fn days(month: u16, year: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        _ if !(1..=9999).contains(&year) => 0,
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{given, made_at};

    #[test]
    fn a_driver_ver_is_a_date_and_four_numbers() {
        for good in [
            "01/01/2026,0.1.0.0",
            "12/31/9999,65535.65535.65535.65535",
            "1/1/2026,1.0.0.0",
            "02/29/2028,1.0.0.0",
            "02/29/2000,1.0.0.0",
        ] {
            assert!(given(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-01-01,1.0.0.0",
            "01/01/2026",
            "01/01/2026,1.0.0",
            "01/01/2026,1.0.0.0.0",
            "13/01/2026,1.0.0.0",
            "01/32/2026,1.0.0.0",
            "02/31/2026,1.0.0.0",
            "02/29/2026,1.0.0.0",
            "02/29/2100,1.0.0.0",
            "04/31/2026,1.0.0.0",
            "01/01/0000,1.0.0.0",
            "01/01/10000,1.0.0.0",
            "00/01/2026,1.0.0.0",
            "01/01/2026,1.0.0.65536",
            "01/01/2026,1.0..0",
            "01/01/2026, 1.0.0.0",
            "01/01/2026,1.0.0.0\r\n",
        ] {
            assert!(given(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_version_of_a_time_has_its_day_and_its_minute() {
        let version = |date: &str, minute: u32| {
            Some(format!("{date},{}.{minute}", env!("CARGO_PKG_VERSION")))
        };
        for (seconds, date, minute) in [
            (0, "01/01/1970", 0),
            (86_399, "01/01/1970", 1439),
            (951_782_400, "02/29/2000", 0),
            (951_868_800, "03/01/2000", 0),
            (1_772_323_199, "02/28/2026", 1439),
            (1_772_323_200, "03/01/2026", 0),
            (253_402_300_799, "12/31/9999", 1439),
        ] {
            let made = made_at(seconds);
            assert_eq!(made, version(date, minute), "{seconds}");
            assert!(given(&made.expect("a date")).is_ok(), "{seconds}");
        }
        assert_eq!(made_at(253_402_300_800), None);
        assert_eq!(made_at(u64::MAX), None);
    }
}
