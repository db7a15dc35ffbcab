//! The `WdfIoQueue…` functions besides creation.

use kmdf_rules::level::Level;
use wdk_sys::{
    _WDF_IO_QUEUE_STATE::{
        WdfIoQueueAcceptRequests, WdfIoQueueDispatchRequests, WdfIoQueueDriverNoRequests,
        WdfIoQueueNoRequests, WdfIoQueuePnpHeld,
    },
    NTSTATUS, PFN_WDF_IO_QUEUE_STATE, PULONG, PWDF_DRIVER_GLOBALS, PWDF_REQUEST_PARAMETERS,
    WDF_IO_QUEUE_STATE, WDFCONTEXT, WDFDEVICE, WDFFILEOBJECT, WDFQUEUE, WDFREQUEST,
};

use crate::{
    argument::Out,
    call::{Call, callback, number, pointer},
    file::FileObject,
    queue::{self, Change, Queue},
    request::{self, Place, Request},
    status, surprise, work_item,
    world::{self, Reference},
};

/// `WdfIoQueueGetState`.
pub(crate) unsafe extern "C" fn get_state(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    waiting: PULONG,
    owned: PULONG,
) -> WDF_IO_QUEUE_STATE {
    let call = Call::enter("WdfIoQueueGetState", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    // SAFETY: both counts are optional places that the driver vouches for.
    let waiting = unsafe { Out::new(waiting) };
    // SAFETY: as above.
    let owned = unsafe { Out::new(owned) };
    queue.state.with(|state| {
        waiting.set(u32::try_from(state.waiting()).unwrap_or(u32::MAX));
        owned.set(u32::try_from(state.owned().len()).unwrap_or(u32::MAX));
        let flags = [
            (state.is_accepting(), WdfIoQueueAcceptRequests),
            (state.is_dispatching(), WdfIoQueueDispatchRequests),
            (state.waiting() == 0, WdfIoQueueNoRequests),
            (state.owned().is_empty(), WdfIoQueueDriverNoRequests),
            (
                state.is_power_managed() && !state.is_dispatching(),
                WdfIoQueuePnpHeld,
            ),
        ];
        flags
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |all, (_, flag)| all | flag)
    })
}

/// `WdfIoQueueStart`.
pub(crate) unsafe extern "C" fn start(_globals: PWDF_DRIVER_GLOBALS, queue: WDFQUEUE) {
    let call = Call::enter("WdfIoQueueStart", Level::Dispatch);
    queue::start(&call.object(queue));
}

/// `WdfIoQueueGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
) -> WDFDEVICE {
    let call = Call::enter("WdfIoQueueGetDevice", Level::Dispatch);
    pointer(call.object::<Queue, _>(queue).device)
}

macro_rules! changes {
    ($($name:ident, $function:literal, $now:ident, $now_function:literal, $change:ident;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                queue: WDFQUEUE,
                complete: PFN_WDF_IO_QUEUE_STATE,
                context: WDFCONTEXT,
            ) {
                let call = Call::enter($function, Level::Dispatch);
                let queue = call.object::<Queue, _>(queue);
                surprise::forbid(&call, queue.handle());
                queue::change(&queue, Change::$change);
                if complete.is_some() {
                    announce(&queue, Change::$change, $function, complete, context.addr());
                }
            }

            #[doc = concat!("`", $now_function, "`.")]
            pub(crate) unsafe extern "C" fn $now(_globals: PWDF_DRIVER_GLOBALS, queue: WDFQUEUE) {
                let call = Call::enter($now_function, Level::Passive);
                let queue = call.object::<Queue, _>(queue);
                surprise::forbid(&call, queue.handle());
                queue::change(&queue, Change::$change);
                queue::wait_for(&queue, Change::$change, $now_function);
            }
        )*
    };
}

changes! {
    stop, "WdfIoQueueStop", stop_now, "WdfIoQueueStopSynchronously", Stop;
    drain, "WdfIoQueueDrain", drain_now, "WdfIoQueueDrainSynchronously", Drain;
    purge, "WdfIoQueuePurge", purge_now, "WdfIoQueuePurgeSynchronously", Purge;
    stop_and_purge, "WdfIoQueueStopAndPurge",
        stop_and_purge_now, "WdfIoQueueStopAndPurgeSynchronously", StopAndPurge;
}

/// Calls the driver back once the change is through.
fn announce(
    queue: &Reference<Queue>,
    change: Change,
    function: &'static str,
    complete: PFN_WDF_IO_QUEUE_STATE,
    context: usize,
) {
    let queue = queue.clone();
    work_item::later(queue.device, move || {
        queue::wait_for(&queue, change, function);
        let Some(complete) = complete else { return };
        callback("EvtIoQueueState", Level::Passive, || {
            // SAFETY: the driver's callback with its queue and the context it gave for it.
            unsafe {
                complete(
                    pointer(queue.handle()),
                    core::ptr::without_provenance_mut(context),
                );
            }
        });
    });
}

/// `WdfIoQueueRetrieveNextRequest`.
pub(crate) unsafe extern "C" fn retrieve_next(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    request: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueRetrieveNextRequest", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    // SAFETY: the driver vouches for what it passes.
    let output = unsafe { Out::new(request) }.required(&call, "OutRequest");
    hand_out(output, queue::retrieve(&queue, |_| true))
}

