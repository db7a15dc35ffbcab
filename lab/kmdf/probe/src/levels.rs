//! The level that callbacks run at, and that a lock raises to.

use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::{
    _WDF_EXECUTION_LEVEL::{WdfExecutionLevelInheritFromParent, WdfExecutionLevelPassive},
    NTSTATUS, WDF_EXECUTION_LEVEL, WDF_OBJECT_ATTRIBUTES, WDF_TIMER_CONFIG, WDF_WORKITEM_CONFIG,
    WDFDEVICE, WDFTIMER, WDFWORKITEM, call_unsafe_wdf_function_binding,
    ntddk::KeDelayExecutionThread,
};

use crate::{
    framework::{Framework, attributes, delete, size, spin_lock, wdf},
    record::record,
};

/// Timer callbacks that have run.
static EXPIRED: AtomicU32 = AtomicU32::new(0);

/// Plays the scenario; `false` when it is another.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    if scenario != b"levels" {
        return false;
    }
    let device = framework.device(None);
    timer(device.handle, WdfExecutionLevelInheritFromParent);
    timer(device.handle, WdfExecutionLevelPassive);
    work_item(device.handle);
    delete(device.handle);
    let lock = spin_lock();
    wdf!(WdfSpinLockAcquire, lock);
    record!("locked");
    wdf!(WdfSpinLockRelease, lock);
    record!("unlocked");
    true
}

unsafe extern "C" fn expired(_timer: WDFTIMER) {
    record!("EvtTimerFunc");
    EXPIRED.fetch_add(1, Ordering::Release);
}

/// Makes a timer of this level below `parent`: its status, and its handle when there is one.
pub(crate) fn create_timer<T>(parent: *mut T, level: WDF_EXECUTION_LEVEL) -> (NTSTATUS, WDFTIMER) {
    let mut config = WDF_TIMER_CONFIG {
        Size: size::<WDF_TIMER_CONFIG>(),
        EvtTimerFunc: Some(expired),
        ..Default::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        ExecutionLevel: level,
        ..attributes(parent)
    };
    let mut timer: WDFTIMER = core::ptr::null_mut();
    let status = wdf!(
        WdfTimerCreate,
        &raw mut config,
        &raw mut attributes,
        &raw mut timer
    );
    (status, timer)
}

/// Runs a timer of this level once.
fn timer(device: WDFDEVICE, level: WDF_EXECUTION_LEVEL) {
    /// 1 ms from now, in units of 100 ns.
    const SOON: i64 = -10_000;
    let before = EXPIRED.load(Ordering::Acquire);
    let (_, timer) = create_timer(device, level);
    let _ = wdf!(WdfTimerStart, timer, SOON);
    // Ten seconds on a machine that has better things to do.
    for _ in 0..10_000 {
        if EXPIRED.load(Ordering::Acquire) > before {
            break;
        }
        let mut wait = wdk_sys::LARGE_INTEGER { QuadPart: SOON };
        // SAFETY: the time lives until the wait ended.
        let _ = unsafe { KeDelayExecutionThread(0, 0, &raw mut wait) };
    }
    let _ = wdf!(WdfTimerStop, timer, 1);
}

unsafe extern "C" fn work(_item: WDFWORKITEM) {
    record!("EvtWorkItem");
}

fn work_item(device: WDFDEVICE) {
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
    wdf!(WdfWorkItemFlush, item);
}
