//! The reset of one VF: of its blocks, then of its hardware.

use pf_state::{
    event,
    reset::{Completion, ResetFailure, function_level_reset},
    retention,
    status::{self, NtStatus},
};

use crate::{
    etw::{self, Happened},
    invalidation,
    os::wait::{self, SystemClock},
    pf::{Pf, status_of},
};

/// Who asks for a reset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The virtualization stack or the host's software.
    Host,
    /// The VF's own driver, by Initiate Function Level Reset.
    Vf,
}

/// Resets a VF: new calls are held back, what the VF left behind is wiped, running calls end, the
/// hardware is reset, and the VF is served again. A VF whose reset fails stays closed until another
/// one succeeds.
///
/// It takes 100 ms and more, at `PASSIVE_LEVEL`; no other VF waits for it. The caller has no pass of
/// the VF's gate.
pub(crate) fn reset_vf(pf: &Pf, vf: u16, origin: Origin) -> Result<(), NtStatus> {
    let served = pf.served()?;
    let now = wait::now();
    // A VF that does not exist is the broker's to refuse and to count.
    let Some(cell) = served.cell(vf) else {
        return served.broker.begin_reset(vf, now).map_err(status_of);
    };
    cell.gate.close().map_err(|_| status::DEVICE_NOT_READY)?;
    if let Err(refusal) = served.broker.begin_reset(vf, now) {
        cell.gate.reopen();
        return Err(status_of(refusal));
    }
    wait::until(|| cell.gate.is_empty());
    retention::forget(cell);
    let asked_by_vf = u64::from(origin == Origin::Vf);
    match reset_hardware(pf, vf) {
        Ok(completion) => {
            let finished = served.broker.finish_reset(vf, wait::now());
            cell.gate.reopen();
            finished.map_err(status_of)?;
            let pending = completion == Completion::TransactionsPending;
            etw::write(
                &pf.source,
                &Happened {
                    vf,
                    first: u64::from(pending),
                    second: asked_by_vf,
                    ..Happened::of(&event::VF_RESET)
                },
            );
            // What came to all VFs meanwhile is still latched.
            invalidation::look(pf, served, vf);
            Ok(())
        }
        Err(failure) => {
            let status = failure.status();
            let noted = served.broker.fail_reset(vf, wait::now());
            cell.gate.abandon();
            etw::write(
                &pf.source,
                &Happened {
                    vf,
                    status,
                    second: asked_by_vf,
                    ..Happened::of(&event::VF_RESET_FAILED)
                },
            );
            noted.map_err(status_of).and(Err(status))
        }
    }
}

/// Resets the hardware of a VF. When the VFs are off, turning them on resets them (PCI Express Base
/// Specification, section 9.3.3.3.1), so there is nothing to do.
fn reset_hardware(pf: &Pf, vf: u16) -> Result<Completion, ResetFailure> {
    match pf.vfs_on() {
        Ok(hardware) => function_level_reset(&mut hardware.vf(vf), &mut SystemClock),
        Err(_) => Ok(Completion::Clean),
    }
}
