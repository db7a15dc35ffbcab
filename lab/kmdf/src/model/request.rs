//! Requests: one packet each, from arrival to completion.
//!
//! Rules (`fxrequest.cpp`, `fxrequestapi.cpp`): the driver owns a request from its presentation
//! until it completes, forwards or sends it; cleanup callbacks run before the packet is completed;
//! after completion the handle is dead.

use alloc::boxed::Box;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    object::{Handle, Kind},
    violation::Violation,
};
use wdk_sys::{
    IO_STACK_LOCATION, NTSTATUS, PDRIVER_CANCEL, PFILE_OBJECT, PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    PIRP, ntddk::IoReleaseCancelSpinLock,
};

use crate::{
    kernel::{irp::Irp, report::stop},
    model::objects::{self, Body, Reference},
};

/// The queue that a request came from.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) queue: Handle,
    /// Tells the queue that the driver no longer owns the request.
    pub(crate) released: fn(queue: Handle, request: Handle),
}

/// Where a request is.
#[derive(Clone, Copy)]
pub(crate) enum State {
    /// The framework created it; it is not yet on a queue.
    New,
    /// It waits on a queue.
    Queued(Handle),
    /// A cancel routine took it from its queue and has not finished.
    CancelPending(Handle),
    /// The driver owns it and got it from a queue.
    Owned(Source),
    /// The driver owns it and got it from no queue: a create request, or one that it created.
    Direct,
    /// It was sent to an I/O target.
    Sent,
    /// It was completed.
    Completed,
}

/// Who created a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The framework, for a packet that arrived.
    Packet,
    /// The driver, with `WdfRequestCreate`.
    Driver,
}

/// A request's way to an I/O target and back.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) formatted: bool,
    /// The driver's routine, called once for each time the request comes back.
    pub(crate) completion: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    /// The exposed address that the routine gets.
    pub(crate) context: usize,
    /// The state before the request was sent.
    pub(crate) before: Option<State>,
    pub(crate) target: Option<Handle>,
    /// The system buffer of `METHOD_BUFFERED`.
    pub(crate) system: Option<Box<[u128]>>,
    /// Exposed address and length of the driver's output buffer.
    pub(crate) output: (usize, usize),
    pub(crate) status: NTSTATUS,
    pub(crate) information: usize,
}

/// A `WDFREQUEST`.
pub(crate) struct Request {
    pub(crate) irp: Irp,
    pub(crate) device: Handle,
    pub(crate) file: Option<Handle>,
    /// The file object of the packet when it arrived.
    pub(crate) wdm_file: PFILE_OBJECT,
    pub(crate) origin: Origin,
    /// Called with the final status, before the packet is completed.
    on_completion: Option<fn(&Request, NTSTATUS)>,
    state: Locked<State>,
    pub(crate) sent: Locked<Sent>,
}

impl Body for Request {
    const KIND: Kind = Kind::Request;

    fn dispose(&self, handle: Handle) {
        match self.origin {
            Origin::Packet => self.must_be_completed(handle),
            Origin::Driver => {
                if matches!(self.state(), State::Sent) {
                    stop(&Violation::WrongState {
                        function: "WdfObjectDelete",
                        handle,
                        problem: "is a request that was sent and has not come back",
                    });
                }
                self.irp.free();
            }
        }
    }
}

