//! The level that a work item runs at, and that a spin lock raises to.

use core::sync::atomic::{AtomicBool, Ordering};

use wdk_sys::{WDF_WORKITEM_CONFIG, WDFDEVICE, WDFWORKITEM, call_unsafe_wdf_function_binding};

use crate::{
    device::{PLAIN, add, handle, remove, start},
    framework::{Framework, attributes, spin_lock, wdf},
    kernel_types::size,
    record::record,
    wait,
};

/// The work item has run.
static DONE: AtomicBool = AtomicBool::new(false);

/// Plays the scenario; `false` when it is another.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    if scenario != b"levels" {
        return false;
    }
    add(framework, PLAIN);
    start();
    run_work_item(handle());
    let lock = spin_lock();
    wdf!(WdfSpinLockAcquire, lock);
    record!("locked");
    wdf!(WdfSpinLockRelease, lock);
    record!("unlocked");
    remove();
    true
}

unsafe extern "C" fn work(_item: WDFWORKITEM) {
    record!("EvtWorkItem");
    DONE.store(true, Ordering::Release);
}

fn run_work_item(device: WDFDEVICE) {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: size::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: Some(work),
        ..Default::default()
    };
    let mut attributes = attributes(device);
    let mut item: WDFWORKITEM = core::ptr::null_mut();
    let _ = wdf!(
        WdfWorkItemCreate,
        &raw mut config,
        &raw mut attributes,
        &raw mut item
    );
    wdf!(WdfWorkItemEnqueue, item);
    if !wait::until(|| DONE.load(Ordering::Acquire)) {
        record!("EvtWorkItem is not called");
    }
}
