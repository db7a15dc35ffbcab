//! Saves and restores the registers of all VFs while the PF is not in D0, in the power callbacks,
//! at `PASSIVE_LEVEL`: [`pf_state::retention`] for each VF.

use pf_state::{event, retention, saved_registers::RestoreFailure};

use crate::{
    etw::{self, EtwEvent},
    pci::Hardware,
    pf::Pf,
    vfs::VfContext,
};

/// Saves them while the VFs are still on and calls are refused.
pub(crate) fn save(pf: &Pf) {
    each_vf(pf, |hardware, vf, context| {
        retention::save(context, hardware.write_list(), &mut hardware.vf(vf))
    });
}

/// Restores them when the VFs are on again and calls are still refused.
pub(crate) fn restore(pf: &Pf) {
    each_vf(pf, |hardware, vf, context| {
        retention::restore(context, hardware.write_list(), &mut hardware.vf(vf))
    });
}

/// Saves or restores for each VF, and reports VFs with which that fails in one event: their drivers
/// find the registers as after a reset.
fn each_vf(pf: &Pf, work: impl Fn(&Hardware, u16, &VfContext) -> Result<(), RestoreFailure>) {
    let (Ok(vfs), Some(hardware)) = (pf.vfs(), pf.hardware.vfs_on()) else {
        return;
    };
    let mut failed = 0;
    let mut first = None;
    for (vf, context) in (0..).zip(vfs.all()) {
        if let Err(failure) = work(&hardware, vf, context) {
            failed += 1;
            first.get_or_insert((vf, failure));
        }
    }
    if let Some((vf, failure)) = first {
        etw::write(
            &pf.source,
            &EtwEvent {
                vf,
                status: failure.status(),
                first: failed,
                ..EtwEvent::of(&event::REGISTERS_LOST)
            },
        );
    }
}
