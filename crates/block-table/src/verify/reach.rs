//! The bytes that a rule may read.

use super::outcome::{Outcome, ensure, refuse};
use crate::error::{Flaw, TableError};
use crate::format::{MAX_USES, Shape, source};
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

/// The bytes of each source that an expression may read.
#[derive(Clone, Copy)]
pub(super) struct Sources<'v> {
    /// The block, merged with what is written, or an element of it.
    pub(super) block: Reach<'v>,
    /// The block that the element lies in, where rules are those of an element.
    pub(super) whole: Option<Reach<'v>>,
    /// The other sources, where they may be read.
    pub(super) context: Option<Context<'v>>,
    /// Whose bytes the block has.
    pub(super) shape: Shape,
}

/// The bytes of each source but the block.
#[derive(Clone, Copy)]
pub(super) struct Context<'v> {
    pub(super) was: Reach<'v>,
    pub(super) used: [Reach<'v>; MAX_USES],
}

impl<'v> Sources<'v> {
    /// Nothing but the block.
    pub(super) fn block(block: Reach<'v>) -> Self {
        Self {
            block,
            whole: None,
            context: None,
            shape: Shape::default(),
        }
    }

    /// The bytes that the rules of an element of `length` bytes may read.
    pub(super) const fn element(self, length: u8) -> Self {
        Self {
            block: Reach::whole(length),
            whole: Some(self.block),
            ..self
        }
    }

    /// The same without the sources that only a `require` reads.
    pub(super) const fn of_count(self) -> Self {
        Self {
            context: None,
            ..self
        }
    }

    /// The bytes of the source that `order` of a field names.
    pub(super) fn of(&self, order: u8, at: usize) -> Outcome<Reach<'v>> {
        let source = order & source::ALL;
        let context = match (source, self.context) {
            (source::BLOCK, _) => return Ok(self.block),
            (source::WHOLE, _) => {
                return self.whole.ok_or(TableError {
                    flaw: Flaw::Context,
                    offset: at,
                });
            }
            (_, None) => return refuse(Flaw::Context, at),
            (_, Some(context)) => context,
        };
        match source {
            source::WAS => Ok(context.was),
            source::WRITE => Ok(Reach::whole(source::WRITE_LENGTH)),
            _ => {
                let place = source
                    .checked_sub(source::USED)
                    .map(|place| place >> source::SHIFT);
                let used = place.and_then(|place| context.used.get(usize::from(place)));
                used.copied().ok_or(TableError {
                    flaw: Flaw::Context,
                    offset: at,
                })
            }
        }
    }
}
