//! `cargo xtask test`: the list of all tests and checks that end in minutes, and a summary line.
//!
//! Mutation checks, reproducibility, release archives and fuzzing take longer and have commands of their own.

mod members;
mod packages;
mod step;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::instructions::{self, VALGRIND};
use crate::{c_library, driver};
use build_steps::packages::ensure;
use build_steps::paths::Paths;
use build_steps::tally::Tally;
use kmdf_cross::architecture::Architecture;
use kmdf_cross::driver::Driver;
use kmdf_cross::image::Verdict;
use kmdf_cross::packages::{KERNEL, USER};
use kmdf_cross::toolchain::{Target, Toolchain};
use lab_harness::build::KERNEL_PROFILE;
use lab_harness::command::{self as lab, FailFast};
use lab_harness::kmdf_conformance;
use lab_harness::packages::WINE;
use members::{Members, selected};
use step::{HostCargo, Outcome, Step};

/// Which steps to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// Those that need no Windows toolchain.
    Host,
    /// Those that run the image, with a text that is in the name of each.
    Lab(FailFast, String),
}

/// Runs the steps of `scope` and returns the counts.
///
/// A step that fails does not stop the others.
///
/// # Errors
/// When a package is missing and cannot be installed.
pub(crate) fn run(paths: &Paths, scope: Scope) -> Result<Tally> {
    let started = Instant::now();
    let steps = match scope {
        Scope::Host => host_steps(&HostCargo::that_lints()?, paths)?,
        Scope::Lab(fail_fast, only) => {
            ensure(&[KERNEL, USER, WINE])?;
            vec![lab_step(paths, fail_fast, only)]
        }
        Scope::All => {
            let host = HostCargo::installed()?;
            ensure(&[
                KERNEL,
                USER,
                packages::CLIPPY,
                packages::COMPILERS,
                packages::GUIDES,
                VALGRIND,
                WINE,
            ])?;
            let mut steps = host_steps(&host, paths)?;
            steps.extend(image_steps(&host, paths)?);
            steps.push(lab_step(paths, FailFast::No, String::new()));
            steps
        }
    };
    let total = run_steps(paths, steps)?;
    println!("\ntook {} s", started.elapsed().as_secs());
    println!("{total}");
    Ok(total)
}

fn run_steps(paths: &Paths, steps: Vec<Step>) -> Result<Tally> {
    let logs = paths.target().join("test");
    fs_err::create_dir_all(&logs)?;
    let count = steps.len();
    let mut total = Tally::default();
    for (index, step) in steps.into_iter().enumerate() {
        println!("[{}/{count}] {}", index + 1, step.name);
        let started = Instant::now();
        let Outcome { tally, failure } = step.run(&logs);
        if let Some(failure) = failure {
            println!("{failure}");
        }
        println!("      {tally} in {} s", started.elapsed().as_secs());
        total += tally;
    }
    Ok(total)
}

/// The steps that run on any host.
fn host_steps(host: &HostCargo, paths: &Paths) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (names, folder) in [
        (
            [
                "formatting",
                "lints of the host crates",
                "tests of the host crates",
            ],
            paths.root(),
        ),
        (
            [
                "formatting of the lab",
                "lints of the lab's rules",
                "tests of the lab's rules",
            ],
            &paths.lab(),
        ),
    ] {
        let members = Members::of(host, folder)?.host;
        let selected = selected(&members);
        let lints = [&selected[..], &["--all-targets", "--", "-D", "warnings"]].concat();
        let tests = [&selected[..], &["--no-fail-fast"]].concat();
        steps.extend([
            Step::command(names[0], host.command(folder, "fmt", &["--all", "--check"])),
            Step::command(names[1], host.command(folder, "clippy", &lints)),
            Step::tests(names[2], host.command(folder, "test", &tests)),
        ]);
    }
    steps.push(Step::tests(
        "every order of concurrent operations",
        loom(host, paths),
    ));
    Ok(steps)
}

