//! One step of the test run: what it does, and how its outcome is counted and shown.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use build_steps::packages::ensure;
use build_steps::process::{cargo_program, output, shown};
use build_steps::tally::Tally;
use kmdf_cross::packages::KERNEL;

use super::packages::{CLIPPY, RUSTFMT};

/// How many lines of a failed command's output are shown; the log has all.
const SHOWN_LINES: usize = 60;

type Make = Box<dyn FnOnce() -> Result<Command>>;
type Check = Box<dyn FnOnce() -> Result<Tally>>;

enum Work {
    /// A command that is one check: it succeeds or fails.
    Command(Make),
    /// A command that runs tests and reports how many passed and failed.
    Tests(Make),
    /// A check inside xtask.
    Check(Check),
}

/// One step of the test run.
pub(super) struct Step {
    /// What is checked.
    pub(super) name: &'static str,
    work: Work,
}

/// How a step ended.
pub(super) struct Outcome {
    /// What it counted.
    pub(super) tally: Tally,
    /// Why it failed, where counting alone does not tell.
    pub(super) failure: Option<String>,
}

impl Step {
    /// A command that succeeds or fails as a whole.
    pub(super) fn command(name: &'static str, command: Command) -> Self {
        Self::command_made(name, || Ok(command))
    }

    /// The same, for a command that needs preparation.
    pub(super) fn command_made(
        name: &'static str,
        make: impl FnOnce() -> Result<Command> + 'static,
    ) -> Self {
        Self {
            name,
            work: Work::Command(Box::new(make)),
        }
    }

    /// A command that runs tests with Rust's test harness.
    pub(super) fn tests(name: &'static str, command: Command) -> Self {
        Self {
            name,
            work: Work::Tests(Box::new(|| Ok(command))),
        }
    }

    /// A check that counts by itself.
    pub(super) fn check(
        name: &'static str,
        check: impl FnOnce() -> Result<Tally> + 'static,
    ) -> Self {
        Self {
            name,
            work: Work::Check(Box::new(check)),
        }
    }

    /// Does the work. What a command prints goes to a file in `logs`.
    pub(super) fn run(self, logs: &Path) -> Outcome {
        let log = logs
            .join(self.name.replace([' ', '\''], "-"))
            .with_extension("log");
        let result = match self.work {
            Work::Check(check) => check(),
            Work::Command(make) => make().and_then(|command| {
                let (text, succeeded) = logged(command, &log)?;
                if !succeeded {
                    bail!("{}", tail(&text, &log));
                }
                Ok(Tally::PASSED)
            }),
            Work::Tests(make) => return make().map_or_else(failed, |make| tests(make, &log)),
        };
        result.map_or_else(failed, |tally| Outcome {
            tally,
            failure: None,
        })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed over by map_or_else"
)]
fn failed(error: anyhow::Error) -> Outcome {
    Outcome {
        tally: Tally::FAILED,
        failure: Some(format!("{error:#}")),
    }
}

fn tests(command: Command, log: &Path) -> Outcome {
    let (text, succeeded) = match logged(command, log) {
        Ok(outcome) => outcome,
        Err(error) => return failed(error),
    };
    let mut tally = Tally::of_test_output(&text);
    let failure = (!succeeded).then(|| tail(&text, log));
    // A test that does not compile, or a crash of the harness, is a failure that no line counts.
    if !succeeded && tally.failed == 0 {
        tally += Tally::FAILED;
    }
    Outcome { tally, failure }
}

/// Runs `command` with its output in `log`; returns the output and whether it succeeded.
fn logged(mut command: Command, log: &Path) -> Result<(String, bool)> {
    let file: File = fs_err::File::create(log)?.into();
    let status = command
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file)
        .status()
        .with_context(|| format!("cannot start `{}`", shown(&command)))?;
    let text = String::from_utf8_lossy(&fs_err::read(log)?).into_owned();
    Ok((text, status.success()))
}

fn tail(text: &str, log: &Path) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(SHOWN_LINES);
    format!(
        "{}\nthe whole output is in {}",
        lines[start..].join("\n"),
        log.display()
    )
}

/// The cargo for the host.
pub(super) struct HostCargo {
    program: PathBuf,
}

impl HostCargo {
    /// The cargo that runs xtask.
    pub(super) fn of_this_process() -> Self {
        Self {
            program: cargo_program(),
        }
    }

    /// The cargo that runs xtask, if it can format and lint.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn that_lints() -> Result<Self> {
        let own = Self::of_this_process();
        for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
            output(Command::new(&own.program).args([subcommand, "--version"])).with_context(
                || {
                    format!(
                        "formatting and lints need cargo {subcommand}: \
                         `rustup component add {component}`"
                    )
                },
            )?;
        }
        Ok(own)
    }

    /// The same; where that cargo cannot lint, Debian's, installed if need be.
    pub(super) fn installed() -> Result<Self> {
        if let Ok(own) = Self::that_lints() {
            return Ok(own);
        }
        ensure(&[KERNEL, CLIPPY, RUSTFMT])?;
        Ok(Self {
            program: "/usr/bin/cargo".into(),
        })
    }

    pub(super) fn command(&self, folder: &Path, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).args(arguments).current_dir(folder);
        // A test's output is read, so it carries no colours.
        command.env("CARGO_TERM_COLOR", "never");
        command
    }
}
