//! Requests: one packet each, from arrival to completion.
//!
//! Rules (`fxrequest.cpp`, `fxrequestapi.cpp`): the driver owns a request from its presentation
//! until it completes or forwards it; a cancelable request is unmarked before completion; cleanup
//! callbacks run before the packet is completed; after completion the handle is dead unless a
//! reference was taken. Stricter than life: completing twice, with `STATUS_PENDING`, or with more
//! bytes than the output buffer has stops the run.

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    _WDF_REQUEST_TYPE::{
        WdfRequestTypeDeviceControl, WdfRequestTypeDeviceControlInternal, WdfRequestTypeRead,
        WdfRequestTypeWrite,
    },
    IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ,
    IRP_MJ_WRITE, NTSTATUS, PDEVICE_OBJECT, PDRIVER_CANCEL, PFILE_OBJECT, PFN_WDF_REQUEST_CANCEL,
    PIRP, WDF_REQUEST_PARAMETERS,
    ntddk::IoReleaseCancelSpinLock,
};

use crate::{
    body::Body,
    call::{Call, callback, pointer},
    device::Device,
    file,
    irp::Irp,
    queue::{self, Queue},
    report::stop,
    status,
    target::Sent,
    world::{self, Reference},
};

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Made by the framework, not yet on a queue.
    New,
    /// Waiting on a queue.
    Waiting(Handle),
    /// Taken from its queue by a cancel routine that has not finished.
    Cancelling(Handle),
    /// The driver owns it; it came from this queue.
    Driver(Handle),
    /// The driver owns it and it came from no queue (create, caller context, or driver-made).
    Loose,
    /// Sent to an I/O target.
    Sent,
    /// Completed.
    Completed,
}

/// How far a request has come with `EvtIoStop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Its queue is not stopping.
    No,
    /// The driver was asked.
    Asked,
    /// The driver called `WdfRequestStopAcknowledge`.
    Acknowledged,
}

struct State {
    place: Place,
    presented: bool,
    /// A cancel callback was called for it, or would have been if the driver had one.
    cancelled: bool,
    cancel: PFN_WDF_REQUEST_CANCEL,
    stop: Stop,
}

/// A `WDFREQUEST`.
pub(crate) struct Request {
    pub(crate) irp: Irp,
    pub(crate) device: Handle,
    pub(crate) file: Option<Handle>,
    /// The file object of the packet when it arrived.
    pub(crate) wdm_file: PFILE_OBJECT,
    /// The driver made it with `WdfRequestCreate`.
    pub(crate) driver_made: bool,
    state: Locked<State>,
    pub(crate) sent: Locked<Sent>,
}

