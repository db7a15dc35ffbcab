//! A surprise removal during a power packet: `EvtDeviceD0Exit` returns only after
//! `EvtDeviceSurpriseRemoval`, as in a driver whose power-down waits for what the surprise removal
//! ends.

use core::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use wdk_sys::{
    _SYSTEM_POWER_STATE::PowerSystemSleeping3,
    HANDLE, IRP_MN_SURPRISE_REMOVAL, STATUS_SUCCESS, THREAD_ALL_ACCESS,
    ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose},
};

use crate::{
    device::{PLAIN, Plan, add, object, pnp, remove, start},
    framework::Framework,
    packet::{self, Power},
    record::record,
    wait,
};

/// `EvtDeviceD0Exit` runs.
static LEAVING: AtomicBool = AtomicBool::new(false);
/// `EvtDeviceSurpriseRemoval` was called.
static SURPRISED: AtomicBool = AtomicBool::new(false);
/// The power packet came back.
static ASLEEP: AtomicBool = AtomicBool::new(false);

/// Plays the scenario; `false` when it is another one.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    if scenario != b"surprise-removal-beside-power-down" {
        return false;
    }
    let plan = Plan {
        leave: || {
            LEAVING.store(true, Ordering::Release);
            wait_for(
                &SURPRISED,
                "EvtDeviceSurpriseRemoval waits for EvtDeviceD0Exit",
            );
        },
        surprise: || SURPRISED.store(true, Ordering::Release),
        ..PLAIN
    };
    add(framework, plan);
    start();
    in_a_thread(sleep_device);
    wait_for(&LEAVING, "EvtDeviceD0Exit is not called");
    pnp(IRP_MN_SURPRISE_REMOVAL);
    wait_for(&ASLEEP, "the power packet does not come back");
    remove();
    true
}

/// Waits for a flag that another thread sets, and records `problem` on a timeout.
fn wait_for(done: &AtomicBool, problem: &str) {
    if !wait::until(|| done.load(Ordering::Acquire)) {
        record!("{problem}");
    }
}

fn in_a_thread(routine: unsafe extern "C" fn(*mut c_void)) {
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: the handle lives until the call returns; the routine needs no context.
    let status = unsafe {
        PsCreateSystemThread(
            &raw mut handle,
            THREAD_ALL_ACCESS,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            Some(routine),
            ptr::null_mut(),
        )
    };
    if status < 0 {
        record!("PsCreateSystemThread ends with {status:#010x}");
        return;
    }
    // SAFETY: the handle was just made; the thread runs on without it.
    let _ = unsafe { ZwClose(handle) };
}

/// Sends the power packet. Its end is not recorded, as it may come at any time.
unsafe extern "C" fn sleep_device(_context: *mut c_void) {
    packet::power_unrecorded(object(), Power::System(PowerSystemSleeping3));
    ASLEEP.store(true, Ordering::Release);
    // SAFETY: this is a system thread.
    let _ = unsafe { PsTerminateSystemThread(STATUS_SUCCESS) };
}
