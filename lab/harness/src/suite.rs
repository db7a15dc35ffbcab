//! The tests of the lab: every trace of the host tests on the image, the checks from outside, and a
//! storm whose results the simulation must repeat.

mod events;
mod guide;
mod list;
mod starts;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::bench::Bench;
use crate::build::Images;
use crate::prefix;
use crate::run::{self, Finished};
use build_steps::paths::Paths;
use build_steps::process::{cargo, output};
use build_steps::tally::Tally;

/// Runs of the lab at one time: more than there are processors, because a run mostly waits for
/// Wine's processes to start and to end.
const AT_ONCE: usize = 4;

/// The manifest of the checks, whose fields take any value.
pub(super) const MANIFEST: &str = "tests/manifests/checks.toml";
/// The manifest of the story: the one with a production VF driver.
pub(super) const STORY_MANIFEST: &str = "blocks/mlx5-hv-vhca.toml";
/// The manifest of the storm: a block for each way to get in each other's way.
pub(super) const STORM_MANIFEST: &str = "tests/manifests/storm.toml";

/// One run of the lab and how it is judged.
struct Test {
    name: String,
    bench: Bench,
    words: Vec<String>,
    input: Vec<u8>,
    /// Another framework than the double as it was built.
    framework: Option<PathBuf>,
    /// Checks, and the events that the driver has to tell during each of them.
    events: &'static str,
    verdict: Verdict,
}

/// How a run is judged.
enum Verdict {
    /// Its output is this, line for line.
    Lines(String),
    /// Each line of its output is a check of its own.
    Checks,
    /// The runner judges it.
    Success,
    /// The simulation gets the same results for what it wrote.
    Simulation,
    /// The PF's start ends like this.
    Start(starts::Ended),
    /// Commands print what a page shows.
    Guide(guide::Guide),
    /// The runner does not do it, and says this.
    Refused(&'static str),
}

/// Whether the first failure ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailFast {
    /// All tests run.
    No,
    /// The tests that run beside the one that failed are stopped, and fail, too.
    Yes,
}

/// Every test with `only` in its name.
pub(crate) fn all(
    paths: &Paths,
    images: &Images,
    fail_fast: FailFast,
    only: &str,
) -> Result<Tally> {
    let mut tests = list::all(paths, images)?;
    tests.retain(|test| test.name.contains(only));
    ensure!(
        !tests.is_empty(),
        "no test of the lab has {only:?} in its name"
    );
    let tests = Mutex::new(VecDeque::from(tests));
    let total: Mutex<Result<Total>> = Mutex::new(Ok(Total::default()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(test) = next(&tests) {
                    let result = test.run(paths, images);
                    let passed = result.as_ref().is_ok_and(|result| result.tally.failed == 0);
                    if !passed && fail_fast == FailFast::Yes {
                        tests.lock().map(|mut tests| tests.clear()).ok();
                        // The others may hang; without Wine they end.
                        prefix::stop_all(paths).ok();
                    }
                    if let Ok(mut total) = total.lock() {
                        let sum = std::mem::replace(&mut *total, Ok(Total::default()));
                        *total = sum.and_then(|sum| Ok(sum.and(result?)));
                    }
                }
            });
        }
    });
    let total = total.into_inner();
    let Total { mut tally, told } = total.map_err(|_| anyhow!("a test of the lab panicked"))??;
    // A failure or a choice may have left runs out.
    if tally.failed == 0 && only.is_empty() {
        tally += every_event_was_told(&told)?;
    }
    Ok(tally)
}

/// What runs have come to.
#[derive(Default)]
struct Total {
    tally: Tally,
    /// The names of the events that the driver told.
    told: BTreeSet<String>,
}

impl Total {
    fn and(mut self, other: Self) -> Self {
        self.tally += other.tally;
        self.told.extend(other.told);
        self
    }
}

/// Fails when there is an event that the driver told in no run.
fn every_event_was_told(told: &BTreeSet<String>) -> Result<Tally> {
    let missing = events::missing(told)?;
    if missing.is_empty() {
        println!("      every event of the driver was told ... ok");
        return Ok(Tally::PASSED);
    }
    println!("      every event of the driver was told ... FAILED");
    println!("      told in no run: {}", missing.join(", "));
    Ok(Tally::FAILED)
}

