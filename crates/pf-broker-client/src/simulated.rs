//! A simulated device: the management interface over TCP connections on this machine.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pf_broker_abi::{SIMULATED_CANCEL, SIMULATED_MAX_INPUT, needs_write_access};

use crate::access::Access;
use crate::device::Control;
use crate::frame::{self, FrameError, Request};
use crate::limit::{Cancel, Limit, STATUS_CANCELLED, STATUS_DEVICE_REMOVED, STATUS_IO_TIMEOUT};

/// How long the device may take to accept a connection, and to send a reply that it has begun.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a call tests whether it was cancelled.
const STEP: Duration = Duration::from_millis(20);

/// `STATUS_INVALID_PARAMETER`, `STATUS_ACCESS_DENIED` and `STATUS_INSUFFICIENT_RESOURCES` of
/// `ntstatus.h`.
const INVALID_PARAMETER: u32 = 0xC000_000D;
const ACCESS_DENIED: u32 = 0xC000_0022;
const INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;

/// A device that `pfbctl serve` simulates. Any number of threads may call at one time; each call in
/// progress has a connection of its own.
///
/// When a connection fails, the device is gone: calls end with [`STATUS_DEVICE_REMOVED`], also
/// later ones, because another device may be at its address. Connect again to go on.
#[derive(Debug)]
pub struct Simulated {
    address: SocketAddr,
    access: Access,
    /// Connections without a call in progress.
    idle: Mutex<Vec<TcpStream>>,
    is_gone: AtomicBool,
}

impl Simulated {
    /// Connects to the device at an address of this machine, such as `127.0.0.1:9820`.
    ///
    /// # Errors
    ///
    /// When the text is no address and port, the address is not a loopback one, nothing listens
    /// there, or what listens is no simulated device.
    pub fn connect(address: &str, access: Access) -> io::Result<Self> {
        let invalid = |problem| io::Error::new(io::ErrorKind::InvalidInput, problem);
        let address: SocketAddr = address.parse().map_err(|_| {
            invalid(format!(
                "{address} is no address with a port, such as 127.0.0.1:9820"
            ))
        })?;
        if !address.ip().is_loopback() {
            return Err(invalid(format!(
                "{address} is no loopback address, and simulated devices are on this machine"
            )));
        }
        Ok(Self {
            address,
            access,
            idle: Mutex::new(vec![greeted(address)?]),
            is_gone: AtomicBool::new(false),
        })
    }

    /// A connection without a call in progress.
    fn connection(&self) -> Result<TcpStream, u32> {
        let idle = self.idle().pop();
        // The device has a limit of connections.
        idle.map_or_else(
            || greeted(self.address).map_err(|_| INSUFFICIENT_RESOURCES),
            Ok,
        )
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on which both sides have sent their greeting.
fn greeted(address: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    frame::send_greeting(&connection)
        .map_err(FrameError::Connection)
        .and_then(|()| frame::receive_greeting(&connection))
        .map_err(not_greeted)?;
    Ok(connection)
}

/// Why there is no greeting. A device without a place for another connection closes it.
fn not_greeted(error: FrameError) -> io::Error {
    match error {
        FrameError::Connection(source) if is_closed(&source) => io::Error::new(
            io::ErrorKind::ConnectionReset,
            "the device accepts no more connections, or is no simulated device",
        ),
        FrameError::Connection(source) => source,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

/// Whether the other side has closed the connection.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// Waits until the first byte of the reply is there. Cancels the request if it has to give up, and
/// returns why.
fn wait(connection: &TcpStream, limit: Limit<'_>) -> Result<Option<u32>, FrameError> {
    let end = limit
        .timeout
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let mut given_up = None;
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let step = match (given_up, limit.cancel) {
            (Some(_), _) => Some(PATIENCE),
            (None, None) => left,
            (None, Some(_)) => Some(left.map_or(STEP, |left| left.min(STEP))),
        };
        // A time of zero means for ever there.
        let step = step.map(|step| step.max(Duration::from_millis(1)));
        connection.set_read_timeout(step)?;
        match connection.peek(&mut [0]) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) => return Ok(given_up),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if frame::is_timeout(&error) && given_up.is_none() => {
                let is_cancelled = limit.cancel.is_some_and(Cancel::is_cancelled);
                let is_over = end.is_some_and(|end| Instant::now() >= end);
                if is_cancelled || is_over {
                    let cancellation = Request {
                        code: SIMULATED_CANCEL,
                        input: Vec::new(),
                        output_length: 0,
                    };
                    frame::send_request(connection, &cancellation)?;
                    given_up = Some(if is_cancelled {
                        STATUS_CANCELLED
                    } else {
                        STATUS_IO_TIMEOUT
                    });
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// One call on a connection.
fn call(
    connection: &TcpStream,
    request: &Request,
    output: &mut [u8],
    limit: Limit<'_>,
) -> Result<Result<usize, u32>, FrameError> {
    frame::send_request(connection, request)?;
    let given_up = wait(connection, limit)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let reply = frame::receive_reply(connection, output)?;
    Ok(match (reply, given_up) {
        (Err(STATUS_CANCELLED), Some(reason)) => Err(reason),
        (reply, _) => reply,
    })
}

impl Control for Simulated {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        self.control_within(code, input, output, Limit::NONE)
    }

    fn control_within(
        &self,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        limit: Limit<'_>,
    ) -> Result<usize, u32> {
        if self.is_gone.load(Ordering::Relaxed) {
            return Err(STATUS_DEVICE_REMOVED);
        }
        if self.access == Access::Look && needs_write_access(code) {
            return Err(ACCESS_DENIED);
        }
        if code == SIMULATED_CANCEL || input.len() > SIMULATED_MAX_INPUT as usize {
            return Err(INVALID_PARAMETER);
        }
        let request = Request {
            code,
            input: input.to_vec(),
            output_length: u32::try_from(output.len()).unwrap_or(u32::MAX),
        };
        let connection = self.connection()?;
        if let Ok(reply) = call(&connection, &request, output, limit) {
            self.idle().push(connection);
            reply
        } else {
            self.is_gone.store(true, Ordering::Relaxed);
            Err(STATUS_DEVICE_REMOVED)
        }
    }
}

#[cfg(test)]
mod tests;
