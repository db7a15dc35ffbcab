//! `cargo xtask mutants`: puts faults into a copy of the source, one at a time, and checks that a
//! test catches each.
//!
//! The faults are in `lab/harness/mutants.toml`. The copy is in `target/mutants/` with a `target/`
//! of its own, so the first run compiles everything once more.

mod copy;
mod trial;

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use build_steps::paths::Paths;
use build_steps::source_edit::SourceEdit;
use copy::WorkingCopy;
pub use trial::TestSet;
use trial::Verdict;

const MUTANTS: &str = include_str!("../mutants.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MutantFile {
    mutant: Vec<Mutant>,
}

/// One fault.
#[derive(Debug, Clone, Deserialize)]
pub struct Mutant {
    /// What the fault is, in a sentence.
    pub fault: String,
    /// The tests that should catch it.
    #[serde(rename = "caught-by")]
    pub tests: TestSet,
    /// The change that makes it.
    #[serde(flatten)]
    pub edit: SourceEdit,
}

/// Every mutant of `lab/harness/mutants.toml`.
///
/// # Errors
/// When the file cannot be read.
pub fn all() -> Result<Vec<Mutant>> {
    let file: MutantFile = toml::from_str(MUTANTS).context("lab/harness/mutants.toml")?;
    Ok(file.mutant)
}

/// Tries every mutant whose name or tests contains `only`, prints each verdict and returns the
/// number of survivors.
///
/// # Errors
/// When a mutant does not fit the source or does not compile, or when the tests fail without any
/// fault.
pub fn run(paths: &Paths, only: &str) -> Result<usize> {
    let wanted = |mutant: &Mutant| {
        mutant.edit.name.contains(only) || mutant.tests.to_string().contains(only)
    };
    let mutants: Vec<Mutant> = all()?.into_iter().filter(wanted).collect();
    if mutants.is_empty() {
        bail!("no mutant of lab/harness/mutants.toml has \"{only}\" in its name or tests");
    }
    let copy = WorkingCopy::make(paths)?;
    let test_sets: std::collections::BTreeSet<&TestSet> =
        mutants.iter().map(|mutant| &mutant.tests).collect();
    for tests in test_sets {
        println!("without a fault: {tests}");
        if let Verdict::Caught(how) = tests.run_on(copy.paths())? {
            bail!("{tests} fails without any fault: {how}");
        }
    }
    let count = mutants.len();
    let mut survivors = Vec::new();
    for (index, Mutant { fault, tests, edit }) in mutants.into_iter().enumerate() {
        let started = Instant::now();
        println!("[{}/{count}] {}: {fault}", index + 1, edit.name);
        let verdict = copy.with(&edit, |paths| tests.run_on(paths))?;
        println!(
            "      {verdict} by {tests} in {} s",
            started.elapsed().as_secs()
        );
        if matches!(verdict, Verdict::Survived) {
            survivors.push(edit.name);
        }
    }
    println!("\n{} of {count} caught", count - survivors.len());
    for survivor in &survivors {
        println!("survived: {survivor}");
    }
    Ok(survivors.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::all;
    use build_steps::paths::Paths;

    #[test]
    fn every_mutant_fits_the_source_as_it_is() {
        let paths = Paths::of_this_workspace();
        for mutant in all().unwrap() {
            let path = paths.root().join(&mutant.edit.file);
            let text = fs_err::read_to_string(path).unwrap();
            let changed = mutant
                .edit
                .applied_to(&text)
                .unwrap_or_else(|misfit| panic!("{misfit}"));
            assert_ne!(changed, text, "{} changes nothing", mutant.edit.name);
        }
    }

    #[test]
    fn every_mutant_has_a_name_of_its_own() {
        let mutants = all().unwrap();
        let names: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.edit.name).collect();
        assert_eq!(names.len(), mutants.len());
    }
}
