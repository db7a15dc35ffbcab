//! What the host's side publishes, to one VF or, in two phases, to all of them; see `publication.rs`.

use block_table::{History, Image, Table, Writer};

use super::invalidation::bit;
use super::{Gate, Vf};
use crate::Refusal;
use crate::counters::increment;
use crate::publication::{Decision, Publication};
use crate::request::{Request, Target, writable_length};
use crate::store::BlockSlot;

/// A publish to all VFs that this VF has agreed to; see [`crate::publication`].
#[derive(Debug)]
pub(super) struct Staged {
    index: usize,
    request: Request,
    /// What was published, with zeros behind it.
    sent: Image,
    /// What the block becomes. A write of the VF in the meantime merges it anew.
    image: Image,
}

impl Vf<'_> {
    /// Commits a publish to this VF alone.
    pub(crate) fn publish(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        let mut image = request.message(sent);
        match self
            .pass()
            .and_then(|()| self.admit_publish(target, request, &mut image))
        {
            Ok(()) => {
                self.commit_publish(target, request, &image);
                Ok(())
            }
            Err(refusal) => Err(self.refuse(request, Some(target.index), refusal)),
        }
    }

    /// Whether this VF agrees to a publish to all VFs. If not, it aborts it for all of them, and counts
    /// why, unless another VF has done so before.
    pub(crate) fn stage(
        &mut self,
        publication: &Publication,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> bool {
        let sent = request.message(sent);
        let mut image = sent;
        let judged = self
            .pass_to_all()
            .and_then(|()| self.admit_publish(target, request, &mut image));
        match judged {
            Ok(()) => {
                self.staged = Some(Staged {
                    index: target.index,
                    request: *request,
                    sent,
                    image,
                });
                true
            }
            Err(refusal) => {
                if publication.abort(refusal).is_ok() {
                    self.refuse(request, Some(target.index), refusal);
                }
                false
            }
        }
    }

    fn admit_publish(
        &self,
        target: Target<'_>,
        request: &Request,
        image: &mut Image,
    ) -> Result<(), Refusal> {
        // Another publish of the same block would invalidate what the staged one was checked against.
        if self
            .staged
            .as_ref()
            .is_some_and(|staged| staged.index == target.index)
        {
            return Err(Refusal::State);
        }
        writable_length(target.block, request.length)?;
        self.admit(Writer::Pf, target, image)
    }

    fn commit_publish(
        &mut self,
        Target { index, block }: Target<'_>,
        request: &Request,
        image: &Image,
    ) {
        self.store.commit(index, block, Writer::Pf, image);
        if block.notify() {
            self.pending |= bit(block.id());
        }
        increment(&mut self.counters.publishes);
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().publishes);
        }
        self.record(request, None);
    }

    /// Commits or drops a staged publish, once that is decided. Every operation begins with this.
    #[inline]
    pub(crate) fn settle(&mut self, table: &Table<'_>, publication: &Publication) {
        if self.staged.is_some() {
            self.settle_as(table, publication.decision());
        }
    }

    #[cold]
    fn settle_as(&mut self, table: &Table<'_>, decision: Decision) {
        if decision == Decision::Undecided {
            return;
        }
        let Some(staged) = self.staged.take() else {
            return;
        };
        if let (Decision::Committed, Some(block)) = (decision, table.block(staged.index)) {
            self.commit_publish(
                Target {
                    index: staged.index,
                    block,
                },
                &staged.request,
                &staged.image,
            );
        }
    }

    /// Lets a write that becomes `image` pass a staged publish of the same block: the publish is
    /// merged anew behind the write, as if it had come later. If it would not hold there it is
    /// aborted; or, if it was committed in this very moment, settled, and the write must be judged
    /// on top of it.
    #[cold]
    pub(super) fn reconcile(
        &mut self,
        table: &Table<'_>,
        publication: &Publication,
        Target { index, block }: Target<'_>,
        image: &Image,
    ) -> Decision {
        let history = self
            .store
            .slot(index)
            .map_or(History::EMPTY, BlockSlot::history)
            .after(Writer::Vf);
        let Some(staged) = self.staged.as_mut().filter(|staged| staged.index == index) else {
            return Decision::Undecided;
        };
        let mut merged = staged.sent;
        match block.admit_in_place(Writer::Pf, &mut merged, image, history) {
            Ok(()) => {
                staged.image = merged;
                Decision::Undecided
            }
            Err(violation) => self.withdraw(table, publication, violation.into()),
        }
    }

    /// Aborts a staged publish, unless it is decided already, and returns what is decided then. If the
    /// publish fails for this reason and no other, that is counted here.
    #[cold]
    pub(super) fn withdraw(
        &mut self,
        table: &Table<'_>,
        publication: &Publication,
        reason: Refusal,
    ) -> Decision {
        if self.staged.is_none() {
            return Decision::Undecided;
        }
        if let Err(decided) = publication.abort(reason) {
            self.settle_as(table, decided);
            return decided;
        }
        if let Some(staged) = self.staged.take() {
            self.refuse(&staged.request, Some(staged.index), reason);
        }
        Decision::Aborted
    }

    /// Refuses what comes to all VFs only while this one is being wiped: a VF whose reset takes
    /// long, or has failed, must not stand in the way of the others.
    fn pass_to_all(&self) -> Result<(), Refusal> {
        match self.gate {
            Gate::Open | Gate::Held => Ok(()),
            Gate::Wiping => Err(Refusal::State),
            Gate::Removed => Err(Refusal::Removed),
        }
    }
}
