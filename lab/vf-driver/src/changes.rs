//! Listening: one `IOCTL_VPCI_INVALIDATE_BLOCK` is kept pending while the device is in D0. It
//! completes when the PF says that blocks changed, with a mask: bit n stands for block n.
//!
//! A mask says nothing about what changed or how often, so a driver reads those blocks again. This
//! one collects the masks for the guest's program; a real driver would queue a work item that reads.
//! The request is sent again at once, before anything is read: a change that happens during the read
//! is then announced anew, and none is missed.

use core::cell::{Cell, UnsafeCell};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pcivirt_abi::vpci::{IOCTL_INVALIDATE_BLOCK, InvalidateBlockOutput};
use wdk_sys::ntddk::{KeClearEvent, KeInitializeEvent, KeSetEvent, KeWaitForSingleObject};
use wdk_sys::{
    KEVENT, NTSTATUS, PWDF_REQUEST_COMPLETION_PARAMS, STATUS_SUCCESS, WDF_REQUEST_REUSE_PARAMS,
    WDFCONTEXT, WDFDEVICE, WDFIOTARGET, WDFMEMORY, WDFREQUEST,
};

use crate::device;
use crate::requests;
use crate::wdf;

/// What the driver knows of changes.
pub(crate) struct Changes {
    /// Blocks to be read again.
    mask: AtomicU64,
    /// Cleared to stop listening.
    listening: AtomicBool,
    /// Set while no request is at the bus.
    idle: UnsafeCell<KEVENT>,
    /// Where the bus writes the mask.
    output: UnsafeCell<InvalidateBlockOutput>,
    /// The one request, and its buffer; both are set before the device starts.
    request: Cell<WDFREQUEST>,
    memory: Cell<WDFMEMORY>,
}

impl Changes {
    /// Takes what is to be read again.
    pub(crate) fn take(&self) -> u64 {
        self.mask.swap(0, Ordering::AcqRel)
    }

    /// Whether something is to be read again.
    pub(crate) fn is_any(&self) -> bool {
        self.mask.load(Ordering::Acquire) != 0
    }

    /// Gives back what was taken for somebody who then did not want it.
    pub(crate) fn put_back(&self, mask: u64) {
        self.mask.fetch_or(mask, Ordering::AcqRel);
    }
}

fn ok(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status < 0 { Err(status) } else { Ok(()) }
}

fn target(device: WDFDEVICE) -> WDFIOTARGET {
    // SAFETY: the device is live.
    unsafe { wdf::call!(WdfDeviceGetIoTarget, device) }
}

/// Makes the request that will be sent again and again, and describes its buffer.
pub(crate) fn create(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let this = &device::of(device).changes;
    let idle = this.idle.get();
    // SAFETY: the event lies where it stays. It is set: no request is at the bus.
    unsafe { KeInitializeEvent(idle, wdk_sys::_EVENT_TYPE::NotificationEvent, 1) };
    let mut attributes = wdf::attributes(device::object(device));
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

/// Starts to listen.
pub(crate) fn start(device: WDFDEVICE) {
    let changes = &device::of(device).changes;
    changes.listening.store(true, Ordering::Release);
    // SAFETY: the event was initialised when the device was made.
    unsafe { KeClearEvent(changes.idle.get()) };
    listen(device);
}

/// Stops listening and waits until the bus has given the request back.
pub(crate) fn stop(device: WDFDEVICE) {
    let changes = &device::of(device).changes;
    changes.listening.store(false, Ordering::Release);
    // SAFETY: the request lives as long as the device; one that is not at the bus stays as it is.
    let _ = unsafe { wdf::call!(WdfRequestCancelSentRequest, changes.request.get()) };
    // SAFETY: the event was initialised when the device was made; this is PASSIVE_LEVEL.
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

/// Sends the request to the bus; without success, listening ends.
fn listen(device: WDFDEVICE) {
    let changes = &device::of(device).changes;
    if try_listen(device, changes).is_err() {
        // SAFETY: the event was initialised when the device was made.
        unsafe { KeSetEvent(changes.idle.get(), 0, 0) };
    } else if !changes.listening.load(Ordering::Acquire) {
        // `stop` came between the decision to listen on and the sending; its cancellation found
        // nothing at the bus.
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

/// The bus gave the request back, with a mask or because listening ends.
unsafe extern "C" fn completed(
    request: WDFREQUEST,
    _target: WDFIOTARGET,
    _parameters: PWDF_REQUEST_COMPLETION_PARAMS,
    context: WDFCONTEXT,
) {
    let device: WDFDEVICE = context.cast();
    let this = device::of(device);
    // SAFETY: the request is complete and holds its status.
    let status = unsafe { wdf::call!(WdfRequestGetStatus, request) };
    if status >= 0 {
        // SAFETY: the bus has written the mask and the request is ours again.
        let mask = unsafe { (*this.changes.output.get()).block_mask };
        this.changes.put_back(mask);
    }
    if status >= 0 && this.changes.listening.load(Ordering::Acquire) {
        listen(device);
    } else {
        // SAFETY: the event was initialised when the device was made.
        unsafe { KeSetEvent(this.changes.idle.get(), 0, 0) };
    }
    requests::answer_waiters(device);
}
