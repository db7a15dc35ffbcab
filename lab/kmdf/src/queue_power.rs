//! Queues while their device leaves D0, enters it, or goes away.
//!
//! Rules (`fxioqueue.cpp`, `ProcessPowerEvents`; `fxpkgio.cpp`): no power-managed queue presents any
//! more before the first `EvtIoStop`, and none presents again before the last `EvtIoResume`. The
//! device waits until the driver has acknowledged, completed or forwarded each request. A request
//! that was cancelled is not spoken of again. A purge calls `EvtIoStop` once more, for what the
//! driver could not be made to give up by cancelling.

use alloc::vec::Vec;

use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::_WDF_REQUEST_STOP_ACTION_FLAGS::{
    WdfRequestStopActionPurge, WdfRequestStopActionSuspend, WdfRequestStopRequestCancelable,
};

use crate::{
    call::{callback, pointer},
    device::Device,
    queue::{self, PATIENCE, Queue},
    report::stop,
    request::Request,
    wait,
    world::{self, Reference},
};

/// The queues of a device that are power-managed, or those that are not.
fn queues(device: &Reference<Device>, managed: bool) -> Vec<Reference<Queue>> {
    device
        .queues
        .with(|queues| queues.all.clone())
        .into_iter()
        .filter_map(world::typed::<Queue>)
        .filter(|queue| queue.state.with(|state| state.is_power_managed()) == managed)
        .collect()
}

/// The requests of a queue that the driver owns.
fn owned(queue: &Reference<Queue>) -> Vec<Reference<Request>> {
    queue
        .state
        .with(|state| state.owned().to_vec())
        .into_iter()
        .filter_map(world::typed::<Request>)
        .collect()
}

/// The device leaves D0.
pub(crate) fn hold(device: &Reference<Device>) {
    let queues = queues(device, true);
    for queue in &queues {
        queue.state.with(|state| state.set_power(false));
    }
    for queue in &queues {
        let requests = owned(queue);
        ask_to_stop(queue, &requests, WdfRequestStopActionSuspend);
        wait_for_driver(queue, &requests);
    }
}

/// The device is in D0 again.
pub(crate) fn resume(device: &Reference<Device>) {
    let queues = queues(device, true);
    for queue in &queues {
        if let Some(event) = queue.config.EvtIoResume {
            for request in owned(queue).iter().filter(|one| !one.was_cancelled()) {
                callback("EvtIoResume", Level::Passive, || {
                    // SAFETY: the driver's callback with its queue and a request that it owns.
                    unsafe { event(pointer(queue.handle()), pointer(request.handle())) }
                });
            }
        }
        queue.state.with(|state| state.set_power(true));
    }
    for queue in &queues {
        queue::present(queue);
    }
}

/// The device goes away with its power-managed queues, or later with the others.
pub(crate) fn purge(device: &Reference<Device>, managed: bool) {
    for queue in queues(device, managed) {
        queue::shut_down(&queue);
        ask_to_stop(&queue, &owned(&queue), WdfRequestStopActionPurge);
        queue::wait_until_empty(&queue, "device removal");
    }
}

/// Calls `EvtIoStop` for each request that was not cancelled.
fn ask_to_stop(queue: &Reference<Queue>, requests: &[Reference<Request>], action: i32) {
    let Some(event) = queue.config.EvtIoStop else {
        return;
    };
    for request in requests.iter().filter(|one| !one.was_cancelled()) {
        let cancelable = if request.is_cancelable() {
            WdfRequestStopRequestCancelable
        } else {
            0
        };
        request.begin_stop();
        callback("EvtIoStop", Level::Passive, || {
            // SAFETY: the driver's callback with its queue and a request that it owns.
            unsafe {
                event(
                    pointer(queue.handle()),
                    pointer(request.handle()),
                    (action | cancelable).cast_unsigned(),
                );
            }
        });
    }
}

/// Waits until the driver has let go of each request or acknowledged its stop.
fn wait_for_driver(queue: &Reference<Queue>, requests: &[Reference<Request>]) {
    let kept = || -> Option<Handle> {
        let request = requests.iter().find(|request| !request.has_stopped())?;
        Some(request.handle())
    };
    if !wait::until(PATIENCE * 1000, || kept().is_none())
        && let Some(request) = kept()
    {
        stop(&Violation::RequestKept {
            at: "leaving D0",
            request,
            queue: queue.handle(),
            seconds: PATIENCE,
        });
    }
    for request in requests {
        request.end_stop();
    }
}
