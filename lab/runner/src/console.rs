//! A console on the host: runs programs and passes their output on, and performs operations of a
//! trace between them.

use std::env;
use std::io::{BufRead as _, Write, stdin, stdout};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use block_trace::{Host as _, Operation};

use crate::session::Session;
use crate::trace::Lab;

/// What a line is that begins with this: an operation, and not a command.
const OPERATION: &str = "{";

/// Carries out the lines on standard input, each before the next is read. An operation prints its
/// result; a command prints its line after `$ `, its standard output, its standard error, and its
/// exit code unless that is 0.
pub(crate) fn run(session: &Session) -> Result<ExitCode> {
    let mut lab = Lab::new(session);
    let mut out = stdout().lock();
    for (number, line) in (1..).zip(stdin().lock().lines()) {
        let line = line.context("standard input")?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with(OPERATION) {
            let operation = Operation::parse(line.as_bytes());
            let operation = operation.with_context(|| format!("line {number}"))?;
            writeln!(out, "{}", lab.perform(&operation)?)?;
        } else {
            command(line, &mut out).with_context(|| format!("line {number}: {line}"))?;
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a program from this program's folder. Spaces separate its arguments.
fn command(line: &str, out: &mut impl Write) -> Result<()> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        bail!("{name} is not the name of a program of the lab");
    }
    let program = env::current_exe()?.with_file_name(format!("{name}.exe"));
    let run = Command::new(&program)
        .args(words)
        .output()
        .with_context(|| format!("start {}", program.display()))?;
    writeln!(out, "$ {line}")?;
    out.write_all(&run.stdout)?;
    out.write_all(&run.stderr)?;
    match run.status.code() {
        Some(0) => {}
        Some(code) => writeln!(out, "exit code {code}")?,
        None => bail!("it did not end by itself"),
    }
    Ok(())
}
