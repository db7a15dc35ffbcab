//! Scenarios of queues: power, parallel presentation, and requests that are cancelled while they
//! wait.

use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use wdk_sys::{
    _WDF_IO_QUEUE_DISPATCH_TYPE::{
        WdfIoQueueDispatchManual, WdfIoQueueDispatchParallel, WdfIoQueueDispatchSequential,
    },
    _WDF_TRI_STATE::{WdfFalse, WdfUseDefault},
    IRP_MN_SURPRISE_REMOVAL, PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL, STATUS_SUCCESS,
    WDF_IO_QUEUE_CONFIG, WDFDEVICE, WDFQUEUE, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, object, pnp, remove, sleep, start, wake},
    framework::{Framework, wdf},
    kernel_types::size,
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
        b"held-in-dx" => (answering, hold_in_dx),
        b"purged-at-removal" => (forwarding, leave),
        b"cancelled-while-forwarded" => (forwarding, cancel_forwarded),
        b"cancelled-while-waiting" => (keeping, cancel_waiting),
        b"left-at-removal" => (unmanaged, leave),
        b"kept-in-dx" => (keeping, leave_d0),
        b"completed-in-surprise-removal" => (keeping, surprise),
        _ => return false,
    };
    let surprise: fn() = match scenario {
        b"completed-in-surprise-removal" => || complete(0),
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
        finish(ptr::with_exposed_provenance_mut(
            kept.load(Ordering::Relaxed),
        ));
    }
}

fn finish(request: WDFREQUEST) {
    wdf!(WdfRequestComplete, request, STATUS_SUCCESS);
}

fn control(number: usize) {
    packet::control(object(), number, ptr::null_mut());
}

unsafe extern "C" fn answer(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    finish(request);
}

unsafe extern "C" fn keep(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    if let Some(kept) = KEPT.get(number(code)) {
        kept.store(request.expose_provenance(), Ordering::Relaxed);
    }
}

unsafe extern "C" fn forward(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, code: u32) {
    record!("EvtIoDeviceControl {}", number(code));
    let manual = MANUAL.get().unwrap_or(ptr::null_mut());
    let status = wdf!(WdfRequestForwardToIoQueue, request, manual);
    record!("forwarding ends with {status:#010x}");
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

fn create(device: WDFDEVICE, mut config: WDF_IO_QUEUE_CONFIG) -> WDFQUEUE {
    let mut queue: WDFQUEUE = ptr::null_mut();
    let status = wdf!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        ptr::null_mut(),
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
    DEFAULT.set(create(device, config));
}

fn answering(device: WDFDEVICE) {
    create(device, managed(Some(answer)));
}

fn keeping(device: WDFDEVICE) {
    create(device, managed(Some(keep)));
}

fn unmanaged(device: WDFDEVICE) {
    let config = WDF_IO_QUEUE_CONFIG {
        PowerManaged: WdfFalse,
        ..managed(Some(keep))
    };
    create(device, config);
}

fn forwarding(device: WDFDEVICE) {
    let manual = WDF_IO_QUEUE_CONFIG {
        DispatchType: WdfIoQueueDispatchManual,
        PowerManaged: WdfFalse,
        DefaultQueue: 0,
        ..managed(None)
    };
    MANUAL.set(create(device, manual));
    create(device, managed(Some(forward)));
}

fn present_two_at_a_time() {
    for number in 0..3 {
        control(number);
    }
    let mut request: WDFREQUEST = ptr::null_mut();
    let queue = DEFAULT.get().unwrap_or(ptr::null_mut());
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

fn leave_d0() {
    control(0);
    sleep();
}

fn cancel_forwarded() {
    control(0);
    packet::cancel(0);
}

fn cancel_waiting() {
    control(0);
    control(1);
    packet::cancel(1);
    complete(0);
}

fn surprise() {
    control(0);
    pnp(IRP_MN_SURPRISE_REMOVAL);
}

fn leave() {
    control(0);
}
