//! One run: copies the files into a fresh prefix, runs the runner, and collects its results.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use wait_timeout::ChildExt as _;

use crate::build::Images;
use crate::device::{Device, Position};
use crate::double_log;
use crate::error_log::{ErrorLog, LoggedEntry};
use crate::etw_log::{EtwLog, LoggedEvent};
use crate::inf;
use crate::live::{self, Live};
use crate::prefix::Prefix;
use build_steps::paths::Paths;

/// What the runner reads on standard input.
#[derive(Clone, Copy)]
pub(crate) enum Input<'i> {
    /// All of it is known.
    Bytes(&'i [u8]),
    /// It arrives while the run goes on.
    Live(&'i Live),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The runner's standard output.
    pub(crate) output: String,
    /// The runner's standard error.
    pub(crate) messages: String,
    /// The messages of drivers and kernel.
    pub(crate) kernel_log: String,
    /// Failures that the runner does not detect: a rule of the framework or of Event Tracing that a
    /// driver broke, a device, driver or registration that was left over, a timeout.
    pub(crate) violations: Vec<String>,
    /// The events that the driver wrote, in order.
    pub(crate) events: Vec<LoggedEvent>,
    /// The entries that it wrote for the System event log, in order.
    pub(crate) entries: Vec<LoggedEntry>,
    /// Traces that the runner wrote, by file name.
    pub(crate) traces: BTreeMap<String, String>,
    /// The runner's exit code; none when it was stopped.
    pub(crate) code: Option<i32>,
}

impl Finished {
    /// Whether the runner succeeded and no rule was broken.
    pub(crate) fn succeeded(&self) -> bool {
        self.code == Some(0) && self.violations.is_empty()
    }

    /// The exit code of `cargo xtask lab`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.code {
            Some(0) if self.violations.is_empty() => ExitCode::SUCCESS,
            Some(code) if code != 0 => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            _ => ExitCode::FAILURE,
        }
    }
}

/// The time after which a run counts as hanging: many times its duration on two busy processors.
fn timeout(words: &[String]) -> Duration {
    let long = |word: &String| LONG_JOBS.contains(&word.as_str());
    if words.iter().any(long) {
        Duration::from_mins(5)
    } else {
        Duration::from_mins(2)
    }
}

/// The time without output, neither a result nor a line of the kernel's log, after which a run
/// counts as hanging.
const SILENCE: Duration = Duration::from_secs(90);

/// The jobs that take longer than a trace.
const LONG_JOBS: [&str; 4] = ["storm", "contention", "checks", "measure"];

/// The error of the runner when Wine did not load the bus double, which happens while its service
/// manager is busy. The driver has not run then.
const NOT_BEGUN: &str = "lab-runner: the stack double's control device";

/// Runs the runner with the arguments `words` in a fresh prefix, and once more if it could not
/// begin.
pub(crate) fn session(
    paths: &Paths,
    images: &Images,
    device: &Device,
    words: &[String],
    input: Input<'_>,
) -> Result<Finished> {
    let finished = attempt(paths, images, device, words, input)?;
    if finished.messages.starts_with(NOT_BEGUN) {
        return attempt(paths, images, device, words, input);
    }
    Ok(finished)
}

