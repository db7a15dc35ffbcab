//! Builds what the lab runs: the driver image, the doubles, the sample VF driver, the runner.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::packages::WINE;
use build_steps::packages::ensure;
use build_steps::paths::Paths;
use build_steps::process::{self, run};
use kmdf_cross::architecture::Architecture;
use kmdf_cross::c_driver;
use kmdf_cross::driver::Driver;
use kmdf_cross::llvm::LLVM;
use kmdf_cross::packages::{KERNEL, USER};
use kmdf_cross::toolchain::Toolchain;

/// Rust's standard library gets random numbers from this library, which Wine 8 lacks. A library
/// without code forwards to Wine's function.
const RANDOM: &str = "\
LIBRARY bcryptprimitives.dll
EXPORTS
    ProcessPrng = ADVAPI32.SystemFunction036
";

/// What the profile `release` of the lab's workspace has and that of the driver's workspace has
/// not.
const AS_IN_THE_LAB: [&str; 4] = [
    "--config",
    "profile.release.lto=false",
    "--config",
    "profile.release.codegen-units=16",
];

/// The compiler of programs in C for Windows.
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// The cargo profile of kernel images, of the driver and of the lab's.
pub const KERNEL_PROFILE: &str = "driver";

/// The paths of the images.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    pub(crate) driver: PathBuf,
    pub(crate) framework: PathBuf,
    pub(crate) stack: PathBuf,
    /// The double of Event Tracing.
    pub(crate) etw: PathBuf,
    pub(crate) vf_driver: PathBuf,
    /// The function driver of the PF in the runs in which the driver is an upper filter.
    pub(crate) function_driver: PathBuf,
    /// The example of a companion in Rust, and the same in C.
    pub(crate) companion: PathBuf,
    pub(crate) companion_in_c: PathBuf,
    pub(crate) runner: PathBuf,
    /// The command-line tool, as a host's administrator has it.
    pub(crate) pfbctl: PathBuf,
    /// The example of host software in Rust, and the same in C.
    pub(crate) agent: PathBuf,
    pub(crate) agent_in_c: PathBuf,
    pub(crate) random: PathBuf,
    /// The folder for what a driver with counters has counted.
    pub(crate) counters: Option<PathBuf>,
}

/// What is built for a run.
pub(crate) enum Build {
    Everything,
    /// Everything but the driver's image, which is this file.
    Around(PathBuf),
    /// Nothing: the images of the last build run.
    Nothing,
}

/// Builds what `build` selects. `framework` replaces the KMDF double as WDFLDR.SYS.
pub(crate) fn all(paths: &Paths, framework: Option<&Path>, build: Build) -> Result<Images> {
    ensure(&[KERNEL, USER, WINE])?;
    let kernel = Toolchain::kernel(paths, Architecture::X86_64)?;
    let user = Toolchain::user(paths)?;
    if !matches!(build, Build::Nothing) {
        compile(paths, &kernel, &user)?;
    }
    let driver = match build {
        Build::Everything => Driver::read(paths.root())?.build(Architecture::X86_64)?,
        Build::Around(driver) => driver,
        Build::Nothing => Driver::read(paths.root())?.image(Architecture::X86_64),
    };
    let kernel = kernel.output_folder(KERNEL_PROFILE);
    Ok(Images {
        driver,
        framework: framework.map_or_else(|| kernel.join("wdfldr.dll"), Path::to_path_buf),
        stack: kernel.join("lab_stack.dll"),
        etw: kernel.join("lab_etw.dll"),
        vf_driver: kernel.join("vf_driver.dll"),
        function_driver: kernel.join("function_driver.dll"),
        companion: kernel.join("companion.dll"),
        companion_in_c: companion_in_c(paths),
        runner: user.output_folder("release").join("lab-runner.exe"),
        pfbctl: user.output_folder("release").join("pfbctl.exe"),
        agent: user.output_folder("release").join("agent.exe"),
        agent_in_c: agent_in_c(paths),
        random: random_library(paths)?,
        counters: None,
    })
}

fn compile(paths: &Paths, kernel: &Toolchain, user: &Toolchain) -> Result<()> {
    let mut cargo = kernel.cargo(&paths.lab(), "build")?;
    for package in [
        "companion",
        "function-driver",
        "lab-etw",
        "lab-stack",
        "vf-driver",
        "wdfldr",
    ] {
        cargo.args(["-p", package]);
    }
    run(cargo.args(["--profile", KERNEL_PROFILE, "--quiet"]))?;
    c_driver::build(
        paths,
        &paths.root().join("examples/companion/c/companion.c"),
        &companion_in_c(paths),
    )?;
    let mut cargo = user.cargo(&paths.lab(), "build")?;
    run(cargo.args(["-p", "lab-runner", "--release", "--quiet"]))?;
    let mut cargo = user.cargo(paths.root(), "build")?;
    cargo.args(["-p", "agent", "-p", "pfbctl", "--release", "--quiet"]);
    // As the lab's programs are built, with which they then share the standard library.
    run(cargo.args(AS_IN_THE_LAB))?;
    compile_agent_in_c(paths)
}

/// Compiles the example of host software in C as its README says.
fn compile_agent_in_c(paths: &Paths) -> Result<()> {
    let folder = paths.root().join("examples/agent/c");
    let mut compile = Command::new(MINGW);
    compile.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-I"]);
    compile.arg(paths.root().join("crates/pf-broker-abi/include"));
    for file in [
        "agent.c",
        "device.c",
        "device_simulated.c",
        "device_windows.c",
    ] {
        compile.arg(folder.join(file));
    }
    compile.args(["-lsetupapi", "-lws2_32", "-o"]);
    run(compile.arg(agent_in_c(paths)))
}

fn agent_in_c(paths: &Paths) -> PathBuf {
    paths.target().join("lab").join("agent-in-c.exe")
}

fn companion_in_c(paths: &Paths) -> PathBuf {
    paths.target().join("lab").join("companion_c.sys")
}

fn random_library(paths: &Paths) -> Result<PathBuf> {
    let folder = paths.target().join("lab");
    fs_err::create_dir_all(&folder)?;
    let definition = folder.join("bcryptprimitives.def");
    let library = folder.join("bcryptprimitives.dll");
    if std::fs::read(&definition).ok().as_deref() == Some(RANDOM.as_bytes()) && library.exists() {
        return Ok(library);
    }
    fs_err::write(&definition, RANDOM)?;
    // The linker needs at least one object, which can be empty.
    let empty = folder.join("empty.obj");
    let mut compile = Command::new(format!("{LLVM}/bin/clang"));
    compile.args([
        "--target=x86_64-pc-windows-msvc",
        "-xc",
        "-c",
        "/dev/null",
        "-o",
    ]);
    process::output(compile.arg(&empty))?;
    let mut link = Command::new(format!("{LLVM}/bin/lld-link"));
    link.args(["/DLL", "/NOENTRY"])
        .arg(&empty)
        .arg(format!("/DEF:{}", definition.display()))
        .arg(format!("/OUT:{}", library.display()));
    process::output(&mut link)?;
    Ok(library)
}
