//! One step of the test run: what it does, and how its outcome is counted and shown.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use wait_timeout::ChildExt as _;

use build_steps::packages::ensure;
use build_steps::process::{cargo_program, output, shown};
use build_steps::tally::Tally;
use kmdf_cross::packages::KERNEL;

use super::packages::{CLIPPY, RUSTFMT};

/// The time after which a command counts as hanging: many times its duration on two processors.
/// The log then has the test that runs, and the other steps follow.
const LIMIT: Duration = Duration::from_mins(40);

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
                let (text, succeeded) = logged(command, &log, LIMIT)?;
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
    let (text, succeeded) = match logged(command, log, LIMIT) {
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
///
/// # Errors
/// When it cannot be started, or takes longer than `limit`.
fn logged(mut command: Command, log: &Path, limit: Duration) -> Result<(String, bool)> {
    let file: File = fs_err::File::create(log)?.into();
    let mut child = command
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file)
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(&command)))?;
    let status = child.wait_timeout(limit)?;
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    let text = String::from_utf8_lossy(&fs_err::read(log)?).into_owned();
    let Some(status) = status else {
        bail!(
            "{}\n`{}` had not ended after {} s and was stopped",
            tail(&text, log),
            shown(&command),
            limit.as_secs()
        );
    };
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

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use build_steps::process::command;

    use super::logged;

    #[test]
    fn a_command_that_hangs_is_stopped_and_its_last_lines_are_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let hangs = command("sh", ["-c", "echo 'test a ...'; exec sleep 60"]);
        let log = folder.path().join("log");
        let stopped = logged(hangs, &log, Duration::from_secs(1)).expect_err("it hangs");
        let text = format!("{stopped:#}");
        assert!(text.starts_with("test a ...\n"), "{text}");
        assert!(
            text.ends_with("had not ended after 1 s and was stopped"),
            "{text}"
        );
    }
}
