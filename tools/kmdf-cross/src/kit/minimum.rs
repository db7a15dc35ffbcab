//! The oldest version of KMDF that a driver runs on, and what of KMDF 1.33 it must not use for that.
//!
//! A driver built for 1.33 may name an older version, `minimum-kmdf-version-minor` in its metadata. A
//! framework of that version has fewer functions and refuses a structure that has grown since. What it
//! lacks is declared in `tools/kmdf-cross/kit/kmdf-minimum.toml`.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::facts::Facts;

const DIFFERENCES: &str = include_str!("../../kit/kmdf-minimum.toml");

/// The minor version of KMDF that the kit describes.
const NEWEST: u32 = 33;

/// The differences of a framework of the oldest version from 1.33.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// Its minor version.
    pub version: u32,
    /// How many functions it has.
    pub functions: usize,
    /// Structures with other members.
    pub structures: Vec<String>,
}

impl Minimum {
    /// The declared differences.
    ///
    /// # Errors
    /// When the data file cannot be read.
    pub fn declared() -> Result<Self> {
        toml::from_str(DIFFERENCES).context("tools/kmdf-cross/kit/kmdf-minimum.toml")
    }

    /// Fails if one of `sources` uses what this version does not have.
    fn check(&self, facts: &Facts, sources: &[Source]) -> Result<()> {
        for Source { file, text } in sources {
            let file = file.display();
            for name in calls(text) {
                ensure!(
                    index_of(facts, &file, name)? < self.functions,
                    "{file}: KMDF 1.{} has no {name}",
                    self.version
                );
            }
            for name in &self.structures {
                ensure!(
                    !words(text).any(|word| word == name),
                    "{file}: KMDF 1.{} declares {name} otherwise",
                    self.version
                );
            }
        }
        Ok(())
    }
}

/// Fails if the driver in `folder` uses what KMDF 1.`minimum` does not have.
///
/// # Errors
/// Names the file and what is wrong, or says that the kit does not know that version.
pub fn check(minimum: u32, folder: &Path) -> Result<()> {
    if minimum == NEWEST {
        return Ok(());
    }
    let declared = Minimum::declared()?;
    ensure!(
        minimum == declared.version,
        "the driver names KMDF 1.{minimum} as its oldest version; the kit knows 1.{} and 1.{NEWEST}",
        declared.version
    );
    declared.check(
        &Facts::kmdf_1_33()?,
        &Source::all_below(&folder.join("src"))?,
    )
}

/// The last function in the framework's table that the driver in `folder` calls.
///
/// # Errors
/// When a source cannot be read, calls a function that KMDF does not have, or none calls any.
pub fn last_function(folder: &Path) -> Result<String> {
    last_of(
        &Facts::kmdf_1_33()?,
        &Source::all_below(&folder.join("src"))?,
    )
}

fn last_of(facts: &Facts, sources: &[Source]) -> Result<String> {
    let mut last = None;
    for Source { file, text } in sources {
        for name in calls(text) {
            last = last.max(Some((index_of(facts, file.display(), name)?, name)));
        }
    }
    let (_, name) = last.context("the driver calls no function of the framework")?;
    Ok(name.to_owned())
}

/// The place of a function in the framework's table.
fn index_of(facts: &Facts, file: impl Display, name: &str) -> Result<usize> {
    let known = facts.functions.iter().find(|known| known.name == name);
    let known = known.with_context(|| format!("{file}: KMDF has no {name}"))?;
    Ok(known.index)
}

/// A source file and its text.
struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    fn all_below(folder: &Path) -> Result<Vec<Self>> {
        let mut sources = Vec::new();
        for entry in fs_err::read_dir(folder)? {
            let file = entry?.path();
            if file.is_dir() {
                sources.extend(Self::all_below(&file)?);
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                let text = fs_err::read_to_string(&file)?;
                sources.push(Self { file, text });
            }
        }
        Ok(sources)
    }
}

/// The identifiers of a source.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// The functions of the framework that a source calls: the first argument of wdk-sys's macro
/// `call_unsafe_wdf_function_binding!`, or of a macro around it.
fn calls(text: &str) -> impl Iterator<Item = &str> {
    text.split("!(")
        .skip(1)
        .filter_map(|rest| words(rest).next())
        .filter(|word| word.starts_with("Wdf"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Minimum, Source, calls, check, last_of};
    use crate::kit::facts::Facts;

    fn source(text: &str) -> [Source; 1] {
        [Source {
            file: PathBuf::from("src/a.rs"),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn the_last_function_is_that_with_the_highest_index() {
        let text = "wdf::call!(WdfSpinLockCreate, a)\ncall!(\n    WdfDriverCreate,\n    b)";
        assert_eq!(
            calls(text).collect::<Vec<_>>(),
            ["WdfSpinLockCreate", "WdfDriverCreate"]
        );
        let facts = Facts::kmdf_1_33().unwrap();
        assert_eq!(last_of(&facts, &source(text)).unwrap(), "WdfSpinLockCreate");
        assert!(last_of(&facts, &source("")).is_err());
    }

    #[test]
    fn what_the_oldest_version_lacks_is_refused_by_name() {
        for (text, refused) in [
            (
                "call_unsafe_wdf_function_binding!(WdfDeviceSetDeviceInterfaceStateEx, a)",
                "src/a.rs: KMDF 1.25 has no WdfDeviceSetDeviceInterfaceStateEx",
            ),
            ("call!(WdfNothing)", "src/a.rs: KMDF has no WdfNothing"),
            (
                "call!(WdfDriverCreate); WDF_DEVICE_STATE {}",
                "src/a.rs: KMDF 1.25 declares WDF_DEVICE_STATE otherwise",
            ),
        ] {
            let minimum = Minimum::declared().unwrap();
            let checked = minimum.check(&Facts::kmdf_1_33().unwrap(), &source(text));
            assert_eq!(checked.unwrap_err().to_string(), refused);
        }
    }

    #[test]
    fn a_version_that_the_kit_does_not_know_is_refused() {
        let folder = Path::new("no such folder");
        check(33, folder).unwrap();
        let error = check(31, folder).unwrap_err().to_string();
        assert!(error.ends_with("the kit knows 1.25 and 1.33"), "{error}");
    }
}
