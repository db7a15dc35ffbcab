//! A served image: programs beside the run use it at the same time, one of them disappears, and the
//! end leaves nothing behind.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use build_steps::paths::Paths;
use build_steps::process::output;
use build_steps::tally::Tally;

use crate::build::Images;
use crate::device::{Device, STORY_MANIFEST};
use crate::live::{Live, SERVED};
use crate::run::{self, Finished, Input};

/// How often another program resets a VF until one that watches sees it.
const TRIES: usize = 20;

pub(super) const NAME: &str = "a served image lets programs in until it is ended";

/// Runs the test, and prints how it ended.
pub(super) fn run(paths: &Paths, images: &Images) -> Result<Tally> {
    let finished = serve(paths, images).with_context(|| NAME)?;
    let (tally, verdict) = if finished.succeeded() {
        (Tally::PASSED, "ok")
    } else {
        (Tally::FAILED, "FAILED")
    };
    println!("      {NAME} ... {verdict}");
    if !finished.succeeded() {
        println!("{:?}", finished.violations);
        print!("{}{}", finished.messages, finished.kernel_log);
    }
    Ok(tally)
}

fn serve(paths: &Paths, images: &Images) -> Result<Finished> {
    let device = Device::from_manifest(&paths.root().join(STORY_MANIFEST), 4)?;
    let end = Arc::new(AtomicBool::new(false));
    let (receiver, output) = io::pipe()?;
    let live = Live::until(Arc::clone(&end), SERVED, output);
    let words = ["console".to_owned()];
    thread::scope(|scope| {
        let programs = scope.spawn(|| {
            let used = use_it(BufReader::new(receiver));
            end.store(true, Ordering::Relaxed);
            used
        });
        let finished = run::session(paths, images, &device, &words, Input::Live(&live));
        // Ends the programs' wait for an answer that does not come.
        drop(live);
        let used = programs.join().map_err(|_| anyhow!("a thread panicked"))?;
        let finished = finished?;
        // A run that fails says more.
        if finished.succeeded() {
            used?;
        }
        Ok(finished)
    })
}

/// Uses the image with programs beside the run, once it is there.
fn use_it(mut answers: impl io::BufRead) -> Result<()> {
    let mut next = || -> Result<String> {
        let mut line = String::new();
        answers.read_line(&mut line)?;
        Ok(line)
    };
    let hint = next()?;
    let run = hint
        .split_once(": ")
        .and_then(|(_, program)| program.strip_suffix(" PROGRAM\n"))
        .with_context(|| format!("{hint:?} names no program"))?
        .to_owned();
    ensure!(next()? == "$ pfbctl list\n", "the image does not run");
    let pfbctl = |words: &[&str]| {
        let mut command = Command::new(&run);
        command.arg(r"C:\lab\pfbctl.exe").args(words);
        command
    };
    // Waits for changes until it is killed.
    let mut watch = pfbctl(&["watch", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let watched = watch.stdout.take().context("standard output is a pipe")?;
    let (sender, seen) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(watched).read_line(&mut line);
        // The receiver may have given up.
        let _ = sender.send(read.map(|_| line));
    });
    // The other program may not have begun to watch.
    let mut first = None;
    for _ in 0..TRIES {
        output(&mut pfbctl(&["reset", "1"]))?;
        if let Ok(line) = seen.recv_timeout(Duration::from_secs(1)) {
            first = Some(line?);
            break;
        }
    }
    watch.kill()?;
    watch.wait()?;
    ensure!(
        first.as_ref().is_some_and(|line| line.starts_with('{')),
        "beside the resets of another program one sees {first:?}"
    );
    let stats = output(&mut pfbctl(&["stats", "--vf", "1"]))?;
    ensure!(stats.starts_with("VF 1: D0"), "at the end: {stats}");
    Ok(())
}
