//! Scenarios that break one rule each. A scenario that returns was not noticed.

use core::ptr;

use wdk_sys::{
    NTSTATUS, STATUS_PENDING, STATUS_SUCCESS, WDFQUEUE, WDFREQUEST, WDFSTRING,
    call_unsafe_wdf_function_binding,
};

use crate::framework::{
    Framework, delete, dereference, memory, reference, send, spin_lock, wait_lock, wdf,
};

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    match scenario {
        b"level-too-high" => level_too_high(),
        b"spin-lock-recursion" => {
            let lock = spin_lock();
            wdf!(WdfSpinLockAcquire, lock);
            wdf!(WdfSpinLockAcquire, lock);
        }
        b"wait-lock-recursion" => {
            let lock = wait_lock();
            let _ = wdf!(WdfWaitLockAcquire, lock, ptr::null_mut());
            let _ = wdf!(WdfWaitLockAcquire, lock, ptr::null_mut());
        }
        b"spin-lock-not-held" => wdf!(WdfSpinLockRelease, spin_lock()),
        b"wait-lock-not-held" => wdf!(WdfWaitLockRelease, wait_lock()),
        b"lock-order" => {
            let (first, second) = (spin_lock(), spin_lock());
            wdf!(WdfSpinLockAcquire, first);
            wdf!(WdfSpinLockAcquire, second);
            wdf!(WdfSpinLockRelease, first);
        }
        b"lock-held-at-return" => {
            send(&framework.device(Some(keep_lock_and_complete)));
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
        b"unknown-handle" => {
            wdf!(WdfSpinLockAcquire, ptr::without_provenance_mut(0x1230));
        }
        b"not-deletable" => delete(framework.driver),
        b"dereference-underflow" => dereference(memory(framework.driver)),
        b"leaked-reference" => reference(memory(framework.driver)),
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
        _ => return requests(framework, scenario),
    }
    true
}

/// Breaches around requests.
fn requests(framework: &Framework, scenario: &[u8]) -> bool {
    let handler: unsafe extern "C" fn(WDFQUEUE, WDFREQUEST, usize, usize, u32) = match scenario {
        b"double-completion" => complete_twice,
        b"completed-pending" => complete_pending,
        b"information-too-large" => complete_with_too_much,
        b"completed-while-cancelable" => complete_cancelable,
        b"request-not-owned" => complete_after_forward,
        b"request-after-completion" => use_after_completion,
        b"request-left-at-removal" => keep,
        _ => return false,
    };
    let device = framework.device(Some(handler));
    send(&device);
    if scenario == b"request-left-at-removal" {
        delete(device.handle);
    }
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

fn complete(request: WDFREQUEST, status: NTSTATUS, information: u64) {
    wdf!(
        WdfRequestCompleteWithInformation,
        request,
        status,
        information
    );
}

unsafe extern "C" fn complete_twice(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    complete(request, STATUS_SUCCESS, 0);
    complete(request, STATUS_SUCCESS, 0);
}

unsafe extern "C" fn complete_pending(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    complete(request, STATUS_PENDING, 0);
}

unsafe extern "C" fn complete_with_too_much(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    complete(request, STATUS_SUCCESS, 9);
}

unsafe extern "C" fn complete_cancelable(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let _ = wdf!(WdfRequestMarkCancelableEx, request, Some(cancelled));
    complete(request, STATUS_SUCCESS, 0);
}

unsafe extern "C" fn cancelled(_request: WDFREQUEST) {}

unsafe extern "C" fn complete_after_forward(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let device = wdf!(WdfIoQueueGetDevice, queue);
    let manual = crate::framework::queue(device, None, false);
    let _ = wdf!(WdfRequestForwardToIoQueue, request, manual);
    complete(request, STATUS_SUCCESS, 0);
}

unsafe extern "C" fn use_after_completion(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    complete(request, STATUS_SUCCESS, 0);
    let _ = wdf!(WdfRequestGetRequestorMode, request);
}

unsafe extern "C" fn keep(_: WDFQUEUE, _: WDFREQUEST, _: usize, _: usize, _: u32) {}

unsafe extern "C" fn keep_lock_and_complete(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let mut lock = ptr::null_mut();
    let _ = wdf!(WdfWaitLockCreate, ptr::null_mut(), &raw mut lock);
    let _ = wdf!(WdfWaitLockAcquire, lock, ptr::null_mut());
    complete(request, STATUS_SUCCESS, 0);
}
