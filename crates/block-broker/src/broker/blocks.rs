//! Reading, writing and publishing blocks, and draining streams.

use block_table::{History, Image, Write, Writer};
use pf_broker_abi::{Operation, Refusal};

use super::{Broker, VfLock};
use crate::Ticks;
use crate::outcome::{Deliver, FollowUp, Outcome};
use crate::refusal::refusal_of;
use crate::request::{Request, Target, writable_length};
use crate::sync::{AtomicBool, Ordering};

impl<L: VfLock> Broker<'_, L> {
    /// A VF reads a register. On success all 128 bytes of `reply` are set: the first `length` bytes
    /// of the value, then zeros.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (write-only blocks and streams), `state`, `removed`, `companion` (the
    /// companion handles reads of the block: see [`Broker::begin_read`]), or `length`: shorter than
    /// the block unless `short-read` allows a prefix. `reply` is unchanged then.
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

    /// Host software reads a register, independently of the VF's access, and gets the block's
    /// revision: how often it was committed or reset since the device started. [`Broker::publish`]
    /// can require this revision.
    ///
    /// # Errors
    /// As for [`Broker::read`], but `kind` for a stream, and never `access` or `companion`.
    pub fn host_read(
        &self,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Outcome<u64> {
        let request = Request::on_block(Operation::HostRead, block, length, now);
        self.on_block_seldom(vf, &request, |vf, target| {
            vf.read(target, &request, reply)?;
            Ok(vf.revision(target.index))
        })
    }

    /// A VF writes a register or appends a message to a stream. The first `length` bytes of `sent`
    /// count; a shorter write is filled with zeros up to the length of the block.
    ///
    /// # Errors
    /// `vf`, `block`, `access` (read-only blocks), `state`, `removed`, `limit`, `companion` (the
    /// companion handles writes of the block: see [`Broker::begin_write`]), `length`, `checksum`,
    /// the other rules of the manifest, and `full`.
    #[inline]
    pub fn write(&self, vf: u16, block: u32, length: u32, sent: &Image, now: Ticks) -> Outcome<()> {
        let request = Request::on_block(Operation::Write, block, length, now);
        self.on_block(vf, &request, |vf, target| {
            vf.write(self.table.limits(), target, &request, sent)
        })
    }

    /// Host software writes a register for one VF; bytes that the VF owns stay as they are.
    ///
    /// It never fails because of the VF's bytes. If the merged block breaks a rule, the VF's bytes
    /// return to their defaults and its sequences restart, as by a reset. That withdraws the VF's
    /// request: it is counted ([`VfCounters::withdrawn`](crate::VfCounters::withdrawn)), journaled,
    /// and invalidates the block for a VF that can read it, if it has a bit in the mask.
    ///
    /// With an `expected` revision, from [`Broker::host_read`], the publish is refused if the block
    /// was committed or reset since.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (streams), `state`, `removed`, `length`, `changed`, `checksum`, and
    /// the other rules of the manifest if they do not hold on the defaults of the VF's bytes
    /// either.
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
        self.on_block_seldom(vf, &request, |vf, target| {
            vf.publish(target, &request, sent, expected)
        })
        .deliver(Deliver::ToVf(vf))
    }

    /// Host software writes a register for every VF. Bytes that a VF owns stay as they are, or are
    /// withdrawn, as [`Broker::publish`] says.
    ///
    /// The publish is validated once, before any commit, on the defaults of the VFs' bytes, so that
    /// it holds for any bytes that a VF writes. Then each VF commits under its own lock, one after
    /// the other. No guest can see two VFs at once, so the commits need not be atomic together.
    /// Only one such publish runs at a time, so that all VFs end with the same value.
    ///
    /// VFs that are held back take part, on the values that their reset has wiped, so a slow or
    /// failed reset does not delay the other VFs.
    ///
    /// # Errors
    /// `block`, `kind`, `removed`, `length`, `checksum`, the other rules of the manifest on the
    /// defaults of the VFs' bytes, and `sequence` if host software has published a later value of a
    /// sequence that it owns alone to a VF. Nothing is committed in these cases. `state` while
    /// another publish to all VFs runs; the caller can retry. `removed` also if the device is
    /// removed between two VFs.
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
        self.validate_for_all(target, request, sent)?;
        for vf in self.vfs {
            self.locked(vf, |vf| vf.publish_with_all(target, request, sent))
                .deliver(Deliver::ToAllVfs)
                .add_to(follow_up)?;
        }
        Ok(())
    }

    /// Validates a publish to all VFs independently of any guest.
    fn validate_for_all(
        &self,
        target: Target<'_>,
        request: &Request,
        sent: &Image,
    ) -> Result<(), Refusal> {
        let block = target.block;
        // A removal reaches VF 0 first.
        if let Some(first) = self.vfs.first() {
            first.with(|vf| vf.pass_to_all())?;
        }
        writable_length(block, request.length)?;
        let mut image = request.message(sent);
        block
            .check_sent(Writer::Pf, request.sent(&image))
            .and_then(|()| {
                let defaults = block.default_image();
                // Only a VF knows the value before the publish.
                let write = Write {
                    compares: false,
                    ..Write::new(Writer::Pf, request.sent_length(), defaults, History::EMPTY)
                };
                block.admit_in_place(&write, &mut image)
            })
            .map_err(refusal_of)?;
        if block.compares_publishes() {
            for vf in self.vfs {
                vf.with(|vf| vf.check_publish_with_all(target, request, sent))?;
            }
        }
        Ok(())
    }

    /// Takes up to `most` messages out of a stream, the oldest first, and passes each to `take`,
    /// padded with zeros after the length of the block. Returns how many there were. The lock is
    /// acquired for each message, and not held around `take`.
    ///
    /// A reset or a removal between two messages ends the drain; the messages taken before are not
    /// lost.
    ///
    /// # Errors
    /// `vf`, `block`, `kind` (registers), `state`, `removed`. Nothing was taken then.
    pub fn drain(
        &self,
        vf: u16,
        block: u32,
        most: usize,
        now: Ticks,
        mut take: impl FnMut(&[u8]),
    ) -> Outcome<usize> {
        let request = Request::on_block(Operation::Drain, block, 0, now);
        let Outcome { result, follow_up } =
            self.on_block_seldom(vf, &request, |vf, target| match most {
                0 => Ok(None),
                _ => Ok(vf.drain(target, &request)?.map(|oldest| (target, oldest))),
            });
        let result = result.map(|first| {
            let Some((target, oldest)) = first else {
                return 0;
            };
            take(oldest.sent());
            let mut taken = 1;
            let next = || {
                self.vfs
                    .get(usize::from(vf))?
                    .with(|vf| vf.drain_on(target))
            };
            for message in core::iter::from_fn(next).take(most - 1) {
                take(message.sent());
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
