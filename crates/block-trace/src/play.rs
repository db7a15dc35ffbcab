//! Plays a trace on a host of blocks: a broker or a driver.

use std::error::Error;
use std::io::{self, BufRead, Read as _, Write};

use pf_broker_abi::Refusal;

use crate::{
    Change, Direction, HandedWrite, LineError, Operation, Outcome, PowerState, Stats, Status,
    Target,
};

/// A line longer than this, in bytes and without its line end, is malformed: far longer than any
/// operation; it bounds the memory for a file that is not a trace.
pub const MAX_LINE_LENGTH: usize = 1 << 20;

/// The byte order mark in UTF-8, with which some editors begin a file. A manifest may begin with
/// one, too.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// How an operation can fail.
#[derive(Debug)]
pub enum Failure<E> {
    /// It was refused, which is a normal result.
    Refused(Status),
    /// The host is lost, such as a driver that was removed. Ends the run.
    Host(E),
}

impl<E> From<Refusal> for Failure<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl<E> From<Status> for Failure<E> {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

/// The holder of the blocks that a trace works on: a broker in process, or a driver.
///
/// Each method runs the [`Operation`] of its name. A refusal is [`Failure::Refused`].
pub trait Host {
    /// Why the host was lost, which ends the run; `Infallible` if it cannot be.
    type Error: Error + 'static;

    /// A VF writes `data`, of any length, to a block.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn write(&mut self, vf: u16, block: u32, data: &[u8]) -> Result<(), Failure<Self::Error>>;

    /// A VF reads `length` bytes of a block: `length` is unchecked: refuse it before allocating
    /// that much.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn read(&mut self, vf: u16, block: u32, length: u32) -> Result<Vec<u8>, Failure<Self::Error>>;

    /// Host software writes `data`, of any length, to a block of one VF; only if the block has the
    /// revision `expect`, where one is given.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn publish(
        &mut self,
        vf: u16,
        block: u32,
        data: &[u8],
        expect: Option<u64>,
    ) -> Result<(), Failure<Self::Error>>;

    /// Host software writes `data`, of any length, to a block of every VF.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn publish_all(&mut self, block: u32, data: &[u8]) -> Result<(), Failure<Self::Error>>;

    /// Host software reads `length` bytes of a block, and gets its revision: `length` is unchecked:
    /// refuse it before allocating that much.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn host_read(
        &mut self,
        vf: u16,
        block: u32,
        length: u32,
    ) -> Result<(Vec<u8>, u64), Failure<Self::Error>>;

    /// Host software invalidates the blocks in `mask`, bit n for block ID n.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn invalidate(&mut self, vf: Target, mask: u64) -> Result<(), Failure<Self::Error>>;

    /// Takes the mask that is latched for a VF; 0 when nothing is.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn take_invalidation(&mut self, vf: u16) -> Result<u64, Failure<Self::Error>>;

    /// Takes every message out of a VF's stream, oldest first.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn drain(&mut self, vf: u16, block: u32) -> Result<Vec<Vec<u8>>, Failure<Self::Error>>;

    /// Resets a VF.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn reset(&mut self, vf: u16) -> Result<(), Failure<Self::Error>>;

    /// Host software acknowledges a VF's last reset.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn acknowledge(&mut self, vf: u16) -> Result<(), Failure<Self::Error>>;

    /// Sets a VF's power state.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn power(&mut self, vf: u16, state: PowerState) -> Result<(), Failure<Self::Error>>;

    /// A VF's counters.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn stats(&mut self, vf: u16) -> Result<Stats, Failure<Self::Error>>;

    /// What changed since the last call, in the order of VFs, each VF before its blocks.
    ///
    /// # Errors
    ///
    /// The loss of the host.
    fn changes(&mut self) -> Result<Vec<Change>, Failure<Self::Error>>;

    /// Advances the clock by this many milliseconds.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn advance(&mut self, milliseconds: u32) -> Result<(), Failure<Self::Error>>;

    /// The sample companion says whether it is ready.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn companion(&mut self, ready: bool) -> Result<(), Failure<Self::Error>>;

    /// Sets how the sample companion answers writes or reads of a block: with this NTSTATUS, after
    /// it has published `data`, of any length, or set it for a read.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn answer(
        &mut self,
        block: u32,
        to: Direction,
        status: u32,
        data: Option<&[u8]>,
    ) -> Result<(), Failure<Self::Error>>;

    /// Takes the writes that the sample companion was called with, in order.
    ///
    /// # Errors
    ///
    /// A refusal, or the loss of the host.
    fn handed(&mut self) -> Result<Vec<HandedWrite>, Failure<Self::Error>>;

    /// Runs one operation.
    ///
    /// # Errors
    ///
    /// Only the loss of the host: a refusal is an [`Outcome`].
    fn perform(&mut self, operation: &Operation) -> Result<Outcome, Self::Error> {
        let outcome = match *operation {
            Operation::Write {
                vf,
                block,
                ref data,
            } => self.write(vf, block, data).map(|()| Outcome::Done),
            Operation::Read { vf, block, length } => {
                self.read(vf, block, length).map(Outcome::Data)
            }
            Operation::Publish {
                vf: Target::Vf(vf),
                block,
                ref data,
                expect,
            } => self
                .publish(vf, block, data, expect)
                .map(|()| Outcome::Done),
            Operation::Publish {
                vf: Target::All,
                block,
                ref data,
                expect: _,
            } => self.publish_all(block, data).map(|()| Outcome::Done),
            Operation::HostRead { vf, block, length } => self
                .host_read(vf, block, length)
                .map(|(data, revision)| Outcome::HostData { data, revision }),
            Operation::Invalidate { vf, mask } => self.invalidate(vf, mask).map(|()| Outcome::Done),
            Operation::TakeInvalidation { vf } => self.take_invalidation(vf).map(Outcome::Mask),
            Operation::Drain { vf, block } => self.drain(vf, block).map(Outcome::Messages),
            Operation::Reset { vf } => self.reset(vf).map(|()| Outcome::Done),
            Operation::Acknowledge { vf } => self.acknowledge(vf).map(|()| Outcome::Done),
            Operation::Power { vf, state } => self.power(vf, state).map(|()| Outcome::Done),
            Operation::Stats { vf } => self.stats(vf).map(Outcome::Stats),
            Operation::Changes => self.changes().map(Outcome::Changes),
            Operation::Advance { milliseconds } => {
                self.advance(milliseconds).map(|()| Outcome::Done)
            }
            Operation::Companion { ready } => self.companion(ready).map(|()| Outcome::Done),
            Operation::Answer {
                block,
                to,
                status,
                ref data,
            } => self
                .answer(block, to, status, data.as_deref())
                .map(|()| Outcome::Done),
            Operation::Handed => self.handed().map(Outcome::Calls),
        };
        match outcome {
            Ok(outcome) => Ok(outcome),
            Err(Failure::Refused(status)) => Ok(Outcome::Refused(status)),
            Err(Failure::Host(error)) => Err(error),
        }
    }
}

