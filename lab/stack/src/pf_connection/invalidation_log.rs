//! What the virtualization stack was told of each VF, whether or not a guest has a device for it.

use alloc::vec::Vec;

use crate::kernel::lock::Lock;

/// What was told of one VF.
#[derive(Clone, Copy)]
struct Told {
    /// Since it was last taken.
    mask: u64,
    /// How often each bit was told.
    counts: [u32; 64],
}

static LEDGER: Lock<Vec<Told>> = Lock::new(Vec::new());

/// Begins anew, for so many VFs.
pub(crate) fn begin(vfs: u16) {
    let nothing = Told {
        mask: 0,
        counts: [0; 64],
    };
    *LEDGER.lock() = alloc::vec![nothing; usize::from(vfs)];
}

/// Notes what was told of a VF.
pub(crate) fn note(vf: u16, mask: u64) {
    if let Some(told) = LEDGER.lock().get_mut(usize::from(vf)) {
        told.mask |= mask;
        for (bit, count) in told.counts.iter_mut().enumerate() {
            *count += u32::from(mask >> bit & 1 != 0);
        }
    }
}

/// What was told of a VF since this was last called.
pub(crate) fn take(vf: u16) -> u64 {
    LEDGER
        .lock()
        .get_mut(usize::from(vf))
        .map_or(0, |told| core::mem::take(&mut told.mask))
}

/// How often a bit was told of a VF.
pub(crate) fn count(vf: u16, bit: usize) -> u32 {
    let ledger = LEDGER.lock();
    let told = ledger.get(usize::from(vf));
    told.and_then(|told| told.counts.get(bit).copied())
        .unwrap_or(0)
}
