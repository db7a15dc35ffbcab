//! Floods of VFs: the guest's write notes one, and a work item reports it.

use pf_state::{event, event_log::VF_FLOODS};

use crate::{etw::EtwEvent, event_log, os::wait, pf::Pf, vfs::VfSet};

/// A flood of a VF begins. Callable up to `DISPATCH_LEVEL`: a few atomic operations, and once in an
/// hour it queues the work item.
#[cold]
pub(crate) fn begin(pf: &Pf, vfs: &VfSet, vf: u16) {
    if let Some(context) = vfs.vf(vf)
        && context.floods.begin(&context.log_limits, wait::now().0)
    {
        pf.pending.run_later();
    }
}

/// Reports the floods of all VFs, at `PASSIVE_LEVEL`.
pub(crate) fn report(pf: &Pf, vfs: &VfSet) {
    for (vf, context) in (0..).zip(vfs.all()) {
        if let Some(left_out) = context.floods.take() {
            let event = EtwEvent {
                vf,
                first: u64::from(left_out).saturating_add(1),
                ..EtwEvent::of(&event::VF_FLOODS)
            };
            event_log::report_always(&pf.source, &VF_FLOODS, left_out, &event);
        }
    }
}
