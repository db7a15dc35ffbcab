//! Publishes of host software, which no write of the VF can block.

use block_table::{Image, Write, Writer};
use pf_broker_abi::{Operation, Refusal};

use super::{ServiceState, Vf};
use crate::counters::increment;
use crate::kinds::Kinds;
use crate::mask::bit;
use crate::refusal::Refused;
use crate::request::{Request, Target, writable_length};

/// A publish that breaks no rule.
pub(super) struct Validated {
    /// The new image of the block.
    pub(super) image: Image,
    /// Whether it returns the VF's bytes of the block to their defaults.
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
        let validated = self
            .admit_host()
            .and_then(|()| writable_length(target.block, request.length))
            .and_then(|()| self.check_revision(target.index, expected))
            .map_err(Refused::from)
            .and_then(|()| self.validate_publish(target, request, sent));
        match validated {
            Ok(validated) => Ok(self.commit_publish(target, request, &validated)),
            Err(refusal) => Err(self.refuse(request, Some(target.index), refusal)),
        }
    }

    /// Commits a publish to all VFs at this one, and returns whether the block is now invalidated
    /// for it. The broker has found that it holds on the defaults, so only two events can
    /// interfere:
    ///
    /// * the removal of the device;
    /// * a publish to this VF alone that a rule compares with this one, such as one that has advanced
    ///   a sequence of host software past it. It stays in force, as if it had come later.
    pub(crate) fn publish_with_all(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<bool, Refusal> {
        self.pass_to_all()?;
        match self.validate_publish(target, request, sent) {
            Ok(validated) => Ok(self.commit_publish(target, request, &validated)),
            Err(Refused {
                refusal: Refusal::Sequence | Refusal::Require | Refusal::Overflow,
                ..
            }) if target.block.compares_publishes() => Ok(false),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether a publish to all VFs that holds on the defaults also holds at this VF, to which host
    /// software may have published something that a rule compares with it.
    pub(crate) fn check_publish_with_all(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        self.pass_to_all()?;
        self.validate_publish(target, request, sent)?;
        Ok(())
    }

    fn check_revision(&self, index: usize, expected: Option<u64>) -> Result<(), Refusal> {
        match expected {
            Some(expected) if expected != self.revision(index) => Err(Refusal::Changed),
            _ => Ok(()),
        }
    }

    /// Validates a publish with the VF's bytes and, if that breaks a rule, with the defaults of
    /// these bytes: a publish that breaks a rule there too is itself wrong.
    pub(super) fn validate_publish(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<Validated, Refused> {
        let Target { index, block } = target;
        let sent = request.message(sent);
        block.check_sent(Writer::Pf, request.sent(&sent))?;
        let mut image = sent;
        if self.admit(Writer::Pf, target, request, &mut image).is_ok() {
            return Ok(Validated {
                image,
                withdraws: false,
            });
        }
        let slot = self.store.slot(index).ok_or(Refusal::Block)?;
        let history = slot.history().without(Writer::Vf);
        let without_vf = block.without_vf(&self.store.committed(index, block));
        image = sent;
        let write = Write::new(Writer::Pf, request.sent_length(), &without_vf, history);
        block.admit_in_place(&write, &mut image)?;
        Ok(Validated {
            image,
            withdraws: true,
        })
    }

    fn commit_publish(
        &mut self,
        Target { index, block }: Target<'_>,
        request: &Request,
        validated: &Validated,
    ) -> bool {
        // A withdrawal invalidates the block even without `notify`: the VF has to read it again.
        let invalidated = block.notify()
            || validated.withdraws && block.vf_access().readable() && block.invalidatable();
        if invalidated {
            self.pending |= bit(block.id());
        }
        self.commit_pf(Target { index, block }, request, validated);
        invalidated
    }

    /// Commits the PF's bytes, without an invalidation.
    pub(super) fn commit_pf(
        &mut self,
        Target { index, block }: Target<'_>,
        request: &Request,
        validated: &Validated,
    ) {
        if validated.withdraws {
            self.store.forget_vf(index);
            increment(&mut self.counters.withdrawn);
            self.record(&request.as_operation(Operation::Withdraw));
        }
        self.store
            .commit(index, block, Writer::Pf, &validated.image);
        self.note_block_change(Kinds::PUBLISHED, index);
        increment(&mut self.counters.publishes);
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().publishes);
        }
        self.record(request);
    }

    /// Refuses an operation on all VFs once the device is removed. A VF that is held back takes
    /// part, because its reset may take long or have failed, and must not block the others.
    pub(crate) fn pass_to_all(&self) -> Result<(), Refusal> {
        match self.service {
            ServiceState::Open
            | ServiceState::Wiping
            | ServiceState::Held
            | ServiceState::Unacknowledged { .. } => Ok(()),
            ServiceState::Removed => Err(Refusal::Removed),
        }
    }
}
