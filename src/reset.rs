//! The reset of one VF, which [`pf_state::reset`] orders: of its blocks, then of its hardware.

use pf_state::{
    event,
    flr::{Completion, ResetFailure, function_level_reset},
    reset::{self, VfReset},
    retention::RegisterStore,
    rundown::Rundown,
    saved_registers::SavedRegisters,
    status::NtStatus,
};

use crate::{
    etw::{self, EtwEvent},
    invalidation,
    os::wait::{self, SystemClock},
    pf::{Pf, status_of},
    vfs::{VfContext, VfSet},
};

/// Who requests a reset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The virtualization stack or host software.
    Host,
    /// The VF's own driver, by Initiate Function Level Reset.
    Vf,
}

/// Resets a VF, at `PASSIVE_LEVEL`; see [`reset::reset_vf`]. The caller is not inside the VF's rundown.
pub(crate) fn reset_vf(pf: &Pf, vf: u16, origin: Origin) -> Result<(), NtStatus> {
    let vfs = pf.vfs()?;
    // The broker refuses a VF that does not exist, and counts that.
    let Some(context) = vfs.vf(vf) else {
        return vfs.broker.begin_reset(vf, wait::now()).map_err(status_of);
    };
    reset::reset_vf(&Reset {
        pf,
        vfs,
        vf,
        context,
        origin,
    })
}

/// One reset of a VF.
struct Reset<'p> {
    pf: &'p Pf,
    vfs: &'p VfSet,
    vf: u16,
    context: &'p VfContext,
    origin: Origin,
}

impl RegisterStore for Reset<'_> {
    fn rundown(&self) -> &Rundown {
        self.context.rundown()
    }

    fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
        self.context.replace(saved)
    }
}

impl VfReset for Reset<'_> {
    fn wipe(&self) -> Result<(), NtStatus> {
        let broker = &self.vfs.broker;
        broker.begin_reset(self.vf, wait::now()).map_err(status_of)
    }

    fn pause(&self) {
        wait::sleep(1);
    }

    /// When the VFs are off, turning them on resets them (PCI Express Base Specification, section
    /// 9.3.3.3.1), so there is nothing to do.
    fn reset_hardware(&self) -> Result<Completion, ResetFailure> {
        match self.pf.hardware.vfs_on() {
            Some(hardware) => function_level_reset(&mut hardware.vf(self.vf), &mut SystemClock),
            None => Ok(Completion::Clean),
        }
    }

    fn serve_again(&self) -> Result<(), NtStatus> {
        let broker = &self.vfs.broker;
        broker.finish_reset(self.vf, wait::now()).map_err(status_of)
    }

    fn keep_closed(&self) -> Result<(), NtStatus> {
        let broker = &self.vfs.broker;
        broker.fail_reset(self.vf, wait::now()).map_err(status_of)
    }

    fn log(&self, outcome: Result<Completion, NtStatus>) {
        let event = match outcome {
            Ok(completion) => EtwEvent {
                first: u64::from(completion == Completion::TransactionsPending),
                ..EtwEvent::of(&event::VF_RESET)
            },
            Err(status) => EtwEvent {
                status,
                ..EtwEvent::of(&event::VF_RESET_FAILED)
            },
        };
        let event = EtwEvent {
            vf: self.vf,
            second: u64::from(self.origin == Origin::Vf),
            ..event
        };
        etw::write(&self.pf.source, &event);
    }

    fn deliver_invalidations(&self) {
        invalidation::try_deliver(self.pf, self.vfs, self.vf);
    }
}