impl Request {
    pub(crate) fn new(irp: Irp, device: Handle, file: Option<Handle>, driver_made: bool) -> Self {
        Self {
            irp,
            device,
            file,
            wdm_file: if driver_made {
                core::ptr::null_mut()
            } else {
                irp.parameters().FileObject
            },
            driver_made,
            state: Locked::new(State {
                place: if driver_made {
                    Place::Loose
                } else {
                    Place::New
                },
                presented: false,
                cancelled: false,
                cancel: None,
                stop: Stop::No,
            }),
            sent: Locked::new(Sent::default()),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.state.with(|state| state.place)
    }

    pub(crate) fn set_place(&self, place: Place) {
        self.state.with(|state| state.place = place);
    }

    /// Whether the driver has seen the request.
    pub(crate) fn was_presented(&self) -> bool {
        self.state.with(|state| state.presented)
    }

    pub(crate) fn set_presented(&self) {
        self.state.with(|state| state.presented = true);
    }

    /// Whether the driver marked the request cancelable.
    pub(crate) fn is_cancelable(&self) -> bool {
        self.state.with(|state| state.cancel.is_some())
    }

    /// Whether a cancellation has reached the framework.
    pub(crate) fn was_cancelled(&self) -> bool {
        self.state.with(|state| state.cancelled)
    }

    pub(crate) fn set_cancelled(&self) {
        self.state.with(|state| state.cancelled = true);
    }

    /// `EvtIoStop` is about to be called.
    pub(crate) fn begin_stop(&self) {
        self.state.with(|state| state.stop = Stop::Asked);
    }

    /// `WdfRequestStopAcknowledge`; `false` when the driver was not asked to stop.
    pub(crate) fn acknowledge_stop(&self) -> bool {
        self.state.with(|state| {
            let asked = state.stop == Stop::Asked;
            if asked {
                state.stop = Stop::Acknowledged;
            }
            asked
        })
    }

    /// The driver has acknowledged, or no longer owns the request.
    pub(crate) fn has_stopped(&self) -> bool {
        self.state.with(|state| {
            state.stop == Stop::Acknowledged || !matches!(state.place, Place::Driver(_))
        })
    }

    /// The device went on; the next `EvtIoStop` needs an acknowledgement of its own.
    pub(crate) fn end_stop(&self) {
        self.state.with(|state| state.stop = Stop::No);
    }

    /// Lets the packet be cancelled by `routine`. `false` when it was cancelled before and the
    /// routine will not run.
    pub(crate) fn arm(&self, routine: PDRIVER_CANCEL) -> bool {
        self.irp.swap_cancel_routine(routine);
        self.irp.cancel_requested() == 0 || !self.irp.swap_cancel_routine(None)
    }

    /// Takes the cancel routine away. `false` when it has run or is about to.
    pub(crate) fn disarm(&self) -> bool {
        self.irp.swap_cancel_routine(None)
    }
}

impl Request {
    /// The request is being deleted: a packet that the driver's request brought along is freed.
    pub(crate) fn dispose(&self, handle: Handle) {
        if !self.driver_made {
            self.must_be_completed(handle);
            return;
        }
        if self.place() == Place::Sent {
            stop(&Violation::WrongState {
                function: "WdfObjectDelete",
                handle,
                problem: "is a request that was sent and has not come back",
            });
        }
        self.irp.free();
    }
}

impl Request {
    /// The framework's requests are deleted by their completion, never by their device's removal.
    fn must_be_completed(&self, request: Handle) {
        let queue = match self.place() {
            Place::Completed => return,
            Place::Driver(queue) | Place::Waiting(queue) | Place::Cancelling(queue) => queue,
            Place::New | Place::Loose | Place::Sent => Handle(0),
        };
        stop(&Violation::RequestKept {
            at: "device removal",
            request,
            queue,
            seconds: 0,
        });
    }
}

impl Reference<Request> {
    /// Checks that the driver owns the request, and returns the queue it came from.
    pub(crate) fn owned_by_driver(&self, call: &Call) -> Option<Handle> {
        let whereabouts = match self.place() {
            Place::Driver(queue) => return Some(queue),
            Place::Loose => return None,
            Place::Completed => stop(&Violation::DoubleCompletion {
                function: call.function(),
                request: self.handle(),
            }),
            Place::New => "which the framework has not presented yet",
            Place::Waiting(_) => "which waits on a queue",
            Place::Cancelling(_) => "which is being cancelled on its queue",
            Place::Sent => "which was sent to an I/O target",
        };
        stop(&Violation::RequestNotOwned {
            function: call.function(),
            request: self.handle(),
            whereabouts,
        })
    }
}

/// The request of a packet whose cancel routine runs; gives the cancel spin lock back.
///
/// # Safety
/// `irp` is the packet that the system passed to the cancel routine of a live request.
pub(crate) unsafe fn of_cancelled(irp: PIRP) -> Option<Reference<Request>> {
    // SAFETY: the caller passes a live packet.
    let irp = unsafe { Irp::new(irp) }?;
    // SAFETY: the system acquired the lock for this cancel routine.
    unsafe { IoReleaseCancelSpinLock(irp.cancel_irql()) };
    world::typed(irp.owner())
}

/// Makes the request for a packet that arrived at `device`.
pub(crate) fn create(
    device: &Reference<Device>,
    irp: Irp,
    file: Option<Handle>,
) -> Result<Reference<Request>, NTSTATUS> {
    let body = Body::Request(Request::new(irp, device.handle(), file, false));
    let attributes = device.settings.request_attributes.as_ref();
    let request = world::create_typed::<Request>(body, Some(device.handle()), attributes)?;
    irp.set_owner(request.handle());
    Ok(request)
}

/// Presents a request to the handler of its type.
pub(crate) fn present(queue: &Reference<Queue>, request: &Reference<Request>) {
    request.set_presented();
    let (to, what) = (pointer(queue.handle()), pointer(request.handle()));
    let location = request.irp.parameters();
    let config = &queue.config;
    let major = u32::from(location.MajorFunction);
    let control = io_control(&location);
    let handler = match major {
        IRP_MJ_DEVICE_CONTROL => config.EvtIoDeviceControl,
        IRP_MJ_INTERNAL_DEVICE_CONTROL => config.EvtIoInternalDeviceControl,
        _ => None,
    };
    let transfer = match major {
        IRP_MJ_READ => config.EvtIoRead,
        IRP_MJ_WRITE => config.EvtIoWrite,
        _ => None,
    };
    if let Some(handler) = handler {
        let name = if major == IRP_MJ_DEVICE_CONTROL {
            "EvtIoDeviceControl"
        } else {
            "EvtIoInternalDeviceControl"
        };
        callback(name, Level::Passive, || {
            // SAFETY: the driver's callback with its queue and a request that it owns now.
            unsafe { handler(to, what, control.output, control.input, control.code) }
        });
    } else if let Some(transfer) = transfer {
        let length = transfer_length(&location);
        let name = if major == IRP_MJ_READ {
            "EvtIoRead"
        } else {
            "EvtIoWrite"
        };
        callback(name, Level::Passive, || {
            // SAFETY: as above.
            unsafe { transfer(to, what, length) }
        });
    } else if let Some(default) = config.EvtIoDefault {
        callback("EvtIoDefault", Level::Passive, || {
            // SAFETY: as above.
            unsafe { default(to, what) }
        });
    } else {
        complete(request, status::INVALID_DEVICE_REQUEST, 0);
    }
}

/// The parameters of a device control packet.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    pub(crate) code: u32,
    pub(crate) output: usize,
    pub(crate) input: usize,
    pub(crate) type3_input: wdk_sys::PVOID,
}

