//! Kinds of changes, as sets.

use pf_broker_abi as abi;

/// A set of kinds of changes: the bits of [`abi::ChangesRequest::kinds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(u16);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// [`abi::CHANGE_WRITTEN`]
    pub const WRITTEN: Self = Self(abi::CHANGE_WRITTEN);
    /// [`abi::CHANGE_MESSAGE`]
    pub const MESSAGE: Self = Self(abi::CHANGE_MESSAGE);
    /// [`abi::CHANGE_RESET`]
    pub const RESET: Self = Self(abi::CHANGE_RESET);
    /// [`abi::CHANGE_POWER`]
    pub const POWER: Self = Self(abi::CHANGE_POWER);
    /// [`abi::CHANGE_PUBLISHED`]
    pub const PUBLISHED: Self = Self(abi::CHANGE_PUBLISHED);
    /// [`abi::CHANGE_REFUSED`]
    pub const REFUSED: Self = Self(abi::CHANGE_REFUSED);
    /// [`abi::CHANGE_ATTACHED`]
    pub const ATTACHED: Self = Self(abi::CHANGE_ATTACHED);
    /// [`abi::CHANGE_DETACHED`]
    pub const DETACHED: Self = Self(abi::CHANGE_DETACHED);
    /// [`abi::CHANGE_JOURNALED`]
    pub const JOURNALED: Self = Self(abi::CHANGE_JOURNALED);
    /// Every kind.
    pub const ALL: Self = Self::OF_BLOCKS
        .union(Self::RESET)
        .union(Self::POWER)
        .union(Self::REFUSED)
        .union(Self::JOURNALED)
        .union(Self::ATTACHED)
        .union(Self::DETACHED);

    /// The kinds of a block's changes.
    pub(crate) const OF_BLOCKS: Self = Self::WRITTEN.union(Self::MESSAGE).union(Self::PUBLISHED);

    /// The set of these bits; `None` for no bit or an unknown one.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits == 0 || bits & !Self::ALL.0 != 0 {
            None
        } else {
            Some(Self(bits))
        }
    }

    /// The bits of the set.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The kinds of both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds that both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the sets have a kind in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
