//! Scenarios of queues of a Plug and Play device: power, parallel presentation, and requests that
//! are cancelled on their way.

use core::sync::atomic::{AtomicUsize, Ordering};

use wdk_sys::{
    _WDF_IO_QUEUE_DISPATCH_TYPE::{
        WdfIoQueueDispatchManual, WdfIoQueueDispatchParallel, WdfIoQueueDispatchSequential,
    },
    _WDF_REQUEST_STOP_ACTION_FLAGS::{WdfRequestStopActionPurge, WdfRequestStopRequestCancelable},
    _WDF_TRI_STATE::{WdfFalse, WdfUseDefault},
    IRP_MN_SURPRISE_REMOVAL, NTSTATUS, PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL, STATUS_CANCELLED,
    STATUS_SUCCESS, WDF_IO_QUEUE_CONFIG, WDF_REQUEST_PARAMETERS, WDFDEVICE, WDFQUEUE, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, object, pnp, remove, sleep, start, wake},
    framework::{Framework, size, wdf},
    once::Once,
    packet::{self, CONTROLS, number},
    record::record,
};

/// Requests that handlers kept, by number.
static KEPT: [AtomicUsize; CONTROLS] = [const { AtomicUsize::new(0) }; CONTROLS];
/// The default queue, and the one that requests are forwarded to.
static DEFAULT: Once<WDFQUEUE> = Once::new();
static MANUAL: Once<WDFQUEUE> = Once::new();

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    let (furnish, play): (fn(WDFDEVICE), fn()) = match scenario {
        b"parallel-queue" => (parallel, present_two_at_a_time),
        b"held-in-dx" => (held, hold_in_dx),
        b"stop-and-resume" => (acknowledging, stop_twice),
        b"stop-requeues" => (requeueing, stop_once),
        b"purged-at-removal" => (acknowledging, leave),
        b"cancelled-while-forwarded" => (forwarding, cancel_forwarded),
        b"canceled-on-queue" => (forwarding_with_callback, cancel_forwarded),
        b"canceled-on-queue-unseen" => (waiting_with_callback, cancel_unseen),
        b"left-at-removal" => (waiting_with_callback, leave),
        b"kept-in-dx" => (keeping, stop_once),
        b"kept-from-purge" => (keeping, purge_kept),
        b"completed-in-surprise-removal" | b"purged-in-surprise-removal" => (keeping, surprise),
        _ => return false,
    };
    let surprise: fn() = match scenario {
        b"completed-in-surprise-removal" => || complete(0),
        b"purged-in-surprise-removal" => purge,
        _ => PLAIN.surprise,
    };
    add(
        framework,
        Plan {
            furnish,
            surprise,
            ..PLAIN
        },
    );
    start();
    play();
    remove();
    true
}

/// Completes a request that a handler kept.
fn complete(number: usize) {
    if let Some(kept) = KEPT.get(number) {
        finish(
            core::ptr::with_exposed_provenance_mut(kept.load(Ordering::Relaxed)),
            STATUS_SUCCESS,
        );
    }
}

fn finish(request: WDFREQUEST, status: NTSTATUS) {
    wdf!(WdfRequestComplete, request, status);
}

fn control(number: usize) {
    packet::control(object(), number, core::ptr::null_mut());
}

/// The number of a request.
fn number_of(request: WDFREQUEST) -> usize {
    let mut parameters = WDF_REQUEST_PARAMETERS {
        Size: u16::try_from(size_of::<WDF_REQUEST_PARAMETERS>()).unwrap_or(0),
        ..Default::default()
    };
    wdf!(WdfRequestGetParameters, request, &raw mut parameters);
    // SAFETY: the scenarios send device controls only.
    number(unsafe { parameters.Parameters.DeviceIoControl.IoControlCode })
}

unsafe extern "C" fn keep(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    if let Some(kept) = KEPT.get(number(code)) {
        kept.store(request.expose_provenance(), Ordering::Relaxed);
    }
}

unsafe extern "C" fn answer(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    finish(request, STATUS_SUCCESS);
}

unsafe extern "C" fn forward(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    if let Some(queue) = MANUAL.get() {
        let status = wdf!(WdfRequestForwardToIoQueue, request, queue);
        record!("forwarding ends with {status:#010x}");
    }
}

fn record_stop(request: WDFREQUEST, action: u32) -> bool {
    let purge = action & WdfRequestStopActionPurge.cast_unsigned() != 0;
    let cancelable = action & WdfRequestStopRequestCancelable.cast_unsigned() != 0;
    record!(
        "EvtIoStop {} to {}{}",
        number_of(request),
        if purge { "purge" } else { "suspend" },
        if cancelable { ", cancelable" } else { "" }
    );
    purge
}

unsafe extern "C" fn stop_acknowledging(_: WDFQUEUE, request: WDFREQUEST, action: u32) {
    if record_stop(request, action) {
        finish(request, STATUS_CANCELLED);
    } else {
        wdf!(WdfRequestStopAcknowledge, request, 0);
    }
}

