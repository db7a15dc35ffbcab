//! The frames of a connection to a simulated device, as [`pf_broker_abi::SimulatedRequest`]
//! describes them: for both sides. A reader allocates no more than the longest input.

use std::io::{self, Read, Write};

use pf_broker_abi::{
    SIMULATED_CANCEL, SIMULATED_GREETING, SIMULATED_MAX_INPUT, SimulatedReply, SimulatedRequest,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

/// One request as a device receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The control code.
    pub code: u32,
    /// The input.
    pub input: Vec<u8>,
    /// Bytes of output that the client has room for.
    pub output_length: u32,
}

impl Request {
    /// Whether it cancels the request before it.
    #[must_use]
    pub fn is_cancellation(&self) -> bool {
        self.code == SIMULATED_CANCEL
    }
}

/// Why no frame was received.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side is no program of this interface, or one of another version.
    #[error("the connection begins with {0:02x?} instead of {SIMULATED_GREETING:02x?}")]
    Greeting([u8; 8]),
    /// The frame is longer than is allowed.
    #[error("a frame has {length} bytes of data; {most} are allowed")]
    TooLong {
        /// Bytes that the frame has.
        length: u32,
        /// Bytes that are allowed.
        most: usize,
    },
    /// The reserved field is not zero.
    #[error("the reserved field of a frame is {0}, and has to be 0")]
    Reserved(u32),
    /// A cancellation has an input or room for an output.
    #[error("a cancellation has {input} bytes of input and room for {output} of output")]
    Cancellation {
        /// Bytes of input.
        input: u32,
        /// Bytes of output.
        output: u32,
    },
    /// The connection failed, or ended within the frame.
    #[error("the connection failed")]
    Connection(#[from] io::Error),
}

/// Sends the greeting.
///
/// # Errors
///
/// When the connection fails.
pub fn send_greeting(mut connection: impl Write) -> io::Result<()> {
    connection.write_all(&SIMULATED_GREETING)
}

/// Receives the greeting of the other side.
///
/// # Errors
///
/// When it is another one, or the connection fails.
pub fn receive_greeting(mut connection: impl Read) -> Result<(), FrameError> {
    let mut greeting = [0; SIMULATED_GREETING.len()];
    connection.read_exact(&mut greeting)?;
    if greeting == SIMULATED_GREETING {
        Ok(())
    } else {
        Err(FrameError::Greeting(greeting))
    }
}

/// Sends a request; one with the code [`SIMULATED_CANCEL`] cancels the one before it.
///
/// # Errors
///
/// When the input is too long, or the connection fails.
pub fn send_request(mut connection: impl Write, request: &Request) -> Result<(), FrameError> {
    let length = u32::try_from(request.input.len()).unwrap_or(u32::MAX);
    let head = SimulatedRequest {
        length,
        code: request.code,
        output_length: request.output_length,
        reserved: 0,
    };
    check_request(&head)?;
    // One write, so that a request is one packet.
    Ok(connection.write_all(&[head.as_bytes(), &request.input].concat())?)
}

/// Receives a request.
///
/// # Errors
///
/// When it is malformed, or the connection fails.
pub fn receive_request(mut connection: impl Read) -> Result<Request, FrameError> {
    let mut head = SimulatedRequest::new_zeroed();
    connection.read_exact(head.as_mut_bytes())?;
    check_request(&head)?;
    let mut input = vec![0; head.length as usize];
    connection.read_exact(&mut input)?;
    Ok(Request {
        code: head.code,
        input,
        output_length: head.output_length,
    })
}

fn check_request(head: &SimulatedRequest) -> Result<(), FrameError> {
    if head.length > SIMULATED_MAX_INPUT {
        return Err(FrameError::TooLong {
            length: head.length,
            most: SIMULATED_MAX_INPUT as usize,
        });
    }
    if head.reserved != 0 {
        return Err(FrameError::Reserved(head.reserved));
    }
    if head.code == SIMULATED_CANCEL && (head.length, head.output_length) != (0, 0) {
        return Err(FrameError::Cancellation {
            input: head.length,
            output: head.output_length,
        });
    }
    Ok(())
}

/// Sends a reply: the output, or an NTSTATUS.
///
/// # Errors
///
/// When the connection fails.
pub fn send_reply(mut connection: impl Write, reply: &Result<Vec<u8>, u32>) -> io::Result<()> {
    let (status, output) = match reply {
        Ok(output) => (0, &output[..]),
        Err(status) => (*status, &[][..]),
    };
    let length = u32::try_from(output.len()).map_err(io::Error::other)?;
    let head = SimulatedReply { length, status };
    connection.write_all(&[head.as_bytes(), output].concat())
}

/// Receives a reply, whose output goes to the start of `output`: its length, or an NTSTATUS.
///
/// # Errors
///
/// When the reply has more output than there is room for, or the connection fails.
pub fn receive_reply(
    mut connection: impl Read,
    output: &mut [u8],
) -> Result<Result<usize, u32>, FrameError> {
    let mut head = SimulatedReply::new_zeroed();
    connection.read_exact(head.as_mut_bytes())?;
    let most = output.len();
    let Some(data) = output.get_mut(..head.length as usize) else {
        return Err(FrameError::TooLong {
            length: head.length,
            most,
        });
    };
    connection.read_exact(data)?;
    // NT_SUCCESS of `ntdef.h`.
    Ok(if head.status.cast_signed() >= 0 {
        Ok(data.len())
    } else {
        Err(head.status)
    })
}

/// Whether a receive has ended because of its time limit; systems differ in the error.
#[must_use]
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests;