impl Request {
    /// The request that a driver creates for a packet of its own.
    pub(crate) fn for_driver(irp: Irp, device: Handle) -> Self {
        Self {
            irp,
            device,
            file: None,
            wdm_file: core::ptr::null_mut(),
            origin: Origin::Driver,
            on_completion: None,
            state: Locked::new(State::Direct),
            sent: Locked::default(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state.with(|state| *state)
    }

    pub(crate) fn set_state(&self, new: State) {
        self.state.with(|state| *state = new);
    }

    /// Lets `routine` cancel the packet. Returns `false` when the packet was cancelled before and
    /// the routine will not run.
    pub(crate) fn arm(&self, routine: PDRIVER_CANCEL) -> bool {
        self.irp.swap_cancel_routine(routine);
        self.irp.cancel_requested() == 0 || !self.irp.swap_cancel_routine(None)
    }

    /// Takes the cancel routine away. Returns `false` when it ran or is about to run.
    pub(crate) fn disarm(&self) -> bool {
        self.irp.swap_cancel_routine(None)
    }

    /// Requests for packets are deleted by their completion, never with their device.
    fn must_be_completed(&self, request: Handle) {
        let queue = match self.state() {
            State::Completed => return,
            State::Owned(source) => source.queue,
            State::Queued(queue) | State::CancelPending(queue) => queue,
            State::New | State::Direct | State::Sent => Handle(0),
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
    pub(crate) fn owned_by_driver(&self, function: &'static str) -> Option<Source> {
        let whereabouts = match self.state() {
            State::Owned(source) => return Some(source),
            State::Direct => return None,
            State::Completed => stop(&Violation::DoubleCompletion {
                function,
                request: self.handle(),
            }),
            State::New => "which the framework has not presented yet",
            State::Queued(_) => "which waits on a queue",
            State::CancelPending(_) => "which is being cancelled on its queue",
            State::Sent => "which was sent to an I/O target",
        };
        stop(&Violation::RequestNotOwned {
            function,
            request: self.handle(),
            whereabouts,
        })
    }
}

/// The request of a packet whose cancel routine runs; releases the cancel spin lock.
///
/// # Safety
/// `irp` is the packet that the system passed to the cancel routine of a live request.
pub(crate) unsafe fn of_cancelled(irp: PIRP) -> Option<Reference<Request>> {
    // SAFETY: the caller passes a live packet.
    let irp = unsafe { Irp::new(irp) }?;
    // SAFETY: the system acquired the lock for this cancel routine.
    unsafe { IoReleaseCancelSpinLock(irp.cancel_irql()) };
    objects::get(irp.owner())
}

/// Creates the request for a packet that arrived at `device`.
///
/// # Errors
/// Those of [`objects::create`].
pub(crate) fn create(
    device: Handle,
    irp: Irp,
    file: Option<Handle>,
    on_completion: Option<fn(&Request, NTSTATUS)>,
) -> Result<Reference<Request>, NTSTATUS> {
    let body = Request {
        irp,
        device,
        file,
        wdm_file: irp.parameters().FileObject,
        origin: Origin::Packet,
        on_completion,
        state: Locked::new(State::New),
        sent: Locked::default(),
    };
    let request = objects::create(body, Some(device), None)?;
    irp.set_owner(request.handle());
    Ok(request)
}

/// Completes a request that the framework or the driver owns.
pub(crate) fn complete(request: &Reference<Request>, status: NTSTATUS, information: u64) {
    let irp = request.irp;
    if let Some(on_completion) = request.on_completion {
        on_completion(request, status);
    }
    end(request, "WdfRequestComplete", || {
        irp.set_status(status);
        irp.set_information(information);
        irp.complete();
    });
}

/// Ends a request. Order: cleanup callbacks, then `give_up` for the packet, then the destroy
/// callbacks, then the queue.
pub(crate) fn end(request: &Reference<Request>, function: &'static str, give_up: impl FnOnce()) {
    let before = request
        .state
        .with(|state| core::mem::replace(state, State::Completed));
    objects::delete_around(function, request.handle(), give_up);
    if let State::Owned(source) = before {
        (source.released)(source.queue, request.handle());
    }
}

/// The parameters of a device control packet.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    pub(crate) code: u32,
    /// Lengths in bytes.
    pub(crate) output: usize,
    pub(crate) input: usize,
}

/// Reads the parameters of a device control packet.
pub(crate) fn io_control(location: &IO_STACK_LOCATION) -> Control {
    // SAFETY: every member of the union is plain data; the caller checked the major function.
    let control = unsafe { location.Parameters.DeviceIoControl };
    Control {
        code: control.IoControlCode,
        output: control.OutputBufferLength as usize,
        input: control.InputBufferLength as usize,
    }
}
