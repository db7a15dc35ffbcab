//! I/O request packets: the parts of `wdm.h` that are inline functions, and requests of our own.

use alloc::boxed::Box;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wdk_sys::ntddk::{IoAllocateIrp, IoCancelIrp, IoFreeIrp, IofCallDriver, IofCompleteRequest};
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, IRP, NTSTATUS, PIRP, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_NOT_SUPPORTED,
};

use crate::kernel::level;
use kernel_runtime::event::Event;

/// `STATUS_MORE_PROCESSING_REQUIRED`
const MORE_PROCESSING_REQUIRED: NTSTATUS = 0xC000_0016_u32.cast_signed();
/// `SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL`
pub(crate) const INVOKE_ALWAYS: u8 = 0xE0;
/// `SL_PENDING_RETURNED`
const PENDING_RETURNED: u8 = 0x01;

/// `IoGetCurrentIrpStackLocation`
pub(crate) fn current(irp: &IRP) -> *mut IO_STACK_LOCATION {
    // SAFETY: a request that a driver holds has the overlay form of the tail.
    let overlay = unsafe { &irp.Tail.Overlay };
    // SAFETY: as before; the union holds the stack location except while it is queued by others.
    unsafe {
        overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    }
}

fn set_current(irp: &mut IRP, location: *mut IO_STACK_LOCATION) {
    // SAFETY: see `current`.
    let overlay = unsafe { &mut irp.Tail.Overlay };
    overlay
        .__bindgen_anon_2
        .__bindgen_anon_1
        .CurrentStackLocation = location;
}

/// The request and its stack location, as a dispatch routine gets them.
///
/// # Safety
///
/// `irp` must be a request that the caller owns for `'a`.
pub(crate) unsafe fn parts<'a>(irp: PIRP) -> (&'a mut IRP, &'a mut IO_STACK_LOCATION) {
    // SAFETY: the caller owns the request.
    let request = unsafe { &mut *irp };
    let location = current(request);
    // SAFETY: the current stack location belongs to the request's owner.
    (request, unsafe { &mut *location })
}

/// `IoSkipCurrentIrpStackLocation` and `IoCallDriver`: hands the request to the driver below.
///
/// # Safety
///
/// The caller owns `irp`, and `below` is the next lower device of its stack.
pub(crate) unsafe fn pass_down(below: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the caller owns the request.
    let request = unsafe { &mut *irp };
    request.CurrentLocation += 1;
    // SAFETY: the location below the current one is part of the same request.
    let previous = unsafe { current(request).add(1) };
    set_current(request, previous);
    // SAFETY: the request has a stack location for the device below, as the caller promises.
    unsafe { IofCallDriver(below, irp) }
}

/// A major or minor function's code as stack locations hold it.
pub(crate) fn byte(code: u32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Fills a new request's parameters of a device control request; `lengths` are those of input and
/// output.
pub(crate) fn set_ioctl(location: &mut IO_STACK_LOCATION, code: u32, lengths: (u32, u32)) {
    // SAFETY: the parameters of a new request are zero, valid for each of their members.
    let parameters = unsafe { &mut location.Parameters.DeviceIoControl };
    parameters.IoControlCode = code;
    parameters.InputBufferLength = lengths.0;
    parameters.OutputBufferLength = lengths.1;
}

/// `IoMarkIrpPending`
pub(crate) fn mark_pending(location: &mut IO_STACK_LOCATION) {
    location.Control |= PENDING_RETURNED;
}

/// Completes a request and returns its status.
///
/// # Safety
///
/// The caller owns `irp` and does not touch it again.
pub(crate) unsafe fn complete(irp: PIRP, status: NTSTATUS, information: u64) -> NTSTATUS {
    // SAFETY: the caller owns the request.
    let request = unsafe { &mut *irp };
    request.IoStatus.__bindgen_anon_1.Status = status;
    request.IoStatus.Information = information;
    // SAFETY: as before; this is the last touch.
    unsafe { IofCompleteRequest(irp, 0) };
    status
}

/// The status that a request holds.
pub(crate) fn status_of(request: &IRP) -> NTSTATUS {
    // SAFETY: the union's other member is for the kernel's own use.
    unsafe { request.IoStatus.__bindgen_anon_1.Status }
}

/// How a request of our own ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) status: NTSTATUS,
    pub(crate) information: u64,
    /// The driver completed it at `DISPATCH_LEVEL`.
    pub(crate) raised: bool,
}

