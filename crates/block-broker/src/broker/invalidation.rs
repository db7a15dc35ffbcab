//! Telling VFs to read blocks again.

use pf_broker_abi::{Operation, Refusal};

use super::{Broker, VfCell, visit};
use crate::Ticks;
use crate::request::Request;

impl<C: VfCell> Broker<'_, C> {
    /// Latches invalidations for one VF: bit n of `mask` stands for block n. They stay latched until
    /// [`Broker::take_invalidation`] or a reset of the VF.
    ///
    /// # Errors
    /// `vf`, `invalidate` for a bit of a block that does not exist, `state`, `removed`.
    pub fn invalidate(&self, vf: u16, mask: u64, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Invalidate, now);
        let cell = self.cell(vf)?;
        if mask & !self.invalidatable != 0 {
            return Err(self.refuse(cell, &request, None, Refusal::Invalidate));
        }
        self.visit_for_host(cell, |vf| vf.invalidate(&request, mask))
    }

    /// Latches invalidations for every VF. One that is held back finds them when it is served again.
    ///
    /// # Errors
    /// `invalidate` for a bit of a block that does not exist.
    pub fn invalidate_all(&self, mask: u64, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Invalidate, now);
        if mask & !self.invalidatable != 0 {
            return Err(self.host_refusals.count(Refusal::Invalidate));
        }
        for cell in self.cells {
            visit(cell, |vf| vf.invalidate_with_all(&request, mask));
        }
        Ok(())
    }

    /// Latches an invalidation of every block with `notify` for every VF: the VFs' hardware was
    /// reset without a reset of the VFs, so what their drivers derived from these blocks is lost. A VF
    /// that is held back finds them when it is served again.
    pub fn invalidate_notifying(&self, now: Ticks) {
        if self.notifying == 0 {
            return;
        }
        let request = Request::on_vf(Operation::Invalidate, now);
        for cell in self.cells {
            visit(cell, |vf| vf.invalidate_with_all(&request, self.notifying));
        }
    }

    /// Takes all latched invalidations of a VF; 0 when there are none. Each is taken once.
    ///
    /// # Errors
    /// `vf`, `state`, `removed`.
    pub fn take_invalidation(&self, vf: u16, now: Ticks) -> Result<u64, Refusal> {
        let request = Request::on_vf(Operation::TakeInvalidation, now);
        visit(self.cell(vf)?, |vf| vf.take_invalidation(&request))
    }

    /// Takes all latched invalidations of a VF together with something to carry them, such as a
    /// request that waits for them: both or neither, so none is lost for want of a request and no
    /// request is used up in vain. `carrier` is asked only if something is latched.
    ///
    /// `None` when nothing is latched, nothing carries it, or the VF is held back or does not exist.
    /// Nobody is refused then, so nothing is counted. A VF that was held back may have invalidations
    /// when it is served again: whoever ends a reset looks once more.
    ///
    /// `carrier` runs under the VF's lock. It may take locks of the shell that are never held
    /// around a call of the broker.
    pub fn hand_over_invalidation<R>(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Option<(R, u64)> {
        let cell = self.cells.get(usize::from(vf))?;
        visit(cell, |vf| vf.hand_over_invalidation(carrier))
    }
}
