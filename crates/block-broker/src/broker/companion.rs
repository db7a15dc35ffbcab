//! Writes and reads of a VF that a companion handles, in two parts around its call.

use block_table::{Image, MAX_BLOCK_LENGTH};
use pf_broker_abi::{Operation, Refusal};

use super::{Broker, VfLock, locked};
use crate::outcome::Outcome;
use crate::request::{Request, Target};
use crate::stamps::Epoch;
use crate::vf::{Tenancy, Vf};
use crate::{FollowUp, Ticks};

/// The first part of an operation.
#[derive(Debug)]
#[must_use = "an operation that is pending has to be finished"]
pub enum Begun<P> {
    /// The operation is done: the companion does not handle it.
    Done,
    /// The companion has to answer it.
    Pending(P),
}

impl<P> Begun<P> {
    /// The operation that the companion has to answer, if so.
    #[must_use]
    pub fn pending(self) -> Option<P> {
        match self {
            Self::Done => None,
            Self::Pending(pending) => Some(pending),
        }
    }
}

impl<L: VfLock> Broker<'_, L> {
    /// Whether the companion handles this operation of a VF on a block: the block exists, the VF
    /// may do it, and the manifest hands it over. If not, [`Broker::write`] or [`Broker::read`]
    /// does the whole operation, at any IRQL that they allow.
    #[must_use]
    #[inline]
    pub fn is_handed_over(&self, operation: Operation, block: u32) -> bool {
        let request = Request::on_block(operation, block, 0, Ticks(0));
        self.find(&request)
            .is_ok_and(|target| is_handed_over(target, operation))
    }

    /// The first part of a VF's write: everything that [`Broker::write`] does before the commit.
    /// The shell then calls the companion with [`PendingWrite::data`], without a lock, at
    /// `PASSIVE_LEVEL`, and passes its answer to [`PendingWrite::finish`].
    ///
    /// `companion` says why the companion cannot be called, if so: [`Refusal::Companion`] if none
    /// is ready, [`Refusal::State`] if the VF's reset has begun. It is checked after the limit and
    /// before the length. A write that the companion does not handle ignores it, and is done.
    ///
    /// Only one operation of a VF should be pending at a time, so that the companion gets writes in
    /// the order of their commits and no write that breaks a `sequence`. The broker does not depend
    /// on it: it validates again before each commit.
    ///
    /// # Errors
    /// As for [`Broker::write`].
    pub fn begin_write(
        &self,
        companion: Result<(), Refusal>,
        vf: u16,
        block: u32,
        length: u32,
        sent: &Image,
        now: Ticks,
    ) -> Outcome<Begun<PendingWrite<'_, L>>> {
        let request = Request::on_block(Operation::Write, block, length, now);
        let limits = self.table.limits();
        let mut merged = request.message(sent);
        let begun = self.on_block_seldom(vf, &request, |vf, target| {
            if !is_handed_over(target, Operation::Write) {
                return vf.write(limits, target, &request, sent).map(|()| None);
            }
            let tenancy = vf.begin_write(limits, target, &request, companion, &mut merged)?;
            Ok(Some((target, tenancy)))
        });
        begun.map(|begun| {
            self.pending(vf, &request, begun, |call| PendingWrite {
                call,
                sent: request.message(sent),
                merged,
            })
        })
    }

    /// The first part of a VF's read: every check of [`Broker::read`]. The shell then has the
    /// companion set the PF's bytes in [`PendingRead::data_mut`], without a lock, at
    /// `PASSIVE_LEVEL`, and passes its answer to [`PendingRead::finish`].
    ///
    /// `companion` is as for [`Broker::begin_write`]. A read that the companion does not handle is
    /// done, and has filled `reply`; otherwise `reply` is unchanged.
    ///
    /// # Errors
    /// As for [`Broker::read`].
    pub fn begin_read(
        &self,
        companion: Result<(), Refusal>,
        vf: u16,
        block: u32,
        length: u32,
        reply: &mut Image,
        now: Ticks,
    ) -> Outcome<Begun<PendingRead<'_, L>>> {
        let request = Request::on_block(Operation::Read, block, length, now);
        let mut image = [0; MAX_BLOCK_LENGTH];
        let begun = self.on_block_seldom(vf, &request, |vf, target| {
            if !is_handed_over(target, Operation::Read) {
                return vf.read(target, &request, reply).map(|()| None);
            }
            let tenancy = vf.begin_read(target, &request, companion, &mut image)?;
            Ok(Some((target, tenancy)))
        });
        begun.map(|begun| {
            self.pending(vf, &request, begun, |call| PendingRead {
                call,
                before: image,
                set: image,
            })
        })
    }

    fn pending<'b, P>(
        &'b self,
        vf: u16,
        request: &Request,
        begun: Option<(Target<'b>, Tenancy)>,
        make: impl FnOnce(Call<'b, L>) -> P,
    ) -> Begun<P> {
        let begun = begun.zip(self.vfs.get(usize::from(vf)));
        begun.map_or(Begun::Done, |((target, tenancy), lock)| {
            Begun::Pending(make(Call {
                epoch: &self.epoch,
                lock,
                target,
                request: *request,
                tenancy,
                is_finished: false,
            }))
        })
    }
}

