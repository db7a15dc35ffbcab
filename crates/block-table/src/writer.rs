//! The two writers of a block, and the history of which of them have written it.

use crate::format::owner;

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
