//! The bytes of a block that a rule may read.

use super::outcome::{Outcome, ensure};
use crate::error::Flaw;
use crate::image::Image;

/// The bytes that a rule may read.
#[derive(Clone, Copy)]
pub(super) struct Reach<'v> {
    /// The length of the block.
    length: u8,
    /// `0xFF` for each byte that may be read, unless all may.
    only: Option<&'v Image>,
}

impl<'v> Reach<'v> {
    /// All bytes of a block of `length` bytes.
    pub(super) const fn whole(length: u8) -> Self {
        Self { length, only: None }
    }

    /// The bytes that a block has in each of its layouts.
    ///
    /// The others may change after the choice of the layout: then they are not what the rules before
    /// it have judged.
    pub(super) const fn common(length: u8, common: &'v Image) -> Self {
        Self {
            length,
            only: Some(common),
        }
    }

    /// Verifies that the bytes from `start` to before `end` may be read.
    pub(super) fn contains(self, start: usize, end: usize, at: usize) -> Outcome {
        ensure(end <= self.length.into(), Flaw::OutOfBlock, at)?;
        let bytes = self.only.map(|bytes| bytes.get(start..end).unwrap_or(&[]));
        let readable = bytes.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0xFF));
        ensure(readable, Flaw::BeforeLayout, at)
    }
}
