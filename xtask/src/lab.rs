//! `cargo xtask lab`: runs the driver image on an independent NT kernel, Wine's, among doubles of
//! what Windows would put around it. docs/lab.md says what is real and what is not.

mod bench;
mod build;
mod inf;
pub(crate) mod prefix;
mod run;
mod tests;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::places::Places;
use crate::tally::Tally;
use bench::Bench;

/// What `cargo xtask lab` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Arguments {
    /// The manifest whose block table the device gets
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// How many VFs the PF driver enables
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=4096))]
    vfs: u16,
    /// A trace to play, - for standard input; without one, a story is told
    #[arg(long, requires = "manifest")]
    trace: Option<PathBuf>,
    /// Which way the VFs' reads and writes go
    #[arg(long, value_enum, default_value_t = Path::Auto)]
    path: Path,
    /// How the stack keeps invalidation requests pending
    #[arg(long, value_enum, default_value_t = Mode::EachVf)]
    mode: Mode,
    /// Another WDFLDR.SYS to run the image on
    #[arg(long, value_name = "FILE")]
    kmdf: Option<PathBuf>,
    /// Play the faults: hardware that fails, vetoes, silence, removal
    #[arg(long, conflicts_with = "trace")]
    faults: bool,
    /// Check the driver from outside: layouts, requests, rebalance, faults, removal
    #[arg(long, conflicts_with_all = ["trace", "faults"])]
    checks: bool,
    /// Many operations of every VF at one time, with resets and rebalances
    #[arg(long, conflicts_with_all = ["trace", "faults", "checks"])]
    storm: bool,
    /// Measure reads and writes through each path
    #[arg(long, conflicts_with_all = ["trace", "faults", "checks", "storm"])]
    measure: bool,
    /// Run every test of the lab, as `cargo xtask test` does
    #[arg(long, conflicts_with_all = ["trace", "faults", "checks", "storm", "measure"])]
    tests: bool,
    /// Run what was built last instead of building it anew
    #[arg(long)]
    no_build: bool,
    /// Print the kernel log even when nothing fails
    #[arg(long)]
    log: bool,
}

impl Arguments {
    /// The runner's word for what to do without a trace.
    fn job(&self) -> &'static str {
        let jobs = [
            (self.faults, "faults"),
            (self.checks, "checks"),
            (self.storm, "storm"),
            (self.measure, "measure"),
        ];
        jobs.iter()
            .find_map(|&(wanted, job)| wanted.then_some(job))
            .unwrap_or("story")
    }
}

/// Which way a VF's reads and writes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Path {
    /// By VF driver and VPCI where the VF exists and the length is 1–128, straight otherwise
    Auto,
    /// By VF driver and VPCI
    Vpci,
    /// Straight to the callbacks of the SR-IOV interface
    Raw,
}

/// How `IOCTL_SRIOV_INVALIDATE_BLOCK` is kept pending: the readings that its documentation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// One request for each VF, whose input names it
    EachVf,
    /// One request, whose input names all VFs
    AllVfs,
    /// One request without input
    NoInput,
    /// Three requests without input at a time
    Three,
    /// One request for each VF, as `IRP_MJ_DEVICE_CONTROL`
    DeviceControl,
}

/// The spelling of a choice on a command line.
fn spelled(choice: &impl ValueEnum) -> String {
    choice
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// Runs the lab as the command line says.
///
/// # Errors
/// When something cannot be built or Wine does not start. A trace that ends early is an exit code.
pub fn run(places: &Places, arguments: &Arguments) -> Result<ExitCode> {
    let images = build::all(places, arguments.kmdf.as_deref(), arguments.no_build)?;
    if arguments.tests {
        let tally = tests::all(places, &images)?;
        println!("{tally}");
        return Ok(ExitCode::from(u8::from(tally.failed > 0)));
    }
    let manifest = arguments
        .manifest
        .clone()
        .unwrap_or_else(|| places.root().join("blocks/mlx5-hv-vhca.toml"));
    let bench = Bench::from_manifest(&manifest, arguments.vfs)?;
    let mut words = vec![
        "--path".to_owned(),
        spelled(&arguments.path),
        "--mode".to_owned(),
        spelled(&arguments.mode),
    ];
    let input = if let Some(file) = &arguments.trace {
        words.push("trace".to_owned());
        read(file)?
    } else {
        words.push(arguments.job().to_owned());
        Vec::new()
    };
    let finished = run::session(places, &images, &bench, &words, &input)?;
    if arguments.storm && finished.succeeded() {
        tests::simulated(places, &bench, &finished)?;
    }
    print!("{}", finished.output);
    eprint!("{}", finished.messages);
    if arguments.log || !finished.succeeded() {
        eprint!("{}", finished.kernel_log);
    }
    for violation in &finished.violations {
        eprintln!("error: {violation}");
    }
    Ok(finished.exit_code())
}

fn read(file: &std::path::Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("standard input")?;
    } else {
        bytes = fs_err::read(file)?;
    }
    Ok(bytes)
}

/// Runs every test of the lab and counts.
///
/// # Errors
/// When something cannot be built or Wine does not start.
pub fn test(places: &Places) -> Result<Tally> {
    tests::all(places, &build::all(places, None, false)?)
}
