//! The broker between the VFs of a device and its host's side: per-VF backing stores of VF
//! configuration blocks, with every rule of the manifest held on every write.
//!
//! A shell (the driver, a simulation, a test) verifies a [`Table`](block_table::Table), takes memory
//! for as many [`Vf`]s as there are, puts each behind a lock of its own as a [`VfCell`], and hands
//! calls to the [`Broker`]. The broker knows no operating system, allocates nothing, and cannot
//! panic.
//!
//! | file | holds |
//! |---|---|
//! | `broker.rs`, `broker/` | the operations, and what is decided before any lock |
//! | `vf.rs`, `vf/` | one VF: what its operations do under its lock |
//! | `request.rs` | what was asked for, and lengths that fit |
//! | `store.rs` | the bytes of registers and streams |
//! | `limits.rs` | the token bucket |
//! | `counters.rs`, `journal.rs` | what is remembered of what happened |
//! | `watch.rs` | waiting for a change |
//! | `host_refusals.rs` | how often the host side was refused, for each reason |
//! | `refusal.rs` | the refusal of each broken rule |
//!
//! The refusals, operations and power states are wire codes of the management interface,
//! [`pf_broker_abi`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod broker;
mod counters;
mod host_refusals;
mod journal;
mod limits;
mod refusal;
mod request;
mod store;
mod sync;
mod ticks;
mod vf;
mod watch;

pub use broker::{Broker, Published, TooManyVfs, VfCell};
pub use counters::{BlockCounters, VfCounters};
pub use journal::{Entry, Event, Excerpt, JOURNAL_LENGTH};
pub use refusal::refusal_of;
pub use store::BlockSlot;
pub use ticks::Ticks;
pub use vf::{BlockStatus, MemoryTooSmall, Vf, VfStatus};
pub use watch::{Arrival, Kinds, Waiters, Watch};
