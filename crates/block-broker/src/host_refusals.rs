//! Counts refusals of host software for the device, by reason.

use pf_broker_abi::Refusal;

use crate::sync::{AtomicU64, Ordering};

/// A lock-free count for each [`Refusal`], indexed by [`Refusal::index`].
#[derive(Debug)]
pub(crate) struct HostRefusals([AtomicU64; Refusal::ALL.len()]);

impl HostRefusals {
    pub(crate) fn new() -> Self {
        Self(core::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Counts a refusal and returns it.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, refusal: Refusal) -> Refusal {
        if let Some(count) = self.0.get(refusal.index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        refusal
    }

    pub(crate) fn of(&self, refusal: Refusal) -> u64 {
        self.0
            .get(refusal.index())
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
