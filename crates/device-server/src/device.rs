//! What is served: answers requests of host software, and performs operations of players.

use std::error::Error;
use std::time::Duration;

use block_trace::{Operation, Outcome};

/// The output of a request, or its NTSTATUS.
pub type Reply = Result<Vec<u8>, u32>;

/// How a request is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is complete.
    Now(Reply),
    /// It waits, and this is its input from now on.
    Later(Vec<u8>),
}

/// A device whose clients call at one time, each on a thread of its own.
pub trait Device: Sync {
    /// Why an operation could not be carried out at all.
    type Error: Error + 'static;

    /// Answers a request of the management interface, whose output has at most `room` bytes.
    fn control(&self, code: u32, input: &[u8], room: usize) -> Answer;

    /// Answers a request that waits, after at most `time`. Its client may have cancelled it before.
    fn control_later(&self, code: u32, input: &[u8], room: usize, time: Duration) -> Answer;

    /// What performs the operations of one player, in their order.
    fn player(&self) -> impl FnMut(&Operation) -> Result<Outcome, Self::Error>;
}
