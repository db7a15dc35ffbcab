//! What the host side publishes. It always gets its way against what the VF wrote.

use block_table::{Image, Writer};
use pf_broker_abi::{Operation, Refusal};

use super::{ServiceState, Vf};
use crate::counters::increment;
use crate::mask::bit;
use crate::refusal::refusal_of;
use crate::request::{Request, Target, writable_length};

/// A publish that holds.
struct Judged {
    /// What the block becomes.
    image: Image,
    /// Whether the VF's bytes of the block return to their defaults for it.
    withdraws: bool,
}

impl Vf<'_> {
    /// Commits a publish to this VF alone, and returns whether the block is now invalidated for it.
    /// `expected` is the revision that the block must have.
    pub(crate) fn publish(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
        expected: Option<u64>,
    ) -> Result<bool, Refusal> {
        let judged = self
            .pass()
            .and_then(|()| writable_length(target.block, request.length))
            .and_then(|()| self.check_revision(target.index, expected))
            .and_then(|()| self.judge_publish(target, request, sent));
        match judged {
            Ok(judged) => Ok(self.commit_publish(target, request, &judged)),
            Err(refusal) => Err(self.refuse(request, Some(target.index), refusal)),
        }
    }

    /// Commits a publish to all VFs at this one, and returns whether the block is now invalidated for it. The broker has
    /// found that it holds against the defaults, so only two things can come in between:
    ///
    /// * the removal of the device;
    /// * a publish to this VF alone that has moved a sequence of the host side's own past this one. It stands, as if it had
    ///   come later.
    pub(crate) fn publish_with_all(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<bool, Refusal> {
        self.pass_to_all()?;
        match self.judge_publish(target, request, sent) {
            Ok(judged) => Ok(self.commit_publish(target, request, &judged)),
            Err(Refusal::Sequence) => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Whether a publish to all VFs that holds against the defaults holds at this VF, where the host side may have published
    /// a sequence of its own before.
    pub(crate) fn check_publish_with_all(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        self.pass_to_all()?;
        self.judge_publish(target, request, sent).map(drop)
    }

    fn check_revision(&self, index: usize, expected: Option<u64>) -> Result<(), Refusal> {
        match expected {
            Some(expected) if expected != self.revision(index) => Err(Refusal::Changed),
            _ => Ok(()),
        }
    }

    /// Judges a publish on what the VF wrote, and, if a rule is broken there, on the defaults of the VF's bytes: what breaks
    /// there too is wrong by itself.
    fn judge_publish(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<Judged, Refusal> {
        let Target { index, block } = target;
        let sent = request.message(sent);
        block.check_sent(Writer::Pf, &sent).map_err(refusal_of)?;
        let mut image = sent;
        if self.admit(Writer::Pf, target, &mut image).is_ok() {
            return Ok(Judged {
                image,
                withdraws: false,
            });
        }
        let slot = self.store.slot(index).ok_or(Refusal::Block)?;
        let history = slot.history().without(Writer::Vf);
        let without_vf = block.without_vf(&self.store.committed(index, block));
        image = sent;
        block
            .admit_in_place(Writer::Pf, &mut image, &without_vf, history)
            .map_err(refusal_of)?;
        Ok(Judged {
            image,
            withdraws: true,
        })
    }

    fn commit_publish(
        &mut self,
        Target { index, block }: Target<'_>,
        request: &Request,
        judged: &Judged,
    ) -> bool {
        let mut invalidated = block.notify();
        if judged.withdraws {
            self.store.forget_vf(index);
            increment(&mut self.counters.withdrawn);
            self.record(&request.as_operation(Operation::Withdraw), None);
            // A withdrawal invalidates the block even without `notify`: the VF has to read it again.
            invalidated |= block.vf_access().readable() && block.invalidatable();
        }
        self.store.commit(index, block, Writer::Pf, &judged.image);
        if invalidated {
            self.pending |= bit(block.id());
        }
        increment(&mut self.counters.publishes);
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().publishes);
        }
        self.record(request, None);
        invalidated
    }

    /// Refuses what comes to all VFs once the device is removed. A VF that is held back takes part: its reset may take long
    /// or have failed, and must not stand in the way of the others.
    pub(crate) fn pass_to_all(&self) -> Result<(), Refusal> {
        match self.service {
            ServiceState::Open | ServiceState::Wiping | ServiceState::Held => Ok(()),
            ServiceState::Removed => Err(Refusal::Removed),
        }
    }
}
