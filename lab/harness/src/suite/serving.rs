//! A served image: Windows programs beside the run and programs of this system use it at the same
//! time, some of them disappear, and the end leaves nothing behind.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use build_steps::paths::Paths;
use build_steps::process::output;
use build_steps::tally::Tally;
use pf_broker_abi::{CHANGE_RESET, ChangesCookie, ChangesRequest, IOCTL_CHANGES, Refusal};
use pf_broker_client::frame::{self, Request};
use pf_broker_client::{Access, Device, Error, Limit, STATUS_IO_TIMEOUT, Simulated};
use zerocopy::IntoBytes as _;

use crate::build::Images;
use crate::device::{self, STORY_MANIFEST};
use crate::live::{Live, SERVED};
use crate::run::{self, Finished, Input};

/// What a player plays.
const CONVERSATION: &str = "tests/traces/mlx5-hv-vhca/conversation.jsonl";
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
    let device = device::Device::from_manifest(&paths.root().join(STORY_MANIFEST), 2)?;
    let end = Arc::new(AtomicBool::new(false));
    let (receiver, output) = io::pipe()?;
    let live = Live::until(Arc::clone(&end), SERVED, output);
    let words = ["console", "--listen", "127.0.0.1:0"].map(str::to_owned);
    thread::scope(|scope| {
        let programs = scope.spawn(|| {
            let used = use_it(&paths.root().join(CONVERSATION), BufReader::new(receiver));
            end.store(true, Ordering::Relaxed);
            // Clients that stay connected do not delay the removal of the device.
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

/// Uses the image once it is there, and returns clients that are still connected.
fn use_it(conversation: &Path, mut answers: impl io::BufRead) -> Result<Vec<TcpStream>> {
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
    let served = next()?;
    let address = served
        .strip_prefix("served at sim:")
        .and_then(|rest| rest.strip_suffix(" until Ctrl-C\n"))
        .with_context(|| format!("{served:?} has no address"))?
        .to_owned();
    ensure!(next()? == "$ pfbctl list\n", "the image does not run");
    use_windows_programs(&run)?;
    call(&address)?;
    play(&address, conversation)?;
    disappear(&address)
}

/// Uses the image with Windows programs beside the run.
fn use_windows_programs(run: &str) -> Result<()> {
    let pfbctl = |words: &[&str]| {
        let mut command = Command::new(run);
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
    ensure!(
        stats.starts_with("VF 1: at 0002:03:00.2, D0"),
        "at the end: {stats}"
    );
    Ok(())
}

/// Host software of this system: calls, waits for a change, and waits in vain.
fn call(address: &str) -> Result<()> {
    let open = || anyhow::Ok(Device::new(Simulated::connect(address, Access::Change)?)?);
    let waiting = open()?;
    let other = open()?;
    let query = waiting.query()?;
    ensure!(query.num_vfs == 2, "the device has {} VFs", query.num_vfs);
    let now = waiting.poll_changes(CHANGE_RESET, &ChangesCookie::default())?;
    let soon = Limit {
        timeout: Some(Duration::from_millis(200)),
        cancel: None,
    };
    let in_vain = waiting.changes_within(CHANGE_RESET, &now.cookie, soon);
    ensure!(
        in_vain == Err(Error::Status(STATUS_IO_TIMEOUT)),
        "a wait in vain ends with {in_vain:?}"
    );
    let reset = thread::scope(|scope| {
        let waits = scope.spawn(|| waiting.changes(CHANGE_RESET, &now.cookie));
        other.reset(1)?;
        anyhow::Ok(waits.join().map_err(|_| anyhow!("a thread panicked"))??)
    })?;
    let vfs: Vec<u16> = reset.entries.iter().map(|entry| entry.vf).collect();
    ensure!(vfs == [1], "after the reset of VF 1 those changed: {vfs:?}");
    let refused = other.reset(2);
    ensure!(
        refused == Err(Error::Status(Refusal::Vf.status())),
        "the reset of a VF that does not exist ends with {refused:?}"
    );
    Ok(())
}

/// A player of this system: plays a trace and gets the results that are expected of every device.
fn play(address: &str, trace: &Path) -> Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    connection.write_all(&fs_err::read(trace)?)?;
    connection.shutdown(Shutdown::Write)?;
    let results = io::read_to_string(connection)?;
    let expected = fs_err::read_to_string(trace.with_extension("expected.jsonl"))?;
    ensure!(
        results == expected,
        "{} plays as\n{results}",
        trace.display()
    );
    Ok(())
}

/// Clients that disappear while they wait and within a request, one that is none, and some that
/// stay.
fn disappear(address: &str) -> Result<Vec<TcpStream>> {
    let greeted = || -> Result<TcpStream> {
        let connection = TcpStream::connect(address)?;
        frame::send_greeting(&connection)?;
        frame::receive_greeting(&connection)?;
        Ok(connection)
    };
    let wait = |connection: &TcpStream| {
        let request = ChangesRequest {
            kinds: CHANGE_RESET,
            flags: 0,
            reserved: 0,
            cookie: ChangesCookie::default(),
        };
        frame::send_request(
            connection,
            &Request {
                code: IOCTL_CHANGES,
                input: request.as_bytes().to_vec(),
                output_length: 4096,
            },
        )
    };
    wait(&greeted()?)?;
    greeted()?.write_all(&[1, 0])?;
    let mut text = TcpStream::connect(address)?;
    text.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    let waits = greeted()?;
    wait(&waits)?;
    let idle = greeted()?;
    call(address)?;
    Ok(vec![waits, idle, text])
}
