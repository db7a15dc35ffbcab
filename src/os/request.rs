//! Requests, which the driver completes exactly once, and the queues in which they wait.
//!
//! No queue is power managed: an event of a rebalance is answered while the device is not in D0,
//! and a pending request must not keep the device from leaving it.

use core::{marker::PhantomData, mem::ManuallyDrop};

use pf_state::status::{self, NtStatus};
use wdk_sys::{
    NTSTATUS, PIRP, PVOID, PWDF_REQUEST_COMPLETION_PARAMS, WDF_EXECUTION_LEVEL,
    WDF_IO_QUEUE_CONFIG, WDF_REQUEST_SEND_OPTIONS, WDFCONTEXT, WDFDEVICE, WDFFILEOBJECT,
    WDFIOTARGET, WDFQUEUE, WDFREQUEST,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::os::{object, wdf};

/// A request that the driver owns. It is completed exactly once: by a method that takes it, or, if
/// it is dropped, as unsuccessful.
pub(crate) struct Request(WDFREQUEST);

impl Request {
    /// Takes ownership.
    ///
    /// # Safety
    /// The driver owns the request, and nothing else will complete it.
    pub(crate) const unsafe fn own(request: WDFREQUEST) -> Self {
        Self(request)
    }

    /// Whether the request comes from user mode.
    pub(crate) fn is_from_user_mode(&self) -> bool {
        // SAFETY: the driver owns the request.
        let mode = unsafe { wdf::call!(WdfRequestGetRequestorMode, self.0) };
        i32::from(mode) != wdk_sys::_MODE::KernelMode
    }

    /// The file object that the request came through; NULL for none.
    pub(crate) fn file(&self) -> WDFFILEOBJECT {
        // SAFETY: the driver owns the request.
        unsafe { wdf::call!(WdfRequestGetFileObject, self.0) }
    }

    /// The identity of the file object that the request came through; 0 for none.
    pub(crate) fn handle(&self) -> usize {
        self.file().addr()
    }

    /// The packet that the request stands for.
    pub(crate) fn packet(&self) -> PIRP {
        // SAFETY: the driver owns the request.
        unsafe { wdf::call!(WdfRequestWdmGetIrp, self.0) }
    }

    /// Copies the first bytes of the input into a private array, as many as both have.
    pub(crate) fn copy_input(&self, skip: usize, into: &mut [u8]) {
        let mut buffer: PVOID = core::ptr::null_mut();
        let mut length = 0_usize;
        // SAFETY: the driver owns the request, and both results are written before it returns.
        let status = unsafe {
            wdf::call!(
                WdfRequestRetrieveInputBuffer,
                self.0,
                0,
                &raw mut buffer,
                &raw mut length,
            )
        };
        let count = length.saturating_sub(skip).min(into.len());
        if status < 0 || buffer.is_null() || count == 0 {
            return;
        }
        // SAFETY: `skip` is below the length of the buffer.
        let from = unsafe { buffer.cast::<u8>().add(skip) };
        // SAFETY: both have `count` bytes, and a private array is no part of a request's buffer.
        unsafe { core::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), count) };
    }

    /// The structure at the start of the input, which is `input_length` bytes long.
    pub(crate) fn input<T: FromBytes + IntoBytes>(&self, input_length: usize) -> Option<T> {
        if input_length < size_of::<T>() {
            return None;
        }
        let mut value = T::new_zeroed();
        self.copy_input(0, value.as_mut_bytes());
        Some(value)
    }

    /// Replaces the structure at the start of the input.
    pub(crate) fn replace_input<T: IntoBytes + Immutable>(&self, value: &T) {
        let mut buffer: PVOID = core::ptr::null_mut();
        // SAFETY: the driver owns the request, the result is written before the call returns, and
        // the length is optional.
        let status = unsafe {
            wdf::call!(
                WdfRequestRetrieveInputBuffer,
                self.0,
                size_of::<T>(),
                &raw mut buffer,
                core::ptr::null_mut(),
            )
        };
        if status < 0 || buffer.is_null() {
            return;
        }
        // SAFETY: the buffer, which the system allocated for the request, has room for a `T`, and a
        // private value is no part of it.
        unsafe {
            core::ptr::copy_nonoverlapping(
                core::ptr::from_ref(value).cast::<u8>(),
                buffer.cast(),
                size_of::<T>(),
            );
        }
    }

    /// The output, with room for at least `minimum` bytes.
    pub(crate) fn output(&self, minimum: usize) -> Result<Output<'_>, NtStatus> {
        let mut buffer: PVOID = core::ptr::null_mut();
        let mut room = 0_usize;
        // SAFETY: the driver owns the request, and both results are written before it returns.
        let status = unsafe {
            wdf::call!(
                WdfRequestRetrieveOutputBuffer,
                self.0,
                minimum,
                &raw mut buffer,
                &raw mut room,
            )
        };
        wdf::check(status)?;
        Ok(Output {
            buffer: buffer.cast(),
            room,
            written: 0,
            request: PhantomData,
        })
    }

    /// Completes the request.
    pub(crate) fn complete(self, status: NtStatus) {
        self.complete_with(status, 0);
    }

    /// Completes the request with this number of bytes of output.
    pub(crate) fn complete_with(self, status: NtStatus, information: usize) {
        let request = ManuallyDrop::new(self);
        // SAFETY: the driver owns the request, and ownership ends here.
        unsafe {
            wdf::call!(
                WdfRequestCompleteWithInformation,
                request.0,
                status,
                information as u64,
            );
        }
    }

    /// Completes the request with one structure, or as too small if it does not fit.
    pub(crate) fn reply<T: IntoBytes + Immutable>(self, value: &T) {
        let written = self.output(size_of::<T>()).map(|mut output| {
            output.push(value.as_bytes());
            output.written
        });
        match written {
            Ok(written) => self.complete_with(status::SUCCESS, written),
            Err(status) => self.complete(status),
        }
    }

    /// Forwards the request to a queue; completes it if that fails.
    pub(crate) fn forward_to(self, queue: ManualQueue) {
        // SAFETY: the driver owns the request, which came from the default queue of the device that
        // the other queue belongs to.
        let status = unsafe { wdf::call!(WdfRequestForwardToIoQueue, self.0, queue.0) };
        if status < 0 {
            self.complete(status);
        } else {
            // The queue owns it now.
            let _ = ManuallyDrop::new(self);
        }
    }
}

