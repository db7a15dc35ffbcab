//! Latched invalidations: pending until they are delivered, each once.

use pf_broker_abi::Refusal;

use super::{ServiceState, Vf};
use crate::request::Request;

impl Vf<'_> {
    /// Latches invalidations, and returns whether there are any. They stay pending at a VF whose
    /// reset is not acknowledged. `valid` has the bits of all blocks
    /// that can be invalidated.
    pub(crate) fn invalidate(
        &mut self,
        request: &Request,
        mask: u64,
        valid: u64,
    ) -> Result<bool, Refusal> {
        if mask & !valid != 0 {
            return Err(self.refuse(request, None, Refusal::Invalidate));
        }
        if let Err(refusal) = self.admit_host() {
            return Err(self.refuse(request, None, refusal));
        }
        self.pending |= mask;
        self.record(request);
        Ok(mask != 0)
    }

    /// Latches invalidations for all VFs. They stay pending at a VF that is held back.
    pub(crate) fn invalidate_with_all(&mut self, request: &Request, mask: u64) {
        if self.service != ServiceState::Removed {
            self.pending |= mask;
            self.record(request);
        }
    }

    /// Takes all latched invalidations.
    pub(crate) fn take_invalidation(&mut self, request: &Request) -> Result<u64, Refusal> {
        match self.admit_vf() {
            Ok(()) => Ok(core::mem::take(&mut self.pending)),
            Err(refusal) => Err(self.refuse(request, None, refusal)),
        }
    }

    /// Takes all latched invalidations together with a carrier: both or neither. A VF that is held
    /// back keeps its invalidations.
    pub(crate) fn hand_over_invalidation<R>(
        &mut self,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Option<(R, u64)> {
        if self.admit_vf().is_err() || self.pending == 0 {
            return None;
        }
        carrier().map(|carrier| (carrier, core::mem::take(&mut self.pending)))
    }
}
