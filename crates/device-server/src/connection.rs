//! One connection. Its first byte says whether host software calls the management interface or a
//! player sends the lines of a trace.

use std::error::Error;
use std::io::{self, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use block_trace::{PlayError, play_each};
use pf_broker_abi::{SIMULATED_GREETING, SIMULATED_MAX_OUTPUT};
use pf_broker_client::STATUS_CANCELLED;
use pf_broker_client::frame::{self, FrameError, Request};

use crate::device::{Answer, Device, Reply};

/// How long a client may take to send the rest of a frame that it has begun, to send its greeting,
/// and to take a reply.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a request that waits for changes tests whether its client is still there, and whether
/// a time limit of the device is over.
const STEP: Duration = Duration::from_millis(50);
/// How often a connection without a request tests whether its server has ended. On Windows a receive
/// in progress does not end when the connection is shut down.
const IDLE_STEP: Duration = Duration::from_millis(250);
/// The first byte of every operation in a trace.
const TRACE: u8 = b'{';

/// Why the device closes a connection that its client has not ended.
#[derive(Debug, thiserror::Error)]
pub enum Problem<E: Error + 'static> {
    /// A frame of host software.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Another request before the reply to the last one.
    #[error("a request arrived while another one waits; each needs a connection of its own")]
    Overlapping,
    /// A line of a player.
    #[error("trace: {0}")]
    Trace(PlayError<E>),
    /// The first byte is that of no client.
    #[error("its first byte, {0:#04x}, begins neither a request of host software nor a trace")]
    NoClient(u8),
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] io::Error),
}

/// Serves a connection until its client ends it or the server has ended.
pub(crate) fn serve<D: Device>(
    connection: &TcpStream,
    has_ended: &dyn Fn() -> bool,
    device: &D,
) -> Result<(), Problem<D::Error>> {
    connection.set_nodelay(true)?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let idle = Idle {
        connection,
        has_ended,
    };
    match first_byte(connection)? {
        None => Ok(()),
        Some(byte) if byte == SIMULATED_GREETING[0] => {
            frame::receive_greeting(Within::patience(connection))?;
            frame::send_greeting(connection)?;
            serve_host(&idle, device)
        }
        Some(TRACE) => play(&idle, device),
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

/// A connection whose client may send nothing for any time, until the server has ended.
struct Idle<'c> {
    connection: &'c TcpStream,
    has_ended: &'c dyn Fn() -> bool,
}

impl Idle<'_> {
    /// What is received next; `None` if the server has ended before.
    fn until_ended<T>(&self, mut receive: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
        self.connection.set_read_timeout(Some(IDLE_STEP))?;
        loop {
            match receive() {
                Err(error) if frame::is_timeout(&error) => {
                    if (self.has_ended)() {
                        return Ok(None);
                    }
                }
                received => return received.map(Some),
            }
        }
    }
}

impl Read for &Idle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.connection;
        let read = self.until_ended(|| connection.read(buffer))?;
        Ok(read.unwrap_or(0))
    }
}

/// Answers the requests of host software.
fn serve_host<D: Device>(idle: &Idle<'_>, device: &D) -> Result<(), Problem<D::Error>> {
    let connection = idle.connection;
    loop {
        let begun = idle.until_ended(|| first_byte(connection))?;
        if begun.flatten().is_none() {
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
fn wait<D: Device>(
    connection: &TcpStream,
    device: &D,
    request: &Request,
    mut input: Vec<u8>,
    room: usize,
) -> Result<Option<Reply>, Problem<D::Error>> {
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
fn play<D: Device>(idle: &Idle<'_>, device: &D) -> Result<(), Problem<D::Error>> {
    let connection = idle.connection;
    match play_each(BufReader::new(idle), connection, device.player()) {
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
