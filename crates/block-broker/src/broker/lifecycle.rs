//! Reset and its acknowledgement, power state and removal.

use block_table::Reset;
use pf_broker_abi::{Operation, PowerState, Refusal};

use super::{Broker, VfLock};
use crate::Ticks;
use crate::outcome::{Deliver, FollowUp, Outcome};
use crate::request::{Request, ResetBy, Target};

impl<L: VfLock> Broker<'_, L> {
    /// Begins a reset: from here on the VF is held back, and every operation on it alone, except
    /// its status and journal, is refused as `state`. Calls that entered the broker earlier have
    /// finished or will be refused.
    ///
    /// It wipes everything that the VF wrote, with its streams, latched invalidations, sequences
    /// and limit; its power state becomes D0; the bytes of host software follow the manifest's
    /// `on-reset`. The revision of every block increases, even if the block keeps its value,
    /// because it now belongs to another tenant. The lock is acquired for each block, so it is
    /// never held for longer than one block's wipe. Resets of one VF must come one at a time.
    ///
    /// `by` decides whether [`Broker::finish_reset`] has the VF wait for an acknowledgement.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn begin_reset(&self, vf: u16, by: ResetBy, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::BeginReset, now);
        let held = self.on_vf(vf, &request, |vf| vf.hold(&request, by));
        if let (Ok(()), Some(vf)) = (&held.result, self.vfs.get(usize::from(vf))) {
            for (index, block) in self.table.blocks().enumerate() {
                vf.with(|vf| vf.wipe(Target { index, block }));
            }
            vf.with(|vf| {
                vf.end_wiping();
            });
        }
        held
    }

    /// Finishes a reset that has succeeded: serves the VF again, and has the shell deliver what was
    /// latched for all VFs meanwhile. A VF that is served already is left as it is.
    ///
    /// With [`Reset::Acknowledged`](block_table::Reset::Acknowledged) the VF waits instead, if a
    /// reset [by the host](ResetBy::Host) has begun since it was served: operations of host
    /// software on it are served, its own are refused as `state`, and invalidations stay latched.
    /// [`Broker::acknowledge`] or [`Broker::expire`] serves it again. Returns when the time for the
    /// acknowledgement is up; `None` if the VF is served.
    ///
    /// # Errors
    /// `vf`, `removed`; `state` while [`Broker::begin_reset`] is still running.
    pub fn finish_reset(&self, vf: u16, now: Ticks) -> Outcome<Option<Ticks>> {
        let request = Request::on_vf(Operation::Reset, now);
        let reset = self.table.reset();
        self.on_vf(vf, &request, |vf| {
            let is_pending = vf.end_reset(&request, reset)?;
            Ok((is_pending, vf.deadline()))
        })
        .deliver(Deliver::ToVf(vf))
    }

    /// Acknowledges a reset, which serves the VF again. `resets` is the number of the reset: how
    /// many had begun ([`VfCounters::resets`](crate::VfCounters::resets)) when host software began
    /// to prepare the VF's blocks.
    ///
    /// # Errors
    /// `vf`, `removed`; `state` for a VF that waits for no acknowledgement, `changed` if another
    /// reset is to be acknowledged.
    pub fn acknowledge(&self, vf: u16, resets: u64, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::Acknowledge, now);
        self.on_vf(vf, &request, |vf| vf.acknowledge(&request, resets))
            .deliver(Deliver::ToVf(vf))
    }

    /// Serves each VF again whose time for an acknowledgement is up, and passes it to `served` with
    /// its follow-up, without a lock. Returns when the next VF's time is up, if one waits: the
    /// shell calls this then. It visits every VF, one lock at a time, at `PASSIVE_LEVEL`.
    pub fn expire(&self, now: Ticks, mut served: impl FnMut(u16, FollowUp)) -> Option<Ticks> {
        if self.table.reset() == Reset::Immediate {
            return None;
        }
        let request = Request::on_vf(Operation::Expire, now);
        let mut next: Option<Ticks> = None;
        for (vf, lock) in (0..).zip(self.vfs) {
            let mut deadline = None;
            let expired = self.locked(lock, |vf| {
                let is_pending = vf.expire(&request);
                deadline = vf.deadline();
                // A VF whose time is not up has changed nothing.
                is_pending.ok_or(Refusal::State)
            });
            let Outcome { result, follow_up } = expired.deliver(Deliver::ToVf(vf));
            if result.is_ok() {
                served(vf, follow_up);
            }
            next = next.into_iter().chain(deadline).min();
        }
        next
    }

    /// Records that a reset has failed. The VF stays held back until another reset succeeds.
    ///
    /// # Errors
    /// `vf`.
    pub fn fail_reset(&self, vf: u16, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::FailReset, now);
        self.on_vf(vf, &request, |vf| {
            vf.note(&request);
            Ok(())
        })
    }

    /// Resets a VF that has no hardware to wait for, for the host. Returns what
    /// [`Broker::finish_reset`] returns.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn reset(&self, vf: u16, now: Ticks) -> Outcome<Option<Ticks>> {
        let mut follow_up = FollowUp::NOTHING;
        let begun = self
            .begin_reset(vf, ResetBy::Host, now)
            .add_to(&mut follow_up);
        let result = begun.and_then(|()| self.finish_reset(vf, now).add_to(&mut follow_up));
        Outcome { result, follow_up }
    }

    /// Records the power state of a VF, which is served in each of them.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn set_power(&self, vf: u16, state: PowerState, now: Ticks) -> Outcome<()> {
        let request = Request::on_block(Operation::SetPower, 0, u32::from(state.code()), now);
        self.on_vf(vf, &request, |vf| vf.set_power(state, &request))
    }

    /// Marks the device as removed: from here on every VF answers `removed`. Its status and journal
    /// stay readable through [`Broker::status`] and [`Broker::journal`].
    pub fn remove(&self, now: Ticks) -> FollowUp {
        let request = Request::on_vf(Operation::Remove, now);
        self.on_all(&|vf| vf.remove(&request))
    }
}
