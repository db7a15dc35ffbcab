//! `WdfIoQueue…`, and `WdfRequestForwardToIoQueue` (`fxioqueueapi.cpp`, `fxrequestapi.cpp`).

use core::ptr;

use kmdf_rules::{level::Level, violation::Violation};
use wdk_sys::{
    _WDF_IO_QUEUE_STATE::{
        WdfIoQueueAcceptRequests, WdfIoQueueDispatchRequests, WdfIoQueueDriverNoRequests,
        WdfIoQueueNoRequests, WdfIoQueuePnpHeld,
    },
    NTSTATUS, PULONG, PWDF_DRIVER_GLOBALS, PWDF_IO_QUEUE_CONFIG, PWDF_OBJECT_ATTRIBUTES,
    WDF_IO_QUEUE_CONFIG, WDF_IO_QUEUE_STATE, WDFDEVICE, WDFQUEUE, WDFREQUEST,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{
        argument::{In, Out},
        handle::pointer,
        report::stop,
        status,
    },
    model::{
        device::Device,
        queue::{self, Queue},
        request::Request,
    },
};

/// `WdfIoQueueCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    config: PWDF_IO_QUEUE_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFQUEUE,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueCreate", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver guarantees its pointers.
    let config = unsafe { In::new(config) }.required(call.function, "Config");
    if config.Size as usize != size_of::<WDF_IO_QUEUE_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    refuse_missing_callbacks(&config);
    let default = config.DefaultQueue != 0;
    if default && device.queues.with(|queues| queues.default).is_some() {
        call.wrong_state(device.handle(), "has a default queue already");
    }
    let mut unwanted = ptr::null_mut();
    let output = if output.is_null() {
        &raw mut unwanted
    } else {
        output
    };
    // SAFETY: as above; the queue handle is optional.
    let new = unsafe { NewObject::new(attributes, Some(device.handle()), output, "Queue") };
    let created = new.create(&call, |attributes| Queue::new(&device, config, attributes));
    if let Ok(handle) = created {
        device.queues.with(|queues| {
            queues.all.push(handle);
            if default {
                queues.default = Some(handle);
            }
        });
    }
    status::of(created)
}

/// Stops a driver that registers a callback which the double never calls.
fn refuse_missing_callbacks(config: &WDF_IO_QUEUE_CONFIG) {
    let missing = [
        ("EvtIoDefault", config.EvtIoDefault.is_some()),
        ("EvtIoStop", config.EvtIoStop.is_some()),
        ("EvtIoResume", config.EvtIoResume.is_some()),
        (
            "EvtIoCanceledOnQueue",
            config.EvtIoCanceledOnQueue.is_some(),
        ),
    ];
    if let Some((function, _)) = missing.into_iter().find(|(_, registered)| *registered) {
        stop(&Violation::Unimplemented { function });
    }
}

/// `WdfIoQueueGetState`.
pub(crate) unsafe extern "C" fn get_state(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    waiting: PULONG,
    owned: PULONG,
) -> WDF_IO_QUEUE_STATE {
    let call = Call::enter("WdfIoQueueGetState", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    // SAFETY: both counts are optional variables that the driver guarantees.
    let waiting = unsafe { Out::new(waiting) };
    // SAFETY: as above.
    let owned = unsafe { Out::new(owned) };
    queue.requests.with(|requests| {
        waiting.set(u32::try_from(requests.waiting()).unwrap_or(u32::MAX));
        owned.set(u32::try_from(requests.owned().len()).unwrap_or(u32::MAX));
        let flags = [
            (requests.is_accepting(), WdfIoQueueAcceptRequests),
            (requests.is_powered(), WdfIoQueueDispatchRequests),
            (requests.waiting() == 0, WdfIoQueueNoRequests),
            (requests.owned().is_empty(), WdfIoQueueDriverNoRequests),
            (!requests.is_powered(), WdfIoQueuePnpHeld),
        ];
        flags
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |all, (_, flag)| all | flag)
    })
}

/// `WdfIoQueueGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
) -> WDFDEVICE {
    let call = Call::enter("WdfIoQueueGetDevice", Level::Dispatch);
    pointer(call.object::<Queue, _>(queue).device)
}

/// `WdfIoQueueRetrieveNextRequest`.
pub(crate) unsafe extern "C" fn retrieve_next(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    request: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueRetrieveNextRequest", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    // SAFETY: the driver guarantees its pointers.
    let output = unsafe { Out::new(request) }.required(call.function, "OutRequest");
    let found = queue::retrieve(&queue);
    output.set(match &found {
        Ok(request) => pointer(request.handle()),
        Err(_) => ptr::null_mut(),
    });
    status::of(found)
}

/// `WdfRequestForwardToIoQueue`.
pub(crate) unsafe extern "C" fn forward(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    destination: WDFQUEUE,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestForwardToIoQueue", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let destination = call.object::<Queue, _>(destination);
    let source = request.owned_by_driver(call.function);
    let same_queue = source.is_some_and(|source| source.queue == destination.handle());
    if destination.device != request.device || same_queue {
        return status::INVALID_DEVICE_REQUEST;
    }
    if !queue::enqueue(&destination, &request) {
        return status::WDF_BUSY;
    }
    if let Some(source) = source {
        (source.released)(source.queue, request.handle());
    }
    queue::present(&destination);
    status::SUCCESS
}
