//! I/O targets, requests that a driver makes, and sending requests down.
//!
//! Rules (`fxiotargetapi.cpp`, `fxrequestapi.cpp`, `fxiotarget.cpp`): a request is formatted before
//! it is sent, and formatted again before the next time; the completion routine runs on the thread
//! that completes the packet; a request that was sent cannot be used until it came back; it must
//! have come back before it is deleted. For `METHOD_NEITHER` the input buffer is
//! `Type3InputBuffer` and the output buffer is `UserBuffer`.

use alloc::{boxed::Box, vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, NTSTATUS, PDEVICE_OBJECT,
    PFN_WDF_REQUEST_COMPLETION_ROUTINE, PIRP, PVOID, WDF_REQUEST_COMPLETION_PARAMS,
    ntddk::IoCancelIrp,
};

use crate::{
    body::Body,
    call::{Call, callback, number, pointer},
    device::Device,
    request::{Place, Request},
    status, wait,
    world::{self, Reference},
};

/// A `WDFIOTARGET`: the next lower device of a framework device.
pub(crate) struct IoTarget {
    pub(crate) device: Handle,
    pub(crate) object: PDEVICE_OBJECT,
    in_flight: Locked<u32>,
}

/// `WdfIoTargetStop` and deletion wait this long for requests to come back, milliseconds.
const PATIENCE: u32 = 10_000;

impl IoTarget {
    /// The device goes away; its requests must have come back.
    pub(crate) fn dispose(&self) {
        wait::until(PATIENCE, || self.in_flight.with(|count| *count == 0));
    }
}

/// The default target of a device, made when it is first asked for.
pub(crate) fn of_device(device: &Reference<Device>) -> Handle {
    device.target.with(|target| {
        if let Some(target) = *target {
            return target;
        }
        let body = Body::IoTarget(IoTarget {
            device: device.handle(),
            object: device.lower,
            in_flight: Locked::new(0),
        });
        match world::create(body, Some(device.handle()), None) {
            Ok(made) => *target.insert(made),
            Err(_) => Handle(0),
        }
    })
}

/// What a request needs for its way down and back.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) formatted: bool,
    /// The driver's routine, called once for each time the request comes back.
    pub(crate) completion: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    pub(crate) context: usize,
    before: Option<Place>,
    target: Option<Handle>,
    /// The system buffer of `METHOD_BUFFERED` and where its output goes.
    system: Option<Box<[u128]>>,
    output: (usize, usize),
    status: NTSTATUS,
    information: usize,
}

/// A buffer that a driver hands to a target: address and length.
pub(crate) type Buffer = (PVOID, usize);

const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;

/// Formats the next location as a device control.
pub(crate) fn format(
    call: &Call,
    request: &Reference<Request>,
    internal: bool,
    code: u32,
    input: Buffer,
    output: Buffer,
) -> NTSTATUS {
    request.owned_by_driver(call);
    let irp = request.irp;
    let major = if internal {
        IRP_MJ_INTERNAL_DEVICE_CONTROL
    } else {
        IRP_MJ_DEVICE_CONTROL
    };
    let type3 = match code & 3 {
        METHOD_BUFFERED => {
            let system = system_buffer(input, output.1);
            let address = system.as_ptr().cast_mut().cast();
            irp.set_buffers(
                if system.is_empty() {
                    ptr::null_mut()
                } else {
                    address
                },
                output.0,
            );
            request.sent.with(|sent| {
                sent.system = Some(system);
                sent.output = (output.0.addr(), output.1);
            });
            ptr::null_mut()
        }
        METHOD_NEITHER => {
            irp.set_buffers(ptr::null_mut(), output.0);
            input.0
        }
        _ => call.bad_parameter(
            "IoctlCode",
            "uses direct I/O, which the KMDF double does not send",
            u64::from(code),
        ),
    };
    irp.set_next_control(major, code, input.1, output.1, type3);
    request.sent.with(|sent| sent.formatted = true);
    status::SUCCESS
}