/// Requests of our own that a driver holds.
static OPEN: AtomicU32 = AtomicU32::new(0);

/// How many requests of our own are at a driver.
pub(crate) fn open() -> u32 {
    OPEN.load(Ordering::SeqCst)
}

struct Shared {
    finished: Event,
    completed: AtomicBool,
    raised: AtomicBool,
}

/// A request of our own that was sent. Dropping it cancels it and waits for its end.
pub(crate) struct Sent {
    irp: PIRP,
    shared: Box<Shared>,
}

// SAFETY: requests belong to no thread.
unsafe impl Send for Sent {}
// SAFETY: what a shared reference does, looking and cancelling, may be done from any thread.
unsafe impl Sync for Sent {}

/// Sends a request to the top of a device stack. `prepare` fills the request and its first stack
/// location; every buffer it names must outlive the returned value.
pub(crate) fn send(
    device: *mut DEVICE_OBJECT,
    prepare: impl FnOnce(&mut IRP, &mut IO_STACK_LOCATION),
) -> Result<Sent, NTSTATUS> {
    // SAFETY: the caller holds a reference to the device.
    let stack_size = unsafe { (*device).StackSize };
    // SAFETY: NULL is an answer.
    let irp = unsafe { IoAllocateIrp(stack_size, 0) };
    if irp.is_null() {
        return Err(STATUS_INSUFFICIENT_RESOURCES);
    }
    let shared = Box::new(Shared {
        finished: Event::new(),
        completed: AtomicBool::new(false),
        raised: AtomicBool::new(false),
    });
    // SAFETY: the request was just allocated and is not shared yet.
    let request = unsafe { &mut *irp };
    request.IoStatus.__bindgen_anon_1.Status = STATUS_NOT_SUPPORTED;
    // SAFETY: a new request has at least one stack location, below the current one.
    let next = unsafe { current(request).sub(1) };
    // SAFETY: as before; the request is not shared yet.
    let next = unsafe { &mut *next };
    prepare(request, next);
    next.CompletionRoutine = Some(completed);
    next.Context = (&raw const *shared).cast_mut().cast();
    next.Control = INVOKE_ALWAYS;
    OPEN.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the request is filled; the device is referenced by the caller.
    let _ = unsafe { IofCallDriver(device, irp) };
    Ok(Sent { irp, shared })
}

unsafe extern "C" fn completed(
    _device: *mut DEVICE_OBJECT,
    _irp: PIRP,
    context: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the context outlives the request: `Sent` waits for the event before it is freed.
    let shared = unsafe { &*context.cast::<Shared>() };
    OPEN.fetch_sub(1, Ordering::SeqCst);
    shared.raised.store(level::is_raised(), Ordering::SeqCst);
    shared.completed.store(true, Ordering::SeqCst);
    shared.finished.set();
    MORE_PROCESSING_REQUIRED
}

impl Sent {
    /// Whether the request is still at the driver.
    pub(crate) fn is_pending(&self) -> bool {
        !self.shared.completed.load(Ordering::SeqCst)
    }

    /// Waits for the end; `None` when the time is over first.
    pub(crate) fn wait(&self, milliseconds: Option<u32>) -> Option<Completion> {
        let finished = &self.shared.finished;
        match milliseconds {
            Some(limit) if !finished.wait_within(limit) => return None,
            Some(_) => {}
            None => finished.wait(),
        }
        // SAFETY: the driver has completed the request, so it is ours again.
        let request = unsafe { &*self.irp };
        Some(Completion {
            status: status_of(request),
            information: request.IoStatus.Information,
            raised: self.shared.raised.load(Ordering::SeqCst),
        })
    }

    pub(crate) fn cancel(&self) {
        if self.is_pending() {
            // SAFETY: the request is not freed before it is completed and `self` dropped.
            unsafe { IoCancelIrp(self.irp) };
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.cancel();
        self.shared.finished.wait();
        // SAFETY: the completion routine has run and kept the request for us.
        unsafe { IoFreeIrp(self.irp) };
    }
}
