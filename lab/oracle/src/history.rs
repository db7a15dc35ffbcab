//! The history of a block: what has ended before a read begins, and so what the read may return.

use core::array;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::WRITERS;
use crate::image::{Content, WriteId};

/// Why a read cannot have returned what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Parts of several writes, or of none.
    Mixed,
    /// A write from before a reset that had ended when the read began.
    OutlivedReset(WriteId),
    /// An older write than one that the same writer had completed when the read began.
    Stale(WriteId),
    /// A write that was refused, or a writer that does not exist.
    Refused(WriteId),
    /// Blank, although a write after the last reset had been completed when the read began.
    Lost,
    /// A message before one that was sent earlier, or twice.
    OutOfOrder(WriteId),
}

/// One number for each writer.
type Numbers = [u32; WRITERS];

/// The history of one block. Any thread may use it.
#[derive(Debug, Default)]
pub struct BlockHistory {
    /// The last write of each writer that succeeded.
    done: [AtomicU32; WRITERS],
    /// The last write of each writer that was refused.
    refused: [AtomicU32; WRITERS],
    /// The last write of each writer before the last reset that has ended.
    floor: [AtomicU32; WRITERS],
    /// How many writes of each writer succeeded.
    ended: [AtomicU32; WRITERS],
    /// Once so many writes have succeeded, one of them began after the last reset had ended.
    settled: [AtomicU32; WRITERS],
    resets_begun: AtomicU32,
    resets_ended: AtomicU32,
}

/// The writes that had ended when a reset began.
#[derive(Debug)]
pub struct Reset(Numbers);

/// The state of the history when a read began.
#[derive(Debug)]
pub struct Before {
    done: Numbers,
    refused: Numbers,
    floor: Numbers,
    /// A write had surely been completed after the last reset.
    written: bool,
    /// How many resets there had been, when none was under way.
    resets: Option<u32>,
}

fn all(numbers: &[AtomicU32; WRITERS]) -> Numbers {
    array::from_fn(|writer| numbers.get(writer).map_or(0, load))
}

fn load(number: &AtomicU32) -> u32 {
    number.load(Ordering::SeqCst)
}

fn of(numbers: &Numbers, writer: u8) -> Option<u32> {
    numbers.get(usize::from(writer)).copied()
}

impl BlockHistory {
    /// Records a write that succeeded. Each writer makes one write after the other, with growing
    /// numbers.
    pub fn record_write(&self, id: WriteId) {
        let writer = usize::from(id.writer);
        if let (Some(done), Some(ended)) = (self.done.get(writer), self.ended.get(writer)) {
            done.store(id.number, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Records a write that was refused.
    pub fn record_refusal(&self, id: WriteId) {
        if let Some(refused) = self.refused.get(usize::from(id.writer)) {
            refused.store(id.number, Ordering::SeqCst);
        }
    }

    /// Records that a reset is about to begin. There is one at a time.
    #[must_use]
    pub fn before_reset(&self) -> Reset {
        self.resets_begun.fetch_add(1, Ordering::SeqCst);
        Reset(all(&self.done))
    }

    /// Records that the reset has ended: with success, or refused and without effect.
    pub fn after_reset(&self, Reset(before): Reset, succeeded: bool) {
        if succeeded {
            for (floor, done) in self.floor.iter().zip(before) {
                floor.fetch_max(done, Ordering::SeqCst);
            }
            for (settled, ended) in self.settled.iter().zip(&self.ended) {
                // The next write may have begun already.
                settled.store(load(ended).saturating_add(2), Ordering::SeqCst);
            }
        }
        self.resets_ended.fetch_add(1, Ordering::SeqCst);
    }

    /// The state of the history before a read.
    #[must_use]
    pub fn before_read(&self) -> Before {
        let ended = load(&self.resets_ended);
        let resets = (load(&self.resets_begun) == ended).then_some(ended);
        let written = self
            .ended
            .iter()
            .zip(&self.settled)
            .any(|(ended, settled)| load(ended) >= load(settled).max(1));
        Before {
            written,
            done: all(&self.done),
            refused: all(&self.refused),
            floor: all(&self.floor),
            resets,
        }
    }

    /// Checks what a read returned that began after `before`.
    ///
    /// # Errors
    /// When no order of the calls explains it.
    pub fn check_read(&self, before: &Before, content: Content) -> Result<(), Violation> {
        let id = match content {
            Content::Mixed => return Err(Violation::Mixed),
            Content::Blank if before.written && before.resets == Some(load(&self.resets_begun)) => {
                return Err(Violation::Lost);
            }
            Content::Blank => return Ok(()),
            Content::Whole(id) => id,
        };
        before.check_visible(id)?;
        match of(&before.done, id.writer) {
            Some(done) if id.number < done => Err(Violation::Stale(id)),
            _ => Ok(()),
        }
    }
}

impl Before {
    /// Checks a message that was drained from a stream; `last` holds the number of the message
    /// before it from each writer, 0 for none. Messages may be missing.
    ///
    /// # Errors
    /// When no order of the calls explains it.
    pub fn check_message(&self, last: &mut Numbers, content: Content) -> Result<(), Violation> {
        let Content::Whole(id) = content else {
            return Err(Violation::Mixed);
        };
        self.check_visible(id)?;
        match last.get_mut(usize::from(id.writer)) {
            Some(last) if *last < id.number => {
                *last = id.number;
                Ok(())
            }
            _ => Err(Violation::OutOfOrder(id)),
        }
    }

    /// Checks that a write may be visible at all.
    fn check_visible(&self, id: WriteId) -> Result<(), Violation> {
        match (of(&self.refused, id.writer), of(&self.floor, id.writer)) {
            (Some(refused), Some(floor)) if refused != id.number => {
                if id.number <= floor {
                    Err(Violation::OutlivedReset(id))
                } else {
                    Ok(())
                }
            }
            _ => Err(Violation::Refused(id)),
        }
    }
}

#[cfg(test)]
mod tests;
