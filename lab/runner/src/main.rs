//! Drives the lab from user mode: installs the drivers, plugs devices in, plays traces and faults,
//! and prints what happened.
//!
//! `cargo xtask lab` builds it and runs it under Wine; it is not meant to be started by hand.

#[cfg(windows)]
mod checks;
mod cli;
#[cfg(windows)]
mod console;
#[cfg(windows)]
mod contention;
#[cfg(windows)]
mod install;
#[cfg(windows)]
mod leftovers;
#[cfg(windows)]
mod limits;
#[cfg(windows)]
mod measure;
#[cfg(windows)]
mod preconditions;
#[cfg(windows)]
mod rebalance;
#[cfg(windows)]
mod session;
#[cfg(windows)]
mod stack;
#[cfg(windows)]
mod start;
#[cfg(windows)]
mod storm;
#[cfg(windows)]
mod story;
#[cfg(windows)]
mod trace;

fn main() -> std::process::ExitCode {
    cli::main()
}