fn system_buffer(input: Buffer, output: usize) -> Box<[u128]> {
    let length = input.1.max(output).div_ceil(size_of::<u128>());
    let mut system = vec![0_u128; length].into_boxed_slice();
    if !input.0.is_null() {
        // SAFETY: the buffer has room for the input, which the driver vouches for.
        unsafe {
            ptr::copy_nonoverlapping(input.0.cast::<u8>(), system.as_mut_ptr().cast(), input.1);
        }
    }
    system
}

/// Sends a formatted request. Its completion routine, if any, tells when it is back.
pub(crate) fn send(call: &Call, request: &Reference<Request>, target: &Reference<IoTarget>) {
    request.owned_by_driver(call);
    let formatted = request.sent.with(|sent| {
        sent.before = Some(request.place());
        sent.target = Some(target.handle());
        core::mem::replace(&mut sent.formatted, false)
    });
    if !formatted {
        call.wrong_state(
            request.handle(),
            "was not formatted since it came back last",
        );
    }
    request.set_place(Place::Sent);
    target.in_flight.with(|count| *count += 1);
    request
        .irp
        .set_completion_routine(Some(came_back), pointer(request.handle()));
    request.irp.call(target.object);
}

/// Whether the request is on its way.
pub(crate) fn is_sent(request: &Request) -> bool {
    request.place() == Place::Sent
}

/// Waits until a request that was sent is back; cancels it after `timeout` milliseconds.
pub(crate) fn wait_back(request: &Reference<Request>, timeout: Option<u32>) -> NTSTATUS {
    let back = || !is_sent(request);
    let in_time = wait::until(timeout.unwrap_or(u32::MAX), back);
    if !in_time {
        cancel(request);
        wait::until(u32::MAX, back);
    }
    let status = request.sent.with(|sent| sent.status);
    if !in_time && status == status::CANCELLED {
        status::IO_TIMEOUT
    } else {
        status
    }
}

/// `IoCancelIrp` on a request that was sent. `true` when a cancel routine ran.
pub(crate) fn cancel(request: &Reference<Request>) -> bool {
    if !is_sent(request) {
        return false;
    }
    // SAFETY: the packet is freed with the request, which is alive.
    unsafe { IoCancelIrp(request.irp.raw()) != 0 }
}

/// How a request ended that came back: status and information.
pub(crate) fn outcome(request: &Request) -> (NTSTATUS, usize) {
    request.sent.with(|sent| (sent.status, sent.information))
}

unsafe extern "C" fn came_back(_device: PDEVICE_OBJECT, _irp: PIRP, context: PVOID) -> NTSTATUS {
    let Some(request) = world::typed::<Request>(number(context)) else {
        return status::MORE_PROCESSING_REQUIRED;
    };
    let irp = request.irp;
    let (status, information) = (
        irp.status(),
        usize::try_from(irp.information()).unwrap_or(usize::MAX),
    );
    let (completion, driver_context, before, target) = request.sent.with(|sent| {
        sent.status = status;
        sent.information = information;
        if let Some(system) = sent.system.take()
            && (status.cast_unsigned() >> 30) != 3
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
    request.set_place(before.unwrap_or(Place::Loose));
    let target = target.and_then(world::typed::<IoTarget>);
    if let (Some(completion), Some(target)) = (completion, target.as_ref()) {
        let mut parameters = WDF_REQUEST_COMPLETION_PARAMS {
            Size: crate::argument::size::<WDF_REQUEST_COMPLETION_PARAMS>(),
            Type: wdk_sys::_WDF_REQUEST_TYPE::WdfRequestTypeNoFormat,
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
                    ptr::with_exposed_provenance_mut(driver_context),
                );
            }
        });
    }
    if let Some(target) = target {
        target.in_flight.with(|count| *count -= 1);
    }
    status::MORE_PROCESSING_REQUIRED
}