/// Reads the parameters of a device control packet.
pub(crate) fn io_control(location: &wdk_sys::IO_STACK_LOCATION) -> Control {
    // SAFETY: every member of the union is plain data; the caller looks at the major function.
    let control = unsafe { location.Parameters.DeviceIoControl };
    Control {
        code: control.IoControlCode,
        output: control.OutputBufferLength as usize,
        input: control.InputBufferLength as usize,
        type3_input: control.Type3InputBuffer,
    }
}

/// Length of a read or a write; both have it at the same place.
pub(crate) fn transfer_length(location: &wdk_sys::IO_STACK_LOCATION) -> usize {
    // SAFETY: every member of the union is plain data; the caller looks at the major function.
    (unsafe { location.Parameters.Read.Length }) as usize
}

/// `WDF_REQUEST_PARAMETERS` of a packet.
pub(crate) fn parameters(irp: Irp) -> WDF_REQUEST_PARAMETERS {
    let location = irp.parameters();
    let mut parameters = WDF_REQUEST_PARAMETERS {
        Size: u16::try_from(size_of::<WDF_REQUEST_PARAMETERS>()).unwrap_or(0),
        MinorFunction: location.MinorFunction,
        Type: i32::from(location.MajorFunction),
        ..Default::default()
    };
    match u32::from(location.MajorFunction) {
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            let control = io_control(&location);
            parameters.Parameters.DeviceIoControl.OutputBufferLength = control.output;
            parameters.Parameters.DeviceIoControl.InputBufferLength = control.input;
            parameters.Parameters.DeviceIoControl.IoControlCode = control.code;
            parameters.Parameters.DeviceIoControl.Type3InputBuffer = control.type3_input;
        }
        IRP_MJ_READ => parameters.Parameters.Read.Length = transfer_length(&location),
        IRP_MJ_WRITE => parameters.Parameters.Write.Length = transfer_length(&location),
        _ => {}
    }
    parameters
}