fn is_handed_over(target: Target<'_>, operation: Operation) -> bool {
    let companion = target.block.companion();
    match operation {
        Operation::Write => companion.writes(),
        Operation::Read => companion.reads(),
        _ => false,
    }
}

/// What both kinds of pending operations have. Dropped unfinished, it refuses the operation.
struct Call<'b, L: VfLock> {
    epoch: &'b Epoch,
    lock: &'b L,
    target: Target<'b>,
    request: Request,
    tenancy: Tenancy,
    is_finished: bool,
}

impl<L: VfLock> Call<'_, L> {
    /// Runs the second part under the VF's lock.
    fn finish(
        &mut self,
        now: Ticks,
        second: impl FnOnce(&mut Vf<'_>, &Request) -> Result<(), Refusal>,
    ) -> Outcome<()> {
        self.is_finished = true;
        let request = Request {
            now,
            ..self.request
        };
        locked(self.epoch, self.lock, |vf| second(vf, &request))
    }

    fn abandon(&mut self, now: Ticks) -> FollowUp {
        let target = self.target;
        self.finish(now, |vf, request| Err(vf.abandon(target, request)))
            .follow_up
    }
}

impl<L: VfLock> Drop for Call<'_, L> {
    fn drop(&mut self) {
        if !self.is_finished {
            // Waits end with the next event: a drop has no way to return the follow-up.
            self.abandon(self.request.now).without_waiters();
        }
    }
}

/// A VF's write that the companion has to answer. Nothing of it is committed yet.
///
/// If it is dropped, the write is refused as `state`, counted and journaled; but the journal's
/// waits end with the next event only. [`PendingWrite::abandon`] ends them at once.
#[must_use = "a write that is dropped is refused"]
pub struct PendingWrite<'b, L: VfLock> {
    call: Call<'b, L>,
    sent: Image,
    merged: Image,
}

impl<L: VfLock> PendingWrite<'_, L> {
    /// The bytes of the whole block as they would be committed, 1 to 128.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        let length = self.call.target.block.max_length();
        self.merged.get(..length).unwrap_or(&self.merged)
    }

    /// The second part of the write. `answer` is the companion's NTSTATUS: `STATUS_SUCCESS`
    /// accepts, every other status declines, those of the success severity too. An accepted write
    /// is merged and validated again, on everything that was published during the call, and
    /// committed.
    ///
    /// # Errors
    /// `state` if a reset of the VF has begun since [`Broker::begin_write`], `removed`; `declined`;
    /// the rules of the manifest, and `full`. Nothing is committed then.
    pub fn finish(mut self, answer: u32, now: Ticks) -> Outcome<()> {
        let Self { call, sent, .. } = &mut self;
        let (target, tenancy) = (call.target, call.tenancy);
        call.finish(now, |vf, request| {
            vf.finish_write(target, request, sent, tenancy, answer)
        })
    }

    /// Refuses the write as `state`: the companion was not called.
    pub fn abandon(mut self, now: Ticks) -> FollowUp {
        self.call.abandon(now)
    }
}

/// A VF's read for which the companion has to set the PF's bytes.
///
/// If it is dropped, the read is refused as `state`, as for [`PendingWrite`].
#[must_use = "a read that is dropped is refused"]
pub struct PendingRead<'b, L: VfLock> {
    call: Call<'b, L>,
    before: Image,
    set: Image,
}

impl<L: VfLock> PendingRead<'_, L> {
    /// The bytes of the whole block, 1 to 128, for the companion to change. The VF's bytes are
    /// ignored.
    pub fn data_mut(&mut self) -> &mut [u8] {
        let length = self.call.target.block.max_length();
        let (data, _) = self.set.split_at_mut_checked(length).unwrap_or_default();
        data
    }

    /// The second part of the read: commits the PF's bytes that the companion has set as a publish
    /// does, but without an invalidation, and fills all 128 bytes of `reply` as [`Broker::read`]
    /// does. `answer` is as for [`PendingWrite::finish`].
    ///
    /// If the companion has changed no byte, nothing is committed, and the reply is the present
    /// value. If it has, its bytes replace also those that were published during the call.
    ///
    /// # Errors
    /// `state`, `removed` and `declined` as for [`PendingWrite::finish`]; the rules of the manifest
    /// if the companion's bytes break one also with the defaults of the VF's bytes. `reply` is
    /// unchanged then.
    pub fn finish(mut self, answer: u32, reply: &mut Image, now: Ticks) -> Outcome<()> {
        let Self { call, before, set } = &mut self;
        let (target, tenancy) = (call.target, call.tenancy);
        call.finish(now, |vf, request| {
            vf.finish_read(target, request, [before, set], (tenancy, answer), reply)
        })
    }

    /// Refuses the read as `state`: the companion was not called.
    pub fn abandon(mut self, now: Ticks) -> FollowUp {
        self.call.abandon(now)
    }
}
