//! A VF's write: admission, validation and commit.

use block_table::{Image, Kind, Limits, Write, Writer};
use pf_broker_abi::Refusal;

use super::Vf;
use crate::counters::increment;
use crate::kinds::Kinds;
use crate::limits::Verdict;
use crate::refusal::Refused;
use crate::request::{Request, Target, writable_length};
use crate::store::{Message, Pushed, prefix};

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
        let handed_over = target.block.companion().writes();
        let written = if handed_over {
            Err(Refusal::Companion.into())
        } else {
            self.validate_and_commit(target, request, sent)
        };
        written.map_err(|refusal| self.refuse(request, Some(target.index), refusal))
    }

    /// Checks state and limit before the content of the write, so that a flood ends here. A refusal
    /// is counted when this returns it.
    #[inline]
    pub(super) fn let_in(
        &mut self,
        limits: Option<Limits>,
        target: Target<'_>,
        request: &Request,
    ) -> Result<(), Refusal> {
        if let Err(refusal) = self.admit_vf() {
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

    /// The last part of a write, from its length to its commit.
    #[inline]
    pub(super) fn validate_and_commit(
        &mut self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refused> {
        let mut image = prefix(sent, request.sent_length());
        self.validate_write(target, request, &mut image)?;
        Ok(self.commit_write(target, request, &image)?)
    }

    /// Checks length, checksum and the other rules of the message in `image`, which becomes the
    /// image to commit.
    #[inline]
    pub(super) fn validate_write(
        &self,
        target: Target<'_>,
        request: &Request,
        image: &mut Image,
    ) -> Result<(), Refused> {
        let block = target.block;
        writable_length(block, request.length)?;
        block.check_sent(Writer::Vf, request.sent(image))?;
        self.admit(Writer::Vf, target, request, image)
    }

    #[inline]
    fn commit_write(
        &mut self,
        Target { index, block }: Target<'_>,
        request: &Request,
        image: &Image,
    ) -> Result<(), Refusal> {
        let pushed = match block.kind() {
            Kind::Register => {
                self.store.commit(index, block, Writer::Vf, image);
                Pushed::Behind
            }
            Kind::Stream => {
                let message = Message {
                    image: *image,
                    // The length was checked to be that of a write.
                    length: u8::try_from(request.length).unwrap_or(u8::MAX),
                };
                self.store.push(index, block, &message)?
            }
        };
        if let Some(slot) = self.store.slot_mut(index) {
            increment(&mut slot.counters_mut().writes);
            if pushed == Pushed::DroppingOldest {
                increment(&mut slot.counters_mut().dropped);
                increment(&mut self.counters.dropped);
            }
        }
        let kind = match block.kind() {
            Kind::Register => Kinds::WRITTEN,
            Kind::Stream => Kinds::MESSAGE,
        };
        self.note_block_change(kind, index);
        increment(&mut self.counters.writes);
        self.record(request);
        Ok(())
    }

    /// Merges the sent `image` into the block and applies every rule but the checksum to the
    /// result.
    #[inline]
    pub(super) fn admit(
        &self,
        writer: Writer,
        Target { index, block }: Target<'_>,
        request: &Request,
        image: &mut Image,
    ) -> Result<(), Refused> {
        let history = self.store.slot(index).ok_or(Refusal::Block)?.history();
        let copy;
        let committed = if block.written_whole_by(writer) {
            // The write sets every byte of the block, so no byte after it enters the image.
            self.store.newest(index, block)
        } else {
            copy = self.store.committed(index, block);
            &copy
        };
        let write = Write {
            used: self.store.used(block),
            ..Write::new(writer, request.sent_length(), committed, history)
        };
        Ok(block.admit_in_place(&write, image)?)
    }
}