/// Completes a request that the framework or the driver owns.
///
/// Order: cleanup callbacks, then the packet, then the queue, then the destroy callbacks.
pub(crate) fn complete(request: &Reference<Request>, status: NTSTATUS, information: u64) {
    complete_with_boost(request, status, information, 0);
}

/// As [`complete`], with a priority boost for the waiting thread.
pub(crate) fn complete_with_boost(
    request: &Reference<Request>,
    status: NTSTATUS,
    information: u64,
    boost: i8,
) {
    let place = request
        .state
        .with(|state| core::mem::replace(&mut state.place, Place::Completed));
    let irp = request.irp;
    if !status::is_success(status)
        && u32::from(irp.parameters().MajorFunction) == IRP_MJ_CREATE
        && let Some(device) = world::typed::<Device>(request.device)
        && let Some(file) = request.file
    {
        file::open_failed(&device, file);
    }
    world::delete_around("WdfRequestComplete", request.handle(), || {
        irp.set_status(status);
        irp.set_information(information);
        irp.complete(boost);
    });
    if let Place::Driver(queue) = place
        && let Some(queue) = world::typed::<Queue>(queue)
    {
        queue.state.with(|state| state.forget(request.handle()));
        queue::present(&queue);
    }
}

/// `WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET`: the packet goes down and the request is no more.
pub(crate) fn send_and_forget(call: &Call, request: &Reference<Request>, lower: PDEVICE_OBJECT) {
    let queue = request.owned_by_driver(call);
    let irp = request.irp;
    request.set_place(Place::Completed);
    world::delete_around(call.function(), request.handle(), || {
        irp.skip();
        irp.call(lower);
    });
    if let Some(queue) = queue.and_then(world::typed::<Queue>) {
        queue.state.with(|state| state.forget(request.handle()));
        queue::present(&queue);
    }
}

/// `WdfRequestMarkCancelable`. `false` when the packet was cancelled before.
pub(crate) fn mark_cancelable(
    request: &Reference<Request>,
    routine: PFN_WDF_REQUEST_CANCEL,
) -> bool {
    request.state.with(|state| state.cancel = routine);
    let armed = request.arm(Some(cancel_marked));
    if !armed {
        request.state.with(|state| state.cancel = None);
    }
    armed
}

/// `WdfRequestUnmarkCancelable`. `false` when the cancel callback runs or ran.
pub(crate) fn unmark_cancelable(request: &Reference<Request>) -> bool {
    let mine = request.disarm();
    if mine {
        request.state.with(|state| state.cancel = None);
    }
    mine
}

/// The queue is purged: what the driver marked cancelable is cancelled.
pub(crate) fn cancel_owned(request: &Reference<Request>) {
    if request.is_cancelable() && request.disarm() {
        call_cancel(request);
    }
}

unsafe extern "C" fn cancel_marked(_device: PDEVICE_OBJECT, irp: PIRP) {
    // SAFETY: the system passes the packet of a request that is marked cancelable.
    if let Some(request) = unsafe { of_cancelled(irp) } {
        call_cancel(&request);
    }
}

/// Calls `EvtRequestCancel`.
pub(crate) fn call_cancel(request: &Reference<Request>) {
    let Some(routine) = request.state.with(|state| state.cancel.take()) else {
        return;
    };
    request.set_cancelled();
    callback("EvtRequestCancel", Level::Passive, || {
        // SAFETY: the driver's callback with the request that it marked.
        unsafe { routine(pointer(request.handle())) }
    });
}

/// The request type that decides the queue.
pub(crate) const fn request_type(major: u32) -> i32 {
    match major {
        IRP_MJ_READ => WdfRequestTypeRead,
        IRP_MJ_WRITE => WdfRequestTypeWrite,
        IRP_MJ_DEVICE_CONTROL => WdfRequestTypeDeviceControl,
        _ => WdfRequestTypeDeviceControlInternal,
    }
}
