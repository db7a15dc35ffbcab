//! The driver image with the compiler's counters in it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use toml::Value;

use crate::build::KERNEL_PROFILE;
use build_steps::paths::Paths;
use build_steps::process::{command, run};
use kmdf_cross::architecture::Architecture;
use kmdf_cross::llvm::LLVM;
use kmdf_cross::toolchain::Toolchain;

/// The cargo profile of this image. With its own profile it does not overwrite the shipped image.
const PROFILE: &str = "coverage";
/// The flags with which rustc adds counters. LLVM's runtime, which writes them to a file, needs a C
/// library; here the framework double writes them.
const COUNTERS: [&str; 2] = ["-Cinstrument-coverage", "-Zno-profiler-runtime"];
/// The packages beside the driver's own whose functions are counted: all of this workspace that are
/// linked into the image.
const PACKAGES: [&str; 5] = [
    "block-broker",
    "block-table",
    "pcivirt-abi",
    "pf-broker-abi",
    "pf-state",
];

/// Builds it and returns its path. `folder` is where files of coverage go.
pub(super) fn build(paths: &Paths, folder: &Path) -> Result<PathBuf> {
    let toolchain = Toolchain::kernel(paths, Architecture::X86_64)?;
    let runtime = profile_runtime(paths, folder)?;
    let mut cargo = toolchain.cargo(paths.root(), "rustc")?;
    cargo.args(["--package", "pf_broker", "--profile", PROFILE, "--quiet"]);
    cargo.args(["-Z", "profile-rustflags"]);
    for setting in settings() {
        cargo.arg("--config").arg(setting);
    }
    // The flags are set here and not in the environment, so that the build script does not get
    // them.
    cargo.arg("--").args(COUNTERS);
    run(cargo.arg(format!("-Clink-arg={}", runtime.display())))?;
    Ok(toolchain.output_folder(PROFILE).join("pf_broker.dll"))
}

/// The profile, each setting as cargo takes it on its command line.
fn settings() -> Vec<String> {
    let profile = format!("profile.{PROFILE}");
    let counters = Value::from(COUNTERS.map(Value::from).to_vec());
    std::iter::once(format!("{profile}.inherits={KERNEL_PROFILE:?}"))
        .chain(PACKAGES.map(|package| format!("{profile}.package.{package}.rustflags={counters}")))
        .collect()
}

/// Compiles the part of the profile runtime that the image needs.
fn profile_runtime(paths: &Paths, folder: &Path) -> Result<PathBuf> {
    fs_err::create_dir_all(folder)?;
    let object = folder.join("profile_runtime.obj");
    let target = format!("--target={}", Architecture::X86_64.clang_target());
    let mut clang = command(format!("{LLVM}/bin/clang"), [&target, "-c", "-o"]);
    clang
        .arg(&object)
        .arg(paths.lab().join("harness/profile_runtime.S"));
    run(&mut clang)?;
    Ok(object)
}
