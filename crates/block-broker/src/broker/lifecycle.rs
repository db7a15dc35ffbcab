//! Reset, power state and removal.

use pf_broker_abi::{Operation, PowerState, Refusal};

use super::{Broker, VfCell, visit};
use crate::Ticks;
use crate::request::{Request, Target};

impl<C: VfCell> Broker<'_, C> {
    /// Begins a reset: from here on the VF is held back, and all that concerns it alone, but its
    /// status and journal, is refused as `state`. Calls that have reached the broker before either
    /// are done or will be refused.
    ///
    /// Everything that the VF wrote is wiped, with its streams, latched invalidations, sequences and
    /// limit; its power state becomes D0; what the host's side wrote becomes what the manifest's
    /// `on-reset` says. The revision of every block moves on, also of one that keeps its value: it is
    /// another tenant's now. The lock is taken anew for each block, so it is never held for longer than
    /// one block's wipe. Resets of one VF must come one at a time.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn begin_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::BeginReset, now);
        let cell = self.cell(vf)?;
        self.visit_for_host(cell, |vf| vf.hold(&request))?;
        for (index, block) in self.table.blocks().enumerate() {
            visit(cell, |vf| vf.wipe(Target { index, block }));
        }
        visit(cell, |vf| {
            vf.end_wiping();
        });
        Ok(())
    }

    /// Finishes a reset that has succeeded: serves the VF again. A VF that is served already is left
    /// as it is.
    ///
    /// # Errors
    /// `vf`, `removed`; `state` while [`Broker::begin_reset`] is still under way.
    pub fn finish_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::Reset, now);
        self.visit_for_host(self.cell(vf)?, |vf| vf.open(&request))
    }

    /// Notes that a reset has failed. The VF stays held back until another one succeeds.
    ///
    /// # Errors
    /// `vf`.
    pub fn fail_reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_vf(Operation::FailReset, now);
        visit(self.cell(vf)?, |vf| vf.note(&request));
        Ok(())
    }

    /// Resets a VF that has no hardware to wait for.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn reset(&self, vf: u16, now: Ticks) -> Result<(), Refusal> {
        self.begin_reset(vf, now)?;
        self.finish_reset(vf, now)
    }

    /// Records the power state of a VF, which is served in each of them.
    ///
    /// # Errors
    /// `vf`, `removed`.
    pub fn set_power(&self, vf: u16, state: PowerState, now: Ticks) -> Result<(), Refusal> {
        let request = Request::on_block(Operation::SetPower, 0, u32::from(state.code()), now);
        self.visit_for_host(self.cell(vf)?, |vf| vf.set_power(state, &request))
    }

    /// The device is gone: from here on every VF answers `removed`. What they hold stays readable
    /// through [`Broker::status`] and [`Broker::journal`].
    pub fn remove(&self, now: Ticks) {
        let request = Request::on_vf(Operation::Remove, now);
        for cell in self.cells {
            visit(cell, |vf| vf.remove(&request));
        }
    }
}
