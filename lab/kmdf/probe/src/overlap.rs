//! A surprise removal during a power packet: `EvtDeviceD0Exit` returns only after
//! `EvtDeviceSurpriseRemoval`, as in a driver whose power-down waits for what the surprise removal
//! ends.

use core::sync::atomic::{AtomicBool, Ordering};

use kernel_runtime::thread;
use wdk_sys::{_SYSTEM_POWER_STATE::PowerSystemSleeping3, IRP_MN_SURPRISE_REMOVAL};

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
    if let Err(status) = thread::spawn(sleep_device) {
        record!("PsCreateSystemThread ends with {status:#010x}");
    }
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

/// Sends the power packet. Its end is not recorded, as it may come at any time.
fn sleep_device() {
    packet::power_unrecorded(object(), Power::System(PowerSystemSleeping3));
    ASLEEP.store(true, Ordering::Release);
}
