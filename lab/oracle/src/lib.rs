//! Says whether what readers of a block saw, beside writers and resets, can be true.
//!
//! Writers write [`image`]s that say who wrote them and when, and of which every byte depends on
//! both: a mix of two is recognised. A [`register::Register`] holds what is known to have happened
//! before a read began, and judges what it returned. No judgement depends on luck: whatever the
//! order in which threads run, a block that behaves is never called a liar.
#![no_std]
#![forbid(unsafe_code)]

pub mod image;
pub mod register;

/// Writers of one block at most, with numbers from 0.
pub const WRITERS: usize = 4;
