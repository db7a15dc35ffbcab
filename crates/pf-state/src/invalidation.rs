//! Which pending `IOCTL_SRIOV_INVALIDATE_BLOCK` may carry which VF's invalidation.
//!
//! The documentation leaves open whether the stack keeps one request pending for the PF or one for
//! each VF, and whether the structure in the buffer is read, written or both. One rule serves all
//! of these readings: a request without input, or with [`ALL_VFS`], carries any VF's bits; a
//! request that names a VF carries that VF's bits and no other's; and the reply always names the
//! VF and its bits. A request whose output cannot hold a reply would lose bits, so it is refused.
//!
//! One reading is left out of that: an input that means nothing cannot be told from one that names a
//! VF. Until a real stack was seen, a registry value says whether the input is read ([`Input`]).
//!
//! The bits themselves stay latched with the VF until a request is there to carry them. The order
//! of work that loses and doubles nothing is:
//! - *raise*: latch the bits, then look for a request;
//! - *arrive*: queue the request, then look for bits;
//! - *look*: under the VF's lock, and only if bits are latched, take a request out of the queue and
//!   the bits out of the VF, both or neither;
//! - *serve again* after a reset, during which nobody finds the VF's bits: look.

use crate::status::{self, NtStatus};
use pcivirt_abi::sriov::{ALL_VFS, InvalidateBlock};

/// Bytes of the structure in the request's buffer, on the way in and on the way out.
pub const BUFFER_LENGTH: usize = size_of::<InvalidateBlock>();

/// What the input of a request is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// A whole structure, whose VF index says whose bits are wanted.
    #[default]
    Filter,
    /// Nothing: each request may carry any VF's bits.
    Ignored,
}

impl Input {
    /// What the registry value `InvalidateInput` asks for; without the value it is the default.
    /// `None` for a number that means nothing.
    #[must_use]
    pub const fn from_registry(value: u32) -> Option<Self> {
        match value {
            0 => Some(Self::Ignored),
            1 => Some(Self::Filter),
            _ => None,
        }
    }
}

/// Whose invalidations a request may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Any VF's.
    Any,
    /// One VF's.
    Vf(u16),
}

impl Filter {
    /// Judges a request when it arrives. `input` is the structure in the buffer when the input is
    /// long enough to hold it; `taken_for` says whether it is looked at.
    ///
    /// # Errors
    /// `STATUS_BUFFER_TOO_SMALL` for an output that cannot hold a reply; of an input that is not
    /// ignored, `STATUS_INFO_LENGTH_MISMATCH` when it is neither empty nor a whole structure, and
    /// `STATUS_INVALID_PARAMETER` for a VF that does not exist.
    pub fn admit(
        taken_for: Input,
        input_length: usize,
        input: Option<InvalidateBlock>,
        output_length: usize,
        num_vfs: u16,
    ) -> Result<Self, NtStatus> {
        if output_length < BUFFER_LENGTH {
            return Err(status::BUFFER_TOO_SMALL);
        }
        if input_length == 0 || taken_for == Input::Ignored {
            return Ok(Self::Any);
        }
        match input.ok_or(status::INFO_LENGTH_MISMATCH)?.vf_index {
            ALL_VFS => Ok(Self::Any),
            vf if vf < num_vfs => Ok(Self::Vf(vf)),
            _ => Err(status::INVALID_PARAMETER),
        }
    }
}

/// The reply for a VF: it names the VF, never [`ALL_VFS`], so that a stack that keeps one request
/// for each VF and one that keeps a single request read it alike.
#[must_use]
pub const fn reply(vf_index: u16, block_mask: u64) -> InvalidateBlock {
    InvalidateBlock {
        vf_index,
        padding: [0; 6],
        block_mask,
    }
}

/// The order in which VFs are looked at for a request that carries any VF's bits: each time it goes
/// on behind the VF that was served last, so that one VF's storm cannot starve another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    next: u16,
}

impl Rotation {
    /// Starts with VF 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0 }
    }

    /// Every VF once, beginning behind the one that was served last.
    pub fn order(self, num_vfs: u16) -> impl Iterator<Item = u16> {
        let start = if self.next < num_vfs { self.next } else { 0 };
        (start..num_vfs).chain(0..start)
    }

    /// This VF was served.
    pub const fn served(&mut self, vf: u16) {
        self.next = vf.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
