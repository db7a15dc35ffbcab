//! One connection of a simulated device. Its first byte says whether host software calls the
//! management interface or a player sends the lines of a trace.

use std::io::{self, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use block_trace::{PlayError, play_each};
use pf_broker_abi::{ChangesCookie, SIMULATED_GREETING, SIMULATED_MAX_OUTPUT};
use pf_broker_client::STATUS_CANCELLED;
use pf_broker_client::frame::{self, FrameError, Request};

use super::device::Device;
use super::management::Answer;

/// How long a client may take to send the rest of a frame that it has begun, to send its greeting,
/// and to take a reply.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How often a request that waits for changes tests whether its client is still there, and whether
/// a time limit of the device is over.
const STEP: Duration = Duration::from_millis(50);
/// The first byte of every operation in a trace.
const TRACE: u8 = b'{';

/// Why the device closes a connection that its client has not ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A frame of host software.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Another request before the reply to the last one.
    #[error("a request arrived while another one waits; each needs a connection of its own")]
    Overlapping,
    /// A line of a player.
    #[error("trace: {0}")]
    Trace(PlayError<std::convert::Infallible>),
    /// The first byte is that of no client.
    #[error("its first byte, {0:#04x}, begins neither a request of host software nor a trace")]
    NoClient(u8),
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] io::Error),
}

/// Serves a connection until its client ends it.
pub(super) fn serve(connection: &TcpStream, device: &Device<'_, '_>) -> Result<(), Problem> {
    connection.set_nodelay(true)?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    match first_byte(connection)? {
        None => Ok(()),
        Some(byte) if byte == SIMULATED_GREETING[0] => {
            frame::receive_greeting(Within::patience(connection))?;
            frame::send_greeting(connection)?;
            serve_host(connection, device)
        }
        Some(TRACE) => play(connection, device),
        Some(other) => Err(Problem::NoClient(other)),
    }
}

/// The next byte, which stays to be read; `None` at the end of the connection.
fn first_byte(connection: &TcpStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match connection.peek(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The client has gone without an end.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// A connection as a reader whose reads end at one point in time.
struct Within<'c> {
    connection: &'c TcpStream,
    end: Instant,
}

impl<'c> Within<'c> {
    fn patience(connection: &'c TcpStream) -> Self {
        Self {
            connection,
            end: Instant::now() + PATIENCE,
        }
    }
}

impl Read for Within<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.connection.set_read_timeout(Some(left))?;
        self.connection.read(buffer)
    }
}

/// Answers the requests of host software.
fn serve_host(connection: &TcpStream, device: &Device<'_, '_>) -> Result<(), Problem> {
    loop {
        // A client may be idle for ever between two requests.
        connection.set_read_timeout(None)?;
        if first_byte(connection)?.is_none() {
            return Ok(());
        }
        let request = frame::receive_request(Within::patience(connection))?;
        if request.is_cancellation() {
            // Its request was answered before.
            continue;
        }
        let room = request.output_length.min(SIMULATED_MAX_OUTPUT) as usize;
        let reply = match device.control(request.code, &request.input, room) {
            Answer::Now(reply) => reply,
            Answer::Later(input) => match wait(connection, device, &request, input, room)? {
                Some(reply) => reply,
                None => return Ok(()),
            },
        };
        frame::send_reply(connection, &reply)?;
    }
}

/// Waits until there is something to answer to a request, or until its client cancels it. `None` if
/// the client has ended the connection.
fn wait(
    connection: &TcpStream,
    device: &Device<'_, '_>,
    request: &Request,
    mut input: Vec<u8>,
    room: usize,
) -> Result<Option<Result<Vec<u8>, u32>>, Problem> {
    loop {
        match device.control_later(request.code, &input, room, STEP) {
            Answer::Now(reply) => return Ok(Some(reply)),
            // The next test does not visit again what has no change of these kinds.
            Answer::Later(later) => input = later,
        }
        connection.set_nonblocking(true)?;
        let arrived = first_byte(connection);
        connection.set_nonblocking(false)?;
        match arrived {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
            Ok(None) => return Ok(None),
            Ok(Some(_)) => {}
        }
        let next = frame::receive_request(Within::patience(connection))?;
        if next.is_cancellation() {
            return Ok(Some(Err(STATUS_CANCELLED)));
        }
        return Err(Problem::Overlapping);
    }
}

/// Plays the lines of a trace, each answered before the next is read.
fn play(connection: &TcpStream, device: &Device<'_, '_>) -> Result<(), Problem> {
    connection.set_read_timeout(None)?;
    let mut seen = ChangesCookie::default();
    let played = play_each(BufReader::new(connection), connection, |operation| {
        Ok(device.perform(&mut seen, operation))
    });
    match played {
        Ok(_) => Ok(()),
        Err(error) => {
            let problem = Problem::Trace(error);
            let line = serde_json::json!({ "error": problem.to_string() });
            // A player that has gone does not read it.
            let _ = writeln!(&mut &*connection, "{line}");
            Err(problem)
        }
    }
}
