//! `cargo xtask driver`: the driver image, built on Linux with the published wdk crates.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::architecture::Architecture;
use crate::image;
use crate::kit::minimum;
use crate::toolchain::Toolchain;
use build_steps::paths::Paths;
use build_steps::process::run;

/// The cargo profile of kernel images.
pub const PROFILE: &str = "driver";

/// Builds the driver and returns the image's path, `target/driver/pf_broker.sys`.
///
/// # Errors
/// When the toolchain cannot be prepared or the build fails.
pub fn build(paths: &Paths, architecture: Architecture) -> Result<PathBuf> {
    minimum::check(paths)?;
    let toolchain = Toolchain::kernel(paths, architecture)?;
    let mut cargo = toolchain.cargo(paths.root(), "build")?;
    run(cargo.args(["--package", "pf_broker", "--profile", PROFILE]))?;

    let built = toolchain.output_folder(PROFILE);
    let mut image =
        fs_err::read(built.join("pf_broker.dll")).context("cargo succeeded but left no image")?;
    let mut symbols = fs_err::read(built.join("pf_broker.pdb"))?;
    image::seal(&mut image, &mut symbols).context("pf_broker.dll and pf_broker.pdb")?;

    let finished = finished_folder(paths, architecture);
    let path = finished.join("pf_broker.sys");
    fs_err::create_dir_all(&finished)?;
    fs_err::write(&path, image)?;
    fs_err::write(path.with_extension("pdb"), symbols)?;
    fs_err::copy(built.join("deps/pf_broker.map"), path.with_extension("map"))?;
    eprintln!("built {}", path.display());
    Ok(path)
}

/// Where the finished image of `architecture` goes.
#[must_use]
pub fn finished_folder(paths: &Paths, architecture: Architecture) -> PathBuf {
    match architecture {
        Architecture::X86_64 => paths.driver(),
        Architecture::Aarch64 => paths.driver().join("aarch64"),
    }
}
