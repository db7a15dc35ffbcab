//! The least version of KMDF that the driver runs on, and what of KMDF 1.33 it must leave alone for that.
//!
//! A driver built for 1.33 may name a least version, `minimum-kmdf-version-minor` in Cargo.toml. A
//! framework of that version has fewer functions, and refuses a structure that has grown since. What it
//! lacks is declared in `tools/kmdf-cross/kit/kmdf-minimum.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::facts::Facts;
use build_steps::paths::Paths;

const DIFFERENCES: &str = include_str!("../../kit/kmdf-minimum.toml");

/// What a framework of the least version has otherwise than 1.33.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// Its minor version.
    pub version: u32,
    /// How many functions it has.
    pub functions: usize,
    /// Structures that it declares otherwise.
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

    /// Fails if a source below `folder` uses what the least version does not have. The last function
    /// that the sources call, by its place in the table.
    fn check(&self, facts: &Facts, sources: &[(PathBuf, String)]) -> Result<String> {
        let mut last: Option<(usize, &str)> = None;
        for (file, text) in sources {
            let file = file.display();
            for name in calls(text) {
                let known = facts.functions.iter().find(|known| known.name == name);
                let index = known
                    .with_context(|| format!("{file}: KMDF has no {name}"))?
                    .index;
                ensure!(
                    index < self.functions,
                    "{file}: KMDF 1.{} has no {name}",
                    self.version
                );
                last = last.max(Some((index, name)));
            }
            for name in &self.structures {
                ensure!(
                    !words(text).any(|word| word == name),
                    "{file}: KMDF 1.{} declares {name} otherwise",
                    self.version
                );
            }
        }
        match last {
            Some((_, name)) => Ok(name.to_owned()),
            None => bail!("the driver calls no function of the framework"),
        }
    }
}

/// Fails if the driver uses what the least version that it names does not have, or promises the compiler
/// another last function than the one that it calls.
///
/// # Errors
/// Names the file and what is wrong.
pub fn check(paths: &Paths) -> Result<()> {
    let minimum = Minimum::declared()?;
    let named = named_in(&fs_err::read_to_string(paths.root().join("Cargo.toml"))?)?;
    ensure!(
        named == minimum.version,
        "Cargo.toml names KMDF 1.{named} as the least version, tools/kmdf-cross/kit/kmdf-minimum.toml \
         declares 1.{}",
        minimum.version
    );
    let mut sources = Vec::new();
    read_sources(&paths.root().join("src"), &mut sources)?;
    let last = minimum.check(&Facts::kmdf_1_33()?, &sources)?;
    let promise = format!("_WDFFUNCENUM::{last}TableIndex");
    ensure!(
        sources.iter().any(|(_, text)| text.contains(&promise)),
        "the last function in the table that the driver calls is {last}, which src/os/wdf.rs does not say"
    );
    Ok(())
}

#[derive(Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    metadata: WorkspaceMetadata,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    wdk: Wdk,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wdk {
    driver_model: DriverModel,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DriverModel {
    minimum_kmdf_version_minor: u32,
}

/// The least version that a workspace's manifest names.
///
/// # Errors
/// When it names none.
pub fn named_in(manifest: &str) -> Result<u32> {
    let manifest: Manifest = toml::from_str(manifest)
        .context("Cargo.toml: workspace.metadata.wdk.driver-model.minimum-kmdf-version-minor")?;
    Ok(manifest
        .workspace
        .metadata
        .wdk
        .driver_model
        .minimum_kmdf_version_minor)
}

fn read_sources(folder: &Path, sources: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_sources(&path, sources)?;
        } else {
            let text = fs_err::read_to_string(&path)?;
            sources.push((path, text));
        }
    }
    Ok(())
}

/// The identifiers of a source.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// The functions of the framework that a source calls: the first argument of each `call!`.
fn calls(text: &str) -> impl Iterator<Item = &str> {
    text.split("call!(")
        .skip(1)
        .filter_map(|rest| words(rest).next())
        .filter(|word| word.starts_with("Wdf"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Minimum, calls, check, named_in};
    use crate::kit::facts::Facts;
    use build_steps::paths::Paths;

    fn judged(text: &str) -> Result<String, String> {
        let sources = [(PathBuf::from("src/a.rs"), text.to_owned())];
        let minimum = Minimum::declared().unwrap();
        minimum
            .check(&Facts::kmdf_1_33().unwrap(), &sources)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_driver_keeps_to_the_least_version_and_promises_the_last_function_it_calls() {
        check(&Paths::of_this_workspace()).unwrap();
    }

    #[test]
    fn the_last_function_is_that_with_the_highest_index() {
        let text = "wdf::call!(WdfSpinLockCreate, a)\ncall!(\n    WdfDriverCreate,\n    b)";
        assert_eq!(
            calls(text).collect::<Vec<_>>(),
            ["WdfSpinLockCreate", "WdfDriverCreate"]
        );
        assert_eq!(judged(text).as_deref(), Ok("WdfSpinLockCreate"));
    }

    #[test]
    fn what_the_least_version_lacks_is_refused_by_name() {
        for (text, refused) in [
            (
                "call!(WdfDeviceSetDeviceInterfaceStateEx, a)",
                "src/a.rs: KMDF 1.25 has no WdfDeviceSetDeviceInterfaceStateEx",
            ),
            ("call!(WdfNothing)", "src/a.rs: KMDF has no WdfNothing"),
            (
                "call!(WdfDriverCreate); WDF_DEVICE_STATE {}",
                "src/a.rs: KMDF 1.25 declares WDF_DEVICE_STATE otherwise",
            ),
            ("", "the driver calls no function of the framework"),
        ] {
            assert_eq!(judged(text), Err(refused.to_owned()));
        }
    }

    #[test]
    fn a_manifest_that_names_no_least_version_is_refused() {
        let text = "[workspace.metadata.wdk.driver-model]\nminimum-kmdf-version-minor = 25\n";
        assert_eq!(named_in(text).unwrap(), 25);
        assert!(named_in("[workspace]\n").is_err());
    }
}
