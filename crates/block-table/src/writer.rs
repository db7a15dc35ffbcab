//! The two writers of a block, the history of which of them have written it, and a write of one.

use crate::format::{MAX_USES, owner, source};
use crate::image::{Image, ZERO};

/// The side that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    /// The VF, with a block write.
    Vf,
    /// Host software, with a publish.
    Pf,
}

impl Writer {
    pub(crate) const fn owner(self) -> u8 {
        match self {
            Self::Vf => owner::VF,
            Self::Pf => owner::PF,
        }
    }
}

/// The sides that have written a block since its last reset. The first value of a sequence after a
/// reset may be any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct History(u8);

impl History {
    /// No side has written yet.
    pub const EMPTY: Self = Self(0);

    /// The history after a write of `writer` was committed.
    #[must_use]
    pub const fn after(self, writer: Writer) -> Self {
        Self(self.0 | writer.owner())
    }

    /// The history when nothing that `writer` wrote is left in the block.
    #[must_use]
    pub const fn without(self, writer: Writer) -> Self {
        Self(self.0 & !writer.owner())
    }

    pub(crate) const fn has_any(self, owners: u8) -> bool {
        self.0 & owners != 0
    }
}

/// A write, and what it is judged with besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The side that writes.
    pub writer: Writer,
    /// The number of bytes that were sent, at most 128.
    pub length: usize,
    /// The block before the write; bytes after the block are not read. For a stream it is the last
    /// message that was accepted, or the default image.
    pub committed: &'a Image,
    /// The sides that have written the block since its last reset.
    pub history: History,
    /// The values of the blocks that this one [uses](crate::Block::uses), in that order.
    pub used: [&'a Image; MAX_USES],
    /// Whether rules that compare the block with its value before the write apply. They do, except
    /// where the write is judged without knowing that value.
    pub compares: bool,
}

impl<'a> Write<'a> {
    /// A write of `length` bytes of `writer` to a block that uses no others.
    #[must_use]
    pub const fn new(
        writer: Writer,
        length: usize,
        committed: &'a Image,
        history: History,
    ) -> Self {
        Self {
            writer,
            length,
            committed,
            history,
            used: [&ZERO; MAX_USES],
            compares: true,
        }
    }

    /// The bytes of [`source::WRITE`], followed by zeros.
    #[must_use]
    pub fn about(&self) -> Image {
        let mut about = ZERO;
        let length = u8::try_from(self.length).unwrap_or(u8::MAX);
        for (place, value) in [
            (source::LENGTH, length),
            (source::WRITER, self.writer.owner()),
        ] {
            if let Some(byte) = about.get_mut(usize::from(place)) {
                *byte = value;
            }
        }
        about
    }
}
