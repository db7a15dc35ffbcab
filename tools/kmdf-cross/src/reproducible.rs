//! `cargo xtask reproducible`: the same commit gives the same bytes, wherever it is built.
//!
//! Two clones of the last commit are built in folders of different names, each with cold caches:
//! a `target/` of its own, and for the second one a cargo home of its own as well.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::architecture::Architecture;
use crate::driver;
use build_steps::paths::Paths;
use build_steps::process::{cargo, git, output, run};

/// Builds the last commit twice and compares the images byte for byte.
///
/// # Errors
/// When a build fails or the images differ; the error then names the first different byte.
pub fn check(paths: &Paths, architecture: Architecture) -> Result<()> {
    let folder =
        std::env::temp_dir().join(format!("pf_broker-reproducible-{}", std::process::id()));
    fs_err::create_dir_all(&folder)?;
    let (first, second) = (
        folder.join("one"),
        folder.join("another/clone/further/down"),
    );
    let cold_cargo_home = folder.join("cargo-home");
    // A commit that comes in between must not get into the second clone alone.
    let commit = output(&mut git(paths.root(), ["rev-parse", "HEAD"]))?;
    for clone in [&first, &second] {
        let copied = ["clone", "--quiet", "--no-hardlinks", "."];
        run(git(paths.root(), copied).arg(clone))?;
        let checkout = ["checkout", "--quiet", "--detach", commit.trim()];
        run(&mut git(clone, checkout))?;
    }
    let one = build_clone(&first, None, architecture)?;
    let other = build_clone(&second, Some(&cold_cargo_home), architecture)?;
    match first_difference(&one, &other) {
        None => {
            println!("two clones gave the same {} bytes", one.len());
            fs_err::remove_dir_all(&folder)?;
            Ok(())
        }
        Some(at) => bail!(
            "the images differ from byte {at:#x} on ({} and {} bytes); both clones stay in {}",
            one.len(),
            other.len(),
            folder.display()
        ),
    }
}

fn build_clone(
    folder: &Path,
    cargo_home: Option<&Path>,
    architecture: Architecture,
) -> Result<Vec<u8>> {
    let mut build = cargo(folder, ["xtask", "driver", "--arch", architecture.name()]);
    // The clone has a target folder of its own.
    build.env_remove("CARGO_TARGET_DIR");
    if let Some(home) = cargo_home {
        build.env("CARGO_HOME", home);
    }
    run(&mut build).with_context(|| format!("the clone in {}", folder.display()))?;
    let image = driver::finished_folder(&Paths::below(folder), architecture).join("pf_broker.sys");
    Ok(fs_err::read(image)?)
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let shorter = one.len().min(other.len());
    one.iter()
        .zip(other)
        .position(|(left, right)| left != right)
        .or((one.len() != other.len()).then_some(shorter))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn equal_images_have_no_difference() {
        assert_eq!(first_difference(b"same", b"same"), None);
    }

    #[test]
    fn a_changed_byte_and_a_missing_end_are_found() {
        assert_eq!(first_difference(b"same", b"sane"), Some(2));
        assert_eq!(first_difference(b"same", b"sam"), Some(3));
    }
}
