//! I/O targets, and requests sent to them.
//!
//! Rules (`fxiotargetapi.cpp`, `fxrequestapi.cpp`, `fxiotarget.cpp`): a request is formatted before
//! each time it is sent; the completion routine runs on the thread that completes the packet; a
//! request that was sent cannot be used or deleted until it came back. For `METHOD_NEITHER` the
//! input buffer is `Type3InputBuffer` and the output buffer is `UserBuffer`.

use alloc::{boxed::Box, vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
    violation::Violation,
};
use wdk_sys::{
    _WDF_REQUEST_TYPE::WdfRequestTypeNoFormat, IRP_MJ_CREATE, NTSTATUS, PDEVICE_OBJECT,
    PFN_WDF_REQUEST_COMPLETION_ROUTINE, PIRP, PVOID, WDF_REQUEST_COMPLETION_PARAMS,
    ntddk::IoCancelIrp,
};

use crate::{
    kernel::{
        argument::size,
        handle::{number, pointer},
        report::stop,
        status, wait,
    },
    model::{
        device::Device,
        file::FileObject,
        objects::{self, Body, Reference},
        request::{self, Request, State},
        threads::callback,
    },
};

/// A `WDFIOTARGET`: the next lower device of a framework device.
pub(crate) struct IoTarget {
    pub(crate) device: Handle,
    pub(crate) object: PDEVICE_OBJECT,
    in_flight: Locked<u32>,
}

/// How long a deletion waits for requests to come back, milliseconds.
const TIMEOUT: u32 = 10_000;

impl Body for IoTarget {
    const KIND: Kind = Kind::IoTarget;

    fn dispose(&self, _handle: Handle) {
        wait::until(TIMEOUT, || self.in_flight.with(|count| *count == 0));
    }
}

/// The default target of a device, created on its first use.
///
/// # Errors
/// Those of [`objects::create`].
pub(crate) fn of_device(device: &Reference<Device>) -> Result<Handle, NTSTATUS> {
    device.io_target.with(|target| {
        if let Some(target) = *target {
            return Ok(target);
        }
        let body = IoTarget {
            device: device.handle(),
            object: device.lower,
            in_flight: Locked::new(0),
        };
        let made = objects::create(body, Some(device.handle()), None)?;
        Ok(*target.insert(made.handle()))
    })
}

/// Address and length in bytes of a buffer that a driver passes to a target.
pub(crate) type Buffer = (PVOID, usize);

/// Transfer types, the low two bits of a control code.
const METHOD_MASK: u32 = 3;
const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;

/// Formats a request as an internal device control.
pub(crate) fn format_internal_control(
    function: &'static str,
    request: &Reference<Request>,
    code: u32,
    input: Buffer,
    output: Buffer,
) {
    request.owned_by_driver(function);
    let irp = request.irp;
    let type3 = match code & METHOD_MASK {
        METHOD_BUFFERED => {
            let system = system_buffer(input, output.1);
            let address = if system.is_empty() {
                ptr::null_mut()
            } else {
                system.as_ptr().cast_mut().cast()
            };
            irp.set_buffers(address, output.0);
            request.sent.with(|sent| {
                sent.system = Some(system);
                sent.output = (output.0.expose_provenance(), output.1);
            });
            ptr::null_mut()
        }
        METHOD_NEITHER => {
            irp.set_buffers(ptr::null_mut(), output.0);
            input.0
        }
        _ => stop(&Violation::BadParameter {
            function,
            parameter: "IoctlCode",
            problem: "uses direct I/O, which the KMDF double does not have",
            value: u64::from(code),
        }),
    };
    irp.set_next_internal_control(code, input.1, output.1, type3);
    request.sent.with(|sent| sent.formatted = true);
}

fn system_buffer(input: Buffer, output: usize) -> Box<[u128]> {
    let length = input.1.max(output).div_ceil(size_of::<u128>());
    let mut system = vec![0_u128; length].into_boxed_slice();
    if !input.0.is_null() {
        // SAFETY: the buffer has room for the input, which the driver guarantees.
        unsafe {
            ptr::copy_nonoverlapping(input.0.cast::<u8>(), system.as_mut_ptr().cast(), input.1);
        }
    }
    system
}

/// Formats a request as the packet is (`WdfRequestFormatRequestUsingCurrentType`).
pub(crate) fn format_as_it_is(function: &'static str, request: &Reference<Request>) {
    request.owned_by_driver(function);
    request.irp.copy_to_next();
    request.sent.with(|sent| sent.formatted = true);
}

