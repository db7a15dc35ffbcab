//! The reset of one VF, which [`pf_state::reset`] orders: of its blocks, then of its hardware.

use block_broker::{FollowUp, ResetBy};
use pf_state::{
    companion::VfCalls,
    event,
    event_log::VF_RESET_FAILED,
    flr::{Completion, ResetFailure, function_level_reset},
    reset::{self, VfReset},
    retention::RegisterStore,
    rundown::Rundown,
    saved_registers::SavedRegisters,
    status::NtStatus,
};

use crate::{
    acknowledgement,
    etw::{self, EtwEvent},
    event_log, follow_up,
    os::wait::{self, Event, SystemClock},
    pf::{Pf, status_of},
    vfs::{VfContext, VfSet},
};

/// Resets a VF, at `PASSIVE_LEVEL`; see [`reset::reset_vf`]. The caller is not inside the VF's
/// rundown.
pub(crate) fn reset_vf(pf: &Pf, vf: u16, by: ResetBy) -> Result<(), NtStatus> {
    let vfs = pf.vfs()?;
    // The broker refuses a VF that does not exist, and counts that.
    let Some(context) = vfs.vf(vf) else {
        return follow_up::complete(pf, vfs, vfs.broker.begin_reset(vf, by, wait::now()));
    };
    reset::reset_vf(&Reset {
        pf,
        vfs,
        vf,
        context,
        by,
    })
}

/// One reset of a VF.
struct Reset<'p> {
    pf: &'p Pf,
    vfs: &'p VfSet,
    vf: u16,
    context: &'p VfContext,
    by: ResetBy,
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
    type FollowUp = FollowUp;
    type Signal = Event;

    fn calls(&self) -> Option<VfCalls<'_, Event>> {
        Some(self.pf.companion.calls(&self.context.turn))
    }

    fn notify_companion(&self) {
        // SAFETY: `VfCallsOfReset::finish` calls, which holds a call guard meanwhile.
        let function = unsafe { self.pf.companion.function(|all| all.vf_reset) };
        let Some((context, reset)) = function else {
            return;
        };
        // SAFETY: the companion is attached while a call is in flight, and the thread is at
        // PASSIVE_LEVEL without a lock.
        unsafe { reset(context, self.vf) };
    }

    fn wipe(&self) -> Result<(), NtStatus> {
        let begun = self.vfs.broker.begin_reset(self.vf, self.by, wait::now());
        follow_up::complete(self.pf, self.vfs, begun)
    }

    fn pause(&self, milliseconds: u32) {
        wait::sleep(milliseconds);
    }

    fn report_companion(&self) {
        self.pf.report_waiting_for_companion(self.vf);
    }

    /// When the VFs are off, turning them on resets them (PCI Express Base Specification, section
    /// 9.3.3.3.1), so there is nothing to do.
    fn reset_hardware(&self) -> Result<Completion, ResetFailure> {
        match self.pf.hardware.vfs_on() {
            Some(hardware) => function_level_reset(&mut hardware.vf(self.vf), &mut SystemClock),
            None => Ok(Completion::Clean),
        }
    }

    fn serve_again(&self) -> Result<FollowUp, NtStatus> {
        let mut later = FollowUp::NOTHING;
        let finished = self.vfs.broker.finish_reset(self.vf, wait::now());
        match finished.follow_up(|follow_up| later = follow_up) {
            Ok(deadline) => {
                if let Some(deadline) = deadline {
                    acknowledgement::expect_by(self.pf, deadline);
                }
                Ok(later)
            }
            Err(refusal) => {
                follow_up::carry_out(self.pf, self.vfs, later);
                Err(status_of(refusal))
            }
        }
    }

    fn keep_closed(&self) -> Result<(), NtStatus> {
        let failed = self.vfs.broker.fail_reset(self.vf, wait::now());
        follow_up::complete(self.pf, self.vfs, failed)
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
            second: u64::from(self.by == ResetBy::Vf),
            ..event
        };
        let source = &self.pf.source;
        match outcome {
            Ok(_) => etw::write(source, &event),
            Err(_) => event_log::report(source, &self.context.log_limits, &VF_RESET_FAILED, &event),
        }
    }

    fn follow_up(&self, follow_up: FollowUp) {
        follow_up::carry_out(self.pf, self.vfs, follow_up);
    }
}

/// The VFs' hardware was reset while the PF had no power: every VF is to read each block with
/// `notify` again. At `PASSIVE_LEVEL`.
pub(crate) fn after_power_loss(pf: &Pf) {
    if let Ok(vfs) = pf.vfs() {
        let follow_up = vfs.broker.invalidate_notifying(wait::now());
        follow_up::carry_out(pf, vfs, follow_up);
    }
}