unsafe extern "C" fn stop_requeueing(_: WDFQUEUE, request: WDFREQUEST, action: u32) {
    record_stop(request, action);
    wdf!(WdfRequestStopAcknowledge, request, 1);
}

unsafe extern "C" fn resume(_: WDFQUEUE, request: WDFREQUEST) {
    record!("EvtIoResume {}", number_of(request));
}

unsafe extern "C" fn canceled(_: WDFQUEUE, request: WDFREQUEST) {
    record!("EvtIoCanceledOnQueue {}", number_of(request));
    finish(request, STATUS_CANCELLED);
}

/// A sequential queue that follows the device's power, with this handler.
fn managed(handler: PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL) -> WDF_IO_QUEUE_CONFIG {
    WDF_IO_QUEUE_CONFIG {
        Size: size::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: WdfIoQueueDispatchSequential,
        PowerManaged: WdfUseDefault,
        DefaultQueue: 1,
        EvtIoDeviceControl: handler,
        ..Default::default()
    }
}

fn make(device: WDFDEVICE, mut config: WDF_IO_QUEUE_CONFIG) -> WDFQUEUE {
    let mut queue: WDFQUEUE = core::ptr::null_mut();
    let status = wdf!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        core::ptr::null_mut(),
        &raw mut queue
    );
    if status < 0 {
        record!("WdfIoQueueCreate ends with {status:#010x}");
    }
    queue
}

fn parallel(device: WDFDEVICE) {
    let mut config = WDF_IO_QUEUE_CONFIG {
        DispatchType: WdfIoQueueDispatchParallel,
        ..managed(Some(keep))
    };
    config.Settings.Parallel.NumberOfPresentedRequests = 2;
    DEFAULT.set(make(device, config));
}

fn held(device: WDFDEVICE) {
    make(device, managed(Some(answer)));
}

fn keeping(device: WDFDEVICE) {
    DEFAULT.set(make(device, managed(Some(keep))));
}

fn acknowledging(device: WDFDEVICE) {
    let config = WDF_IO_QUEUE_CONFIG {
        EvtIoStop: Some(stop_acknowledging),
        EvtIoResume: Some(resume),
        ..managed(Some(keep))
    };
    make(device, config);
}

fn requeueing(device: WDFDEVICE) {
    let config = WDF_IO_QUEUE_CONFIG {
        EvtIoStop: Some(stop_requeueing),
        EvtIoResume: Some(resume),
        ..managed(Some(keep))
    };
    make(device, config);
}

fn manual() -> WDF_IO_QUEUE_CONFIG {
    WDF_IO_QUEUE_CONFIG {
        DispatchType: WdfIoQueueDispatchManual,
        PowerManaged: WdfFalse,
        DefaultQueue: 0,
        ..managed(None)
    }
}

fn forwarding(device: WDFDEVICE) {
    MANUAL.set(make(device, manual()));
    make(device, managed(Some(forward)));
}

fn forwarding_with_callback(device: WDFDEVICE) {
    let config = WDF_IO_QUEUE_CONFIG {
        EvtIoCanceledOnQueue: Some(canceled),
        ..manual()
    };
    MANUAL.set(make(device, config));
    make(device, managed(Some(forward)));
}

fn waiting_with_callback(device: WDFDEVICE) {
    let config = WDF_IO_QUEUE_CONFIG {
        PowerManaged: WdfFalse,
        EvtIoCanceledOnQueue: Some(canceled),
        ..managed(Some(keep))
    };
    make(device, config);
}

fn present_two_at_a_time() {
    for number in 0..3 {
        control(number);
    }
    let mut request: WDFREQUEST = core::ptr::null_mut();
    let queue = DEFAULT.get().unwrap_or(core::ptr::null_mut());
    let status = wdf!(WdfIoQueueRetrieveNextRequest, queue, &raw mut request);
    record!("WdfIoQueueRetrieveNextRequest ends with {status:#010x}");
    for number in 0..3 {
        complete(number);
    }
}

fn hold_in_dx() {
    sleep();
    control(0);
    wake();
}

fn stop_once() {
    control(0);
    sleep();
    wake();
    complete(0);
}

fn stop_twice() {
    control(0);
    for _ in 0..2 {
        sleep();
        wake();
    }
    complete(0);
}

fn cancel_forwarded() {
    control(0);
    packet::cancel(0);
}

fn cancel_unseen() {
    control(0);
    control(1);
    packet::cancel(1);
    complete(0);
}

fn purge_kept() {
    control(0);
    let queue = DEFAULT.get().unwrap_or(core::ptr::null_mut());
    wdf!(WdfIoQueuePurgeSynchronously, queue);
}

fn purge() {
    let queue = DEFAULT.get().unwrap_or(core::ptr::null_mut());
    wdf!(WdfIoQueuePurge, queue, None, core::ptr::null_mut());
}

fn surprise() {
    control(0);
    pnp(IRP_MN_SURPRISE_REMOVAL);
}

fn leave() {
    control(0);
}
