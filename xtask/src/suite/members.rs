//! The packages of a workspace, sorted by the target that they are compiled for.

use std::path::Path;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use super::step::HostCargo;
use build_steps::process::output;

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

impl Members {
    /// The members of the workspace in `folder`.
    pub(super) fn of(host: &HostCargo, folder: &Path) -> Result<Self> {
        let arguments = ["--format-version=1", "--no-deps", "--quiet"];
        let metadata = output(&mut host.command(folder, "metadata", &arguments))?;
        let metadata = MetadataCommand::parse(&metadata)
            .context("cargo metadata printed what xtask cannot read")?;
        Ok(Self::sorted(metadata))
    }

    fn sorted(metadata: Metadata) -> Self {
        let mut members = Self::default();
        for package in metadata.packages {
            // What only tests need says nothing about where the package itself compiles.
            let dependency = |name: &str| {
                package.dependencies.iter().find(|dependency| {
                    dependency.name == name && dependency.kind == DependencyKind::Normal
                })
            };
            let name = package.name.to_string();
            if dependency("wdk-sys").is_some() {
                members.kernel.push(name);
                continue;
            }
            // Without a condition the whole package is for Windows, with one only a part of it.
            let windows = dependency("windows-sys");
            if windows.is_some() {
                members.user.push(name.clone());
            }
            if windows.is_none_or(|windows| windows.target.is_some()) {
                members.host.push(name);
            }
        }
        members
    }
}

/// `--package` before each name.
pub(super) fn selected(names: &[String]) -> Vec<&str> {
    names.iter().flat_map(|name| ["--package", name]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cargo_metadata::MetadataCommand;

    use super::Members;
    use crate::suite::step::HostCargo;
    use build_steps::paths::Paths;

    /// A workspace without its lock file and registry, as `cargo metadata --no-deps` sees it.
    fn members(folder: &std::path::Path) -> Members {
        Members::of(&HostCargo::of_this_process(), folder).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn packages_are_sorted_by_what_they_depend_on_outside_of_tests() {
        let workspace = tempfile::tempdir().unwrap();
        let package = |name: &str, dependencies: &str| {
            let folder = workspace.path().join(name);
            fs_err::create_dir_all(folder.join("src")).unwrap();
            fs_err::write(folder.join("src/lib.rs"), "").unwrap();
            let manifest = format!("[package]\nname = \"{name}\"\n{dependencies}\n");
            fs_err::write(folder.join("Cargo.toml"), manifest).unwrap();
        };
        package("double", "[dependencies]\nwdk-sys = \"*\"");
        package("rules", "[dev-dependencies]\nwindows-sys = \"*\"");
        package(
            "client",
            "[target.'cfg(windows)'.dependencies]\nwindows-sys = \"*\"",
        );
        package("tool", "[dependencies]\nwindows-sys = \"*\"");
        fs_err::write(
            workspace.path().join("Cargo.toml"),
            "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n",
        )
        .unwrap();
        let mut sorted = members(workspace.path());
        sorted.user.sort();
        sorted.host.sort();
        assert_eq!(
            sorted,
            Members {
                kernel: names(&["double"]),
                user: names(&["client", "tool"]),
                host: names(&["client", "rules"]),
            }
        );
    }

    #[test]
    fn every_package_that_plain_cargo_works_on_is_tested_on_the_host() {
        let paths = Paths::of_this_workspace();
        let host: BTreeSet<_> = members(paths.root()).host.into_iter().collect();
        let metadata = MetadataCommand::new()
            .manifest_path(paths.root().join("Cargo.toml"))
            .no_deps()
            .exec()
            .unwrap();
        for package in metadata.workspace_default_packages() {
            assert!(host.contains(package.name.as_str()), "{}", package.name);
        }
    }
}
