//! Checks of the driver from outside, each named after its rule.

mod attach;
mod changes;
mod client;
mod codes;
mod companion;
mod config;
mod drain;
mod faults;
mod interface;
mod ioctl;
mod levels;
mod management;
mod openers;
mod pass_through;
mod power;
mod rebalance;
mod removal;
mod replies;
mod requests;
mod retention;
mod turns;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::check::Check;
use crate::cli::Position;
use crate::session::Session;

/// Every list for both positions, in the order in which they run; the last one removes the PF by
/// surprise.
const ALL: &[&[Check]] = &[
    interface::CHECKS,
    levels::CHECKS,
    config::CHECKS,
    codes::CHECKS,
    requests::CHECKS,
    attach::CHECKS,
    turns::CHECKS,
    management::CHECKS,
    openers::CHECKS,
    replies::CHECKS,
    changes::CHECKS,
    client::CHECKS,
    drain::CHECKS,
    rebalance::CHECKS,
    power::CHECKS,
    retention::CHECKS,
    faults::CHECKS,
    removal::CHECKS,
];

/// Every list that applies to a driver in this position.
pub(crate) fn all(position: Position) -> Vec<&'static [Check]> {
    let of_filters = (position == Position::UpperFilter).then_some(pass_through::CHECKS);
    of_filters.into_iter().chain(ALL.iter().copied()).collect()
}

/// The checks of `sample-companion`.
pub(crate) const SAMPLE_COMPANION: &[&[Check]] = companion::CHECKS;

/// The checks of `--faults`.
pub(crate) const FAULTS: &[&[Check]] = &[rebalance::CHECKS, faults::CHECKS, removal::CHECKS];

/// Runs lists of checks and prints one line for each.
pub(crate) fn run(session: &mut Session, lists: &[&[Check]]) -> ExitCode {
    let mut failed = 0;
    for (name, check) in lists.iter().copied().flatten() {
        match begin(name).and_then(|()| check(session)) {
            Ok(()) => println!("{name} ... ok"),
            Err(error) => {
                failed += 1;
                println!("{name} ... FAILED: {error:#}");
            }
        }
    }
    ExitCode::from(u8::from(failed > 0))
}

/// The logs of the ETW double and of the double of the System event log.
const LOGS: [&str; 2] = [
    r"C:\windows\etw-double.log",
    r"C:\windows\error-log-double.log",
];

/// Marks the beginning of a check in both.
fn begin(name: &str) -> Result<()> {
    for path in LOGS {
        let mut log = OpenOptions::new().append(true).create(true).open(path)?;
        let line = format!("check {name}\n");
        log.write_all(line.as_bytes()).context(path)?;
    }
    Ok(())
}
