//! Builds the driver on Linux, runs it in the lab, and runs all tests.
#![forbid(unsafe_code)]

mod c_library;
mod dist;
mod driver;
mod instructions;
mod suite;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use build_steps::paths::Paths;
use build_steps::process;
use build_steps::tally::Tally;
use kmdf_cross::architecture::Architecture;
use kmdf_cross::driver::Driver;
use kmdf_cross::toolchain::{Target, Toolchain};
use kmdf_cross::{package, reproducible};
use lab_harness::command::{self as lab, FailFast};
use lab_harness::{coverage, kmdf_conformance, mutants};
use suite::Scope;

/// Builds the driver on Linux, runs it in the lab, and runs all tests.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the driver image, `target/driver/pf_broker.sys`
    Driver {
        /// Processor architecture
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
    },
    /// Check the built driver image against the rules of kernel images
    Image {
        /// Processor architecture
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
    },
    /// Build the broker's static library for drivers in C, with its header, and check it
    CLibrary {
        /// Processor architecture
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
    },
    /// Count the instructions of the broker's operations, and compare them with xtask/instructions.toml
    Instructions,
    /// Put image, symbols and stamped INF into `target/package/`
    Package {
        /// Processor architecture
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
    },
    /// Build everything that is released, and put archives, checksums and the list of crates into
    /// `target/dist/`
    Dist,
    /// Build the last commit twice, in different folders with cold caches, and compare the images
    Reproducible {
        /// Processor architecture
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
    },
    /// Run one job or trace on the driver image in the lab
    Lab(lab::Arguments),
    /// Put faults into a copy of the source, one at a time, and check that a test catches each
    Mutants {
        /// Try only the mutants with this text in their name or in that of the tests, such as "the lab"
        #[arg(default_value = "")]
        only: String,
    },
    /// Run the tests of the lab on an image with counters, and list the functions that none reaches
    Coverage,
    /// Run the conformance scenarios of the KMDF double: each broken rule, and the order of callbacks
    Double {
        /// Run only the scenarios with this text in their name, such as "file"
        #[arg(default_value = "")]
        only: String,
    },
    /// Run all checks and tests, and install missing packages first
    Test {
        /// Skip the steps that need the Windows toolchains
        #[arg(long)]
        host_only: bool,
        /// Run only the tests of the image in the lab
        #[arg(long, conflicts_with = "host_only")]
        lab_only: bool,
        /// Stop at the first failure in the lab
        #[arg(long, requires = "lab_only")]
        fail_fast: bool,
        /// In the lab, run only the tests with this text in their name, such as "start with VFs"
        #[arg(long, value_name = "TEXT", requires = "lab_only", default_value = "")]
        only: String,
    },
    /// Run one cargo command with a Windows toolchain, such as
    /// `cargo xtask cross kernel --workspace lab -- clippy`
    Cross {
        /// What to compile for
        target: Target,
        /// The workspace to run in, relative to this one
        #[arg(long, default_value = ".")]
        workspace: PathBuf,
        /// Processor architecture of kernel images
        #[arg(long, default_value = "x86_64")]
        arch: Architecture,
        /// Cargo's subcommand and its arguments
        #[arg(last = true, required = true)]
        arguments: Vec<String>,
    },
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
    let paths = Paths::of_this_workspace();
    match task {
        Task::Driver { arch } => {
            driver::build(&paths, arch)?;
        }
        Task::Image { arch } => {
            let driver = Driver::read(paths.root())?;
            let report = driver.check(arch)?;
            println!("{}\n{report}", driver.image(arch).display());
            if !report.is_good() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Task::CLibrary { arch } => return Ok(counted(c_library::make(&paths, arch)?)),
        Task::Instructions => return Ok(counted(instructions::check(&paths)?)),
        Task::Package { arch } => {
            package::make(&Driver::read(paths.root())?, arch)?;
        }
        Task::Dist => {
            dist::make(&paths)?;
        }
        Task::Reproducible { arch } => {
            let driver = Driver::read(paths.root())?;
            reproducible::check(&driver, arch, |clone| {
                process::cargo(clone, ["xtask", "driver", "--arch", arch.name()])
            })?;
        }
        Task::Lab(arguments) => return lab::run(&paths, &arguments),
        Task::Mutants { only } => {
            if mutants::run(&paths, &only)? > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Task::Coverage => return Ok(counted(coverage::run_lab(&paths)?)),
        Task::Double { only } => return Ok(counted(kmdf_conformance::run(&paths, &only)?)),
        Task::Test {
            host_only,
            lab_only,
            fail_fast,
            only,
        } => {
            let scope = match (host_only, lab_only) {
                (true, _) => Scope::Host,
                (_, true) if fail_fast => Scope::Lab(FailFast::Yes, only),
                (_, true) => Scope::Lab(FailFast::No, only),
                _ => Scope::All,
            };
            return Ok(exit_code(suite::run(&paths, scope)?));
        }
        Task::Cross {
            target,
            workspace,
            arch,
            arguments,
        } => {
            let toolchain = Toolchain::prepare(&paths, target, arch)?;
            let (subcommand, rest) = arguments.split_first().context("no cargo subcommand")?;
            let workspace = fs_err::canonicalize(paths.root().join(workspace))?;
            process::run(toolchain.cargo(&workspace, subcommand)?.args(rest))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the counts; the exit code is a failure if any test failed.
fn counted(tally: Tally) -> ExitCode {
    println!("{tally}");
    exit_code(tally)
}

fn exit_code(tally: Tally) -> ExitCode {
    if tally.failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
