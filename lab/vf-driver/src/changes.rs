//! Listening: one `IOCTL_VPCI_INVALIDATE_BLOCK` is kept pending while the device is in D0. It
//! completes when the PF says that blocks changed, with a mask: bit n stands for block n.
//!
//! A mask says nothing about what changed or how often, so a driver reads those blocks again. This
//! one collects the masks for the guest's program; a real driver would queue a work item that
//! reads. The request is sent again at once, before anything is read: a change that happens during
//! the read is then announced anew, and none is missed.

use core::ptr;
use core::sync::atomic::Ordering;

use pcivirt_abi::vpci::{IOCTL_INVALIDATE_BLOCK, InvalidateBlockOutput};
use wdk_sys::ntddk::{KeClearEvent, KeInitializeEvent, KeSetEvent, KeWaitForSingleObject};
use wdk_sys::{
    NTSTATUS, PWDF_REQUEST_COMPLETION_PARAMS, STATUS_SUCCESS, WDF_REQUEST_REUSE_PARAMS, WDFCONTEXT,
    WDFDEVICE, WDFIOTARGET, WDFMEMORY, WDFREQUEST,
};

use crate::context::{self, Changes};
use crate::requests;
use crate::wdf::{self, ok};

fn target(device: WDFDEVICE) -> WDFIOTARGET {
    // SAFETY: the device is live.
    unsafe { wdf::call!(WdfDeviceGetIoTarget, device) }
}

/// Creates the request, which is sent again and again, and its memory object.
pub(crate) fn create(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let this = &context::of(device).changes;
    let idle = this.idle.get();
    // SAFETY: the event lies where it stays. It is set: no request is at the bus.
    unsafe { KeInitializeEvent(idle, wdk_sys::_EVENT_TYPE::NotificationEvent, 1) };
    let mut attributes = wdf::attributes(device.cast());
    let mut request: WDFREQUEST = ptr::null_mut();
    // SAFETY: the request is deleted with the device.
    ok(unsafe {
        wdf::call!(
            WdfRequestCreate,
            &raw mut attributes,
            target(device),
            &raw mut request
        )
    })?;
    let mut memory: WDFMEMORY = ptr::null_mut();
    let output = this.output.get().cast();
    // SAFETY: the buffer is part of the device's context, with which the memory object is deleted.
    ok(unsafe {
        wdf::call!(
            WdfMemoryCreatePreallocated,
            &raw mut attributes,
            output,
            size_of::<InvalidateBlockOutput>() as _,
            &raw mut memory
        )
    })?;
    this.request.set(request);
    this.memory.set(memory);
    Ok(())
}

/// Starts listening.
pub(crate) fn start(device: WDFDEVICE) {
    let changes = &context::of(device).changes;
    changes.listening.store(true, Ordering::Release);
    // SAFETY: the event was initialized when the device was created.
    unsafe { KeClearEvent(changes.idle.get()) };
    listen(device);
}

/// Stops listening and waits until the bus has completed the request.
pub(crate) fn stop(device: WDFDEVICE) {
    let changes = &context::of(device).changes;
    changes.listening.store(false, Ordering::Release);
    // SAFETY: the request lives as long as the device; one that is not at the bus stays as it is.
    let _ = unsafe { wdf::call!(WdfRequestCancelSentRequest, changes.request.get()) };
    // SAFETY: the event was initialized when the device was created; this is PASSIVE_LEVEL.
    let _ = unsafe {
        KeWaitForSingleObject(
            changes.idle.get().cast(),
            wdk_sys::_KWAIT_REASON::Executive,
            0,
            0,
            ptr::null_mut(),
        )
    };
}

/// Sends the request to the bus. If that fails, listening ends.
fn listen(device: WDFDEVICE) {
    let changes = &context::of(device).changes;
    if try_listen(device, changes).is_err() {
        // SAFETY: the event was initialized when the device was created.
        unsafe { KeSetEvent(changes.idle.get(), 0, 0) };
    } else if !changes.listening.load(Ordering::Acquire) {
        // `stop` ran between the test in `completed` and the send, and had no request to cancel.
        // SAFETY: the request lives as long as the device.
        let _ = unsafe { wdf::call!(WdfRequestCancelSentRequest, changes.request.get()) };
    }
}

fn try_listen(device: WDFDEVICE, changes: &Changes) -> Result<(), NTSTATUS> {
    let request = changes.request.get();
    let mut reuse = WDF_REQUEST_REUSE_PARAMS {
        Size: wdf::size_of_config::<WDF_REQUEST_REUSE_PARAMS>(),
        Status: STATUS_SUCCESS,
        ..WDF_REQUEST_REUSE_PARAMS::default()
    };
    // SAFETY: the request is not at the bus.
    ok(unsafe { wdf::call!(WdfRequestReuse, request, &raw mut reuse) })?;
    // The documentation of the IOCTL leaves open whether the mask comes back in the input or in the
    // output buffer. Both are the same memory here.
    // SAFETY: the memory lives as long as the request.
    ok(unsafe {
        wdf::call!(
            WdfIoTargetFormatRequestForInternalIoctl,
            target(device),
            request,
            IOCTL_INVALIDATE_BLOCK,
            changes.memory.get(),
            ptr::null_mut(),
            changes.memory.get(),
            ptr::null_mut()
        )
    })?;
    // SAFETY: the routine and the device outlive the request.
    unsafe {
        wdf::call!(
            WdfRequestSetCompletionRoutine,
            request,
            Some(completed),
            device.cast()
        );
    };
    // SAFETY: the request is formatted for this target.
    let sent = unsafe { wdf::call!(WdfRequestSend, request, target(device), ptr::null_mut()) };
    if sent == 0 {
        // SAFETY: a request that was not sent holds the reason.
        ok(unsafe { wdf::call!(WdfRequestGetStatus, request) })?;
        return Err(wdk_sys::STATUS_UNSUCCESSFUL);
    }
    Ok(())
}

/// Completion routine: the bus returns a mask, or listening ends.
unsafe extern "C" fn completed(
    request: WDFREQUEST,
    _target: WDFIOTARGET,
    _parameters: PWDF_REQUEST_COMPLETION_PARAMS,
    context: WDFCONTEXT,
) {
    let device: WDFDEVICE = context.cast();
    let this = context::of(device);
    // SAFETY: the request is complete and holds its status.
    let status = unsafe { wdf::call!(WdfRequestGetStatus, request) };
    if status >= 0 {
        // SAFETY: the bus has written the mask and the request is ours again.
        let mask = unsafe { (*this.changes.output.get()).block_mask };
        this.changes.add(mask);
    }
    if status >= 0 && this.changes.listening.load(Ordering::Acquire) {
        listen(device);
    } else {
        // SAFETY: the event was initialized when the device was created.
        unsafe { KeSetEvent(this.changes.idle.get(), 0, 0) };
    }
    requests::answer_waiters(device);
}