/// Sends a formatted request. Its completion routine runs when it comes back.
pub(crate) fn send(
    function: &'static str,
    request: &Reference<Request>,
    target: &Reference<IoTarget>,
) {
    request.owned_by_driver(function);
    let formatted = request.sent.with(|sent| {
        sent.before = Some(request.state());
        sent.target = Some(target.handle());
        core::mem::replace(&mut sent.formatted, false)
    });
    if !formatted {
        stop(&Violation::WrongState {
            function,
            handle: request.handle(),
            problem: "was not formatted since it came back last",
        });
    }
    if u32::from(request.irp.parameters().MajorFunction) == IRP_MJ_CREATE
        && let Some(file) = request.file.and_then(objects::get::<FileObject>)
    {
        file.is_known_below.with(|known| *known = true);
    }
    request.set_state(State::Sent);
    target.in_flight.with(|count| *count += 1);
    request
        .irp
        .set_completion_routine(Some(came_back), pointer(request.handle()));
    request.irp.call(target.object);
}

/// `WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET`: the packet goes down, and the request ends.
pub(crate) fn send_and_forget(
    function: &'static str,
    request: &Reference<Request>,
    target: &IoTarget,
) {
    request.owned_by_driver(function);
    let irp = request.irp;
    let completion = request.sent.with(|sent| sent.completion.is_some());
    // `FxRequestBase::VerifySendAndForget`, and the page of `WdfRequestSend`.
    let problem = if completion {
        Some("has a completion routine, which a request that is forgotten never reaches")
    } else if u32::from(irp.parameters().MajorFunction) == IRP_MJ_CREATE && request.file.is_some() {
        Some("is a create with a file object, whose result the framework has to see")
    } else {
        None
    };
    if let Some(problem) = problem {
        stop(&Violation::WrongState {
            function,
            handle: request.handle(),
            problem,
        });
    }
    request::end(request, function, || {
        irp.skip();
        irp.call(target.object);
    });
}

/// Waits until a request that was sent is back, and returns its status.
pub(crate) fn await_return(request: &Request) -> NTSTATUS {
    wait::until(u32::MAX, || !matches!(request.state(), State::Sent));
    outcome(request).0
}

/// Cancels a request that was sent. `true` when a cancel routine ran.
pub(crate) fn cancel(request: &Request) -> bool {
    // SAFETY: the packet is freed with the request, which is alive.
    matches!(request.state(), State::Sent) && unsafe { IoCancelIrp(request.irp.raw()) != 0 }
}

/// Status and information of a request that came back.
pub(crate) fn outcome(request: &Request) -> (NTSTATUS, usize) {
    request.sent.with(|sent| (sent.status, sent.information))
}

/// The completion routine of every packet that was sent.
unsafe extern "C" fn came_back(_device: PDEVICE_OBJECT, _irp: PIRP, context: PVOID) -> NTSTATUS {
    let Some(request) = objects::get::<Request>(number(context)) else {
        return status::MORE_PROCESSING_REQUIRED;
    };
    let irp = request.irp;
    let (status, information) = (
        irp.status(),
        usize::try_from(irp.information()).unwrap_or(usize::MAX),
    );
    let (completion, context, before, target) = request.sent.with(|sent| {
        sent.status = status;
        sent.information = information;
        if let Some(system) = sent.system.take()
            && !status::is_error(status)
        {
            let length = information.min(sent.output.1);
            let to = ptr::with_exposed_provenance_mut::<u8>(sent.output.0);
            // SAFETY: the driver keeps its output buffer until the request is back.
            unsafe { ptr::copy_nonoverlapping(system.as_ptr().cast::<u8>(), to, length) };
        }
        (
            sent.completion.take(),
            sent.context,
            sent.before.take(),
            sent.target.take(),
        )
    });
    request.set_state(before.unwrap_or(State::Direct));
    let Some(target) = target.and_then(objects::get::<IoTarget>) else {
        return status::MORE_PROCESSING_REQUIRED;
    };
    call_completion_routine(
        &request,
        &target,
        completion,
        context,
        (status, information),
    );
    target.in_flight.with(|count| *count -= 1);
    status::MORE_PROCESSING_REQUIRED
}

fn call_completion_routine(
    request: &Reference<Request>,
    target: &Reference<IoTarget>,
    completion: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    context: usize,
    (status, information): (NTSTATUS, usize),
) {
    let Some(completion) = completion else { return };
    let mut parameters = WDF_REQUEST_COMPLETION_PARAMS {
        Size: size::<WDF_REQUEST_COMPLETION_PARAMS>(),
        Type: WdfRequestTypeNoFormat,
        ..Default::default()
    };
    parameters.IoStatus.__bindgen_anon_1.Status = status;
    parameters.IoStatus.Information = information as u64;
    callback("EvtRequestCompletionRoutine", Level::Passive, || {
        // SAFETY: the driver's routine with its request, its target and its own context.
        unsafe {
            completion(
                pointer(request.handle()),
                pointer(target.handle()),
                &raw mut parameters,
                ptr::with_exposed_provenance_mut(context),
            );
        }
    });
}
