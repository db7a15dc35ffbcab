//! `cargo xtask test`: every test and check that ends in minutes, step by step, with one closing line.
//!
//! Mutation checks, reproducibility and fuzzing take longer and have commands of their own.

mod members;
mod step;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::architecture::Architecture;
use crate::double;
use crate::driver;
use crate::image;
use crate::lab::{self, Patience};
use crate::packages;
use crate::places::Places;
use crate::tally::Tally;
use crate::toolchain::Toolchain;
use members::{Members, selected};
use step::{HostCargo, Outcome, Step};

/// Which steps to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those that need no Windows toolchain.
    Host,
    /// Those that run the image, with a text that is in the name of each.
    Lab(Patience, String),
}

/// Runs the steps of `scope` and returns the counts.
///
/// A step that fails does not stop the others.
///
/// # Errors
/// When a package is missing and cannot be installed.
pub fn run(places: &Places, scope: Scope) -> Result<Tally> {
    let started = Instant::now();
    let steps = match scope {
        Scope::Host => host_steps(&HostCargo::that_lints()?, places)?,
        Scope::Lab(patience, only) => {
            packages::ensure(&[packages::KERNEL, packages::USER, packages::WINE])?;
            vec![lab_step(places, patience, only)]
        }
        Scope::All => {
            let host = HostCargo::installed()?;
            packages::ensure(&[
                packages::KERNEL,
                packages::USER,
                packages::CLIPPY,
                packages::WINE,
            ])?;
            let mut steps = host_steps(&host, places)?;
            steps.extend(image_steps(&host, places)?);
            steps.push(lab_step(places, Patience::UntilTheEnd, String::new()));
            steps
        }
    };
    let total = run_steps(places, steps)?;
    println!("\ntook {} s", started.elapsed().as_secs());
    println!("{total}");
    Ok(total)
}

fn run_steps(places: &Places, steps: Vec<Step>) -> Result<Tally> {
    let logs = places.target().join("test");
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

/// What any host can check.
fn host_steps(host: &HostCargo, places: &Places) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (names, folder) in [
        (
            [
                "formatting",
                "lints of the host crates",
                "tests of the host crates",
            ],
            places.root(),
        ),
        (
            [
                "formatting of the lab",
                "lints of the lab's rules",
                "tests of the lab's rules",
            ],
            &places.lab(),
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
        loom(host, places),
    ));
    Ok(steps)
}

/// The concurrency models of broker and driver, which see every order that loom can find.
fn loom(host: &HostCargo, places: &Places) -> Command {
    let arguments = [
        "--package",
        "block-broker",
        "--package",
        "pf-state",
        "--test",
        "loom",
        "--release",
    ];
    let mut loom = host.command(places.root(), "test", &arguments);
    // Another configuration of every crate: it would throw the other builds away.
    loom.env("CARGO_TARGET_DIR", places.target().join("loom"))
        .env("RUSTFLAGS", "--cfg loom");
    loom
}

/// What needs the Windows toolchains.
fn image_steps(host: &HostCargo, places: &Places) -> Result<Vec<Step>> {
    let image = |name, architecture| {
        let places = places.clone();
        Step::check(name, move || image_rules(&places, architecture))
    };
    let lab = places.clone();
    let mut steps = vec![
        image("the driver image and its rules", Architecture::X86_64),
        image("the same for 64-bit Arm", Architecture::Aarch64),
        Step::check("rules of the framework on the running double", move || {
            double::prove(&lab, "")
        }),
        Step::tests(
            "tests of the kit and the image checks with the real toolchain",
            host.command(
                places.root(),
                "test",
                &["--package", "xtask", "--lib", "--", "--ignored"],
            ),
        ),
    ];
    for (names, folder) in [
        (
            [
                "lints of the driver",
                "lints of the host crates for Windows",
            ],
            places.root(),
        ),
        (
            ["lints of the lab's drivers", "lints of the lab's programs"],
            &places.lab(),
        ),
    ] {
        let members = Members::of(host, folder)?;
        steps.push(windows_lints(
            names[0],
            places,
            folder,
            World::Kernel,
            &members.kernel,
        ));
        steps.push(windows_lints(
            names[1],
            places,
            folder,
            World::User,
            &members.user,
        ));
    }
    Ok(steps)
}

/// What runs the image.
fn lab_step(places: &Places, patience: Patience, only: String) -> Step {
    let places = places.clone();
    Step::check("the image in the lab", move || {
        lab::test(&places, patience, &only)
    })
}

/// The toolchain that a step needs; preparing it is part of the step.
#[derive(Debug, Clone, Copy)]
enum World {
    Kernel,
    User,
}

fn windows_lints(
    name: &'static str,
    places: &Places,
    folder: &Path,
    world: World,
    members: &[String],
) -> Step {
    let (places, folder, members) = (places.clone(), folder.to_path_buf(), members.to_vec());
    Step::command_made(name, move || {
        let (toolchain, profile) = match world {
            World::Kernel => (
                Toolchain::kernel(&places, Architecture::X86_64)?,
                driver::PROFILE,
            ),
            World::User => (Toolchain::user(&places)?, "release"),
        };
        let mut cargo = toolchain.cargo(&folder, "clippy")?;
        cargo
            .args(selected(&members))
            .args(["--profile", profile, "--", "-D", "warnings"]);
        Ok(cargo)
    })
}

fn image_rules(places: &Places, architecture: Architecture) -> Result<Tally> {
    let path = driver::build(places, architecture)?;
    let (description, findings) = image::examine(&path, architecture)?;
    println!("{}", image::table(&description, &findings));
    Ok(findings
        .iter()
        .map(|finding| match finding.verdict {
            image::Verdict::Kept => Tally::PASSED,
            image::Verdict::Broken => Tally::FAILED,
        })
        .fold(Tally::default(), std::ops::Add::add))
}
