//! Decides whether reads beside writes and resets on other threads can have returned what they did.
//!
//! Writers write [`image`]s: every byte depends on the writer and on the number of its write, so a
//! mix of two writes is found. A [`history::BlockHistory`] records which calls have ended, and
//! checks each read against it. A check never depends on timing: whatever the order in which
//! threads run, a block that behaves passes.
#![no_std]
#![forbid(unsafe_code)]

pub mod history;
pub mod image;

/// The largest number of writers of one block. Writers have numbers from 0.
pub const WRITERS: usize = 4;
