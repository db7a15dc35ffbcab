//! A wdk-build that runs on Linux: the published crate, copied and edited in a few exact places.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use build_steps::paths::Paths;
use build_steps::process;
use build_steps::source_edit::SourceEdit;

/// The one version that the edits are written for.
pub const VERSION: &str = "0.6.0";

const EDITS: &str = include_str!("../kit/wdk-build-0.6.0.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditFile {
    edit: Vec<SourceEdit>,
}

/// The parts of `cargo metadata` that tell where a crate's source is.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// Copies wdk-build out of cargo's registry to `target/cross/`, edits the copy and returns its
/// folder.
///
/// # Errors
/// When the lock file names another version, or an edit does not match exactly once.
pub fn prepare(paths: &Paths) -> Result<PathBuf> {
    let folder = paths.cross().join(format!("wdk-build-{VERSION}"));
    let stamp = folder.join(".edits");
    if fs_err::read_to_string(&stamp).is_ok_and(|edits| edits == EDITS) {
        return Ok(folder);
    }
    let source = published_source(paths)?;
    eprintln!("copying wdk-build {VERSION} and editing it for this host");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    copy_tree(&source, &folder)?;
    for edit in edits()? {
        edit.apply_below(&folder)
            .with_context(|| format!("wdk-build {VERSION} is not what the edits were made for"))?;
    }
    fs_err::write(stamp, EDITS)?;
    Ok(folder)
}

fn edits() -> Result<Vec<SourceEdit>> {
    let file: EditFile =
        toml::from_str(EDITS).context("tools/kmdf-cross/kit/wdk-build-0.6.0.toml")?;
    Ok(file.edit)
}

/// The crate as cargo unpacked it from the registry; cargo downloads it when it must.
fn published_source(paths: &Paths) -> Result<PathBuf> {
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(paths.root())
        .env("RUSTC", "/usr/bin/rustc")
        .env_remove("RUSTUP_TOOLCHAIN");
    let text = process::output(&mut cargo)?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("cargo metadata printed what xtask cannot read")?;
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.name == "wdk-build")
        .context("Cargo.lock names no wdk-build")?;
    if package.version != VERSION {
        bail!(
            "Cargo.lock names wdk-build {}, but the edits in tools/kmdf-cross/kit/wdk-build-{VERSION}.toml \
             are for {VERSION}",
            package.version
        );
    }
    let folder = package
        .manifest_path
        .parent()
        .context("wdk-build's manifest has no folder")?;
    Ok(folder.to_path_buf())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            // The published sources end their lines as Windows does; the edits are written here.
            let text = fs_err::read_to_string(entry.path())?;
            fs_err::write(target, text.replace("\r\n", "\n"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::edits;

    #[test]
    fn every_edit_changes_something_and_has_a_name_of_its_own() {
        let edits = edits().unwrap();
        let mut names: Vec<_> = edits.iter().map(|edit| edit.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), edits.len());
        assert!(
            edits
                .iter()
                .all(|edit| edit.before != edit.after && !edit.before.is_empty())
        );
    }
}
