//! What every kernel image of the lab needs beside wdk-sys.
//!
//! | module | has |
//! |---|---|
//! | [`heap`] | the global allocator, on nonpaged pool |
//! | [`lock`] | a lock for `PASSIVE_LEVEL` that yields while it waits |
//! | [`event`], [`thread`] | notification events and system threads |
//! | [`clock`] | sleeping and measuring |
//! | [`unicode`] | strings for the kernel |
//! | [`log`] | the debugger output, and log files in the Wine prefix |
#![no_std]

extern crate alloc;

pub mod clock;
pub mod event;
pub mod heap;
pub mod lock;
pub mod log;
pub mod thread;
pub mod unicode;
