//! The `WdfIoTarget…` functions, and the `WdfRequest…` functions for requests that are sent.

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    _WDF_MEMORY_DESCRIPTOR_TYPE::{WdfMemoryDescriptorTypeBuffer, WdfMemoryDescriptorTypeHandle},
    _WDF_REQUEST_SEND_OPTIONS_FLAGS::{
        WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET, WDF_REQUEST_SEND_OPTION_SYNCHRONOUS,
        WDF_REQUEST_SEND_OPTION_TIMEOUT,
    },
    BOOLEAN, LPCGUID, NTSTATUS, PDEVICE_OBJECT, PFN_WDF_REQUEST_COMPLETION_ROUTINE, PINTERFACE,
    PIO_STACK_LOCATION, PULONG_PTR, PVOID, PWDF_DRIVER_GLOBALS, PWDF_MEMORY_DESCRIPTOR,
    PWDF_OBJECT_ATTRIBUTES, PWDF_REQUEST_COMPLETION_PARAMS, PWDF_REQUEST_REUSE_PARAMS,
    PWDF_REQUEST_SEND_OPTIONS, PWDFMEMORY_OFFSET, WDF_REQUEST_SEND_OPTIONS, WDFCONTEXT, WDFDEVICE,
    WDFIOTARGET, WDFMEMORY, WDFREQUEST,
    ntddk::{IoAllocateIrp, IoReuseIrp},
};

use crate::{
    argument::{In, Out},
    body::Body,
    call::{Call, pointer},
    interface,
    irp::Irp,
    memory::Memory,
    request::{self, Place, Request},
    status,
    target::{self, Buffer, IoTarget},
    world::{self, Order, Reference},
};

/// `WdfIoTargetGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    io_target: WDFIOTARGET,
) -> WDFDEVICE {
    let call = Call::enter("WdfIoTargetGetDevice", Level::Dispatch);
    pointer(call.object::<IoTarget, _>(io_target).device)
}

/// `WdfIoTargetWdmGetTargetDeviceObject`.
pub(crate) unsafe extern "C" fn wdm_get_target(
    _globals: PWDF_DRIVER_GLOBALS,
    io_target: WDFIOTARGET,
) -> PDEVICE_OBJECT {
    let call = Call::enter("WdfIoTargetWdmGetTargetDeviceObject", Level::Dispatch);
    call.object::<IoTarget, _>(io_target).object
}

/// `WdfIoTargetQueryForInterface`.
pub(crate) unsafe extern "C" fn query_for_interface(
    _globals: PWDF_DRIVER_GLOBALS,
    io_target: WDFIOTARGET,
    class: LPCGUID,
    exposed: PINTERFACE,
    size: u16,
    version: u16,
    specific: PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfIoTargetQueryForInterface", Level::Passive);
    let object = call.object::<IoTarget, _>(io_target).object;
    interface::send_query(object, class, exposed, size, version, specific)
}

/// `WdfRequestCreate`.
pub(crate) unsafe extern "C" fn create_request(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    io_target: WDFIOTARGET,
    output: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestCreate", Level::Dispatch);
    let Some(io_target) = call.optional_object::<IoTarget, _>(io_target) else {
        call.bad_parameter(
            "IoTarget",
            "is NULL, which the KMDF double does not have",
            0,
        )
    };
    // SAFETY: the target's device object exists as long as the target.
    let locations = unsafe { (*io_target.object).StackSize };
    // SAFETY: allocates a packet.
    let irp = unsafe { IoAllocateIrp(locations, 0) };
    // SAFETY: the packet is freed when the request is disposed of.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        return status::INSUFFICIENT_RESOURCES;
    };
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, output, "Request") };
    let made = world::create_for(&call, &order, |_| {
        Ok(Body::Request(Request::new(
            irp,
            io_target.device,
            None,
            true,
        )))
    });
    if made.is_err() {
        irp.free();
    }
    status::of(made)
}

/// `WdfRequestReuse`: of a request that the driver made and that is not on its way.
pub(crate) unsafe extern "C" fn reuse(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    parameters: PWDF_REQUEST_REUSE_PARAMS,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestReuse", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    // SAFETY: the driver vouches for what it passes.
    let parameters = unsafe { In::new(parameters) }.required(&call, "ReuseParams");
    if !request.driver_made {
        return status::INVALID_DEVICE_REQUEST;
    }
    // SAFETY: the packet is not on its way.
    unsafe { IoReuseIrp(request.irp.raw(), parameters.Status) };
    request.sent.with(|sent| {
        sent.formatted = false;
        sent.completion = None;
    });
    request.set_place(Place::Loose);
    status::SUCCESS
}

