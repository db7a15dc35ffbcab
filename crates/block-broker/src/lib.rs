//! The broker between the VFs of a device and host software: per-VF backing stores of VF
//! configuration blocks, with every rule of the manifest enforced on every write.
//!
//! A shell (the driver, a simulation, a test) verifies a [`Table`](block_table::Table), allocates
//! memory for as many [`Vf`]s as there are, protects each with its own lock, a [`VfLock`], and
//! passes calls to the [`Broker`]. An operation returns an [`Outcome`]: its result, and the
//! [`FollowUp`] that the shell carries out. The broker knows no operating system, allocates
//! nothing, and cannot panic.
//!
//! From the operations down:
//!
//! | file | holds |
//! |---|---|
//! | `broker.rs`, `broker/` | the operations on all VFs, and what is checked before any lock |
//! | `outcome.rs` | what an operation returns |
//! | `vf.rs`, `vf/` | one VF: what its operations do under its lock |
//! | `watch.rs` | requests that wait for a change |
//! | `changes.rs`, `stamps.rs`, `kinds.rs` | what changed, when, and of which kind |
//! | `request.rs` | one call, and the lengths it may have |
//! | `refusal.rs` | the refusal of each broken rule |
//! | `mask.rs` | invalidation masks |
//! | `store.rs` | the bytes of registers and streams |
//! | `limits.rs` | the token bucket |
//! | `counters.rs`, `journal.rs`, `host_refusals.rs` | what is recorded of operations |
//!
//! Refusals, operations and power states are wire codes of the management interface,
//! [`pf_broker_abi`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod broker;
mod changes;
mod counters;
mod host_refusals;
mod journal;
mod kinds;
mod limits;
mod mask;
mod outcome;
mod refusal;
mod request;
mod stamps;
mod store;
mod sync;
mod ticks;
mod vf;
mod watch;

pub use broker::companion::{Begun, PendingRead, PendingWrite};
pub use broker::replies::{block_info, padded_name};
pub use broker::{Broker, TooManyVfs, VfLock};
pub use changes::{ChangesEnd, MalformedCookie};
pub use counters::{BlockCounters, VfCounters};
pub use journal::{Entry, Event, Excerpt, JOURNAL_LENGTH};
pub use kinds::Kinds;
pub use outcome::{Deliver, FollowUp, Outcome};
pub use refusal::refusal_of;
pub use request::ResetBy;
pub use stamps::Newest;
pub use store::BlockSlot;
pub use ticks::Ticks;
pub use vf::{BlockStatus, MemoryTooSmall, Vf, VfStatus};
pub use watch::{Queue, Waiters, Watch};
