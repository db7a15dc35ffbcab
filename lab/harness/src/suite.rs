//! The tests of the lab: every trace of the host tests on the image, the checks from outside, and a
//! storm whose results the simulation must repeat.

mod entries;
mod events;
mod guide;
mod list;
mod outcome;
mod serving;
mod simulation;
mod starts;
mod test;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use build_steps::paths::Paths;
use build_steps::tally::Tally;

use crate::build::Images;
use crate::prefix;
use crate::vf_driver;
pub(crate) use simulation::simulated;
use test::Test;

/// The number of concurrent runs of the lab: more than there are processors, because a run mostly
/// waits for Wine's processes to start and to end.
const AT_ONCE: usize = 4;

/// Whether the first failure ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailFast {
    /// All tests run.
    No,
    /// The tests that run concurrently are stopped and fail, too.
    Yes,
}

/// Every test with `only` in its name.
pub(crate) fn all(
    paths: &Paths,
    images: &Images,
    fail_fast: FailFast,
    only: &str,
) -> Result<Tally> {
    let mut tests = list::all(paths, images)?;
    tests.retain(|test| test.name.contains(only));
    ensure!(
        !tests.is_empty()
            || [NO_VF_DRIVERS, serving::NAME]
                .iter()
                .any(|name| name.contains(only)),
        "no test of the lab has {only:?} in its name"
    );
    let tests = Mutex::new(VecDeque::from(tests));
    let total: Mutex<Result<Total>> = Mutex::new(Ok(Total::default()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(test) = next(&tests) {
                    let result = test.run(paths, images);
                    let passed = result.as_ref().is_ok_and(|(tally, _)| tally.failed == 0);
                    if !passed && fail_fast == FailFast::Yes {
                        tests.lock().map(|mut tests| tests.clear()).ok();
                        // The others can hang; they end when Wine stops.
                        prefix::stop_all(paths).ok();
                    }
                    if let Ok(mut total) = total.lock() {
                        let sum = std::mem::replace(&mut *total, Ok(Total::default()));
                        *total = sum.and_then(|sum| Ok(sum.and(result?)));
                    }
                }
            });
        }
    });
    let total = total.into_inner();
    let Total { mut tally, written } =
        total.map_err(|_| anyhow!("a test of the lab panicked"))??;
    if NO_VF_DRIVERS.contains(only) {
        tally += no_vf_drivers(images);
    }
    if serving::NAME.contains(only) {
        tally += serving::run(paths, images)?;
    }
    // Only a complete run without a failure has written every event.
    if tally.failed == 0 && only.is_empty() {
        tally += every_event_was_written(&written);
    }
    Ok(tally)
}

/// The name of the test of [`no_vf_drivers`].
const NO_VF_DRIVERS: &str = "files that are no VF driver are refused";

/// Fails unless `--vf-driver` refuses images that are no KMDF drivers.
fn no_vf_drivers(images: &Images) -> Tally {
    let mut tally = Tally::PASSED;
    for (file, fault) in [
        (&images.runner, "it is no kernel image: its subsystem is 3"),
        (
            &images.stack,
            "it is no KMDF driver: it does not import WdfVersionBind",
        ),
    ] {
        let said = match vf_driver::check(vf_driver::VF_DRIVER, file) {
            Ok(()) => "nothing".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if !said.contains(fault) || !said.contains(&file.display().to_string()) {
            println!("      {} is refused with {said}", file.display());
            tally = Tally::FAILED;
        }
    }
    let verdict = if tally == Tally::PASSED {
        "ok"
    } else {
        "FAILED"
    };
    println!("      {NO_VF_DRIVERS} ... {verdict}");
    tally
}

/// The outcome of several tests.
#[derive(Default)]
struct Total {
    tally: Tally,
    /// The names of the events that the driver wrote.
    written: BTreeSet<String>,
}

impl Total {
    fn and(mut self, (tally, written): (Tally, BTreeSet<String>)) -> Self {
        self.tally += tally;
        self.written.extend(written);
        self
    }
}

/// Fails when there is an event that the driver wrote in no run.
fn every_event_was_written(written: &BTreeSet<String>) -> Tally {
    let missing = events::missing(written);
    if missing.is_empty() {
        println!("      every event of the driver was written ... ok");
        return Tally::PASSED;
    }
    println!("      every event of the driver was written ... FAILED");
    println!("      written in no run: {}", missing.join(", "));
    Tally::FAILED
}

fn next(tests: &Mutex<VecDeque<Test>>) -> Option<Test> {
    tests.lock().ok()?.pop_front()
}
