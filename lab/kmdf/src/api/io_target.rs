//! `WdfIoTarget…`, and `WdfRequest…` for requests that are sent (`fxiotargetapi.cpp`,
//! `fxrequestapi.cpp`).

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    _WDF_MEMORY_DESCRIPTOR_TYPE::WdfMemoryDescriptorTypeBuffer,
    _WDF_REQUEST_SEND_OPTIONS_FLAGS::{
        WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE, WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET,
    },
    BOOLEAN, NTSTATUS, PFN_WDF_REQUEST_COMPLETION_ROUTINE, PULONG_PTR, PWDF_DRIVER_GLOBALS,
    PWDF_MEMORY_DESCRIPTOR, PWDF_OBJECT_ATTRIBUTES, PWDF_REQUEST_REUSE_PARAMS,
    PWDF_REQUEST_SEND_OPTIONS, PWDFMEMORY_OFFSET, WDF_REQUEST_SEND_OPTIONS, WDFCONTEXT,
    WDFIOTARGET, WDFMEMORY, WDFREQUEST,
    ntddk::IoReuseIrp,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{
        argument::{In, Out},
        irp::Irp,
        status,
    },
    model::{
        driver,
        io_target::{self, Buffer, IoTarget},
        low_resources,
        memory::Memory,
        objects,
        request::{Origin, Request, State},
    },
};

/// `WdfRequestCreate`.
pub(crate) unsafe extern "C" fn create_request(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    target: WDFIOTARGET,
    output: *mut WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestCreate", Level::Dispatch);
    if target.is_null() {
        call.bad_parameter(
            "IoTarget",
            "is NULL, which the KMDF double does not have",
            0,
        );
    }
    let target = call.object::<IoTarget, _>(target);
    let Some(irp) = Irp::allocate(target.object) else {
        return status::INSUFFICIENT_RESOURCES;
    };
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "Request") };
    let created = new.create(&call, |_| Ok(Request::for_driver(irp, target.device)));
    if created.is_err() {
        irp.free();
    }
    status::of(created)
}

/// `WdfRequestReuse`: only of a request that the driver created.
pub(crate) unsafe extern "C" fn reuse(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    parameters: PWDF_REQUEST_REUSE_PARAMS,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestReuse", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(call.function);
    // SAFETY: the driver guarantees its pointers.
    let parameters = unsafe { In::new(parameters) }.required(call.function, "ReuseParams");
    if request.origin != Origin::Driver {
        return status::INVALID_DEVICE_REQUEST;
    }
    // SAFETY: the driver owns the request, so its packet was not sent.
    unsafe { IoReuseIrp(request.irp.raw(), parameters.Status) };
    request.sent.with(|sent| {
        sent.formatted = false;
        sent.completion = None;
    });
    request.set_state(State::Direct);
    status::SUCCESS
}

/// The buffer of a memory object; none for a null handle.
fn of_memory(call: &Call, memory: WDFMEMORY, part: PWDFMEMORY_OFFSET) -> Buffer {
    if !part.is_null() {
        call.bad_parameter(
            "Offset",
            "is not NULL, which the KMDF double does not have",
            part.addr() as u64,
        );
    }
    if memory.is_null() {
        return (ptr::null_mut(), 0);
    }
    call.object::<Memory, _>(memory).buffer()
}

/// `WdfIoTargetFormatRequestForInternalIoctl`.
pub(crate) unsafe extern "C" fn format_internal_ioctl(
    _globals: PWDF_DRIVER_GLOBALS,
    target: WDFIOTARGET,
    request: WDFREQUEST,
    code: u32,
    input: WDFMEMORY,
    input_part: PWDFMEMORY_OFFSET,
    output: WDFMEMORY,
    output_part: PWDFMEMORY_OFFSET,
) -> NTSTATUS {
    let call = Call::enter("WdfIoTargetFormatRequestForInternalIoctl", Level::Dispatch);
    call.object::<IoTarget, _>(target);
    let request = call.object::<Request, _>(request);
    let input = of_memory(&call, input, input_part);
    let output = of_memory(&call, output, output_part);
    io_target::format_internal_control(call.function, &request, code, input, output);
    status::SUCCESS
}

/// `WdfRequestFormatRequestUsingCurrentType`.
pub(crate) unsafe extern "C" fn format_using_current_type(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) {
    let call = Call::enter("WdfRequestFormatRequestUsingCurrentType", Level::Dispatch);
    io_target::format_as_it_is(call.function, &call.object(request));
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
    request.owned_by_driver(call.function);
    request.sent.with(|sent| {
        sent.completion = routine;
        sent.context = context.expose_provenance();
    });
}

