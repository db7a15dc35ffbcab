//! One test of the lab: what it runs, and how its outcome is judged.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use build_steps::paths::Paths;
use build_steps::tally::Tally;

use super::entries;
use super::events;
use super::guide::Guide;
use super::outcome::StartOutcome;
use super::simulation::{compare, simulated};
use crate::build::Images;
use crate::device::Device;
use crate::live::Live;
use crate::run::{self, Finished, Input};

/// One run of the lab and how it is judged.
pub(super) struct Test {
    pub(super) name: String,
    pub(super) device: Device,
    pub(super) words: Vec<String>,
    pub(super) input: Vec<u8>,
    /// Each line of the input is written after the answer to the previous one was read.
    pub(super) is_live: bool,
    /// A file to use as the framework in place of the double.
    pub(super) framework: Option<PathBuf>,
    /// A file to use as the VF driver in place of the sample.
    pub(super) vf_driver: Option<PathBuf>,
    /// A file to use as the PF's function driver in place of the lab's.
    pub(super) function_driver: Option<PathBuf>,
    /// Names of checks, and below each the events that the driver has to write during it.
    pub(super) events: &'static str,
    /// The same for the entries of the System event log. During all other checks the driver has to
    /// write none; a start that fails has one of its own.
    pub(super) entries: &'static str,
    pub(super) verdict: Verdict,
}

/// How a run is judged.
pub(super) enum Verdict {
    /// Its output is this, line for line.
    Lines(String),
    /// Each line of its output is a check of its own.
    Checks,
    /// The runner judges it.
    Success,
    /// The simulation gets the same results for the traces that the runner wrote.
    Simulation,
    /// The PF's start ends like this.
    Start(StartOutcome),
    /// Commands print what a page shows.
    Guide(Guide),
    /// The runner refuses, with this sentence.
    Refused(&'static str),
}

impl Test {
    /// Runs the test; its counts, and the names of the events that the driver wrote.
    pub(super) fn run(&self, paths: &Paths, images: &Images) -> Result<(Tally, BTreeSet<String>)> {
        let mut images = images.clone();
        if let Some(framework) = &self.framework {
            images.framework.clone_from(framework);
        }
        if let Some(vf_driver) = &self.vf_driver {
            images.vf_driver.clone_from(vf_driver);
        }
        if let Some(function_driver) = &self.function_driver {
            images.function_driver.clone_from(function_driver);
        }
        let finished = if self.is_live {
            self.converse(paths, &images)
        } else {
            let input = Input::Bytes(&self.input);
            run::session(paths, &images, &self.device, &self.words, input)
        };
        let finished = finished.with_context(|| format!("the lab's test {:?}", self.name))?;
        let written = finished
            .events
            .iter()
            .map(|logged| logged.event.name.clone());
        Ok((self.judge(paths, &finished), written.collect()))
    }

    /// Runs the lab as an interactive program does: writes a line, reads its answer, and only then
    /// writes the next. The answers that were read are the run's output.
    fn converse(&self, paths: &Paths, images: &Images) -> Result<Finished> {
        let (input, mut sender) = io::pipe()?;
        let (receiver, output) = io::pipe()?;
        let live = Live::new(input, output);
        thread::scope(|scope| {
            let program = scope.spawn(move || -> Result<String> {
                let mut answers = BufReader::new(receiver);
                let mut read = String::new();
                for line in self.input.split_inclusive(|&byte| byte == b'\n') {
                    sender.write_all(line)?;
                    if !line.trim_ascii().is_empty() {
                        answers.read_line(&mut read)?;
                    }
                }
                Ok(read)
            });
            let finished =
                run::session(paths, images, &self.device, &self.words, Input::Live(&live));
            // Ends a program that waits for an answer which does not come.
            drop(live);
            let read = program
                .join()
                .map_err(|_| anyhow!("the program panicked"))?;
            let output = read?;
            Ok(Finished {
                output,
                ..finished?
            })
        })
    }

    /// Judges a run, and prints how it ended.
    fn judge(&self, paths: &Paths, finished: &Finished) -> Tally {
        let (mut tally, problem) = match &self.verdict {
            Verdict::Lines(expected) => one(compare(expected, &finished.output)),
            Verdict::Checks => checks(finished),
            Verdict::Success if finished.succeeded() => (Tally::PASSED, None),
            Verdict::Success => (Tally::default(), None),
            Verdict::Simulation => one(simulated(paths, &self.device, finished)),
            Verdict::Start(ended) => one(ended.judge(finished)),
            Verdict::Guide(guide) => one(guide.judge(finished)),
            Verdict::Refused(sentence) => one(refused(sentence, finished)),
        };
        let ended_well = match self.verdict {
            Verdict::Refused(_) => finished.violations.is_empty(),
            _ => finished.succeeded(),
        };
        // When a call fails for lack of resources, the driver can run without the path.
        let paths = self.device.shortage.is_none();
        let events = events::listed(&finished.events, paths)
            .and_then(|()| events::compare(self.events, &finished.events))
            .and_then(|()| match self.verdict {
                Verdict::Start(_) => entries::of_failed_starts(finished),
                _ => entries::compare(self.entries, &finished.entries),
            });
        if problem.is_none() && ended_well && events.is_ok() {
            println!("      {} ... ok", self.name);
            return tally;
        }
        if problem.is_none() {
            tally += Tally::FAILED;
        }
        println!("      {} ... FAILED", self.name);
        if let Some(problem) = problem {
            println!("{problem}");
        }
        if let Err(problem) = events {
            println!("      {problem:#}");
        }
        for violation in &finished.violations {
            println!("      {violation}");
        }
        print!("{}{}", finished.messages, finished.kernel_log);
        tally
    }
}

fn one(result: Result<()>) -> (Tally, Option<String>) {
    match result {
        Ok(()) => (Tally::PASSED, None),
        Err(error) => (Tally::FAILED, Some(format!("      {error:#}"))),
    }
}

/// Fails unless the runner ended with this error.
fn refused(sentence: &str, finished: &Finished) -> Result<()> {
    if finished.code == Some(0) {
        bail!("the run succeeded instead of failing with {sentence:?}");
    }
    if !finished.messages.contains(sentence) {
        bail!("no message is {sentence:?}: {}", finished.messages);
    }
    Ok(())
}

/// Counts the runner's own verdicts.
fn checks(finished: &Finished) -> (Tally, Option<String>) {
    let mut tally = Tally::default();
    let mut problems = String::new();
    for line in finished.output.lines() {
        if line.ends_with(" ... ok") {
            tally += Tally::PASSED;
        } else if line.contains(" ... FAILED") {
            tally += Tally::FAILED;
            problems.push_str("      ");
            problems.push_str(line);
            problems.push('\n');
        }
    }
    if tally == Tally::default() {
        return (Tally::FAILED, Some("      nothing was checked".to_owned()));
    }
    (tally, (!problems.is_empty()).then_some(problems))
}
