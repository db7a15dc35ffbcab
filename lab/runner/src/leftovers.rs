//! What must not be left when a PF is gone and its interface is released.

use anyhow::{Result, ensure};
use lab_control::stack::Report;

/// Fails unless nothing is left of PF, VFs and stack.
pub(crate) fn none(report: &Report) -> Result<()> {
    let left = [
        (
            report.bus_references,
            "references to the bus's interfaces, which the PF driver took and did not give back",
        ),
        (
            report.open_requests,
            "requests of the stack that the PF driver has not completed",
        ),
        (
            report.mappings,
            "mappings of its memory that its drivers have not undone",
        ),
        (
            report.bad_mappings,
            "calls that map or unmap memory wrongly",
        ),
        (
            report.bad_accesses,
            "accesses to its registers that no driver must make",
        ),
        (report.pf_devices, "PF devices that are still referenced"),
        (report.vf_devices, "VF devices that are still referenced"),
        (
            report.early_accesses,
            "accesses to a VF within 100 ms after its function level reset",
        ),
        (
            report.vfs_left_on,
            "VFs that are still on although their PF answers",
        ),
        (
            report.late_switches,
            "attempts to switch VFs of a PF that does not answer any more",
        ),
        (
            report.early_after_enable,
            "accesses to a VF within 100 ms after VF Enable was set",
        ),
        (
            report.early_after_disable,
            "accesses to the SR-IOV capability within a second after VF Enable was cleared",
        ),
    ];
    for (count, what) in left {
        ensure!(count == 0, "the PF is gone, and there are {count} {what}");
    }
    Ok(())
}

/// After a removal: fails also unless the stack's pending requests ended with
/// `STATUS_DEVICE_REMOVED`.
pub(crate) fn none_after_removal(report: &Report) -> Result<()> {
    none(report)?;
    ensure!(
        report.refused_requests == 0,
        "the PF was removed, and {} requests that were pending ended with 0x{:08X} instead of \
         STATUS_DEVICE_REMOVED",
        report.refused_requests,
        report.refused_status
    );
    ensure!(
        report.removed_requests > 0,
        "the PF was removed, and no pending request heard of it"
    );
    Ok(())
}
