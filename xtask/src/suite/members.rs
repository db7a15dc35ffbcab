//! The packages of a workspace, sorted by the world that they are compiled for.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::step::HostCargo;
use crate::process::output;

/// The package names of a workspace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Those that compile for the Windows kernel alone: they depend on wdk-sys.
    pub(super) kernel: Vec<String>,
    /// Those with parts for user-mode Windows: they depend on windows-sys.
    pub(super) user: Vec<String>,
    /// Those that compile for the host.
    pub(super) host: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// The condition under which it is a dependency, if there is one.
    target: Option<String>,
}

impl Members {
    /// The members of the workspace in `folder`.
    pub(super) fn of(host: &HostCargo, folder: &Path) -> Result<Self> {
        let arguments = ["--format-version=1", "--no-deps", "--quiet"];
        Self::sorted(&output(&mut host.command(folder, "metadata", &arguments))?)
    }

    fn sorted(metadata: &str) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(metadata)
            .context("cargo metadata printed what xtask cannot read")?;
        let mut members = Self::default();
        for package in metadata.packages {
            let dependency = |name: &str| {
                package
                    .dependencies
                    .iter()
                    .find(|dependency| dependency.name == name)
            };
            if dependency("wdk-sys").is_some() {
                members.kernel.push(package.name);
                continue;
            }
            // Without a condition the whole package is for Windows, with one only a part of it.
            let windows = dependency("windows-sys");
            if windows.is_some() {
                members.user.push(package.name.clone());
            }
            if windows.is_none_or(|windows| windows.target.is_some()) {
                members.host.push(package.name);
            }
        }
        Ok(members)
    }
}

/// `--package` before each name.
pub(super) fn selected(names: &[String]) -> Vec<&str> {
    names.iter().flat_map(|name| ["--package", name]).collect()
}

#[cfg(test)]
mod tests {
    use super::Members;

    #[test]
    fn packages_are_sorted_by_what_they_depend_on() {
        let metadata = r#"{"packages":[
            {"name":"rules","dependencies":[{"name":"proptest","target":null}]},
            {"name":"double","dependencies":[{"name":"wdk-sys","target":null}]},
            {"name":"client","dependencies":[{"name":"windows-sys","target":"cfg(windows)"}]},
            {"name":"tool","dependencies":[{"name":"windows-sys","target":null}]}
        ]}"#;
        assert_eq!(
            Members::sorted(metadata).unwrap(),
            Members {
                kernel: vec!["double".into()],
                user: vec!["client".into(), "tool".into()],
                host: vec!["rules".into(), "client".into()],
            }
        );
    }
}
