//! The trace language that simulation and lab share: one JSON operation a line in, one result a
//! line out, in order.
//!
//! A trace says what VFs and the host side do to a PF's blocks. The same lines drive the broker in
//! process (`pfbctl simulate --trace`) and the built driver image in the lab, and both print
//! results of the same spelling, so that the two can be compared byte for byte. docs/trace.md
//! describes the language for its users.
//!
//! - [`Operation`] is one line of a trace, [`Operation::parse`] reads it;
//! - [`Outcome`] is the result of one operation, its [`Display`](std::fmt::Display) is the line;
//! - [`Host`] has one method for each operation; whatever implements it can [`play()`] a trace.
#![forbid(unsafe_code)]

mod operation;
mod outcome;
mod play;

pub use operation::{HexError, LineError, Operation, Target, bytes_from_hex};
pub use outcome::{Outcome, Stats, Status};
pub use pf_broker_abi::PowerState;
pub use play::{Failure, Host, MAX_LINE_LENGTH, PlayError, Played, play};
