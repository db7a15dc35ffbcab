//! Looks up a block's index by its block ID in O(1).

use zerocopy::little_endian::U16;

use crate::format::{BlockRecord, EMPTY_SLOT};

/// An open-addressing table from block IDs to indices, laid out by the manifest compiler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'t> {
    pub(crate) slots: &'t [U16],
    pub(crate) multiplier: u32,
    pub(crate) shift: u8,
    pub(crate) probes: u8,
}

impl Lookup<'_> {
    /// The index of the block with `id`. Probes at most `probes` slots for any ID.
    #[inline]
    pub(crate) fn find(&self, blocks: &[BlockRecord], id: u32) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let first = first_slot(id, self.multiplier, self.shift);
        for probe in 0..usize::from(self.probes) {
            let index = self.slots.get(first.wrapping_add(probe) & mask)?.get();
            if index == EMPTY_SLOT {
                return None;
            }
            let index = usize::from(index);
            if blocks.get(index)?.id.get() == id {
                return Some(index);
            }
        }
        None
    }
}

/// The slot at which the search for `id` begins, before it is reduced to the number of slots.
#[inline]
pub(crate) const fn first_slot(id: u32, multiplier: u32, shift: u8) -> usize {
    // `wrapping_shr` keeps a shift in range without a check; the verifier refuses shifts above 31.
    id.wrapping_mul(multiplier).wrapping_shr(shift as u32) as usize
}
