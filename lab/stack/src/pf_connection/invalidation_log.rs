//! The invalidations that the virtualization stack received, for every VF, with or without a guest.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;

/// The invalidations of one VF.
#[derive(Clone, Copy)]
struct Invalidations {
    /// The blocks invalidated since the last [`take`].
    mask: u64,
    /// How often each bit was invalidated.
    counts: [u32; 64],
}

static LOG: Locked<Vec<Invalidations>> = Locked::new(Vec::new());

/// Clears the log and makes room for `vfs` VFs.
pub(crate) fn clear(vfs: u16) {
    let none = Invalidations {
        mask: 0,
        counts: [0; 64],
    };
    *LOG.lock() = alloc::vec![none; usize::from(vfs)];
}

/// Records an invalidation of a VF.
pub(crate) fn record(vf: u16, mask: u64) {
    if let Some(invalidations) = LOG.lock().get_mut(usize::from(vf)) {
        invalidations.mask |= mask;
        for (bit, count) in invalidations.counts.iter_mut().enumerate() {
            *count += u32::from(mask >> bit & 1 != 0);
        }
    }
}

/// The blocks of a VF that were invalidated since the last call.
pub(crate) fn take(vf: u16) -> u64 {
    LOG.lock()
        .get_mut(usize::from(vf))
        .map_or(0, |invalidations| core::mem::take(&mut invalidations.mask))
}

/// How often a bit of a VF was invalidated.
pub(crate) fn count(vf: u16, bit: usize) -> u32 {
    let log = LOG.lock();
    let invalidations = log.get(usize::from(vf));
    invalidations
        .and_then(|invalidations| invalidations.counts.get(bit).copied())
        .unwrap_or(0)
}
