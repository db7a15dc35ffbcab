//! Latched invalidations: kept until someone carries them, and then given once.

use super::{Gate, Vf};
use crate::Refusal;
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

    /// Gives all latched invalidations to a carrier, if there are any and there is one: both or
    /// neither.
    pub(crate) fn hand_over_invalidation<R>(
        &mut self,
        request: &Request,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Result<Option<(R, u64)>, Refusal> {
        if let Err(refusal) = self.pass() {
            return Err(self.refuse(request, None, refusal));
        }
        if self.pending == 0 {
            return Ok(None);
        }
        Ok(carrier().map(|carrier| (carrier, core::mem::take(&mut self.pending))))
    }
}
