//! `kmdf-cross`: builds, checks and packages a KMDF driver crate on Linux.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use build_steps::paths::Paths;
use clap::{Args, Parser, Subcommand};
use kmdf_cross::architecture::Architecture;
use kmdf_cross::c_driver;
use kmdf_cross::driver::Driver;
use kmdf_cross::package;
use kmdf_cross::toolchain::{Target, Toolchain};

/// Builds KMDF drivers written with windows-drivers-rs on Linux
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the image: `target/driver/NAME.sys` in the driver's workspace
    Build(Chosen),
    /// Check the built image against the rules of kernel images
    Check(Chosen),
    /// Build, and put image, symbols and stamped INF into `target/package/`
    Package(Chosen),
    /// Build a driver that is written in C, for x86-64; the kit goes to `target/cross` here
    C {
        /// The C file
        source: PathBuf,
        /// The image to write
        image: PathBuf,
    },
    /// Run one cargo command with the kernel toolchain, such as `kmdf-cross cargo -- clippy`
    Cargo {
        #[command(flatten)]
        chosen: Chosen,
        /// The subcommand of cargo and its arguments
        #[arg(last = true, required = true)]
        arguments: Vec<String>,
    },
}

/// The driver and its processor.
#[derive(Debug, Args)]
struct Chosen {
    /// The folder of the driver's crate
    #[arg(default_value = ".")]
    driver: PathBuf,
    /// Processor architecture
    #[arg(long, default_value = "x86_64")]
    arch: Architecture,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Build(Chosen { driver, arch }) => {
            Driver::read(&driver)?.build(arch)?;
        }
        Task::Check(Chosen { driver, arch }) => {
            let driver = Driver::read(&driver)?;
            let report = driver.check(arch)?;
            println!("{}\n{report}", driver.image(arch).display());
            if !report.is_good() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Task::Package(Chosen { driver, arch }) => {
            package::make(&Driver::read(&driver)?, arch)?;
        }
        Task::C { source, image } => {
            let here = std::env::current_dir()?;
            c_driver::build(&Paths::below(&here), &source, &image)?;
        }
        Task::Cargo { chosen, arguments } => {
            let driver = Driver::read(&chosen.driver)?;
            let toolchain = Toolchain::prepare(driver.paths(), Target::Kernel, chosen.arch)?;
            let (subcommand, rest) = arguments.split_first().context("no cargo subcommand")?;
            let mut cargo = toolchain.cargo(driver.paths().root(), subcommand)?;
            build_steps::process::run(cargo.args(rest))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
