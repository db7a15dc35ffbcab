//! A VF's writes and reads that the companion handles: what happens before and after its call.

use block_table::{Image, Limits};
use pf_broker_abi::{Operation, Refusal};

use super::{Tenancy, Vf};
use crate::refusal::Refused;
use crate::request::{Request, Target, readable_length};
use crate::store::prefix;

/// The only answer of a companion that accepts: `STATUS_SUCCESS`. `STATUS_TIMEOUT` and
/// `STATUS_PENDING` are success codes too, and mean that something was not done.
const ACCEPTED: u32 = 0;

impl Vf<'_> {
    /// The first part of a write: every check, in the order of [`Vf::write`], and room in a stream.
    /// `companion` is why the companion cannot be called, if so. On success `image` has the bytes
    /// that would be committed.
    pub(crate) fn begin_write(
        &mut self,
        limits: Option<Limits>,
        target: Target<'_>,
        request: &Request,
        companion: Result<(), Refusal>,
        image: &mut Image,
    ) -> Result<Tenancy, Refusal> {
        self.let_in(limits, target, request)?;
        companion
            .map_err(Refused::from)
            .and_then(|()| self.validate_write(target, request, image))
            .and_then(|()| Ok(self.store.check_room(target.index, target.block)?))
            .map_err(|refusal| self.refuse(request, Some(target.index), refusal))?;
        Ok(self.tenancy())
    }

    /// The second part of a write: merges and validates it again, because the host may have
    /// published during the call, and commits it.
    pub(crate) fn finish_write(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
        tenancy: Tenancy,
        answer: u32,
    ) -> Result<(), Refusal> {
        self.check_answer(tenancy, answer)
            .map_err(Refused::from)
            .and_then(|()| self.validate_and_commit(target, request, sent))
            .map_err(|refused| self.refuse_answered(request, target, refused, answer))
    }

    /// The first part of a read. On success `image` has the whole value of the register.
    pub(crate) fn begin_read(
        &mut self,
        target: Target<'_>,
        request: &Request,
        companion: Result<(), Refusal>,
        image: &mut Image,
    ) -> Result<Tenancy, Refusal> {
        let Target { index, block } = target;
        self.admit_vf()
            .and(companion)
            .and_then(|()| readable_length(block, request.length))
            .map_err(|refusal| self.refuse(request, Some(index), refusal))?;
        self.store.read_register(index, block.max_length(), image);
        Ok(self.tenancy())
    }

    /// The second part of a read: commits the PF's bytes of `set`, which the companion has changed
    /// from `before`, and fills `reply`.
    pub(crate) fn finish_read(
        &mut self,
        target: Target<'_>,
        request: &Request,
        [before, set]: [&Image; 2],
        (tenancy, answer): (Tenancy, u32),
        reply: &mut Image,
    ) -> Result<(), Refusal> {
        let Target { index, block } = target;
        let length = self
            .check_answer(tenancy, answer)
            .map_err(Refused::from)
            .and_then(|()| self.commit_set(target, request, before, set))
            .and_then(|()| Ok(readable_length(block, request.length)?))
            .map_err(|refused| self.refuse_answered(request, target, refused, answer))?;
        self.store.read_register(index, length, reply);
        self.count_read(index);
        Ok(())
    }

    /// The call was abandoned: the operation has no effect.
    pub(crate) fn abandon(&mut self, target: Target<'_>, request: &Request) -> Refusal {
        let refusal = self.admit_vf().err().unwrap_or(Refusal::State);
        self.refuse(request, Some(target.index), refusal)
    }

    /// Commits what the companion has set, if it changes the block. The VF reads it with this very
    /// call, so nothing is invalidated.
    fn commit_set(
        &mut self,
        target: Target<'_>,
        request: &Request,
        before: &Image,
        set: &Image,
    ) -> Result<(), Refused> {
        let Target { index, block } = target;
        let set = prefix(set, block.max_length());
        if is_same(&set, before) {
            return Ok(());
        }
        let publish = Request {
            operation: Operation::Publish,
            length: u32::try_from(block.max_length()).unwrap_or(u32::MAX),
            ..*request
        };
        let validated = self.validate_publish(target, &publish, &set)?;
        if !is_same(&validated.image, &self.store.committed(index, block)) {
            self.commit_pf(target, &publish, &validated);
        }
        Ok(())
    }

    /// Whether the operation goes on after the companion's `answer`: the VF is served, still has
    /// the tenant that the operation is of, and the companion has accepted.
    fn check_answer(&self, tenancy: Tenancy, answer: u32) -> Result<(), Refusal> {
        self.admit_vf()?;
        if tenancy != self.tenancy() {
            return Err(Refusal::State);
        }
        if answer == ACCEPTED {
            Ok(())
        } else {
            Err(Refusal::Declined)
        }
    }

    fn refuse_answered(
        &mut self,
        request: &Request,
        target: Target<'_>,
        refused: Refused,
        answer: u32,
    ) -> Refusal {
        let companion_status = if refused.refusal == Refusal::Declined {
            answer
        } else {
            0
        };
        self.refuse_with(request, Some(target.index), refused, companion_status)
    }
}

/// Whether two images are the same, without `memcmp`, which a caller in C may not have.
fn is_same(one: &Image, other: &Image) -> bool {
    let differences = one.iter().zip(other);
    differences.fold(0, |found, (one, other)| found | (one ^ other)) == 0
}
