//! Queues while their device leaves D0, enters it, or is removed.
//!
//! Rules (`fxioqueue.cpp`, `ProcessPowerEvents`; `fxpkgio.cpp`): all power-managed queues are held
//! before the device waits for the first of them. It waits until the driver completed or forwarded
//! each request, as a driver without `EvtIoStop` must.

use alloc::vec::Vec;

use crate::model::{
    device::Device,
    objects::{self, Reference},
    queue::{self, Queue},
};

/// The queues of a device that are power-managed, or those that are not.
fn queues(device: &Device, managed: bool) -> Vec<Reference<Queue>> {
    device
        .queues
        .with(|queues| queues.all.clone())
        .into_iter()
        .filter_map(objects::get::<Queue>)
        .filter(|queue| queue.requests.with(|requests| requests.is_power_managed()) == managed)
        .collect()
}

/// The device leaves D0.
pub(crate) fn hold(device: &Device) {
    let queues = queues(device, true);
    for queue in &queues {
        queue.requests.with(|requests| requests.set_power(false));
    }
    for queue in &queues {
        queue::wait_until_empty(queue, "leaving D0");
    }
}

/// The device is in D0 again.
pub(crate) fn resume(device: &Device) {
    let queues = queues(device, true);
    for queue in &queues {
        queue.requests.with(|requests| requests.set_power(true));
    }
    for queue in &queues {
        queue::present(queue);
    }
}

/// The device goes away with its power-managed queues, or later with the others.
pub(crate) fn purge(device: &Device, managed: bool) {
    for queue in queues(device, managed) {
        queue::shut_down(&queue);
        queue::wait_until_empty(&queue, "device removal");
    }
}
