//! Builds this workspace's driver, after a check that only its own sources need.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use build_steps::paths::Paths;
use kmdf_cross::architecture::Architecture;
use kmdf_cross::driver::Driver;
use kmdf_cross::kit::minimum;

/// The file that tells the compiler how many functions the framework has at least.
const PROMISE: &str = "src/os/wdf.rs";

/// Checks the sources, builds the image and returns its path.
///
/// # Errors
/// When the driver promises the compiler another last function than the one that it calls, or the
/// build fails.
pub(crate) fn build(paths: &Paths, architecture: Architecture) -> Result<PathBuf> {
    check_promise(paths)?;
    Driver::read(paths.root())?.build(architecture)
}

/// Fails if the function whose index the driver promises to the compiler is not the last one in the
/// framework's table that the driver calls.
fn check_promise(paths: &Paths) -> Result<()> {
    let last = minimum::last_function(paths.root())?;
    let text = fs_err::read_to_string(paths.root().join(PROMISE))?;
    ensure!(
        text.contains(&format!("_WDFFUNCENUM::{last}TableIndex")),
        "the last function in the table that the driver calls is {last}, which {PROMISE} does not say"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use build_steps::paths::Paths;
    use kmdf_cross::driver::Driver;
    use kmdf_cross::kit::minimum;

    use super::check_promise;

    #[test]
    fn the_driver_promises_the_last_function_it_calls() {
        check_promise(&Paths::of_this_workspace()).unwrap();
    }

    #[test]
    fn the_driver_calls_only_what_its_oldest_kmdf_has() {
        let driver = Driver::read(Paths::of_this_workspace().root()).unwrap();
        assert_eq!(driver.minimum_kmdf(), 25);
        minimum::check(driver.minimum_kmdf(), driver.folder()).unwrap();
    }
}
