//! The control codes for programs in the guest: read, write, take changes, wait for changes.

use core::ffi::c_void;
use core::ptr;

use lab_control::{MAX_BLOCK_LENGTH, sample};
use wdk_sys::{
    NTSTATUS, STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS, WDFDEVICE,
    WDFQUEUE, WDFREQUEST,
};
use zerocopy::{FromBytes, IntoBytes as _};

use crate::channel;
use crate::context;
use crate::wdf::{self, ok};

/// `EvtIoDeviceControl`
pub(crate) unsafe extern "C" fn device_control(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    output_length: usize,
    _input_length: usize,
    code: u32,
) {
    // SAFETY: the queue belongs to a live device.
    let device = unsafe { wdf::call!(WdfIoQueueGetDevice, queue) };
    let result = match code {
        sample::IOCTL_READ => read(device, request, output_length),
        sample::IOCTL_WRITE => write(device, request),
        sample::IOCTL_TAKE_CHANGES => take_changes(device, request),
        sample::IOCTL_WAIT_CHANGES => match wait_changes(device, request) {
            Ok(()) => return,
            Err(status) => Err(status),
        },
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    };
    complete(request, result);
}

fn complete(request: WDFREQUEST, result: Result<usize, NTSTATUS>) {
    let (status, information) = match result {
        Ok(bytes) => (STATUS_SUCCESS, bytes),
        Err(status) => (status, 0),
    };
    // SAFETY: the request is ours, and this is the last touch.
    unsafe {
        wdf::call!(
            WdfRequestCompleteWithInformation,
            request,
            status,
            information as u64
        );
    };
}

/// A copy of the request's input.
fn input<T: FromBytes>(request: WDFREQUEST) -> Result<T, NTSTATUS> {
    let mut buffer: *mut c_void = ptr::null_mut();
    // SAFETY: the request is ours; the framework checks the length.
    ok(unsafe {
        wdf::call!(
            WdfRequestRetrieveInputBuffer,
            request,
            size_of::<T>(),
            &raw mut buffer,
            ptr::null_mut()
        )
    })?;
    // SAFETY: the buffer has at least this length, and any bytes are a value.
    Ok(unsafe { buffer.cast::<T>().read_unaligned() })
}

/// Copies `bytes` to the request's output and returns how many there were.
fn output(request: WDFREQUEST, bytes: &[u8]) -> Result<usize, NTSTATUS> {
    let mut buffer: *mut c_void = ptr::null_mut();
    // SAFETY: the request is ours; the framework checks the length.
    ok(unsafe {
        wdf::call!(
            WdfRequestRetrieveOutputBuffer,
            request,
            bytes.len(),
            &raw mut buffer,
            ptr::null_mut()
        )
    })?;
    // SAFETY: the buffer has at least this length and is elsewhere.
    unsafe {
        buffer
            .cast::<u8>()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
    };
    Ok(bytes.len())
}

fn read(device: WDFDEVICE, request: WDFREQUEST, length: usize) -> Result<usize, NTSTATUS> {
    let read: sample::ReadRequest = input(request)?;
    // Not zeros: they would hide a byte that a read did not write.
    let mut data = [0xA5; MAX_BLOCK_LENGTH];
    let destination = data.get_mut(..length).ok_or(STATUS_INVALID_BUFFER_SIZE)?;
    let read = channel::read(device, read.block, read.way, destination)?;
    output(request, destination.get(..read).unwrap_or_default())
}

fn write(device: WDFDEVICE, request: WDFREQUEST) -> Result<usize, NTSTATUS> {
    let mut write: sample::WriteRequest = input(request)?;
    let length = usize::try_from(write.length).unwrap_or(usize::MAX);
    let source = write
        .data
        .get_mut(..length)
        .ok_or(STATUS_INVALID_BUFFER_SIZE)?;
    channel::write(device, write.block, write.way, source)?;
    Ok(0)
}

fn take_changes(device: WDFDEVICE, request: WDFREQUEST) -> Result<usize, NTSTATUS> {
    let changes = &context::of(device).changes;
    let mask = changes.take();
    let result = output(request, sample::Changes { mask }.as_bytes());
    if result.is_err() {
        changes.add(mask);
    }
    result
}

/// Queues the request, which [`answer_waiters`] completes.
fn wait_changes(device: WDFDEVICE, request: WDFREQUEST) -> Result<(), NTSTATUS> {
    let waiters = context::of(device).waiters.get();
    // SAFETY: both belong to this device.
    ok(unsafe { wdf::call!(WdfRequestForwardToIoQueue, request, waiters) })?;
    answer_waiters(device);
    Ok(())
}

/// Completes waiting requests, the oldest first, while a block is to be read again.
pub(crate) fn answer_waiters(device: WDFDEVICE) {
    let this = context::of(device);
    while this.changes.is_any() {
        let mut request: WDFREQUEST = ptr::null_mut();
        // SAFETY: the queue lives as long as the device.
        let status = unsafe {
            wdf::call!(
                WdfIoQueueRetrieveNextRequest,
                this.waiters.get(),
                &raw mut request
            )
        };
        if status < 0 {
            return;
        }
        complete(request, take_changes(device, request));
    }
}
