//! The level that callbacks run at, and that a lock raises to.

use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::{
    _WDF_EXECUTION_LEVEL::{WdfExecutionLevelInheritFromParent, WdfExecutionLevelPassive},
    WDF_EXECUTION_LEVEL, WDF_OBJECT_ATTRIBUTES, WDF_TIMER_CONFIG, WDF_WORKITEM_CONFIG, WDFTIMER,
    WDFWORKITEM, call_unsafe_wdf_function_binding,
    ntddk::KeDelayExecutionThread,
};

use crate::{
    framework::{Framework, attributes, size, spin_lock, wdf},
    record::record,
};

/// Timer callbacks that have run.
static EXPIRED: AtomicU32 = AtomicU32::new(0);

/// Plays the scenario; `false` when it is another.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    if scenario != b"levels" {
        return false;
    }
    timer(framework, WdfExecutionLevelInheritFromParent);
    timer(framework, WdfExecutionLevelPassive);
    work_item(framework);
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

/// Runs a timer of this level once.
fn timer(framework: &Framework, level: WDF_EXECUTION_LEVEL) {
    /// 1 ms from now, in units of 100 ns.
    const SOON: i64 = -10_000;
    let before = EXPIRED.load(Ordering::Acquire);
    let mut config = WDF_TIMER_CONFIG {
        Size: size::<WDF_TIMER_CONFIG>(),
        EvtTimerFunc: Some(expired),
        ..Default::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        ExecutionLevel: level,
        ..attributes(framework.driver)
    };
    let mut timer: WDFTIMER = core::ptr::null_mut();
    let _ = wdf!(
        WdfTimerCreate,
        &raw mut config,
        &raw mut attributes,
        &raw mut timer
    );
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

fn work_item(framework: &Framework) {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: size::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: Some(work),
        ..Default::default()
    };
    let mut attributes = attributes(framework.driver);
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