/// The statistics of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Operations that ran.
    pub operations: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// Why a run ended before its trace. The results of earlier operations are valid.
#[derive(Debug, thiserror::Error)]
pub enum PlayError<E: Error + 'static> {
    /// A line of the trace is malformed.
    #[error("line {line}{}: {problem}", column_text(.problem))]
    Malformed {
        /// 1-based number of the line.
        line: u64,
        /// The problem.
        problem: LineError,
    },
    /// A line of the trace is longer than [`MAX_LINE_LENGTH`].
    #[error("line {line}: longer than {MAX_LINE_LENGTH} bytes")]
    TooLong {
        /// 1-based number of the line.
        line: u64,
    },
    /// The trace cannot be read.
    #[error("line {line}: cannot read the trace")]
    Input {
        /// 1-based number of the line that was being read.
        line: u64,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A result cannot be written.
    #[error("line {line}: cannot write its result")]
    Output {
        /// 1-based number of the line whose result it is.
        line: u64,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The host was lost.
    #[error("line {line}: `{op}` could not be carried out")]
    Host {
        /// 1-based number of the line.
        line: u64,
        /// The operation.
        op: &'static str,
        /// The error of the host.
        source: E,
    },
}

fn column_text(problem: &LineError) -> String {
    problem
        .column()
        .map_or_else(String::new, |column| format!(", column {column}"))
}

/// Plays a trace: reads `input` line by line, runs each operation on `host`, and writes the result
/// lines to `output`, each flushed before the next line is read, so that the player can be used
/// interactively.
///
/// A byte order mark in front of the first line is skipped; columns count without it.
///
/// # Errors
///
/// The first line that is malformed, or the failure of `input`, `output` or `host`, ends the run.
pub fn play<H: Host>(
    input: impl BufRead,
    output: impl Write,
    host: &mut H,
) -> Result<Played, PlayError<H::Error>> {
    play_each(input, output, |operation| host.perform(operation))
}

/// [`play`] with a function that runs an operation, such as one that shares its host with others.
///
/// # Errors
///
/// As for [`play`].
pub fn play_each<E: Error + 'static>(
    mut input: impl BufRead,
    mut output: impl Write,
    mut perform: impl FnMut(&Operation) -> Result<Outcome, E>,
) -> Result<Played, PlayError<E>> {
    let mut played = Played::default();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        // One byte more than the longest line and its line end, to detect a line that is too long.
        let read = (&mut input)
            .take(MAX_LINE_LENGTH as u64 + 2)
            .read_until(b'\n', &mut bytes)
            .map_err(|source| PlayError::Input { line, source })?;
        if read == 0 {
            break;
        }
        let mut text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if line == 1 {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        if text.len() > MAX_LINE_LENGTH {
            return Err(PlayError::TooLong { line });
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let operation =
            Operation::parse(text).map_err(|problem| PlayError::Malformed { line, problem })?;
        let outcome = perform(&operation).map_err(|source| PlayError::Host {
            line,
            op: operation.name(),
            source,
        })?;
        played.operations += 1;
        played.refused += u64::from(matches!(outcome, Outcome::Refused(_)));
        writeln!(output, "{outcome}")
            .and_then(|()| output.flush())
            .map_err(|source| PlayError::Output { line, source })?;
    }
    Ok(played)
}

#[cfg(test)]
mod tests;
