//! The trial of one fault: compiles the source and runs the tests that should catch it.

use std::fmt;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use wait_timeout::ChildExt as _;

use crate::prefix;
use build_steps::paths::Paths;
use build_steps::process::{cargo, output, shown};

/// The tests that should catch a fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum TestSet {
    /// The tests of one host package.
    Package(String),
    /// The lab's tests on the built image.
    Lab,
}

impl TryFrom<String> for TestSet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(' ') {
            None if text == "lab" => Ok(Self::Lab),
            Some(("package", name)) => Ok(Self::Package(name.to_owned())),
            _ => Err(format!(
                "caught-by = \"{text}\": must be \"lab\" or \"package NAME\""
            )),
        }
    }
}

impl fmt::Display for TestSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => write!(f, "the tests of {name}"),
            Self::Lab => f.write_str("the lab"),
        }
    }
}

/// The outcome of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The tests failed; the text is the line of the log that explains it best.
    Caught(String),
    /// They passed.
    Survived,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(how) => write!(f, "caught ({how})"),
            Self::Survived => f.write_str("SURVIVED"),
        }
    }
}

impl TestSet {
    /// The time after which the tests count as hanging.
    const fn timeout(&self) -> Duration {
        match self {
            Self::Package(_) => Duration::from_mins(2),
            Self::Lab => Duration::from_mins(10),
        }
    }

    /// Compiles and tests the source in `paths`.
    ///
    /// # Errors
    /// When it does not compile: that is no fault that a test could catch.
    pub(super) fn run_on(&self, paths: &Paths) -> Result<Verdict> {
        let root = paths.root();
        let (mut compile, test) = match self {
            Self::Package(name) => (
                cargo(root, ["test", "--quiet", "--package", name, "--no-run"]),
                cargo(root, ["test", "--quiet", "--package", name]),
            ),
            Self::Lab => (
                cargo(root, ["xtask", "driver"]),
                cargo(root, ["xtask", "test", "--lab-only", "--fail-fast"]),
            ),
        };
        output(&mut compile).context("the source with the fault does not compile")?;
        let log = paths.target().join("trial.log");
        let file: File = fs_err::File::create(&log)?.into();
        let timeout = self.timeout();
        let ended = run(test, timeout, &file)?;
        if ended.is_none() {
            // Wine's server and the kernel's process are in other process groups.
            prefix::stop_all(paths)?;
        }
        Ok(match ended {
            None => Verdict::Caught(format!("no end within {} s", timeout.as_secs())),
            Some(status) if status.success() => Verdict::Survived,
            Some(_) => failure(&fs_err::read_to_string(&log)?)?,
        })
    }
}

/// How the command ended, or nothing when it had to be stopped.
fn run(mut command: Command, timeout: Duration, log: &File) -> Result<Option<ExitStatus>> {
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    // A process group of its own, so that its child processes can be stopped with it.
    let mut child = command
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(&command)))?;
    let ended = child.wait_timeout(timeout)?;
    if ended.is_none() {
        stop(&mut child)?;
    }
    Ok(ended)
}

fn stop(child: &mut Child) -> Result<()> {
    let group = format!("-{}", child.id());
    output(Command::new("kill").args(["-KILL", "--", &group]))?;
    if !child.wait()?.success() {
        return Ok(());
    }
    bail!("process group {group} was stopped, but its leader had ended well")
}

/// The verdict of a failed run.
///
/// # Errors
/// When the tests did not compile, as with a full disk: no test has judged the fault then.
fn failure(log: &str) -> Result<Verdict> {
    match log.lines().find(|line| line.contains("could not compile")) {
        Some(line) => bail!("the tests do not compile: {}", line.trim()),
        None => Ok(Verdict::Caught(first_complaint(log))),
    }
}

/// The line of the log that best explains the failure: the name of the test that panicked, or the
/// first line with a sign of failure.
fn first_complaint(log: &str) -> String {
    const SIGNS: [&str; 3] = ["FAILED", "error:", "failed"];
    let panicked = log.lines().find(|line| line.contains("panicked at"));
    if let Some(test) = panicked.and_then(|line| line.split('\'').nth(1)) {
        return test.to_owned();
    }
    SIGNS
        .iter()
        .find_map(|sign| log.lines().find(|line| line.contains(sign)))
        .or_else(|| log.lines().last())
        .unwrap_or("no output")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{TestSet, Verdict, failure, first_complaint};

    #[test]
    fn a_test_set_is_the_lab_or_a_package() {
        assert_eq!(TestSet::try_from("lab".to_owned()), Ok(TestSet::Lab));
        let package = TestSet::Package("block-broker".to_owned());
        assert_eq!(
            TestSet::try_from("package block-broker".to_owned()),
            Ok(package)
        );
        assert!(TestSet::try_from("others".to_owned()).is_err());
    }

    #[test]
    fn tests_that_do_not_compile_catch_nothing() {
        let log = "error: No space left on device\nerror: could not compile `pfbctl`\n";
        let error = failure(log).unwrap_err().to_string();
        assert!(error.contains("could not compile `pfbctl`"), "{error}");
        let failed = "3 passed, 1 failed";
        assert_eq!(failure(failed).unwrap(), Verdict::Caught(failed.to_owned()));
    }

    #[test]
    fn the_complaint_is_the_test_that_panicked_and_not_the_noise_around_it() {
        let log = "running 2 tests\nthread 'store::wiped' (7) panicked at src/lib.rs:1:\nFAILED\n";
        assert_eq!(first_complaint(log), "store::wiped");
    }

    #[test]
    fn without_a_panic_the_complaint_is_the_line_that_says_failed() {
        assert_eq!(
            first_complaint("start\n1 passed, 2 failed\nend\n"),
            "1 passed, 2 failed"
        );
        assert_eq!(first_complaint(""), "no output");
    }
}