/// A part of a memory object as a buffer.
fn of_memory(
    call: &Call,
    memory: WDFMEMORY,
    offset: PWDFMEMORY_OFFSET,
) -> Result<Buffer, NTSTATUS> {
    let Some(memory) = call.optional_object::<Memory, _>(memory) else {
        return Ok((ptr::null_mut(), 0));
    };
    let (address, size) = memory.buffer();
    // SAFETY: the offsets are an optional structure that the driver vouches for.
    let Some(part) = (unsafe { In::new(offset.cast_const()) }).optional() else {
        return Ok((address, size));
    };
    let rest = size
        .checked_sub(part.BufferOffset)
        .ok_or(status::INVALID_BUFFER_SIZE)?;
    let length = if part.BufferLength == 0 {
        rest
    } else {
        part.BufferLength
    };
    if length > rest {
        return Err(status::INVALID_BUFFER_SIZE);
    }
    Ok((
        address.cast::<u8>().wrapping_add(part.BufferOffset).cast(),
        length,
    ))
}

macro_rules! formats {
    ($($name:ident, $function:literal, $internal:literal;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                io_target: WDFIOTARGET,
                request: WDFREQUEST,
                code: u32,
                input: WDFMEMORY,
                input_part: PWDFMEMORY_OFFSET,
                output: WDFMEMORY,
                output_part: PWDFMEMORY_OFFSET,
            ) -> NTSTATUS {
                let call = Call::enter($function, Level::Dispatch);
                call.object::<IoTarget, _>(io_target);
                let request = call.object::<Request, _>(request);
                let input = of_memory(&call, input, input_part);
                let output = of_memory(&call, output, output_part);
                match (input, output) {
                    (Ok(input), Ok(output)) => {
                        target::format(&call, &request, $internal, code, input, output)
                    }
                    (Err(status), _) | (_, Err(status)) => status,
                }
            }
        )*
    };
}

formats! {
    format_ioctl, "WdfIoTargetFormatRequestForIoctl", false;
    format_internal_ioctl, "WdfIoTargetFormatRequestForInternalIoctl", true;
}