/// The concurrency models of broker and driver, which loom runs in every order that it can find.
fn loom(host: &HostCargo, paths: &Paths) -> Command {
    let arguments = [
        "--package",
        "block-broker",
        "--package",
        "pf-state",
        "--test",
        "loom",
        "--release",
    ];
    let mut loom = host.command(paths.root(), "test", &arguments);
    // Another configuration of every crate: it would throw the other builds away.
    loom.env("CARGO_TARGET_DIR", paths.target().join("loom"))
        .env("RUSTFLAGS", "--cfg loom");
    loom
}

/// The steps that need the Windows toolchains.
fn image_steps(host: &HostCargo, paths: &Paths) -> Result<Vec<Step>> {
    let image = |name, architecture| {
        let paths = paths.clone();
        Step::check(name, move || image_rules(&paths, architecture))
    };
    let c_library = |name, architecture| {
        let paths = paths.clone();
        Step::check(name, move || c_library::make(&paths, architecture))
    };
    let lab = paths.clone();
    let counted = paths.clone();
    let mut steps = vec![
        Step::check("the instructions of the broker's operations", move || {
            instructions::check(&counted)
        }),
        image("the driver image and its rules", Architecture::X86_64),
        image("the same for 64-bit Arm", Architecture::Aarch64),
        c_library("the library for drivers in C", Architecture::X86_64),
        c_library("the same library for 64-bit Arm", Architecture::Aarch64),
        Step::tests(
            "programs in C and C++ with each compiler and sanitizer",
            host.command(
                paths.root(),
                "test",
                &[
                    "--package",
                    "block-broker-c",
                    "--package",
                    "block-manifest",
                    "--package",
                    "pf-broker-abi",
                    "--",
                    "--ignored",
                ],
            ),
        ),
        Step::check("rules of the framework on the running double", move || {
            kmdf_conformance::run(&lab, "")
        }),
        Step::tests(
            "tests of the kit and the image checks with the real toolchain",
            host.command(
                paths.root(),
                "test",
                &["--package", "kmdf-cross", "--", "--ignored"],
            ),
        ),
    ];
    for (names, folder) in [
        (
            [
                "lints of the driver",
                "lints of the host crates for Windows",
            ],
            paths.root(),
        ),
        (
            ["lints of the lab's drivers", "lints of the lab's programs"],
            &paths.lab(),
        ),
    ] {
        let members = Members::of(host, folder)?;
        steps.push(windows_lints(
            names[0],
            paths,
            folder,
            Target::Kernel,
            &members.kernel,
        ));
        steps.push(windows_lints(
            names[1],
            paths,
            folder,
            Target::User,
            &members.user,
        ));
    }
    Ok(steps)
}

/// The step that runs the image.
fn lab_step(paths: &Paths, fail_fast: FailFast, only: String) -> Step {
    let paths = paths.clone();
    Step::check("the image in the lab", move || {
        lab::test(&paths, fail_fast, &only)
    })
}

fn windows_lints(
    name: &'static str,
    paths: &Paths,
    folder: &Path,
    target: Target,
    members: &[String],
) -> Step {
    let (paths, folder, members) = (paths.clone(), folder.to_path_buf(), members.to_vec());
    Step::command_made(name, move || {
        // Preparing the toolchain is part of the step.
        let toolchain = Toolchain::prepare(&paths, target, Architecture::X86_64)?;
        let profile = match target {
            Target::Kernel => KERNEL_PROFILE,
            Target::User => "release",
        };
        let mut cargo = toolchain.cargo(&folder, "clippy")?;
        cargo
            .args(selected(&members))
            .args(["--profile", profile, "--", "-D", "warnings"]);
        Ok(cargo)
    })
}

fn image_rules(paths: &Paths, architecture: Architecture) -> Result<Tally> {
    driver::build(paths, architecture)?;
    let report = Driver::read(paths.root())?.check(architecture)?;
    println!("{report}");
    Ok(report
        .findings
        .iter()
        .map(|finding| match finding.verdict {
            Verdict::Kept => Tally::PASSED,
            Verdict::Broken => Tally::FAILED,
        })
        .fold(Tally::default(), std::ops::Add::add))
}
