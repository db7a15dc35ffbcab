//! Invalidations: telling VFs to read blocks again.

use pf_broker_abi::{Operation, Refusal};

use super::{Broker, VfLock};
use crate::Ticks;
use crate::outcome::{Deliver, FollowUp, Outcome};
use crate::request::Request;

impl<L: VfLock> Broker<'_, L> {
    /// Latches invalidations for one VF: bit n of `mask` stands for block n. They stay latched
    /// until [`Broker::take_invalidation`], [`Broker::hand_over_invalidation`] or a reset of the
    /// VF.
    ///
    /// # Errors
    /// `vf`, `invalidate` for a bit of a block that does not exist, `state`, `removed`.
    pub fn invalidate(&self, vf: u16, mask: u64, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::Invalidate, now);
        let valid = self.invalidatable;
        self.on_vf(vf, &request, |vf| vf.invalidate(&request, mask, valid))
            .deliver(Deliver::ToVf(vf))
    }

    /// Latches invalidations for every VF. They stay pending at a VF that is held back until it is
    /// served again.
    ///
    /// # Errors
    /// `invalidate` for a bit of a block that does not exist.
    pub fn invalidate_all(&self, mask: u64, now: Ticks) -> Outcome<()> {
        if mask & !self.invalidatable != 0 {
            return Outcome::refused(self.host_refusals.count(Refusal::Invalidate));
        }
        Outcome {
            result: Ok(()),
            follow_up: self.latch_for_all(mask, now),
        }
    }

    /// Latches an invalidation of every block with `notify` for every VF: the VFs' hardware was
    /// reset without a reset of the VFs, so what their drivers derived from these blocks is lost.
    /// They stay pending at a VF that is held back until it is served again.
    pub fn invalidate_notifying(&self, now: Ticks) -> FollowUp {
        if self.notifying == 0 {
            return FollowUp::NOTHING;
        }
        self.latch_for_all(self.notifying, now)
    }

    fn latch_for_all(&self, mask: u64, now: Ticks) -> FollowUp {
        let request = Request::on_vf(Operation::Invalidate, now);
        let mut follow_up = self.on_all(&|vf| vf.invalidate_with_all(&request, mask));
        if mask != 0 {
            follow_up.deliver = Deliver::ToAllVfs;
        }
        follow_up
    }

    /// Takes all latched invalidations of a VF; 0 when there are none. Each is taken once.
    ///
    /// # Errors
    /// `vf`, `state`, `removed`.
    pub fn take_invalidation(&self, vf: u16, now: Ticks) -> Outcome<u64> {
        let request = Request::on_vf(Operation::TakeInvalidation, now);
        self.on_vf(vf, &request, |vf| vf.take_invalidation(&request))
    }

    /// Takes all latched invalidations of a VF together with a carrier, such as a pending request:
    /// both or neither, so no invalidation is lost without a request and no request is completed
    /// without an invalidation. `carrier` is called only if something is latched.
    ///
    /// `None` if nothing is latched, there is no carrier, or the VF is held back or does not exist.
    /// That is no refusal, so nothing is counted. [`Broker::finish_reset`] returns a follow-up for
    /// what was latched meanwhile.
    ///
    /// `carrier` runs under the VF's lock. It may take locks of the shell that are never held
    /// around a call of the broker.
    pub fn hand_over_invalidation<R>(
        &self,
        vf: u16,
        carrier: impl FnOnce() -> Option<R>,
    ) -> Option<(R, u64)> {
        let vf = self.vfs.get(usize::from(vf))?;
        vf.with(|vf| vf.hand_over_invalidation(carrier))
    }
}
