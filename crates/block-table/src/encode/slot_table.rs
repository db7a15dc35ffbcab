//! The slots of the ID lookup: a hash for the IDs of one table.

use zerocopy::little_endian::U16;

use crate::format::{EMPTY_SLOT, MAX_PROBES};
use crate::lookup::first_slot;

/// The slots of the ID lookup.
pub(super) struct SlotTable {
    pub(super) slots: Vec<U16>,
    pub(super) multiplier: u32,
    pub(super) shift: u8,
    pub(super) probes: u8,
}

impl SlotTable {
    /// Finds a hash that reaches each of `ids` in few probes. Dense IDs from zero get the identity.
    pub(super) fn for_ids(ids: &[u32]) -> Option<Self> {
        let smallest = ids.len().next_power_of_two().trailing_zeros();
        (smallest..=16)
            .flat_map(|bits| Self::hashes(bits).map(move |hash| (bits, hash)))
            .find_map(|(bits, hash)| {
                // Up to four times the smallest table, search for one probe; beyond that, accept
                // any bounded number.
                let probes = if bits <= smallest + 2 { 1 } else { MAX_PROBES };
                Self::build(ids, bits, hash, probes)
            })
    }

    fn hashes(bits: u32) -> impl Iterator<Item = (u32, u8)> {
        // Odd multiples of the golden ratio of 2^32 spread consecutive IDs evenly (Knuth, volume 3,
        // section 6.4).
        let spread = u8::try_from(32 - bits.max(1)).unwrap_or(31);
        let multiples =
            (0..64u32).map(move |index| (0x9E37_79B1u32.wrapping_mul(2 * index + 1), spread));
        std::iter::once((1, 0)).chain(multiples)
    }

    fn build(
        ids: &[u32],
        bits: u32,
        (multiplier, shift): (u32, u8),
        max_probes: u8,
    ) -> Option<Self> {
        let mask = (1usize << bits) - 1;
        let mut slots = vec![U16::new(EMPTY_SLOT); mask + 1];
        let mut most = 1;
        for (index, id) in ids.iter().enumerate() {
            let first = first_slot(*id, multiplier, shift);
            let probes = (0..max_probes).find(|probe| {
                slots[first.wrapping_add(usize::from(*probe)) & mask] == EMPTY_SLOT
            })?;
            slots[first.wrapping_add(usize::from(probes)) & mask] =
                u16::try_from(index).ok()?.into();
            most = most.max(probes + 1);
        }
        Some(Self {
            slots,
            multiplier,
            shift,
            probes: most,
        })
    }
}
