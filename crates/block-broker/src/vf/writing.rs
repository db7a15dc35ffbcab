//! A VF's write: admission, validation and commit.

use block_table::{Image, Kind, Limits, Writer};
use pf_broker_abi::Refusal;

use super::Vf;
use crate::counters::increment;
use crate::limits::Verdict;
use crate::refusal::refusal_of;
use crate::request::{Request, Target, writable_length};
use crate::store::Pushed;

impl Vf<'_> {
    /// A whole write: state, limit, length, checksum, the other rules, and the commit. No other
    /// call sees an intermediate state.
    #[inline]
    pub(crate) fn write(
        &mut self,
        limits: Option<Limits>,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        self.let_in(limits, target, request)?;
        match self.validate_and_commit(target, request, sent) {
            Ok(()) => {
                increment(&mut self.changes);
                increment(&mut self.counters.writes);
                self.record(request, None);
                Ok(())
            }
            Err(refusal) => Err(self.refuse(request, Some(target.index), refusal)),
        }
    }

    /// Checks state and limit before the content of the write, so that a flood ends here. A refusal
    /// is counted when this returns it.
    #[inline]
    fn let_in(
        &mut self,
        limits: Option<Limits>,
        target: Target<'_>,
        request: &Request,
    ) -> Result<(), Refusal> {
        if let Err(refusal) = self.pass() {
            return Err(self.refuse(request, Some(target.index), refusal));
        }
        let Some(limits) = limits else {
            return Ok(());
        };
        match self.bucket.take(limits, request.now) {
            Verdict::Granted => Ok(()),
            Verdict::Flood => {
                self.count_refusal(Some(target.index), Refusal::Limit);
                Err(Refusal::Limit)
            }
            Verdict::FloodBegins => {
                increment(&mut self.counters.floods);
                Err(self.refuse(request, Some(target.index), Refusal::Limit))
            }
        }
    }

    #[inline]
    fn validate_and_commit(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        let Target { index, block } = target;
        writable_length(block, request.length)?;
        let mut image = request.message(sent);
        block.check_sent(Writer::Vf, &image).map_err(refusal_of)?;
        self.admit(Writer::Vf, target, &mut image)?;
        let pushed = match block.kind() {
            Kind::Register => {
                self.store.commit(index, block, Writer::Vf, &image);
                Pushed::Behind
            }
            Kind::Stream => self.store.push(index, block, &image)?,
        };
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().writes);
            if pushed == Pushed::DroppingOldest {
                increment(&mut slot.counters_mut().dropped);
                increment(&mut self.counters.dropped);
            }
        }
        Ok(())
    }

    /// Merges the sent `image` into the block and applies every rule but the checksum to the
    /// result.
    #[inline]
    pub(super) fn admit(
        &self,
        writer: Writer,
        Target { index, block }: Target<'_>,
        image: &mut Image,
    ) -> Result<(), Refusal> {
        let history = self.store.slot(index).ok_or(Refusal::Block)?.history();
        let copy;
        let committed = if block.written_whole_by(writer) {
            // The write sets every byte of the block, so no byte after it enters the image.
            self.store.newest(index, block)
        } else {
            copy = self.store.committed(index, block);
            &copy
        };
        block
            .admit_in_place(writer, image, committed, history)
            .map_err(refusal_of)
    }
}
