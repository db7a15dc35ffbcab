//! Reading, writing and publishing blocks, and draining streams.

use block_table::{History, Image, Writer};
use pf_broker_abi::{Operation, Refusal};

use super::{Broker, VfLock, locked};
use crate::Ticks;
use crate::outcome::{Deliver, FollowUp, Outcome};
use crate::refusal::refusal_of;
use crate::request::{Request, Target, writable_length};
use crate::sync::{AtomicBool, Ordering};

impl<L: VfLock> Broker<'_, L> {
    /// A VF reads a register. On success `reply` holds what `length` bytes get: the value, then
    /// zeros, over all of its 128 bytes.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (write-only blocks and streams), `state`, `removed`, or `length`:
    /// shorter than the block unless `short-read` allows a prefix. `reply` is left as it is then.
    #[inline]
    pub fn read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Outcome<()> {
        let request = Request::on_block(Operation::Read, block, length, now);
        self.on_block(vf, &request, |vf, target| vf.read(target, &request, reply))
    }

    /// The host's side reads a register, whatever the VF may do with it, and gets the block's revision: how often it was
    /// committed or reset since the device started. [`Broker::publish`] can be made to depend on it.
    ///
    /// # Errors
    /// As for [`Broker::read`], but `kind` for a stream, and never `access`.
    pub fn host_read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Outcome<u64> {
        let request = Request::on_block(Operation::HostRead, block, length, now);
        self.on_block(vf, &request, |vf, target| {
            vf.read(target, &request, reply)?;
            Ok(vf.revision(target.index))
        })
    }

    /// A VF writes a register or appends a message to a stream. The first `length` bytes of `sent`
    /// count; a shorter write is filled with zeros up to the length of the block.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (read-only blocks), `state`, `removed`, `limit`, `length`, `checksum`,
    /// the other rules of the manifest, and `full`.
    #[inline]
    pub fn write(&self, vf: u16, block: u32, length: u32, sent: &Image, now: Ticks) -> Outcome<()> {
        let request = Request::on_block(Operation::Write, block, length, now);
        self.on_block(vf, &request, |vf, target| {
            vf.write(self.table.limits(), target, &request, sent)
        })
    }

    /// The host's side writes a register for one VF; bytes that the VF owns stay as they are.
    ///
    /// What the VF wrote never makes it fail. If a rule does not hold on the merged block, the VF's bytes return to their
    /// defaults, and its sequences begin anew, as by a reset. That withdraws the VF's request: it is counted
    /// ([`VfCounters::withdrawn`](crate::VfCounters::withdrawn)), journaled, and invalidates the block for a VF that can
    /// read it, if it has a bit in the mask.
    ///
    /// With an `expected` revision, the one of [`Broker::host_read`], nothing is published to a block that was committed
    /// or reset since.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (streams), `state`, `removed`, `length`, `changed`, `checksum`, and the other rules
    /// of the manifest if they do not hold on the defaults of the VF's bytes either.
    pub fn publish(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        expected: Option<u64>,
        now: Ticks,
    ) -> Outcome<()> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        self.on_block(vf, &request, |vf, target| {
            vf.publish(target, &request, sent, expected)
        })
        .deliver(Deliver::ToVf(vf))
    }

    /// The host's side writes a register for every VF. Bytes that a VF owns stay as they are, or are withdrawn, as
    /// [`Broker::publish`] says.
    ///
    /// The publish is judged once, before anything is committed: on the defaults of the VFs' bytes, so that it holds
    /// whatever a VF has written or will have written. Then each VF commits under its own lock, one after the other. No
    /// guest can see two VFs at once, so there need not be one moment for all of them. One such publish is under way at
    /// a time, so that two of them leave the same value at all VFs.
    ///
    /// VFs that are held back take part, on the values that their reset has wiped: a reset that takes
    /// long or has failed keeps nothing from the other VFs.
    ///
    /// # Errors
    /// `block`, `kind`, `removed`, `length`, `checksum`, the other rules of the manifest on the defaults of the VFs' bytes,
    /// and `sequence` if a VF was published a later value of a sequence that the host side owns alone: nothing is
    /// committed then. `state` while another publish to all VFs is under way; to try again helps. `removed` also when the
    /// device goes in the middle.
    pub fn publish_all(&self, block: u32, length: u32, sent: &Image, now: Ticks) -> Outcome<()> {
        let request = Request::on_block(Operation::Publish, block, length, now);
        let mut follow_up = FollowUp::NOTHING;
        let result = self
            .find(&request)
            .map_err(|(_, refusal)| refusal)
            .and_then(|target| self.publish_to_each(target, &request, sent, &mut follow_up))
            .map_err(|refusal| self.host_refusals.count(refusal));
        Outcome { result, follow_up }
    }

    fn publish_to_each(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
        follow_up: &mut FollowUp,
    ) -> Result<(), Refusal> {
        let _claim = Claim::take(&self.publishing_to_all).ok_or(Refusal::State)?;
        self.judge_for_all(target, request, sent)?;
        for vf in self.vfs {
            locked(vf, |vf| vf.publish_with_all(target, request, sent))
                .deliver(Deliver::ToAllVfs)
                .add_to(follow_up)?;
        }
        Ok(())
    }

    /// Judges a publish to all VFs on what does not depend on a guest.
    fn judge_for_all(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        let block = target.block;
        // A removal comes to VF 0 first.
        if let Some(first) = self.vfs.first() {
            first.with(|vf| vf.pass_to_all())?;
        }
        writable_length(block, request.length)?;
        let mut image = request.message(sent);
        block
            .check_sent(Writer::Pf, &image)
            .and_then(|()| {
                let defaults = block.default_image();
                block.admit_in_place(Writer::Pf, &mut image, defaults, History::EMPTY)
            })
            .map_err(refusal_of)?;
        if block.publishes_in_sequence() {
            for vf in self.vfs {
                vf.with(|vf| vf.check_publish_with_all(target, request, sent))?;
            }
        }
        Ok(())
    }

    /// Takes up to `most` messages out of a stream, the oldest first, and gives each to `take`: its first bytes, as many
    /// as the block has, and zeros behind them. Returns how many there were. The lock is taken anew for each message, and
    /// not held around `take`.
    ///
    /// A reset or a removal that comes between two messages ends it: what was taken before is not lost.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (registers), `state`, `removed`. Nothing was taken then.
    pub fn drain(
        &self,
        vf: u16,
        block: u32,
        most: usize,
        now: Ticks,
        mut take: impl FnMut(&Image),
    ) -> Outcome<usize> {
        let request = Request::on_block(Operation::Drain, block, 0, now);
        let Outcome { result, follow_up } = self.on_block(vf, &request, |vf, target| match most {
            0 => Ok(None),
            _ => Ok(vf.drain(target, &request)?.map(|oldest| (target, oldest))),
        });
        let result = result.map(|first| {
            let Some((target, oldest)) = first else {
                return 0;
            };
            take(&oldest);
            let mut taken = 1;
            let next = || {
                self.vfs
                    .get(usize::from(vf))?
                    .with(|vf| vf.drain_on(target))
            };
            for message in core::iter::from_fn(next).take(most - 1) {
                take(&message);
                taken += 1;
            }
            taken
        });
        Outcome { result, follow_up }
    }
}

/// The claim of the one publish to all VFs that is under way, given back when it is dropped.
struct Claim<'b>(&'b AtomicBool);

impl<'b> Claim<'b> {
    fn take(claimed: &'b AtomicBool) -> Option<Self> {
        (!claimed.swap(true, Ordering::Acquire)).then_some(Self(claimed))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
