//! What changed in a VF: noted by an operation, stamped at its end, listed for a reader.

use block_table::Kind;
#[cfg(doc)]
use pf_broker_abi::{CHANGES_MORE, CHANGES_RESTARTED};
use pf_broker_abi::{Change, ChangesCookie};

use crate::kinds::Kinds;

/// A cookie of this start of the device that no reply can have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedCookie;

impl core::fmt::Display for MalformedCookie {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("no reply of this device can have had the cookie")
    }
}

impl core::error::Error for MalformedCookie {}

/// The end of a list of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangesEnd {
    /// The cookie with which the reader continues.
    pub cookie: ChangesCookie,
    /// [`CHANGES_MORE`] and [`CHANGES_RESTARTED`].
    pub flags: u32,
}

/// What an operation changed, until its stamp is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed {
    pub(crate) kinds: Kinds,
    /// The index of the block, for kinds of a block. An operation changes one block at most.
    pub(crate) block: usize,
}

impl Changed {
    pub(crate) const NOTHING: Self = Self {
        kinds: Kinds::NONE,
        block: 0,
    };
}

/// The last change of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) epoch: u64,
    /// The number of its event in the journal.
    pub(crate) event: u64,
}

impl Stamp {
    const NEVER: Self = Self { epoch: 0, event: 0 };
}

/// The last changes of the VF itself.
#[derive(Debug)]
pub(crate) struct VfStamps {
    pub(crate) reset: Stamp,
    pub(crate) power: Stamp,
    pub(crate) refused: Stamp,
    pub(crate) journaled: Stamp,
    /// The epoch of the newest stamp of the VF or of one of its blocks.
    pub(crate) newest: u64,
}

impl VfStamps {
    pub(crate) const NEVER: Self = Self {
        reset: Stamp::NEVER,
        power: Stamp::NEVER,
        refused: Stamp::NEVER,
        journaled: Stamp::NEVER,
        newest: 0,
    };

    /// Forgets what a reset supersedes.
    pub(crate) fn forget_power(&mut self) {
        self.power = Stamp::NEVER;
    }

    pub(crate) const fn of_kinds(&self) -> [(Kinds, Stamp); 4] {
        [
            (Kinds::RESET, self.reset),
            (Kinds::POWER, self.power),
            (Kinds::REFUSED, self.refused),
            (Kinds::JOURNALED, self.journaled),
        ]
    }
}

/// The last changes of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockStamps {
    /// A write of the VF, or its message.
    pub(crate) written: u64,
    pub(crate) published: u64,
}

impl BlockStamps {
    pub(crate) const NEVER: Self = Self {
        written: 0,
        published: 0,
    };

    /// The kinds among `kinds` of changes after the epoch `since`.
    pub(crate) fn since(self, since: u64, kind: Kind, kinds: Kinds) -> Kinds {
        let by_vf = match kind {
            Kind::Register => Kinds::WRITTEN,
            Kind::Stream => Kinds::MESSAGE,
        };
        let of = |kind, stamp| if stamp > since { kind } else { Kinds::NONE };
        of(by_vf, self.written)
            .union(of(Kinds::PUBLISHED, self.published))
            .intersection(kinds)
    }
}

/// Most entries that a reader gets from one hold of a VF's lock.
const ENTRIES: usize = 16;

/// Most blocks that a reader visits during one hold of a VF's lock.
pub(crate) const BLOCKS: u32 = 64;

/// Entries of one VF, each with its place: 0 for the VF itself, n for block n - 1 of the table.
pub(crate) struct Batch {
    entries: [(u32, Change); ENTRIES],
    filled: usize,
}

impl Batch {
    pub(crate) const fn new() -> Self {
        let nothing = Change {
            vf: 0,
            kinds: 0,
            block: 0,
            revision: 0,
        };
        Self {
            entries: [(0, nothing); ENTRIES],
            filled: 0,
        }
    }

    /// Adds an entry if there is room.
    pub(crate) fn push(&mut self, place: u32, change: Change) -> bool {
        let Some(entry) = self.entries.get_mut(self.filled) else {
            return false;
        };
        *entry = (place, change);
        self.filled = self.filled.wrapping_add(1);
        true
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &(u32, Change)> {
        self.entries.iter().take(self.filled)
    }
}

/// What a reader wants of a VF.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) kinds: Kinds,
    /// Changes after this epoch.
    pub(crate) since: u64,
}