fn next(tests: &Mutex<VecDeque<Test>>) -> Option<Test> {
    tests.lock().ok()?.pop_front()
}

impl Test {
    fn run(&self, paths: &Paths, images: &Images) -> Result<Total> {
        let mut images = images.clone();
        if let Some(framework) = &self.framework {
            images.framework.clone_from(framework);
        }
        let finished = run::session(paths, &images, &self.bench, &self.words, &self.input)
            .with_context(|| format!("the lab's test {:?}", self.name))?;
        let told = finished.events.iter().map(|told| told.event.name.clone());
        Ok(Total {
            tally: self.judge(paths, &finished),
            told: told.collect(),
        })
    }

    /// Judges a run, and prints how it ended.
    fn judge(&self, paths: &Paths, finished: &Finished) -> Tally {
        let (mut tally, problem) = match &self.verdict {
            Verdict::Lines(expected) => one(compare(expected, &finished.output)),
            Verdict::Checks => checks(finished),
            Verdict::Success if finished.succeeded() => (Tally::PASSED, None),
            Verdict::Success => (Tally::default(), None),
            Verdict::Simulation => one(simulated(paths, &self.bench, finished)),
            Verdict::Start(ended) => one(ended.judge(finished)),
            Verdict::Guide(guide) => one(guide.judge(finished)),
            Verdict::Refused(sentence) => one(refused(sentence, finished)),
        };
        let ended_well = match self.verdict {
            Verdict::Refused(_) => finished.violations.is_empty(),
            _ => finished.succeeded(),
        };
        // For want of resources the driver may do without the path.
        let paths = self.bench.shortage.is_none();
        let events = events::listed(&finished.events, paths)
            .and_then(|()| events::compare(self.events, &finished.events));
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

/// Fails with the first line that differs.
fn compare(expected: &str, got: &str) -> Result<()> {
    let (mut wanted, mut gotten) = (expected.lines(), got.lines());
    for number in 1.. {
        match (wanted.next(), gotten.next()) {
            (None, None) => break,
            (wanted, gotten) if wanted == gotten => {}
            (wanted, gotten) => bail!(
                "line {number}:\n        expected {}\n        got      {}",
                wanted.unwrap_or("nothing"),
                gotten.unwrap_or("nothing")
            ),
        }
    }
    Ok(())
}

/// Fails unless the runner gave up with a sentence.
fn refused(sentence: &str, finished: &Finished) -> Result<()> {
    if finished.code == Some(0) {
        bail!("the run succeeded instead of saying {sentence:?}");
    }
    if !finished.messages.contains(sentence) {
        bail!("nothing says {sentence:?}: {}", finished.messages);
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

/// Plays what the runner wrote in the simulation and compares the results.
pub(crate) fn simulated(paths: &Paths, bench: &Bench, finished: &Finished) -> Result<()> {
    let folder = paths.target().join("lab");
    let mut played = 0;
    for (name, operations) in &finished.traces {
        // The operations of a VF in one life of the PF; beside them lie the results.
        let Some(name) = name.strip_suffix(".jsonl") else {
            continue;
        };
        if name.ends_with(".results") {
            continue;
        }
        let results = finished.traces.get(&format!("{name}.results.jsonl"));
        let results = results.with_context(|| format!("the runner wrote no results of {name}"))?;
        let trace = folder.join(format!("{name}.jsonl"));
        fs_err::write(&trace, operations)?;
        let expected = simulate(paths, bench, &trace)?;
        compare(&expected, results).with_context(|| name.to_owned())?;
        played += expected.lines().count();
    }
    ensure!(played > 0, "the runner wrote no trace");
    println!("      {played} operations have the results of the simulation");
    Ok(())
}

fn simulate(paths: &Paths, bench: &Bench, trace: &Path) -> Result<String> {
    let words = ["run", "--quiet", "--package", "pfbctl", "--", "simulate"];
    let mut simulate = cargo(paths.root(), words);
    simulate.arg(&bench.manifest);
    simulate.args(["--vfs", &bench.vfs.to_string(), "--trace"]);
    output(simulate.arg(trace))
}
