//! The work item of a PF: what guests' operations leave to be done at `PASSIVE_LEVEL`.

use wdk_sys::WDFWORKITEM;

use crate::{changes, floods, os::work_item, pf::lifetime};

/// `EvtWorkItem`: reports floods, and answers the requests for which there are changes.
pub(crate) unsafe extern "C" fn run(item: WDFWORKITEM) {
    let Some(pf) = lifetime::of_device(work_item::device_of(item)) else {
        return;
    };
    if let (Ok(_alive), Ok(vfs)) = (pf.pending.enter(), pf.vfs()) {
        floods::report(pf, vfs);
        changes::answer_waits(pf, vfs);
    }
}
