//! Scenarios that call a function in the wrong state, or with a parameter that it cannot have.

use core::ptr;

use wdk_sys::{
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeDevice, WDF_OBJECT_ATTRIBUTES,
    WDF_REQUEST_PARAMETERS, WDFCOLLECTION, WDFQUEUE, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::framework::{
    Framework, attributes, memory, memory_with, queue, send, spin_lock, wait_lock, wdf,
};

/// An address that nothing has.
const NOWHERE: usize = 0x1230;

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    match scenario {
        b"second-default-queue" => {
            let device = framework.device(None);
            queue(device.handle, None, true);
        }
        b"break-point" => wdf!(WdfVerifierDbgBreakPoint),
        b"output-missing" => {
            let _ = wdf!(WdfSpinLockCreate, ptr::null_mut(), ptr::null_mut());
        }
        b"stale-init" => wdf!(
            WdfDeviceInitSetExclusive,
            ptr::without_provenance_mut(NOWHERE),
            1
        ),
        b"not-in-collection" => {
            let item = memory(framework.driver);
            wdf!(WdfCollectionRemove, collection(), item.cast());
        }
        b"behind-collection" => wdf!(WdfCollectionRemoveItem, collection(), 0),
        b"no-context" => {
            let nowhere = ptr::without_provenance_mut(NOWHERE);
            let _ = wdf!(WdfObjectContextGetObject, nowhere);
        }
        b"serialised-callbacks" => {
            memory_with(&mut WDF_OBJECT_ATTRIBUTES {
                SynchronizationScope: WdfSynchronizationScopeDevice,
                ..attributes(framework.driver)
            });
        }
        b"absolute-wait" => {
            let mut due = 1;
            let _ = wdf!(WdfWaitLockAcquire, wait_lock(), &raw mut due);
        }
        _ => return with_request(framework, scenario),
    }
    true
}

fn collection() -> WDFCOLLECTION {
    let mut collection: WDFCOLLECTION = ptr::null_mut();
    let _ = wdf!(WdfCollectionCreate, ptr::null_mut(), &raw mut collection);
    collection
}

/// Those that misuse a request which was presented.
fn with_request(framework: &Framework, scenario: &[u8]) -> bool {
    let handler: unsafe extern "C" fn(WDFQUEUE, WDFREQUEST, usize, usize, u32) = match scenario {
        b"marked-twice" => mark_twice,
        b"forwarded-while-cancelable" => forward_cancelable,
        b"asked-while-cancelable" => ask_cancelable,
        b"acknowledged-without-stop" => acknowledge,
        b"cancel-routine-missing" => mark_without_routine,
        b"wrong-size" => ask_with_wrong_size,
        b"spin-lock-held-at-return" => keep_lock,
        _ => return false,
    };
    send(&framework.device(Some(handler)));
    true
}

unsafe extern "C" fn cancelled(_request: WDFREQUEST) {}

fn mark(request: WDFREQUEST) {
    let _ = wdf!(WdfRequestMarkCancelableEx, request, Some(cancelled));
}

unsafe extern "C" fn mark_twice(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    mark(request);
    mark(request);
}

unsafe extern "C" fn forward_cancelable(
    own: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let device = wdf!(WdfIoQueueGetDevice, own);
    let manual = queue(device, None, false);
    mark(request);
    let _ = wdf!(WdfRequestForwardToIoQueue, request, manual);
}

unsafe extern "C" fn ask_cancelable(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    mark(request);
    let _ = wdf!(WdfRequestIsCanceled, request);
}

unsafe extern "C" fn acknowledge(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    wdf!(WdfRequestStopAcknowledge, request, 0);
}

unsafe extern "C" fn mark_without_routine(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let _ = wdf!(WdfRequestMarkCancelableEx, request, None);
}

unsafe extern "C" fn ask_with_wrong_size(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    _: u32,
) {
    let mut parameters = WDF_REQUEST_PARAMETERS {
        Size: 1,
        ..Default::default()
    };
    wdf!(WdfRequestGetParameters, request, &raw mut parameters);
}

unsafe extern "C" fn keep_lock(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    wdf!(WdfSpinLockAcquire, spin_lock());
    wdf!(WdfRequestComplete, request, 0);
}
