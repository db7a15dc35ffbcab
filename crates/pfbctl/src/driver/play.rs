//! `pfbctl play`: plays a trace on a simulated device, in the place of its guests.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::thread;

use super::connection::{Connection, simulated};
use crate::cli;
use crate::failure::Failure;
use crate::source;

/// What the last line begins with when the device cannot play a line of the trace.
const ERROR: &str = "{\"error\":";

/// `pfbctl play`.
pub(crate) fn play(arguments: &cli::Play, out: &mut dyn Write) -> Result<(), Failure> {
    let device = simulated(&arguments.selection)?;
    let address = Connection::simulated_address(&device).unwrap_or_default();
    let trace = input(&arguments.trace)?;
    let connection = TcpStream::connect(address).map_err(|source| Failure::Open {
        path: device.clone(),
        source,
    })?;
    let sending = connection.try_clone()?;
    // Each line is answered at once, so both directions run at the same time. The thread is left
    // when the device ends the trace: a read of standard input cannot be interrupted.
    thread::spawn(move || send(trace, &sending));
    for line in BufReader::new(&connection).lines() {
        let line = line?;
        if line.starts_with(ERROR) {
            return Err(Failure::Played {
                trace: arguments.trace.clone(),
                problem: line,
            });
        }
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    Ok(())
}

fn input(trace: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if source::is_standard(trace) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(trace).map_err(|source| Failure::Read {
        path: trace.to_owned(),
        source,
    })?;
    Ok(Box::new(file))
}

/// Sends the trace and its end. The device says why it ends early.
fn send(mut trace: impl Read, mut connection: &TcpStream) {
    let _ = io::copy(&mut trace, &mut connection);
    let _ = connection.shutdown(Shutdown::Write);
}