/// `WdfRequestFormatRequestUsingCurrentType`.
pub(crate) unsafe extern "C" fn format_using_current(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) {
    let call = Call::enter("WdfRequestFormatRequestUsingCurrentType", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    request.irp.copy_to_next();
    request.sent.with(|sent| sent.formatted = true);
}

/// `WdfRequestWdmFormatUsingStackLocation`.
pub(crate) unsafe extern "C" fn format_using_location(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    location: PIO_STACK_LOCATION,
) {
    let call = Call::enter("WdfRequestWdmFormatUsingStackLocation", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    // SAFETY: the driver vouches for what it passes.
    let location = unsafe { In::new(location.cast_const()) }.required(&call, "Stack");
    request.irp.set_next_location(location);
    request.sent.with(|sent| sent.formatted = true);
}

/// `WdfRequestSetCompletionRoutine`.
pub(crate) unsafe extern "C" fn set_completion_routine(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    routine: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    context: WDFCONTEXT,
) {
    let call = Call::enter("WdfRequestSetCompletionRoutine", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    request.sent.with(|sent| {
        sent.completion = routine;
        sent.context = context.expose_provenance();
    });
}

/// The flags and the timeout in milliseconds of send options.
fn options(call: &Call, options: PWDF_REQUEST_SEND_OPTIONS) -> (i32, Option<u32>) {
    // SAFETY: the options are an optional structure that the driver vouches for.
    let Some(options) = (unsafe { In::new(options.cast_const()) }).optional() else {
        return (0, None);
    };
    if options.Size as usize != size_of::<WDF_REQUEST_SEND_OPTIONS>() {
        call.bad_parameter(
            "RequestOptions",
            "has the wrong Size",
            u64::from(options.Size),
        );
    }
    let flags = options.Flags.cast_signed();
    let timeout = (flags & WDF_REQUEST_SEND_OPTION_TIMEOUT != 0)
        .then(|| u32::try_from(options.Timeout.unsigned_abs() / 10_000).unwrap_or(u32::MAX));
    (flags, timeout)
}

/// `WdfRequestSend`.
pub(crate) unsafe extern "C" fn send(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    io_target: WDFIOTARGET,
    send_options: PWDF_REQUEST_SEND_OPTIONS,
) -> BOOLEAN {
    // SAFETY: the options are an optional structure that the driver vouches for.
    let synchronous = unsafe { In::new(send_options.cast_const()) }
        .optional()
        .is_some_and(|options| {
            options.Flags.cast_signed() & WDF_REQUEST_SEND_OPTION_SYNCHRONOUS != 0
        });
    let maximum = if synchronous {
        Level::Passive
    } else {
        Level::Dispatch
    };
    let call = Call::enter("WdfRequestSend", maximum);
    let (flags, timeout) = options(&call, send_options);
    let request = call.object::<Request, _>(request);
    let io_target = call.object::<IoTarget, _>(io_target);
    if flags & WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET != 0 {
        request::send_and_forget(&call, &request, io_target.object);
        return 1;
    }
    target::send(&call, &request, &io_target);
    if synchronous {
        target::wait_back(&request, timeout);
    } else if timeout.is_some() {
        call.bad_parameter(
            "RequestOptions",
            "asks for a timeout of an asynchronous request, which the KMDF double does not have",
            u64::from(flags.cast_unsigned()),
        );
    }
    1
}

/// `WdfRequestCancelSentRequest`.
pub(crate) unsafe extern "C" fn cancel_sent(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> BOOLEAN {
    let call = Call::enter("WdfRequestCancelSentRequest", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    u8::from(target::cancel(&request))
}

/// `WdfRequestGetCompletionParams`.
pub(crate) unsafe extern "C" fn get_completion_params(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    parameters: PWDF_REQUEST_COMPLETION_PARAMS,
) {
    let call = Call::enter("WdfRequestGetCompletionParams", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    // SAFETY: the driver vouches for what it passes.
    let mut given = unsafe { In::new(parameters.cast_const()) }.required(&call, "Params");
    let (status, information) = target::outcome(&request);
    given.IoStatus.__bindgen_anon_1.Status = status;
    given.IoStatus.Information = information as u64;
    // SAFETY: as above.
    unsafe { Out::new(parameters) }.set(given);
}

/// A buffer of a memory descriptor.
fn of_descriptor(call: &Call, descriptor: PWDF_MEMORY_DESCRIPTOR) -> Result<Buffer, NTSTATUS> {
    // SAFETY: the descriptor is an optional structure that the driver vouches for.
    let Some(descriptor) = (unsafe { In::new(descriptor.cast_const()) }).optional() else {
        return Ok((ptr::null_mut(), 0));
    };
    if descriptor.Type == WdfMemoryDescriptorTypeBuffer {
        // SAFETY: the type selects the member.
        let buffer = unsafe { descriptor.u.BufferType };
        Ok((buffer.Buffer, buffer.Length as usize))
    } else if descriptor.Type == WdfMemoryDescriptorTypeHandle {
        // SAFETY: the type selects the member.
        let handle = unsafe { descriptor.u.HandleType };
        of_memory(call, handle.Memory, handle.Offsets)
    } else {
        call.bad_parameter(
            "MemoryDescriptor",
            "is of a type that the KMDF double does not have",
            u64::from(descriptor.Type.cast_unsigned()),
        )
    }
}

macro_rules! synchronous {
    ($($name:ident, $function:literal, $internal:literal;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                globals: PWDF_DRIVER_GLOBALS,
                io_target: WDFIOTARGET,
                request: WDFREQUEST,
                code: u32,
                input: PWDF_MEMORY_DESCRIPTOR,
                output: PWDF_MEMORY_DESCRIPTOR,
                send_options: PWDF_REQUEST_SEND_OPTIONS,
                returned: PULONG_PTR,
            ) -> NTSTATUS {
                let call = Call::enter($function, Level::Passive);
                let io_target = call.object::<IoTarget, _>(io_target);
                let (_, timeout) = options(&call, send_options);
                let buffers = of_descriptor(&call, input)
                    .and_then(|input| Ok((input, of_descriptor(&call, output)?)));
                let (input, output) = match buffers {
                    Ok(buffers) => buffers,
                    Err(status) => return status,
                };
                let sent = match request_or_temporary(&call, globals, request, &io_target) {
                    Ok(sent) => sent,
                    Err(status) => return status,
                };
                target::format(&call, &sent, $internal, code, input, output);
                target::send(&call, &sent, &io_target);
                let status = target::wait_back(&sent, timeout);
                // SAFETY: the count is an optional place that the driver vouches for.
                unsafe { Out::new(returned) }.set(target::outcome(&sent).1 as u64);
                if request.is_null() {
                    world::delete(call.function(), sent.handle());
                }
                status
            }
        )*
    };
}

synchronous! {
    send_ioctl, "WdfIoTargetSendIoctlSynchronously", false;
    send_internal_ioctl, "WdfIoTargetSendInternalIoctlSynchronously", true;
}

/// The driver's request, or one for this call alone.
fn request_or_temporary(
    call: &Call,
    globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    io_target: &Reference<IoTarget>,
) -> Result<Reference<Request>, NTSTATUS> {
    if !request.is_null() {
        return Ok(call.object(request));
    }
    let mut made: WDFREQUEST = ptr::null_mut();
    // SAFETY: the parameters are this function's own.
    let status = unsafe {
        create_request(
            globals,
            ptr::null_mut(),
            pointer(io_target.handle()),
            &raw mut made,
        )
    };
    if status::is_success(status) {
        Ok(call.object(made))
    } else {
        Err(status)
    }
}
