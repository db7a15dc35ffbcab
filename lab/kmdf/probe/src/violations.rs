//! Scenarios that break one rule each, which the double must stop. A scenario that returns was not
//! noticed.

use core::ptr;

use wdk_sys::{
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeDevice, NTSTATUS, STATUS_PENDING,
    STATUS_SUCCESS, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_PNPPOWER_EVENT_CALLBACKS,
    WDFDEVICE, WDFQUEUE, WDFREQUEST, WDFSTRING, call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, object, start_with_queue},
    framework::{Framework, attributes, delete, memory, memory_with, queue, spin_lock, wdf},
    kernel_types::size,
    packet::send_buffered,
};

/// An address that no object has.
const NOWHERE: usize = 0x1230;

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    match scenario {
        b"level-too-high" => level_too_high(),
        b"spin-lock-recursion" => {
            let lock = spin_lock();
            wdf!(WdfSpinLockAcquire, lock);
            wdf!(WdfSpinLockAcquire, lock);
        }
        b"spin-lock-not-held" => wdf!(WdfSpinLockRelease, spin_lock()),
        b"lock-order" => {
            let (first, second) = (spin_lock(), spin_lock());
            wdf!(WdfSpinLockAcquire, first);
            wdf!(WdfSpinLockAcquire, second);
            wdf!(WdfSpinLockRelease, first);
        }
        b"lock-deleted-while-held" => {
            let lock = spin_lock();
            wdf!(WdfSpinLockAcquire, lock);
            delete(lock);
        }
        b"use-after-delete" => {
            let memory = memory(framework.driver);
            delete(memory);
            let _ = wdf!(WdfMemoryGetBuffer, memory, ptr::null_mut());
        }
        b"wrong-type" => wdf!(WdfSpinLockAcquire, framework.driver.cast()),
        b"unknown-handle" => wdf!(WdfSpinLockAcquire, ptr::without_provenance_mut(NOWHERE)),
        b"not-deletable" => delete(framework.driver),
        b"function-missing" => {
            wdf!(
                WdfDeviceSetBusInformationForChildren,
                ptr::null_mut(),
                ptr::null_mut()
            );
        }
        b"context-missing" => {
            let memory = memory(framework.driver);
            let description = ptr::without_provenance(0);
            let _ = wdf!(WdfObjectGetTypedContextWorker, memory.cast(), description);
        }
        b"output-missing" => {
            let _ = wdf!(WdfSpinLockCreate, ptr::null_mut(), ptr::null_mut());
        }
        b"serialised-callbacks" => {
            memory_with(&mut WDF_OBJECT_ATTRIBUTES {
                SynchronizationScope: WdfSynchronizationScopeDevice,
                ..attributes(framework.driver)
            });
        }
        b"stale-init" => set_callbacks(size::<WDF_PNPPOWER_EVENT_CALLBACKS>()),
        b"wrong-size" => set_callbacks(1),
        _ => return with_device(framework, scenario) || with_request(framework, scenario),
    }
    true
}

/// Scenarios of a device that is being created.
fn with_device(framework: &Framework, scenario: &[u8]) -> bool {
    let furnish: fn(WDFDEVICE) = match scenario {
        b"second-default-queue" => |device| {
            queue(device, None, true);
            queue(device, None, true);
        },
        b"callback-missing" => create_queue_with_stop,
        _ => return false,
    };
    add(framework, Plan { furnish, ..PLAIN });
    true
}

/// Scenarios of a request that is presented.
fn with_request(framework: &Framework, scenario: &[u8]) -> bool {
    let handler: unsafe extern "C" fn(WDFQUEUE, WDFREQUEST, usize, usize, u32) = match scenario {
        b"double-completion" => complete_twice,
        b"completed-pending" => complete_pending,
        b"information-too-large" => complete_with_too_much,
        b"request-not-owned" => complete_after_forward,
        b"request-after-completion" => use_after_completion,
        b"spin-lock-held-at-return" => keep_lock,
        b"sent-unformatted" => send_unformatted,
        _ => return false,
    };
    start_with_queue(framework, Some(handler));
    send_buffered(object());
    true
}

fn level_too_high() {
    let lock = spin_lock();
    wdf!(WdfSpinLockAcquire, lock);
    let mut string: WDFSTRING = ptr::null_mut();
    let _ = wdf!(
        WdfStringCreate,
        ptr::null(),
        ptr::null_mut(),
        &raw mut string
    );
}

/// Sets callbacks whose structure has this size, in an init structure that does not exist.
fn set_callbacks(size: u32) {
    let mut callbacks = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size,
        ..Default::default()
    };
    wdf!(
        WdfDeviceInitSetPnpPowerEventCallbacks,
        ptr::without_provenance_mut(NOWHERE),
        &raw mut callbacks
    );
}

unsafe extern "C" fn stop(_: WDFQUEUE, _: WDFREQUEST, _: u32) {}

fn create_queue_with_stop(device: WDFDEVICE) {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: size::<WDF_IO_QUEUE_CONFIG>(),
        EvtIoStop: Some(stop),
        ..Default::default()
    };
    let _ = wdf!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        ptr::null_mut(),
        ptr::null_mut()
    );
}

fn complete(request: WDFREQUEST, status: NTSTATUS, information: u64) {
    wdf!(
        WdfRequestCompleteWithInformation,
        request,
        status,
        information
    );
}

macro_rules! handlers {
    ($($name:ident = |$queue:ident, $request:ident| $body:block)*) => {
        $(unsafe extern "C" fn $name(
            $queue: WDFQUEUE,
            $request: WDFREQUEST,
            _output: usize,
            _input: usize,
            _code: u32,
        ) $body)*
    };
}

handlers! {
    complete_twice = |_queue, request| {
        complete(request, STATUS_SUCCESS, 0);
        complete(request, STATUS_SUCCESS, 0);
    }
    complete_pending = |_queue, request| {
        complete(request, STATUS_PENDING, 0);
    }
    complete_with_too_much = |_queue, request| {
        complete(request, STATUS_SUCCESS, 9);
    }
    complete_after_forward = |own, request| {
        let device = wdf!(WdfIoQueueGetDevice, own);
        let manual = queue(device, None, false);
        let _ = wdf!(WdfRequestForwardToIoQueue, request, manual);
        complete(request, STATUS_SUCCESS, 0);
    }
    use_after_completion = |_queue, request| {
        complete(request, STATUS_SUCCESS, 0);
        let _ = wdf!(WdfRequestGetRequestorMode, request);
    }
    keep_lock = |_queue, request| {
        wdf!(WdfSpinLockAcquire, spin_lock());
        complete(request, STATUS_SUCCESS, 0);
    }
    send_unformatted = |own, request| {
        let device = wdf!(WdfIoQueueGetDevice, own);
        let target = wdf!(WdfDeviceGetIoTarget, device);
        let _ = wdf!(WdfRequestSend, request, target, ptr::null_mut());
    }
}