fn attempt(
    paths: &Paths,
    images: &Images,
    device: &Device,
    words: &[String],
    input: Input<'_>,
) -> Result<Finished> {
    let prefix = Prefix::fresh(paths)?;
    let drive = prefix.drive();
    let drivers = drive.join("lab");
    lay_out(&drivers, images, device)?;
    let binary = format!("{}.sys", device.service());
    let kernel_images = [
        (&images.driver, &*binary),
        (&images.stack, "lab_stack.sys"),
        (&images.vf_driver, "vf_driver.sys"),
        (&images.function_driver, "function_driver.sys"),
        (&images.framework, "WDFLDR.SYS"),
    ];
    for (from, name) in kernel_images {
        fs_err::copy(from, drive.join("windows/system32/drivers").join(name))?;
    }
    lay_out_etw(&prefix, &images.etw)?;
    // Where every program finds it, in whatever folder it is.
    let random = drive.join("windows/system32/bcryptprimitives.dll");
    fs_err::copy(&images.random, random)?;
    if device.position != Position::FunctionDriver {
        prefix.add_driver_service(&device.service(), &binary)?;
        prefix.add_driver_service(inf::FUNCTION_DRIVER, "function_driver.sys")?;
    }
    for (name, number) in [
        ("Shortage", device.shortage),
        ("Version", device.kmdf_minor),
    ] {
        if let Some(number) = number {
            prefix.set_machine_value(r"Software\\wdf-double", name, number)?;
        }
    }
    let errors = drive.join("lab/stderr.txt");
    let output = drive.join("lab/stdout.txt");
    // To files: the kernel's process inherits the streams and outlives the runner.
    let mut runner = runner(&prefix, device, words);
    if let Input::Live(live) = input
        && live.serves()
    {
        // Ctrl-C is for the process that ends the run, not for the run.
        runner.process_group(0);
        let programs = prefix.program_runner()?;
        live.tell(&format!("Windows programs: {} PROGRAM", programs.display()))?;
    }
    let child = runner
        .stdin(Stdio::piped())
        .stdout(fs_err::File::create(&output)?.into_file())
        .stderr(fs_err::File::create(&errors)?.into_file())
        .spawn()
        .context("start Wine")?;
    let streams = Streams {
        output: &output,
        errors: &errors,
    };
    let ended = finish(&prefix, child, input, timeout(words), &streams)?;
    let (messages, kernel_log) = split(&lossy(&errors)?);
    let code = match &ended {
        Ended::ByItself(status) => status.code(),
        Ended::Stopped(_) => None,
    };
    if let Some(folder) = &images.counters {
        keep_counters(&prefix, folder)?;
    }
    let framework = log(&prefix, "wdf-double");
    let etw = EtwLog::read(&log(&prefix, "etw-double"));
    let mut violations = double_log::violations(&framework);
    violations.extend(etw.violations);
    let error_log = ErrorLog::read(&log(&prefix, "error-log-double"));
    violations.extend(error_log.violations);
    if let Ended::Stopped(why) = ended {
        violations.push(format!("`{}`: {why}", words.join(" ")));
    }
    if code == Some(0) {
        violations.extend(double_log::leftovers(&framework));
        violations.extend(etw.leftovers);
    }
    Ok(Finished {
        output: lossy(&output)?,
        messages,
        kernel_log,
        violations,
        events: etw.events,
        entries: error_log.entries,
        traces: traces(&drivers)?,
        code,
    })
}

/// Puts the double of Event Tracing in the place of HAL.DLL, where Wine's kernel looks up functions
/// that it does not export.
fn lay_out_etw(prefix: &Prefix, etw: &Path) -> Result<()> {
    let place = prefix.drive().join("windows/system32/hal.dll");
    // Wine's own file is that of every prefix.
    fs_err::remove_file(&place)?;
    fs_err::copy(etw, &place)?;
    Ok(())
}

/// The log of a double; empty when another file replaces the double, or when the run did not get
/// that far.
fn log(prefix: &Prefix, double: &str) -> String {
    let log = prefix.drive().join(format!("windows/{double}.log"));
    std::fs::read_to_string(log).unwrap_or_default()
}

/// The runner with its arguments.
fn runner(prefix: &Prefix, device: &Device, words: &[String]) -> Command {
    let mut wine = prefix.wine();
    wine.arg(r"C:\lab\lab-runner.exe")
        .args(["--drivers", r"C:\lab", "--service", &device.service()])
        .arg("--vendor-id")
        .arg(device.vendor_id.to_string())
        .arg("--device-id")
        .arg(device.device_id.to_string())
        .arg("--vfs")
        .arg(device.vfs.to_string())
        .args(["--position", &device.position.word()])
        .args(words);
    wine
}

/// How the runner ended.
enum Ended {
    ByItself(ExitStatus),
    /// It was stopped, with all of its prefix, for this reason.
    Stopped(String),
}

/// The files that the runner writes to.
struct Streams<'p> {
    output: &'p Path,
    errors: &'p Path,
}

impl Streams<'_> {
    /// Bytes written so far.
    fn length(&self) -> u64 {
        let length = |file: &Path| std::fs::metadata(file).map_or(0, |data| data.len());
        length(self.output) + length(self.errors)
    }
}

