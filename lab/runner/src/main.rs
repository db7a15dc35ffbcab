//! Drives the lab from user mode: installs the drivers, plugs devices in, runs a job, and prints
//! what happened.
//!
//! | module | does |
//! |---|---|
//! | `cli`, `jobs` | the command line, and the job that it names |
//! | `preconditions` | whether manifest and VF count fit the job |
//! | `session` | everything that is plugged in, on top of `install` and `stack` (the doubles) |
//! | `checks` | the rules, one file a subject; they share `check`, `operations`, `status` |
//! | `trace`, `console`, `served`, `story`, `limits`, `storm`, `contention`, `measure`, `start` | one job each |
//! | `messages` | prints messages of the driver's image |
//! | `companion_example` | the rules of the example of a companion |
//! | `acknowledgements` | the rules of acknowledged resets |
//! | `rebalance`, `leftovers`, `listeners`, `exchanges` | steps that several jobs share |
//!
//! `cargo xtask lab` builds it and runs it under Wine. It is not meant to be started by hand.

#[cfg(windows)]
mod acknowledgements;
#[cfg(windows)]
mod check;
#[cfg(windows)]
mod checks;
mod cli;
#[cfg(windows)]
mod companion_example;
#[cfg(windows)]
mod console;
#[cfg(windows)]
mod contention;
#[cfg(windows)]
mod exchanges;
#[cfg(windows)]
mod install;
#[cfg(windows)]
mod jobs;
#[cfg(windows)]
mod leftovers;
#[cfg(windows)]
mod limits;
#[cfg(windows)]
mod listeners;
#[cfg(windows)]
mod measure;
#[cfg(windows)]
mod messages;
#[cfg(windows)]
mod operations;
#[cfg(windows)]
mod preconditions;
#[cfg(windows)]
mod rebalance;
#[cfg(windows)]
mod sample_companion;
#[cfg(windows)]
mod served;
#[cfg(windows)]
mod session;
#[cfg(windows)]
mod stack;
#[cfg(windows)]
mod start;
#[cfg(windows)]
mod status;
#[cfg(windows)]
mod storm;
#[cfg(windows)]
mod story;
#[cfg(windows)]
mod trace;

use clap::Parser as _;

#[cfg(windows)]
fn main() -> std::process::ExitCode {
    let arguments = cli::Arguments::parse();
    match jobs::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab-runner: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(windows))]
fn main() -> std::process::ExitCode {
    let _ = cli::Arguments::parse();
    eprintln!("lab-runner runs on Windows or Wine only");
    std::process::ExitCode::FAILURE
}