impl Request {
    /// Sends a create request to the driver below `device`, and completes it with the result from
    /// there. The device's power state does not matter to it.
    pub(crate) fn send_below(self, device: WDFDEVICE) {
        let mut options = WDF_REQUEST_SEND_OPTIONS {
            Size: wdf::size_of_config::<WDF_REQUEST_SEND_OPTIONS>(),
            Flags: wdk_sys::_WDF_REQUEST_SEND_OPTIONS_FLAGS::WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE
                .cast_unsigned(),
            ..WDF_REQUEST_SEND_OPTIONS::default()
        };
        // SAFETY: the device is live, and has its target as long as it lives.
        let target = unsafe { wdf::call!(WdfDeviceGetIoTarget, device) };
        let request = ManuallyDrop::new(self);
        // SAFETY: the driver owns the request.
        unsafe { wdf::call!(WdfRequestFormatRequestUsingCurrentType, request.0) };
        // SAFETY: as above; the routine needs no context.
        unsafe {
            wdf::call!(
                WdfRequestSetCompletionRoutine,
                request.0,
                Some(came_back),
                core::ptr::null_mut(),
            );
        }
        // SAFETY: the request is formatted, and the options live through the call.
        let sent = unsafe { wdf::call!(WdfRequestSend, request.0, target, &raw mut options) };
        if sent == 0 {
            // SAFETY: a request that was not sent is still the driver's.
            let status = unsafe { wdf::call!(WdfRequestGetStatus, request.0) };
            ManuallyDrop::into_inner(request).complete(status);
        }
    }
}

/// `EvtRequestCompletionRoutine` of [`Request::send_below`].
unsafe extern "C" fn came_back(
    request: WDFREQUEST,
    _target: WDFIOTARGET,
    parameters: PWDF_REQUEST_COMPLETION_PARAMS,
    _context: WDFCONTEXT,
) {
    // SAFETY: the framework returns ownership of the request.
    let request = unsafe { Request::own(request) };
    // SAFETY: the framework keeps the parameters through the callback.
    let result = unsafe { &(*parameters).IoStatus };
    // SAFETY: the union's other member is for the kernel's own use.
    let status = unsafe { result.__bindgen_anon_1.Status };
    let information = usize::try_from(result.Information).unwrap_or(0);
    request.complete_with(status, information);
}

impl Drop for Request {
    fn drop(&mut self) {
        // SAFETY: the driver still owns the request, or this would not run.
        unsafe { wdf::call!(WdfRequestComplete, self.0, status::UNSUCCESSFUL) };
    }
}

/// The output of a request, written from its start. Input and output share their memory: the input
/// has to be read first.
pub(crate) struct Output<'r> {
    buffer: *mut u8,
    room: usize,
    written: usize,
    request: PhantomData<&'r Request>,
}

impl Output<'_> {
    /// Bytes that are left.
    pub(crate) const fn room(&self) -> usize {
        self.room.saturating_sub(self.written)
    }

    /// Bytes written so far.
    pub(crate) const fn written(&self) -> usize {
        self.written
    }

    /// Leaves room for bytes that [`fill_front`](Self::fill_front) writes.
    pub(crate) fn leave(&mut self, count: usize) -> Result<(), NtStatus> {
        if count > self.room() {
            return Err(status::BUFFER_TOO_SMALL);
        }
        self.written += count;
        Ok(())
    }

    /// Writes `bytes` to the start of the output, at most as many as are written or left there.
    pub(crate) fn fill_front(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(self.written);
        if self.buffer.is_null() {
            return;
        }
        // SAFETY: `written` is at most the room of the buffer, and private bytes are no part of it.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.buffer, count) };
    }

    /// Appends one structure, which has to fit.
    pub(crate) fn push_structure<T: IntoBytes + Immutable>(
        &mut self,
        value: &T,
    ) -> Result<(), NtStatus> {
        if self.push(value.as_bytes()) {
            Ok(())
        } else {
            Err(status::BUFFER_TOO_SMALL)
        }
    }

    /// Appends all of `bytes`, or nothing if they do not fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.room() || self.buffer.is_null() {
            return false;
        }
        // SAFETY: `written` is at most the room of the buffer.
        let to = unsafe { self.buffer.add(self.written) };
        // SAFETY: the bytes fit after what is written, and private bytes are no part of a
        // request's buffer.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        self.written += bytes.len();
        true
    }
}

