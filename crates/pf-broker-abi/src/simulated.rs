//! How a TCP connection to a simulated device carries the management interface.
//!
//! Both sides first send [`SIMULATED_GREETING`], the client at once and the device when it has
//! received the client's. Then the client sends a [`SimulatedRequest`] with the input of an IOCTL
//! after it, and the device answers with a [`SimulatedReply`] and the output after that. A client
//! sends the next request after the reply to the last one. It may only send a [`SIMULATED_CANCEL`]
//! before that, which ends a request that waits with `STATUS_CANCELLED`, has no reply of its own
//! and does nothing once the reply is sent. A client that makes several calls at one time uses as
//! many connections.
//!
//! Control codes, inputs, outputs and statuses are those of the driver. The device closes a
//! connection whose greeting or frame is malformed or does not arrive in full within some seconds.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

/// The first bytes of both sides; the last one is the version of the framing. The first byte begins
/// neither text nor a request of HTTP, so a device recognizes other clients by it.
pub const SIMULATED_GREETING: [u8; 8] = *b"\xB7PFBSIM\x01";

/// The code of the frame that cancels the request before it. It is no control code.
pub const SIMULATED_CANCEL: u32 = 0;

/// The longest input of a request in bytes: far longer than a publish of a whole block, so that the
/// device itself refuses longer ones.
pub const SIMULATED_MAX_INPUT: u32 = 1 << 16;

/// The most bytes of output that a device returns for one request, however many the client has room
/// for: more than the messages of the longest stream.
pub const SIMULATED_MAX_OUTPUT: u32 = 1 << 20;

/// The head of a request, followed by `length` bytes of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SimulatedRequest {
    /// Bytes of input, at most [`SIMULATED_MAX_INPUT`].
    pub length: u32,
    /// The control code, or [`SIMULATED_CANCEL`] with no input and no output.
    pub code: u32,
    /// Bytes of output that the client has room for.
    pub output_length: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(
    SimulatedRequest,
    size 16,
    length @ 0,
    code @ 4,
    output_length @ 8,
    reserved @ 12,
);

/// The head of a reply, followed by `length` bytes of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SimulatedReply {
    /// Bytes of output; 0 when the request failed.
    pub length: u32,
    /// The NTSTATUS of the request.
    pub status: u32,
}
assert_layout!(SimulatedReply, size 8, length @ 0, status @ 4);
