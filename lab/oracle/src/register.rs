//! What is known to have happened to a block, and what a read of it can therefore return.

use core::array;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::WRITERS;
use crate::image::{Content, Mark};

/// Why what a read returned cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It is of several writes, or of none.
    Mixed,
    /// It was written before a reset that had ended when the read began.
    OutlivedReset(Mark),
    /// The same writer had written something newer when the read began.
    Stale(Mark),
    /// The write was refused, or the writer does not exist.
    Refused(Mark),
    /// It is blank, although somebody had written after the last reset when the read began.
    Lost,
    /// A message came before one that was sent earlier, or twice.
    OutOfOrder(Mark),
}

/// One number for each writer.
type Numbers = [u32; WRITERS];

/// What is known of a block. All of it may be told and asked from any thread.
#[derive(Debug, Default)]
pub struct Register {
    /// The last write of each writer that has ended well.
    done: [AtomicU32; WRITERS],
    /// The last write of each writer that was refused.
    refused: [AtomicU32; WRITERS],
    /// Writes up to this one had ended when a reset began that has ended since.
    floor: [AtomicU32; WRITERS],
    /// How many writes of each writer have ended well.
    ended: [AtomicU32; WRITERS],
    /// Once so many have ended, one of them began after the last reset had ended.
    settled: [AtomicU32; WRITERS],
    resets_begun: AtomicU32,
    resets_ended: AtomicU32,
}

/// What had ended when a reset began.
#[derive(Debug)]
pub struct Reset(Numbers);

/// What was known when a read began.
#[derive(Debug)]
pub struct Before {
    done: Numbers,
    refused: Numbers,
    floor: Numbers,
    /// Somebody had surely written after the last reset.
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

impl Register {
    /// A write has ended well. Each writer writes one thing after the other, with numbers that grow.
    pub fn wrote(&self, mark: Mark) {
        let writer = usize::from(mark.writer);
        if let (Some(done), Some(ended)) = (self.done.get(writer), self.ended.get(writer)) {
            done.store(mark.number, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A write was refused.
    pub fn refused(&self, mark: Mark) {
        if let Some(refused) = self.refused.get(usize::from(mark.writer)) {
            refused.store(mark.number, Ordering::SeqCst);
        }
    }

    /// A reset is about to begin. There is one at a time.
    #[must_use]
    pub fn before_reset(&self) -> Reset {
        self.resets_begun.fetch_add(1, Ordering::SeqCst);
        Reset(all(&self.done))
    }

    /// The reset has ended: with success, or refused and without effect.
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

    /// A read is about to begin.
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

    /// Judges what a read returned that began after `before`.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn judge(&self, before: &Before, content: Content) -> Result<(), Lie> {
        let mark = match content {
            Content::Mixed => return Err(Lie::Mixed),
            Content::Blank if before.written && before.resets == Some(load(&self.resets_begun)) => {
                return Err(Lie::Lost);
            }
            Content::Blank => return Ok(()),
            Content::Of(mark) => mark,
        };
        before.survives(mark)?;
        match of(&before.done, mark.writer) {
            Some(done) if mark.number < done => Err(Lie::Stale(mark)),
            _ => Ok(()),
        }
    }
}

impl Before {
    /// Judges a message that was taken out of a stream; `last` is the one before it from the same
    /// writer, 0 for none. Messages may be missing.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn judge_message(&self, last: &mut Numbers, content: Content) -> Result<(), Lie> {
        let Content::Of(mark) = content else {
            return Err(Lie::Mixed);
        };
        self.survives(mark)?;
        match last.get_mut(usize::from(mark.writer)) {
            Some(last) if *last < mark.number => {
                *last = mark.number;
                Ok(())
            }
            _ => Err(Lie::OutOfOrder(mark)),
        }
    }

    /// Whether a write may be seen at all.
    fn survives(&self, mark: Mark) -> Result<(), Lie> {
        match (of(&self.refused, mark.writer), of(&self.floor, mark.writer)) {
            (Some(refused), Some(floor)) if refused != mark.number => {
                if mark.number <= floor {
                    Err(Lie::OutlivedReset(mark))
                } else {
                    Ok(())
                }
            }
            _ => Err(Lie::Refused(mark)),
        }
    }
}

#[cfg(test)]
mod tests;
