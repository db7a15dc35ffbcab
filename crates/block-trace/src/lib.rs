//! The trace language of simulation and lab: one JSON operation per line in, one result per line
//! out, in order.
//!
//! A trace lists what VFs and host software do to the blocks of a PF. `pfbctl simulate --trace`
//! plays it against the broker in process, the lab against the built driver image. Both print
//! results in the same spelling, so that they can be compared byte for byte. docs/trace.md
//! describes the language for its users.
//!
//! From the player down:
//!
//! | file | holds |
//! |---|---|
//! | `play.rs` | [`play()`], and [`Host`], with one method for each operation |
//! | `outcome.rs` | [`Outcome`], the result of one operation, and its line |
//! | `parse.rs` | [`Operation::parse`]: from a line to an operation |
//! | `keys.rs` | the keys of a line, and which of them each operation takes |
//! | `format.rs` | from an operation to its line |
//! | `value.rs` | how a line spells bytes, masks, statuses, power states and VFs |
//! | `line_error.rs` | [`LineError`]: why a line is not an operation |
//! | `operation.rs` | [`Operation`], [`Target`], [`Direction`] and the names of operations |
#![forbid(unsafe_code)]

mod format;
mod keys;
mod line_error;
mod operation;
mod outcome;
mod parse;
mod play;
mod value;

pub use line_error::LineError;
pub use operation::{Direction, Operation, Shape, Target, shapes};
pub use outcome::{Change, HandedWrite, Outcome, Stats, Status};
pub use pf_broker_abi::PowerState;
pub use play::{Failure, Host, MAX_LINE_LENGTH, PlayError, Played, play, play_each};
pub use value::{HexError, bytes_from_hex};
