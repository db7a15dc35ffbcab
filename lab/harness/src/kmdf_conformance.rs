//! `cargo xtask double`: tests the KMDF double on the running kernel. It must stop a driver that
//! breaks a rule, with the sentence of that rule; otherwise it must behave as the framework
//! documents, and call callbacks in the framework's order. The driver is `lab/kmdf/probe`; each
//! scenario is one start of it.

mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use wait_timeout::ChildExt as _;

use crate::build::KERNEL_PROFILE;
use crate::packages::WINE;
use crate::prefix::Prefix;
use build_steps::packages::ensure;
use build_steps::paths::Paths;
use build_steps::process::{self, output};
use build_steps::tally::Tally;
use kmdf_cross::architecture::Architecture;
use kmdf_cross::toolchain::Toolchain;
use scenarios::{Expectation, Scenario};

const SERVICE: &str = "wdfprobe";
const PARAMETERS: &str = r"HKLM\System\CurrentControlSet\Services\wdfprobe\Parameters";
/// Longer than the double waits for a driver to complete a request, on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Builds double and probe and runs the scenarios whose name contains `only`.
///
/// # Errors
/// When something cannot be built, Wine cannot be started, or no scenario has such a name.
pub fn run(paths: &Paths, only: &str) -> Result<Tally> {
    if !scenarios::all().any(|scenario| scenario.name.contains(only)) {
        bail!("no scenario of lab/kmdf/probe has a name that contains `{only}`");
    }
    ensure(&[WINE])?;
    let lab = build(paths)?;
    let mut total = Tally::default();
    for scenario in scenarios::all().filter(|scenario| scenario.name.contains(only)) {
        match lab.judge(scenario)? {
            None => total += Tally::PASSED,
            Some(difference) => {
                println!("{}: {difference}", scenario.name);
                total += Tally::FAILED;
            }
        }
    }
    Ok(total)
}

fn build(paths: &Paths) -> Result<Lab> {
    let toolchain = Toolchain::kernel(paths, Architecture::X86_64)?;
    let mut cargo = toolchain.cargo(&paths.lab(), "build")?;
    process::run(cargo.args([
        "-p",
        "wdfldr",
        "-p",
        "wdfprobe",
        "--profile",
        KERNEL_PROFILE,
    ]))?;
    let built = toolchain.output_folder(KERNEL_PROFILE);
    let lab = Lab {
        prefix: Prefix::fresh(paths)?,
    };
    lab.install(&built)?;
    Ok(lab)
}

/// The drivers in a Wine prefix of their own.
struct Lab {
    prefix: Prefix,
}

