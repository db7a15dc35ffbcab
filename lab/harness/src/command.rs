//! `cargo xtask lab`: runs the driver image on Wine's implementation of the NT kernel, between
//! doubles of the Windows components around it. docs/lab.md says what is real and what is not.

use std::io::{Read as _, stdin, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::{Args, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::build::{self, Build, Images};
use crate::device::{self, Device, Position};
use crate::etw_log::LoggedEvent;
use crate::live::{Live, SERVED};
use crate::run::{self, Input};
pub use crate::suite::FailFast;
use crate::{suite, vf_driver};
use build_steps::paths::Paths;
use build_steps::tally::Tally;

/// The address of a served image without `--listen`, as for `pfbctl serve`.
const SERVED_AT: &str = "127.0.0.1:9820";

/// The arguments of `cargo xtask lab`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The job to run
    #[arg(value_enum, default_value_t = Job::Story, conflicts_with_all = ["trace", "faults"])]
    job: Job,
    /// The manifest whose block table the device gets
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// How many VFs the PF driver enables
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=4096))]
    vfs: u16,
    /// Play this trace instead of the story; each line of -, standard input, is answered at once
    #[arg(long, requires = "manifest")]
    trace: Option<PathBuf>,
    /// Run the faults: vetoes, missing answers, hardware failures, removal
    #[arg(long, conflicts_with = "trace")]
    faults: bool,
    /// The path of the VFs' reads and writes: auto, vpci or raw
    #[arg(long, default_value = "auto")]
    path: String,
    /// How the stack keeps invalidation requests pending: each-vf, all-vfs, no-input, three,
    /// device-control or garbage-input
    #[arg(long, default_value = "each-vf")]
    mode: String,
    /// Use this file as WDFLDR.SYS instead of the KMDF double
    #[arg(long, value_name = "FILE")]
    kmdf: Option<PathBuf>,
    /// Run this VF driver in place of the sample; docs/vf-authors.md has the requirements
    #[arg(long, value_name = "FILE")]
    vf_driver: Option<PathBuf>,
    /// Run this driver as the PF's function driver below the driver as an upper filter
    #[arg(long, value_name = "FILE")]
    function_driver: Option<PathBuf>,
    /// Where `serve` listens for programs of this system: a loopback address and a port, 0 for any
    #[arg(long, value_name = "ADDRESS:PORT", default_value = SERVED_AT)]
    listen: SocketAddr,
    /// The driver's position in the PF's device stack
    #[arg(long, value_enum, default_value_t = Position::FunctionDriver)]
    position: Position,
    /// Run the images of the last build
    #[arg(long)]
    no_build: bool,
    /// Print the kernel log and the driver's events even when nothing fails
    #[arg(long)]
    log: bool,
}

/// A job of the runner, with the runner's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Job {
    /// Run a story of several VFs, one of them hostile
    Story,
    /// Run the commands of pfbctl on standard input, and operations of a trace between them
    Console,
    /// Keep the image running for other programs until Ctrl-C, and carry out the lines of standard
    /// input as the console does
    Serve,
    /// Check the driver from outside: layouts, requests, rebalance, faults, removal
    Checks,
    /// Run the faults: vetoes, missing answers, hardware failures, removal
    Faults,
    /// Flood the limits of a manifest
    Limits,
    /// Check resets that have to be acknowledged
    Acknowledgements,
    /// Run concurrent operations of every VF, with resets, rebalances and removals
    Storm,
    /// Run writers, readers, publishers, resets and invalidations on the same VFs
    Contention,
    /// Check the example of a companion: registers, responses, resets, power
    Companion,
    /// Check the calls into the sample companion and those that it makes
    SampleCompanion,
    /// Measure reads and writes through each path, and what VFs wait for
    Measure,
}

impl Job {
    /// The manifest that the job needs.
    fn manifest(self, paths: &Paths) -> Result<PathBuf> {
        match self {
            Self::Limits => device::limited(paths),
            Self::Acknowledgements => device::acknowledged(paths),
            Self::Storm | Self::Contention | Self::Measure => {
                Ok(paths.root().join(device::STORM_MANIFEST))
            }
            Self::Story => Ok(paths.root().join(device::STORY_MANIFEST)),
            Self::Companion => Ok(paths.root().join(device::COMPANION_MANIFEST)),
            Self::SampleCompanion => Ok(paths.root().join(device::SAMPLE_COMPANION_MANIFEST)),
            _ => Ok(paths.root().join(device::CHECKS_MANIFEST)),
        }
    }

