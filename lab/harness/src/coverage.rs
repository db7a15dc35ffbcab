//! `cargo xtask coverage`: which functions of the driver no test of the lab reaches.
//!
//! The driver is built once more, with the compiler's counters; all tests of the lab run on that
//! image, and the framework double writes the counters to a file whenever the driver unbinds.
//! LLVM's own tools make a report of them.

mod functions;
mod image;
mod profile;
mod report;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use object::read::pe::PeFile64;

use crate::command as lab;
use build_steps::paths::Paths;
use build_steps::tally::Tally;
use functions::Function;
use profile::Counters;
use report::Report;

/// The folder of the driver's own source. The crates that it links have tests of their own.
const DRIVER: &str = "src/";

/// Runs the tests of the lab on an image with counters and prints, file by file, what they reach.
/// A function that no test reaches is a failure unless `lab/harness/unreached.toml` lists it. A
/// listed function that a test reaches is a failure, too.
///
/// # Errors
/// When something cannot be built, or no run left counters.
pub fn run_lab(paths: &Paths) -> Result<Tally> {
    let folder = paths.target().join("coverage");
    let image = image::build(paths, &folder)?;
    let left = folder.join("counters");
    if left.exists() {
        fs_err::remove_dir_all(&left)?;
    }
    fs_err::create_dir_all(&left)?;
    let tests = lab::test_counting(paths, &image, &left)?;

    let bytes = fs_err::read(&image)?;
    let parsed = PeFile64::parse(&*bytes).context("pf_broker.dll")?;
    let profile = Counters::left_in(&left, &parsed)?.profile(&parsed)?;
    let report = Report::make(paths.root(), folder, image, &profile)?;
    println!("{}", report.table()?);
    let functions = functions::reached(&report.functions()?, DRIVER)?;
    let unexpected = judge(&functions)?;
    for line in &unexpected {
        println!("{line}");
    }
    println!(
        "lines that no test reaches are marked in {}",
        report.pages()?.display()
    );
    let verdict = if unexpected.is_empty() {
        Tally::PASSED
    } else {
        Tally::FAILED
    };
    Ok(tests + verdict)
}

/// The differences between `lab/harness/unreached.toml` and the counts of the driver's functions, a
/// line each.
fn judge(functions: &BTreeMap<Function, u64>) -> Result<Vec<String>> {
    let exceptions = functions::exceptions()?;
    let reached = functions.values().filter(|count| **count > 0).count();
    println!(
        "{reached} of the {} functions of the driver are reached",
        functions.len()
    );
    let mut unexpected = Vec::new();
    for (function, count) in functions {
        let exception = exceptions
            .iter()
            .find(|exception| exception.function == function.name);
        match (count, exception) {
            (0, Some(exception)) => println!("not reached: {function}: {}", exception.why),
            (0, None) => unexpected.push(format!("NOT REACHED: {function}")),
            (count, Some(_)) => unexpected.push(format!(
                "REACHED {count} times, against lab/harness/unreached.toml: {function}"
            )),
            (_, None) => {}
        }
    }
    let known = |name: &str| functions.keys().any(|function| function.name == name);
    unexpected.extend(
        exceptions
            .iter()
            .filter(|exception| !known(&exception.function))
            .map(|exception| format!("NO SUCH FUNCTION: {}", exception.function)),
    );
    Ok(unexpected)
}
