//! What there is to see of VFs, in every state and without a trace.

use super::{Broker, VfCell};
use crate::journal::{Entry, Excerpt};
use crate::sync::Ordering;
use crate::{BlockStatus, Refusal, VfStatus};

impl<C: VfCell> Broker<'_, C> {
    /// State and counters of a VF. It is answered in every state.
    ///
    /// # Errors
    /// `vf`.
    pub fn status(&self, vf: u16) -> Result<VfStatus, Refusal> {
        Ok(self.visit(self.cell(vf)?, |vf| vf.status()))
    }

    /// State and counters of one block of a VF. It is answered in every state, and not counted.
    ///
    /// # Errors
    /// `vf`, `block`.
    pub fn block_status(&self, vf: u16, block: u32) -> Result<BlockStatus, Refusal> {
        let cell = self.cell(vf)?;
        let index = self.table.find(block).ok_or(Refusal::Block)?;
        self.visit(cell, |vf| vf.block_status(index))
    }

    /// Copies those of a VF's last events that are numbered above `after`, the oldest first, as many
    /// as fit into `entries`.
    ///
    /// # Errors
    /// `vf`.
    pub fn journal(&self, vf: u16, after: u64, entries: &mut [Entry]) -> Result<Excerpt, Refusal> {
        Ok(self.visit(self.cell(vf)?, |vf| vf.excerpt(after, entries)))
    }

    /// How many writes of VFs were committed and how many resets finished, over all VFs, since the
    /// device started. It never decreases.
    ///
    /// Each VF counts for itself, so that counting makes no VF wait for another; this sum visits
    /// all of them. Whoever waits for a change must announce itself before it asks for the sum.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.cells.iter().fold(0, |sum, cell| {
            sum.wrapping_add(self.visit(cell, |vf| vf.changes()))
        })
    }

    /// How many operations were refused that no VF can be charged with: those with a VF index that
    /// does not exist, and those upon all VFs that were refused whatever the VF.
    #[must_use]
    pub fn refused_without_vf(&self) -> u64 {
        self.refused_without_vf.load(Ordering::Relaxed)
    }
}