    /// The runner's name of the job.
    fn word(self) -> String {
        // Whether its input has an end is the harness's matter.
        let runner_s = if self == Self::Serve {
            Self::Console
        } else {
            self
        };
        runner_s
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// Runs the lab as the command line says.
///
/// # Errors
/// When something cannot be built or Wine does not start. A trace that ends early is an exit code.
pub fn run(paths: &Paths, arguments: &Arguments) -> Result<ExitCode> {
    let build = if arguments.no_build {
        Build::Nothing
    } else {
        Build::Everything
    };
    if let Some(file) = &arguments.vf_driver {
        vf_driver::check(vf_driver::VF_DRIVER, file)?;
    }
    let mut images = build::all(paths, arguments.kmdf.as_deref(), build)?;
    if let Some(file) = &arguments.vf_driver {
        images.vf_driver.clone_from(file);
    }
    let job = if arguments.faults {
        Job::Faults
    } else {
        arguments.job
    };
    let is_companion = arguments.trace.is_none() && job == Job::Companion;
    if let Some(file) = &arguments.function_driver {
        vf_driver::check(vf_driver::FUNCTION_DRIVER, file)?;
        images.function_driver.clone_from(file);
    } else if is_companion {
        images.function_driver.clone_from(&images.companion);
    }
    let needs_filter = is_companion || job == Job::SampleCompanion;
    let position = if needs_filter || arguments.function_driver.is_some() {
        Position::UpperFilter
    } else {
        arguments.position
    };
    let manifest = match &arguments.manifest {
        Some(manifest) => manifest.clone(),
        None => job.manifest(paths)?,
    };
    let device = Device::from_manifest(&manifest, arguments.vfs)?
        .for_mode(&arguments.mode)
        .at(position);
    // The runner checks the values of its options.
    let mut words = ["--path", &arguments.path, "--mode", &arguments.mode]
        .map(str::to_owned)
        .to_vec();
    if let Some(file) = &arguments.vf_driver {
        words.extend(["--vf-driver".to_owned(), file.display().to_string()]);
    }
    let mut bytes = Vec::new();
    let mut live = None;
    match &arguments.trace {
        Some(file) if file.as_os_str() == "-" => live = Some(Live::new(stdin(), stdout())),
        Some(file) => bytes = fs_err::read(file)?,
        None if job == Job::Console => live = Some(Live::new(stdin(), stdout())),
        None if job == Job::Serve => live = Some(serving()?),
        None => {}
    }
    words.push(match arguments.trace {
        Some(_) => "trace".to_owned(),
        None => job.word(),
    });
    if arguments.trace.is_none() && job == Job::Serve {
        words.extend(["--listen".to_owned(), arguments.listen.to_string()]);
    }
    let input = live.as_ref().map_or(Input::Bytes(&bytes), Input::Live);
    let finished = run::session(paths, &images, &device, &words, input)?;
    let stormed = arguments.trace.is_none() && job == Job::Storm;
    if stormed && finished.succeeded() {
        suite::simulated(paths, &device, &finished)?;
    }
    if live.is_none() {
        print!("{}", finished.output);
    }
    eprint!("{}", finished.messages);
    if arguments.log || !finished.succeeded() {
        eprint!("{}", finished.kernel_log);
        for LoggedEvent { event, .. } in &finished.events {
            eprintln!("event {event}");
        }
    }
    for violation in &finished.violations {
        eprintln!("error: {violation}");
    }
    Ok(finished.exit_code())
}

/// A run that serves until the first Ctrl-C; a second one ends this process at once.
fn serving() -> Result<Live> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&end))?;
        flag::register(signal, Arc::clone(&end))?;
    }
    Ok(Live::until(end, SERVED.chain(stdin()), stdout()))
}

/// Runs every test of the lab with `only` in its name and counts.
///
/// # Errors
/// When something cannot be built, Wine does not start, or no test has such a name.
pub fn test(paths: &Paths, fail_fast: FailFast, only: &str) -> Result<Tally> {
    let images = build::all(paths, None, Build::Everything)?;
    suite::all(paths, &images, fail_fast, only)
}

/// Runs every test on `driver`, an image with counters. Each run writes the counters to a file of
/// its own in the folder `counters`.
///
/// # Errors
/// As for [`test`].
pub fn test_counting(paths: &Paths, driver: &Path, counters: &Path) -> Result<Tally> {
    let build = Build::Around(driver.to_path_buf());
    let images = Images {
        counters: Some(counters.to_path_buf()),
        ..build::all(paths, None, build)?
    };
    suite::all(paths, &images, FailFast::No, "")
}
