//! Reset, power state and removal.

use pf_broker_abi::{Operation, PowerState};

use super::{Broker, VfLock};
use crate::Ticks;
use crate::outcome::{Deliver, FollowUp, Outcome};
use crate::request::{Request, Target};

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
    /// # Errors
    /// `vf`, `removed`.
    pub fn begin_reset(&self, vf: u16, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::BeginReset, now);
        let held = self.on_vf(vf, &request, |vf| vf.hold(&request));
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
    /// # Errors
    /// `vf`, `removed`; `state` while [`Broker::begin_reset`] is still running.
    pub fn finish_reset(&self, vf: u16, now: Ticks) -> Outcome<()> {
        let request = Request::on_vf(Operation::Reset, now);
        self.on_vf(vf, &request, |vf| vf.open(&request))
            .deliver(Deliver::ToVf(vf))
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

    /// Resets a VF that has no hardware to wait for.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn reset(&self, vf: u16, now: Ticks) -> Outcome<()> {
        let mut follow_up = FollowUp::NOTHING;
        let begun = self.begin_reset(vf, now).add_to(&mut follow_up);
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
        self.on_all(|vf| vf.remove(&request))
    }
}
