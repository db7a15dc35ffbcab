//! The counters of each VF and of each block of a VF.
//!
//! All counters are 64 bits wide and wrap: at a billion operations a second that takes 584 years.

use pf_broker_abi::Refusal;

/// The counters of one VF since the device started; a reset of the VF keeps them.
///
/// `reads`, `writes` and `publishes` count what succeeded. Every refused operation of the VF is
/// counted once, under its reason. Refusals of host software are counted for the device, see
/// [`Broker::host_refusals`](crate::Broker::host_refusals).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VfCounters {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed to a register or queued to a stream.
    pub writes: u64,
    /// Publishes that were committed, those to all VFs included.
    pub publishes: u64,
    /// Publishes, among those committed, that withdrew what the VF had written to the block.
    pub withdrawn: u64,
    /// Messages that full streams dropped to make room for newer ones.
    pub dropped: u64,
    /// Resets that were begun.
    pub resets: u64,
    /// Floods: times that the VF left its limit; each may have refused any number of writes.
    pub floods: u64,
    /// Indexed by [`Refusal::index`].
    refused: [u64; Refusal::ALL.len()],
}

impl VfCounters {
    /// How many operations were refused for this reason.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refused.get(refusal.index()).copied().unwrap_or(0)
    }

    /// How many operations were refused in all.
    #[must_use]
    pub fn refused_in_all(&self) -> u64 {
        self.refused
            .iter()
            .fold(0, |sum, count| sum.wrapping_add(*count))
    }

    pub(crate) fn count_refusal(&mut self, refusal: Refusal) {
        if let Some(count) = self.refused.get_mut(refusal.index()) {
            increment(count);
        }
    }
}

/// The counters of one block of one VF since the device started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct BlockCounters {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed or queued.
    pub writes: u64,
    /// Publishes that were committed.
    pub publishes: u64,
    /// Reads and writes of the VF that were refused, for any reason.
    pub refused: u64,
    /// Messages that a full stream dropped to make room for newer ones.
    pub dropped: u64,
}

/// Adds one to a counter.
pub(crate) fn increment(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}