impl Lab {
    fn command(&self) -> Command {
        let mut command = self.prefix.wine();
        command
            .env("WINEDEBUG", "-all")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn log(&self) -> PathBuf {
        self.prefix.drive().join("windows").join("wdf-double.log")
    }

    fn install(&self, built: &Path) -> Result<()> {
        let windows = self.prefix.drive().join("windows");
        let drivers = windows.join("system32").join("drivers");
        fs_err::copy(built.join("wdfldr.dll"), drivers.join("WDFLDR.SYS"))?;
        fs_err::copy(built.join("wdfprobe.dll"), drivers.join("wdfprobe.sys"))?;
        let image = r"C:\windows\system32\drivers\wdfprobe.sys";
        if !self.succeeds(&[
            "sc", "create", SERVICE, "type=", "kernel", "binPath=", image,
        ])? {
            bail!("Wine refuses to create the service {SERVICE}");
        }
        Ok(())
    }

    /// Runs a program inside Wine; whether it ended in time and with success.
    fn succeeds(&self, arguments: &[&str]) -> Result<bool> {
        let child = self.command().args(arguments).spawn();
        let mut child = child.context("cannot start Wine")?;
        if let Some(status) = child.wait_timeout(TIMEOUT)? {
            return Ok(status.success());
        }
        child.kill()?;
        child.wait()?;
        Ok(false)
    }

    /// Runs one scenario and returns the difference from its expectation, if there is one.
    fn judge(&self, scenario: &Scenario) -> Result<Option<String>> {
        let log = self.log();
        if log.exists() {
            fs_err::remove_file(&log)?;
        }
        let name = scenario.name;
        if !self.succeeds(&["reg", "add", PARAMETERS, "/v", "Scenario", "/d", name, "/f"])? {
            bail!("cannot write the scenario {name} to Wine's registry");
        }
        self.start(&log)?;
        if violation(&log).is_none() {
            self.succeeds(&["sc", "stop", SERVICE])?;
        }
        let seen = self.read(&log, name);
        if seen.violation.is_some() || !seen.finished {
            // The next scenario needs a running kernel.
            self.prefix.stop();
        }
        Ok(difference(&scenario.expectation, &seen))
    }

    /// Starts the probe. A broken rule ends the kernel process in the middle, so `sc` need not
    /// succeed; but the double has written a line as soon as the driver binds. Without one the
    /// service manager was still busy with the last stop, and a fresh kernel is not.
    fn start(&self, log: &Path) -> Result<()> {
        for _ in 0..3 {
            self.succeeds(&["sc", "start", SERVICE])?;
            if log.exists() {
                return Ok(());
            }
            self.prefix.stop();
        }
        bail!("Wine does not start the service {SERVICE}")
    }

    /// Waits for the end of the scenario and reads its results.
    fn read(&self, log: &Path, scenario: &str) -> Seen {
        let started = Instant::now();
        loop {
            if let Some(violation) = violation(log) {
                return Seen {
                    violation: Some(violation),
                    ..Seen::default()
                };
            }
            let text = fs_err::read_to_string(log).unwrap_or_default();
            if text.contains("unloaded") || started.elapsed() > TIMEOUT {
                let values = self.values();
                return Seen {
                    violation: None,
                    finished: value(&values, "Finished") == Some(scenario),
                    broken: value(&values, "Broken").map(str::to_owned),
                    calls: value(&values, "Calls").unwrap_or_default().to_owned(),
                    last: text.lines().last().unwrap_or_default().to_owned(),
                };
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// What the probe wrote below its `Parameters` key, as Wine's `reg` prints it.
    fn values(&self) -> String {
        let mut query = self.command();
        output(
            query
                .args(["reg", "query", PARAMETERS])
                .stdout(Stdio::piped()),
        )
        .unwrap_or_default()
    }
}

/// A string value among those that `reg` printed.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once("REG_SZ")?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// The rule that was broken, and its sentence.
fn violation(log: &Path) -> Option<(String, String)> {
    let text = fs_err::read_to_string(log).ok()?;
    let said = |prefix| text.lines().find_map(|line| line.strip_prefix(prefix));
    let sentence = said("violation: ")?;
    let rule = said("rule: ").unwrap_or_default();
    Some((rule.to_owned(), without_handles(sentence)))
}

/// The results of a scenario.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The rule that was broken, and its sentence.
    violation: Option<(String, String)>,
    finished: bool,
    broken: Option<String>,
    /// The calls, with [`SEPARATOR`] between them.
    calls: String,
    /// The last line of the double's log.
    last: String,
}

/// What the probe writes between two calls.
const SEPARATOR: &str = "; ";

fn difference(expectation: &Expectation, seen: &Seen) -> Option<String> {
    match (expectation, &seen.violation) {
        (Expectation::Stops(rule, sentence), Some((broken, violation))) => (violation != sentence
            || *broken != format!("{rule:?}"))
        .then(|| format!("stopped with {broken}, `{violation}` instead of {rule:?}, `{sentence}`")),
        (Expectation::Stops(_, sentence), None) => {
            Some(format!("was not stopped with `{sentence}`"))
        }
        (_, Some((_, violation))) => Some(format!("was stopped with `{violation}`")),
        (Expectation::Keeps, None) => unfinished(seen),
        (Expectation::Calls(groups), None) => {
            unfinished(seen).or_else(|| other_calls(&groups.concat(), &seen.calls))
        }
    }
}

fn unfinished(seen: &Seen) -> Option<String> {
    match &seen.broken {
        Some(promise) => Some(format!("the double does not keep: {promise}")),
        None if !seen.finished => {
            Some(format!("did not finish; the log ends with `{}`", seen.last))
        }
        None => None,
    }
}

/// The first call that differs, with the calls before it.
fn other_calls(expected: &[&str], seen: &str) -> Option<String> {
    let seen: Vec<&str> = seen.split(SEPARATOR).collect();
    if seen == expected {
        return None;
    }
    let same = seen
        .iter()
        .zip(expected)
        .take_while(|(seen, expected)| seen == expected)
        .count();
    let at = |list: &[&str]| list.get(same).copied().unwrap_or("the end").to_owned();
    Some(format!(
        "`{}` instead of `{}` after {}",
        at(&seen),
        at(expected),
        seen[..same].join(SEPARATOR)
    ))
}

/// The sentence with `#` in place of each framework handle, whose number differs from run to run.
fn without_handles(sentence: &str) -> String {
    sentence
        .split(' ')
        .map(|word| match word.find("0xd0f0000000") {
            Some(start) => {
                let digits = word[start + 2..]
                    .find(|c: char| !c.is_ascii_hexdigit())
                    .map_or(word.len(), |end| start + 2 + end);
                format!("{}#{}", &word[..start], &word[digits..])
            }
            None => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use kmdf_rules::violation::Rule;

    use super::{Expectation, Seen, difference, value, without_handles};

    const CALLS: Expectation = Expectation::Calls(&[&["one", "two"], &["three"]]);
    const STOPS: Expectation = Expectation::Stops(Rule::WrongState, "no");

    fn finished(calls: &str) -> Seen {
        Seen {
            finished: true,
            calls: calls.to_owned(),
            ..Seen::default()
        }
    }

    fn stopped(rule: &str, sentence: &str) -> Seen {
        Seen {
            violation: Some((rule.to_owned(), sentence.to_owned())),
            ..Seen::default()
        }
    }

    #[test]
    fn handles_are_left_out_of_sentences() {
        assert_eq!(
            without_handles("has no context (0xd0f000000000328); size 0x10, 0xd0f000000000410"),
            "has no context (#); size 0x10, #"
        );
    }

    #[test]
    fn a_violation_that_is_not_noticed_is_a_difference() {
        assert!(difference(&STOPS, &finished("")).is_some());
    }

    #[test]
    fn another_sentence_or_rule_is_a_difference() {
        assert!(difference(&STOPS, &stopped("WrongState", "another")).is_some());
        assert!(difference(&STOPS, &stopped("WrongType", "no")).is_some());
        assert!(difference(&STOPS, &stopped("WrongState", "no")).is_none());
        assert!(difference(&Expectation::Keeps, &stopped("WrongState", "no")).is_some());
        assert!(difference(&CALLS, &stopped("WrongState", "no")).is_some());
    }

    #[test]
    fn contract_checks_must_finish_with_every_promise_kept() {
        assert!(difference(&Expectation::Keeps, &finished("")).is_none());
        assert!(difference(&Expectation::Keeps, &Seen::default()).is_some());
        let broken = Seen {
            broken: Some("a promise".to_owned()),
            ..finished("")
        };
        assert!(difference(&Expectation::Keeps, &broken).is_some());
    }

    #[test]
    fn values_are_read_by_their_names() {
        let text = "HKEY\\Parameters\n    Calls    REG_SZ    a; b\n    Scenario    REG_SZ    one\n";
        assert_eq!(value(text, "Calls"), Some("a; b"));
        assert_eq!(value(text, "Broken"), None);
    }

    #[test]
    fn calls_are_compared_one_by_one() {
        assert_eq!(difference(&CALLS, &finished("one; two; three")), None);
        assert_eq!(
            difference(&CALLS, &finished("one; three")).as_deref(),
            Some("`three` instead of `two` after one")
        );
        assert!(difference(&CALLS, &finished("one; two")).is_some());
        assert!(difference(&CALLS, &finished("one; two; three; four")).is_some());
    }
}
