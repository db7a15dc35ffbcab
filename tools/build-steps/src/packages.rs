//! Installs the Debian packages that a step needs, or names those that are missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// One package and a file that shows it is installed.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Debian's name of the package.
    pub name: &'static str,
    /// A file that only this package brings.
    pub proof: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
}

/// Makes sure that every package is there, installing what is missing.
///
/// # Errors
/// When packages are missing and cannot be installed; the error then names each of them.
pub fn ensure(groups: &[&[Package]]) -> Result<()> {
    let missing = missing(groups);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("missing Debian packages:");
    for package in &missing {
        eprintln!("  {:28} {}", package.name, package.purpose);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let by_hand = format!(
        "install them with `apt-get install --no-install-recommends {}`",
        names.join(" ")
    );
    let Some(prefix) = way_to_install() else {
        bail!("neither root nor password-free sudo, or no apt-get here; {by_hand}");
    };
    let apt = |arguments: &[&str]| {
        let mut words = prefix
            .iter()
            .copied()
            .chain(["apt-get"])
            .chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap_or("apt-get"));
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command)
    };
    apt(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(&names);
    apt(&arguments)?;

    let still_missing: Vec<&str> = self::missing(groups).iter().map(|p| p.proof).collect();
    if !still_missing.is_empty() {
        bail!(
            "apt-get succeeded, but these files are still missing: {}; the tool is made for \
             Debian 12",
            still_missing.join(", ")
        );
    }
    Ok(())
}

fn missing(groups: &[&[Package]]) -> Vec<Package> {
    groups
        .iter()
        .flat_map(|group| group.iter())
        .filter(|package| !Path::new(package.proof).exists())
        .copied()
        .collect()
}

/// The words in front of `apt-get`, or nothing when packages cannot be installed from here.
fn way_to_install() -> Option<&'static [&'static str]> {
    let succeeds = |words: &[&str]| {
        process::output(&mut process::command(words[0], &words[1..]))
            .ok()
            .map(|text| text.trim().to_owned())
    };
    succeeds(&["apt-get", "--version"])?;
    match succeeds(&["id", "-u"]).as_deref() {
        Some("0") => Some(&[]),
        _ => succeeds(&["sudo", "-n", "true"]).map(|_| &["sudo"][..]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Package, missing};

    #[test]
    fn a_package_without_its_proof_is_missing() {
        let there = Package {
            name: "there",
            proof: "/",
            purpose: "",
        };
        let absent = Package {
            name: "absent",
            proof: "/no/such/file",
            purpose: "",
        };
        let names: Vec<_> = missing(&[&[there], &[absent]])
            .iter()
            .map(|p| p.name)
            .collect();
        assert_eq!(names, ["absent"]);
    }
}