/// `WdfRequestSend`.
pub(crate) unsafe extern "C" fn send(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    target: WDFIOTARGET,
    options: PWDF_REQUEST_SEND_OPTIONS,
) -> BOOLEAN {
    const PARAMETER: &str = "RequestOptions";
    let call = Call::enter("WdfRequestSend", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let target = call.object::<IoTarget, _>(target);
    // SAFETY: the options are an optional structure that the driver guarantees.
    let Some(options) = (unsafe { In::new(options.cast_const()) }).optional() else {
        io_target::send(call.function, &request, &target);
        return 1;
    };
    let size = size_of::<WDF_REQUEST_SEND_OPTIONS>();
    call.expect_size(PARAMETER, options.Size, size);
    if options.Flags == WDF_REQUEST_SEND_OPTION_IGNORE_TARGET_STATE.cast_unsigned() {
        io_target::send(call.function, &request, &target);
        return 1;
    }
    if options.Flags != WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET.cast_unsigned() {
        call.bad_parameter(
            PARAMETER,
            "has flags that the KMDF double does not have",
            u64::from(options.Flags),
        );
    }
    io_target::send_and_forget(call.function, &request, &target);
    1
}

/// `WdfRequestCancelSentRequest`.
pub(crate) unsafe extern "C" fn cancel_sent(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> BOOLEAN {
    let call = Call::enter("WdfRequestCancelSentRequest", Level::Dispatch);
    u8::from(io_target::cancel(&call.object::<Request, _>(request)))
}

/// The buffer of a memory descriptor; none for a null pointer.
fn of_descriptor(call: &Call, descriptor: PWDF_MEMORY_DESCRIPTOR) -> Buffer {
    // SAFETY: the descriptor is an optional structure that the driver guarantees.
    let Some(descriptor) = (unsafe { In::new(descriptor.cast_const()) }).optional() else {
        return (ptr::null_mut(), 0);
    };
    if descriptor.Type != WdfMemoryDescriptorTypeBuffer {
        call.bad_parameter(
            "MemoryDescriptor",
            "is of a type that the KMDF double does not have",
            u64::from(descriptor.Type.cast_unsigned()),
        );
    }
    // SAFETY: the type selects the member.
    let buffer = unsafe { descriptor.u.BufferType };
    (buffer.Buffer, buffer.Length as usize)
}

/// `WdfIoTargetSendInternalIoctlSynchronously`, with a request of the framework's and no options.
pub(crate) unsafe extern "C" fn send_internal_ioctl(
    globals: PWDF_DRIVER_GLOBALS,
    target: WDFIOTARGET,
    request: WDFREQUEST,
    code: u32,
    input: PWDF_MEMORY_DESCRIPTOR,
    output: PWDF_MEMORY_DESCRIPTOR,
    options: PWDF_REQUEST_SEND_OPTIONS,
    returned: PULONG_PTR,
) -> NTSTATUS {
    let call = Call::enter("WdfIoTargetSendInternalIoctlSynchronously", Level::Passive);
    let target = call.object::<IoTarget, _>(target);
    for (parameter, given) in [
        ("Request", !request.is_null()),
        ("RequestOptions", !options.is_null()),
    ] {
        if given {
            call.bad_parameter(
                parameter,
                "is not NULL, which the KMDF double does not have",
                1,
            );
        }
    }
    let input = of_descriptor(&call, input);
    let output = of_descriptor(&call, output);
    if let Err(status) = low_resources::count(call.function) {
        return status;
    }
    let Some(irp) = Irp::allocate(target.object) else {
        return status::INSUFFICIENT_RESOURCES;
    };
    let body = Request::for_driver(irp, target.device);
    let sent = match objects::create(body, driver::of_globals(globals), None) {
        Ok(sent) => sent,
        Err(status) => {
            irp.free();
            return status;
        }
    };
    io_target::format_internal_control(call.function, &sent, code, input, output);
    io_target::send(call.function, &sent, &target);
    let status = io_target::await_return(&sent);
    // SAFETY: the count is an optional variable that the driver guarantees.
    unsafe { Out::new(returned) }.set(io_target::outcome(&sent).1 as u64);
    objects::delete(call.function, sent.handle());
    status
}
