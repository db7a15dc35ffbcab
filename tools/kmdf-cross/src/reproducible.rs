//! Whether the same commit gives the same bytes wherever it is built.
//!
//! Two clones of the last commit are built in folders of different names, each with cold caches:
//! a `target/` of its own, and for the second one a cargo home of its own as well.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use build_steps::process::{git, output, run};

use crate::architecture::Architecture;
use crate::driver::Driver;

/// Builds the last commit twice and compares the images byte for byte. `build` makes the command that
/// builds the driver in the workspace at a path.
///
/// # Errors
/// When a build fails or the images differ; the error then names the first different byte.
pub fn check(
    driver: &Driver,
    architecture: Architecture,
    build: impl Fn(&Path) -> Command,
) -> Result<()> {
    let root = driver.paths().root();
    let name = format!("{}-reproducible-{}", driver.name(), std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs_err::create_dir_all(&folder)?;
    let (first, second) = (
        folder.join("one"),
        folder.join("another/clone/further/down"),
    );
    // A commit made in the meantime must not be in the second clone alone.
    let commit = output(&mut git(root, ["rev-parse", "HEAD"]))?;
    for clone in [&first, &second] {
        let copied = ["clone", "--quiet", "--no-hardlinks", "."];
        run(git(root, copied).arg(clone))?;
        let checkout = ["checkout", "--quiet", "--detach", commit.trim()];
        run(&mut git(clone, checkout))?;
    }
    let image = driver.image(architecture);
    let image = image.strip_prefix(root)?;
    let image_of = |clone: &Path, mut command: Command| {
        // The clone has a target folder of its own.
        command.env_remove("CARGO_TARGET_DIR");
        run(&mut command).with_context(|| format!("the clone in {}", clone.display()))?;
        Ok::<_, anyhow::Error>(fs_err::read(clone.join(image))?)
    };
    let one = image_of(&first, build(&first))?;
    let mut with_cold_cache = build(&second);
    with_cold_cache.env("CARGO_HOME", folder.join("cargo-home"));
    let other = image_of(&second, with_cold_cache)?;
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