/// One control request.
pub(crate) struct Control {
    pub(crate) request: Request,
    pub(crate) code: u32,
    pub(crate) input_length: usize,
    pub(crate) output_length: usize,
}

impl Control {
    /// The input, which is exactly one structure.
    pub(crate) fn input<T: FromBytes + IntoBytes>(&self) -> Result<T, NtStatus> {
        if self.input_length != size_of::<T>() {
            return Err(status::INVALID_PARAMETER);
        }
        self.request
            .input(self.input_length)
            .ok_or(status::INVALID_PARAMETER)
    }

    /// Runs a command without output and completes the request.
    pub(crate) fn run_command<T: FromBytes + IntoBytes>(
        self,
        command: impl FnOnce(T) -> Result<(), NtStatus>,
    ) {
        let outcome = self.input().and_then(command);
        self.request
            .complete(outcome.err().unwrap_or(status::SUCCESS));
    }

    /// Runs a query that writes its output piece by piece, and completes the request.
    pub(crate) fn reply_with<T: FromBytes + IntoBytes>(
        self,
        query: impl FnOnce(T, &mut Output<'_>) -> Result<(), NtStatus>,
    ) {
        let outcome = self.input().and_then(|input| {
            let mut output = self.request.output(1)?;
            query(input, &mut output)?;
            Ok(output.written())
        });
        match outcome {
            Ok(written) => self.request.complete_with(status::SUCCESS, written),
            Err(status) => self.request.complete(status),
        }
    }
}

/// A reserved field has to be zero, so that it can get a meaning later.
pub(crate) fn require_zero<T: Copy + Default + PartialEq>(reserved: T) -> Result<(), NtStatus> {
    if reserved == T::default() {
        Ok(())
    } else {
        Err(status::INVALID_PARAMETER)
    }
}

/// A queue in which requests wait until the driver takes them out. The framework removes and
/// completes those that are cancelled.
#[derive(Clone, Copy)]
pub(crate) struct ManualQueue(WDFQUEUE);

// SAFETY: the framework synchronises the use of its queues.
unsafe impl Send for ManualQueue {}
// SAFETY: as above.
unsafe impl Sync for ManualQueue {}

impl ManualQueue {
    /// Creates an empty queue that is deleted with the device.
    pub(crate) fn new(device: WDFDEVICE) -> Result<Self, NTSTATUS> {
        let config = WDF_IO_QUEUE_CONFIG {
            Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
            DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchManual,
            PowerManaged: wdf::FALSE,
            ..WDF_IO_QUEUE_CONFIG::default()
        };
        create_queue(device, config, INHERIT).map(Self)
    }

    /// Takes the oldest request out, up to `DISPATCH_LEVEL`.
    pub(crate) fn next(self) -> Option<Request> {
        let mut request: WDFREQUEST = core::ptr::null_mut();
        // SAFETY: the queue lives as long as the device, and the caller keeps that from being
        // removed.
        let status = unsafe { wdf::call!(WdfIoQueueRetrieveNextRequest, self.0, &raw mut request) };
        if status < 0 || request.is_null() {
            return None;
        }
        // SAFETY: the driver owns a request that it retrieved from the queue.
        Some(unsafe { Request::own(request) })
    }

    /// The number of requests in it, up to `DISPATCH_LEVEL`.
    pub(crate) fn length(self) -> usize {
        let mut waiting = 0;
        // SAFETY: the queue lives as long as the device, and the caller keeps that from being
        // removed; the count lives through the call, and the other is optional.
        let _ = unsafe {
            wdf::call!(
                WdfIoQueueGetState,
                self.0,
                &raw mut waiting,
                core::ptr::null_mut(),
            )
        };
        waiting as usize
    }
}

/// A manual queue calls no handler, so its level does not matter.
const INHERIT: WDF_EXECUTION_LEVEL =
    wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent;

/// Creates a queue that is deleted with the device.
pub(crate) fn create_queue(
    device: WDFDEVICE,
    mut config: WDF_IO_QUEUE_CONFIG,
    execution_level: WDF_EXECUTION_LEVEL,
) -> Result<WDFQUEUE, NTSTATUS> {
    let mut attributes = object::plain();
    attributes.ExecutionLevel = execution_level;
    let mut queue: WDFQUEUE = core::ptr::null_mut();
    // SAFETY: the device is live, and both structures live through the call.
    let status = unsafe {
        wdf::call!(
            WdfIoQueueCreate,
            device,
            &raw mut config,
            &raw mut attributes,
            &raw mut queue,
        )
    };
    wdf::check(status)?;
    Ok(queue)
}
