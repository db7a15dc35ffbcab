//! Queries of VFs, which succeed in every state and are not counted.

use pf_broker_abi::Refusal;

use super::{Broker, VfLock};
use crate::journal::{Entry, Excerpt};
use crate::{BlockStatus, VfStatus};

impl<L: VfLock> Broker<'_, L> {
    /// State and counters of a VF. It is answered in every state.
    ///
    /// # Errors
    /// `vf`.
    pub fn status(&self, vf: u16) -> Result<VfStatus, Refusal> {
        Ok(self.vf(vf)?.with(|vf| vf.status()))
    }

    /// State and counters of one block of a VF. It is answered in every state, and not counted.
    ///
    /// # Errors
    /// `vf`, `block`.
    pub fn block_status(&self, vf: u16, block: u32) -> Result<BlockStatus, Refusal> {
        let vf = self.vf(vf)?;
        let index = self.table.find(block).ok_or(Refusal::Block)?;
        vf.with(|vf| vf.block_status(index))
    }

    /// Copies those entries of a VF's journal whose last event is numbered above `after`, the
    /// oldest first, as many as fit into `entries`.
    ///
    /// # Errors
    /// `vf`.
    pub fn journal(&self, vf: u16, after: u64, entries: &mut [Entry]) -> Result<Excerpt, Refusal> {
        Ok(self.vf(vf)?.with(|vf| vf.excerpt(after, entries)))
    }

    /// How many operations of host software and the virtualization stack were refused for this
    /// reason since the device started. No VF counts them. Operations with a VF index that does not
    /// exist are included.
    #[must_use]
    pub fn host_refusals(&self, refusal: Refusal) -> u64 {
        self.host_refusals.of(refusal)
    }
}
