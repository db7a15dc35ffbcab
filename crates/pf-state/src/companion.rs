//! The companion driver: when it is called, and in which order with commits, resets, power changes
//! and the removal.
//!
//! Its calls are ordered by two state machines. The [`Attachment`] of a PF says whether there is a
//! companion and whether it is ready. The [`Turn`] of each VF admits one call at a time, and hands
//! itself to a reset.
//!
//! | call | when it is due |
//! |---|---|
//! | `VfWrite`, `VfRead` | in the VF's turn, while the companion is ready ([`hand_over`]) |
//! | `VfCommitted` | in the same turn, after the commit of a write that it accepted |
//! | `VfPower` | in the VF's turn, after the state was recorded, while it is attached ([`change_power`]) |
//! | `VfReset` | in the turn of the reset, after the hardware was reset and before the VF is served ([`crate::reset`]) |
//!
//! [`inspect`] says whether a driver that answers the query is a companion. A reset, a stop and a
//! removal wait for calls that are in flight, however long these take, and report one that takes
//! too long ([`wait_for_calls`]).
//!
//! All calls are made at `PASSIVE_LEVEL` without a lock; an operation at a higher IRQL cannot wait
//! for its turn, and the shell refuses it as if no companion were ready.

mod attachment;
mod offer;
mod operation;
#[cfg(test)]
mod tests;
mod turn;
mod waiting;

pub use attachment::{Attachment, AttachmentState, CallGuard};
pub use offer::{Callbacks, Flaw, HandsOver, dereference, inspect};
pub use operation::{Handed, PowerChange, VfCalls, VfCallsOfReset, change_power, hand_over};
pub use turn::{Caller, ResetGuard, Turn, TurnGuard, Unavailable};
pub use waiting::{REPORTED_AFTER, wait_for_calls};