/// Gives the runner its input, waits for its end, and ends all other processes in the prefix.
fn finish(
    prefix: &Prefix,
    mut child: Child,
    input: Input<'_>,
    timeout: Duration,
    streams: &Streams<'_>,
) -> Result<Ended> {
    let pipe = child.stdin.take();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // On another thread: a runner that hangs does not read. One that ends early closes its end,
        // which its exit code explains.
        if let Some(mut pipe) = pipe {
            scope.spawn(|| match input {
                Input::Bytes(bytes) => {
                    let _ = pipe.write_all(bytes);
                }
                Input::Live(live) => live.feed(pipe, &over),
            });
        }
        let ended = wait(&mut child, timeout, streams, input);
        over.store(true, Ordering::Relaxed);
        prefix.stop();
        if !matches!(ended, Ok(Ended::ByItself(_))) {
            child.wait()?;
        }
        ended
    })
}

/// Waits for the runner's end, but no longer than `timeout`, and not for one that writes nothing to
/// its `streams` any more. A conversation takes as long as its input is open, and a run may be
/// silent in it when it has answered every line.
fn wait(
    child: &mut Child,
    timeout: Duration,
    streams: &Streams<'_>,
    input: Input<'_>,
) -> Result<Ended> {
    let live = match input {
        Input::Bytes(_) => None,
        Input::Live(live) => Some(live),
    };
    let step = live.map_or(Duration::from_millis(500), |_| live::STEP);
    let mut begin = Instant::now();
    let (mut length, mut last) = (0, begin);
    loop {
        let ended = child.wait_timeout(step)?;
        if let Some(live) = live {
            live.show(streams.output)?;
        }
        if let Some(status) = ended {
            return Ok(Ended::ByItself(status));
        }
        let (now, written) = (Instant::now(), streams.length());
        if live.is_some_and(Live::is_open) {
            begin = now;
        }
        if written != length || live.is_some_and(Live::is_answered) {
            (length, last) = (written, now);
        }
        if now - last > SILENCE {
            let silence = SILENCE.as_secs();
            return Ok(Ended::Stopped(format!("silent for {silence} s")));
        }
        if now - begin > timeout {
            let timeout = timeout.as_secs();
            return Ok(Ended::Stopped(format!("no end within {timeout} s")));
        }
    }
}

/// Keeps the counters that the framework double wrote, if a driver with counters was unloaded.
fn keep_counters(prefix: &Prefix, folder: &Path) -> Result<()> {
    let left = prefix.drive().join("windows/wdf-double-counters.bin");
    if left.exists() {
        fs_err::copy(left, folder.join(prefix.name()))?;
    }
    Ok(())
}

fn traces(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut traces = BTreeMap::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".jsonl") {
            traces.insert(name.into_owned(), lossy(&path)?);
        }
    }
    Ok(traces)
}

fn lossy(file: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs_err::read(file)?).into_owned())
}

fn lay_out(folder: &Path, images: &Images, device: &Device) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let files = [
        (&images.runner, "lab-runner.exe"),
        (&images.pfbctl, "pfbctl.exe"),
        (&images.agent, "agent.exe"),
        (&images.agent_in_c, "agent-in-c.exe"),
    ];
    for (from, name) in files {
        fs_err::copy(from, folder.join(name))?;
    }
    fs_err::write(folder.join("lab_stack.inf"), inf::stack())?;
    fs_err::write(folder.join("vf_driver.inf"), inf::vf_driver(device))?;
    let (name, text) = match device.position {
        Position::FunctionDriver => ("pf_broker.inf", inf::driver(device)?),
        _ => ("function_driver.inf", inf::function_driver(device)),
    };
    fs_err::write(folder.join(name), text)?;
    Ok(())
}

/// Separates the lines of Wine, which begin with a thread's number, from those of the runner.
fn split(errors: &str) -> (String, String) {
    let (mut messages, mut log) = (String::new(), String::new());
    for line in errors.lines() {
        let front = line.split(':').next().unwrap_or_default();
        let is_wine = front.len() == 4 && front.chars().all(|c| c.is_ascii_hexdigit());
        if let Some((_, text)) = line.split_once("vDbgPrintExWithPrefix ") {
            let text = text.split_once(": ").map_or(text, |(_, text)| text);
            log.push_str(text);
            log.push('\n');
        } else if is_wine || line.starts_with("wine: ") {
            log.push_str(line);
            log.push('\n');
        } else {
            messages.push_str(line);
            messages.push('\n');
        }
    }
    (messages, log)
}
