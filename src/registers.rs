//! The registers of all VFs over a time in which the PF is not in D0: [`pf_state::retention`] for
//! each of them, in the power callbacks, at `PASSIVE_LEVEL`.

use pf_state::{config::RestoreFailure, event, retention};

use crate::{
    etw::{self, Happened},
    pci::Hardware,
    pf::Pf,
    vfs::Cell,
};

/// Saves them while the VFs are still on. Calls are held back.
pub(crate) fn save(pf: &Pf) {
    each_vf(pf, |hardware, vf, cell| {
        retention::save(cell, hardware.write_list(), &mut hardware.vf(vf))
    });
}

/// Restores them when the VFs are on again. Calls are still held back.
pub(crate) fn restore(pf: &Pf) {
    each_vf(pf, |hardware, vf, cell| {
        retention::restore(cell, hardware.write_list(), &mut hardware.vf(vf))
    });
}

/// Does one of both for each VF, and tells of VFs with which it fails in one event: their drivers
/// find the registers as after a reset.
fn each_vf(pf: &Pf, work: impl Fn(&Hardware, u16, &Cell) -> Result<(), RestoreFailure>) {
    let (Ok(served), Ok(hardware)) = (pf.served(), pf.vfs_on()) else {
        return;
    };
    let mut failed = 0;
    let mut first = None;
    for (vf, cell) in (0..).zip(served.cells()) {
        if let Err(failure) = work(&hardware, vf, cell) {
            failed += 1;
            first.get_or_insert((vf, failure));
        }
    }
    if let Some((vf, failure)) = first {
        etw::write(
            &pf.source,
            &Happened {
                vf,
                status: failure.status(),
                first: failed,
                ..Happened::of(&event::REGISTERS_LOST)
            },
        );
    }
}
