//! Latched invalidations: kept until someone carries them, and then given once.

use pf_broker_abi::Refusal;

use super::{Gate, Vf};
use crate::request::Request;

/// The bit of a block in an invalidation mask; 0 for a block that has none.
pub(crate) fn bit(block_id: u32) -> u64 {
    1_u64.checked_shl(block_id).unwrap_or(0)
}

impl Vf<'_> {
    /// Latches invalidations.
    pub(crate) fn invalidate(&mut self, request: &Request, mask: u64) -> Result<(), Refusal> {
        if let Err(refusal) = self.pass() {
            return Err(self.refuse(request, None, refusal));
        }
        self.pending |= mask;
        self.record(request, None);
        Ok(())
    }

    /// Latches invalidations that come to all VFs. A VF that is held back finds them when it is
    /// served again.
    pub(crate) fn invalidate_with_all(&mut self, request: &Request, mask: u64) {
        if self.gate != Gate::Removed {
            self.pending |= mask;
            self.record(request, None);
        }
    }

    /// Takes all latched invalidations.
    pub(crate) fn take_invalidation(&mut self, request: &Request) -> Result<u64, Refusal> {
        match self.pass() {
            Ok(()) => Ok(core::mem::take(&mut self.pending)),
            Err(refusal) => Err(self.refuse(request, None, refusal)),
        }
    }

    /// Gives all latched invalidations to a carrier, if there are any and there is one: both or
    /// neither. A VF that is held back keeps its own.
    pub(crate) fn hand_over_invalidation<R>(
        &mut self,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Option<(R, u64)> {
        if self.pass().is_err() || self.pending == 0 {
            return None;
        }
        carrier().map(|carrier| (carrier, core::mem::take(&mut self.pending)))
    }
}