fn hand_out(output: Out<WDFREQUEST>, found: Result<Reference<Request>, NTSTATUS>) -> NTSTATUS {
    match found {
        Ok(request) => {
            output.set(pointer(request.handle()));
            status::SUCCESS
        }
        Err(status) => {
            output.set(core::ptr::null_mut());
            status
        }
    }
}

/// `WdfIoQueueRetrieveRequestByFileObject`.
pub(crate) unsafe extern "C" fn retrieve_by_file(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    file: WDFFILEOBJECT,
    request: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueRetrieveRequestByFileObject", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    let file = call.object::<FileObject, _>(file).handle();
    // SAFETY: the driver vouches for what it passes.
    let output = unsafe { Out::new(request) }.required(&call, "OutRequest");
    hand_out(
        output,
        queue::retrieve(&queue, |handle| has_file(handle, Some(file))),
    )
}

fn has_file(request: kmdf_rules::object::Handle, file: Option<kmdf_rules::object::Handle>) -> bool {
    file.is_none() || world::typed::<Request>(request).is_some_and(|request| request.file == file)
}

/// `WdfIoQueueFindRequest`: the one found carries a reference that the driver gives back.
pub(crate) unsafe extern "C" fn find_request(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    found_before: WDFREQUEST,
    file: WDFFILEOBJECT,
    parameters: PWDF_REQUEST_PARAMETERS,
    request: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueFindRequest", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    let file = call
        .optional_object::<FileObject, _>(file)
        .map(|file| file.handle());
    let before = (!found_before.is_null()).then(|| call.any(found_before, true).0);
    // SAFETY: the driver vouches for what it passes.
    let output = unsafe { Out::new(request) }.required(&call, "OutRequest");
    if !queue.state.with(|state| state.is_dispatching()) {
        return status::WDF_PAUSED;
    }
    let found = queue.state.with(|state| {
        let mut waiting = state.waiting_requests();
        if let Some(before) = before
            && !waiting.any(|handle| handle == before)
        {
            return Err(status::NOT_FOUND);
        }
        waiting
            .find(|&handle| has_file(handle, file))
            .ok_or(status::NO_MORE_ENTRIES)
    });
    match found {
        Err(status) => status,
        Ok(handle) => {
            world::reference("WdfIoQueueFindRequest", handle);
            if let Some(found) = world::typed::<Request>(handle) {
                // SAFETY: the parameters are an optional place that the driver vouches for.
                unsafe { Out::new(parameters) }.set(request::parameters(found.irp));
            }
            output.set(pointer(handle));
            status::SUCCESS
        }
    }
}

/// `WdfIoQueueRetrieveFoundRequest`.
pub(crate) unsafe extern "C" fn retrieve_found(
    _globals: PWDF_DRIVER_GLOBALS,
    queue: WDFQUEUE,
    found: WDFREQUEST,
    request: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueRetrieveFoundRequest", Level::Dispatch);
    let queue = call.object::<Queue, _>(queue);
    let found = number(found);
    call.any(pointer::<()>(found), true);
    // SAFETY: the driver vouches for what it passes.
    let output = unsafe { Out::new(request) }.required(&call, "OutRequest");
    let result = queue::retrieve(&queue, |handle| handle == found);
    hand_out(
        output,
        result.map_err(|status| {
            if status == status::NO_MORE_ENTRIES {
                status::NOT_FOUND
            } else {
                status
            }
        }),
    )
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
    let source = request.owned_by_driver(&call);
    if destination.device != request.device || source == Some(destination.handle()) {
        return status::INVALID_DEVICE_REQUEST;
    }
    if request.is_cancelable() {
        call.wrong_state(
            request.handle(),
            "is marked cancelable and cannot be forwarded",
        );
    }
    request.set_presented();
    if !queue::enqueue(&destination, &request) {
        return status::WDF_BUSY;
    }
    if let Some(source) = source.and_then(world::typed::<Queue>) {
        source.state.with(|state| state.forget(request.handle()));
        queue::present(&source);
    }
    queue::present(&destination);
    status::SUCCESS
}

/// `WdfRequestRequeue`: only a request that a manual queue handed out.
pub(crate) unsafe extern "C" fn requeue(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestRequeue", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let Some(queue) = request
        .owned_by_driver(&call)
        .and_then(world::typed::<Queue>)
    else {
        return status::INVALID_DEVICE_REQUEST;
    };
    if queue.state.with(|state| state.dispatch()) != kmdf_rules::queue::Dispatch::Manual {
        return status::INVALID_DEVICE_REQUEST;
    }
    queue::put_back(&queue, &request);
    status::SUCCESS
}

/// `WdfRequestGetIoQueue`.
pub(crate) unsafe extern "C" fn of_request(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> WDFQUEUE {
    let call = Call::enter("WdfRequestGetIoQueue", Level::Dispatch);
    match call.object::<Request, _>(request).place() {
        Place::Driver(queue) | Place::Waiting(queue) | Place::Cancelling(queue) => pointer(queue),
        _ => core::ptr::null_mut(),
    }
}
