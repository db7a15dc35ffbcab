//! The `WdfRequest…` functions for requests that came from above.

use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    BOOLEAN, CCHAR, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ,
    IRP_MJ_WRITE, KPROCESSOR_MODE, NTSTATUS, PFN_WDF_REQUEST_CANCEL, PIRP, PVOID,
    PWDF_DRIVER_GLOBALS, PWDF_REQUEST_PARAMETERS, ULONG_PTR, WDF_REQUEST_PARAMETERS, WDFFILEOBJECT,
    WDFMEMORY, WDFREQUEST,
};

use crate::{
    argument::{In, Out},
    body::Body,
    call::{Call, pointer},
    device::Device,
    file,
    memory::Memory,
    report::stop,
    request::{self, Place, Request},
    status, surprise,
    world::{self, Reference},
};

/// `METHOD_…`, the low two bits of a control code.
const METHOD_MASK: u32 = 3;
const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;

/// Checks that the driver may complete the request, then completes it.
fn complete_checked(
    function: &'static str,
    request: WDFREQUEST,
    status: NTSTATUS,
    information: Option<u64>,
    boost: CCHAR,
) {
    let call = Call::enter(function, Level::Dispatch);
    let handle = crate::call::number(request);
    surprise::forbid(&call, handle);
    if world::typed::<Request>(handle).is_some_and(|request| request.place() == Place::Completed)
        || world::was_request(handle)
    {
        stop(&Violation::DoubleCompletion {
            function,
            request: handle,
        });
    }
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    if request.driver_made {
        call.wrong_state(handle, "was made by the driver, which does not complete it");
    }
    if request.is_cancelable() {
        stop(&Violation::CompletedWhileCancelable {
            function,
            request: handle,
        });
    }
    if status == status::PENDING {
        stop(&Violation::CompletedPending {
            function,
            request: handle,
        });
    }
    let information = information.unwrap_or_else(|| request.irp.information());
    check_information(&request, status, information);
    request::complete_with_boost(&request, status, information, boost);
}

/// A buffered request must not report more bytes than its output buffer has: the I/O manager would
/// copy beyond its end. (`FxRequest::VerifyRequestComplete` warns about it.)
fn check_information(request: &Reference<Request>, status: NTSTATUS, information: u64) {
    let location = request.irp.parameters();
    let length = match u32::from(location.MajorFunction) {
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            let control = request::io_control(&location);
            if control.code & METHOD_MASK != METHOD_BUFFERED {
                return;
            }
            control.output
        }
        IRP_MJ_READ | IRP_MJ_WRITE => request::transfer_length(&location),
        _ => return,
    };
    // Copied back for successes and warnings alike; an error's information is not used.
    if (status.cast_unsigned() >> 30) != 3 && information > length as u64 {
        stop(&Violation::InformationTooLarge {
            request: request.handle(),
            information,
            length: length as u64,
        });
    }
}

/// `WdfRequestComplete`.
pub(crate) unsafe extern "C" fn complete(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    status: NTSTATUS,
) {
    complete_checked("WdfRequestComplete", request, status, None, 0);
}

/// `WdfRequestCompleteWithInformation`.
pub(crate) unsafe extern "C" fn complete_with_information(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    status: NTSTATUS,
    information: ULONG_PTR,
) {
    let function = "WdfRequestCompleteWithInformation";
    complete_checked(function, request, status, Some(information), 0);
}

/// `WdfRequestCompleteWithPriorityBoost`.
pub(crate) unsafe extern "C" fn complete_with_boost(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    status: NTSTATUS,
    boost: CCHAR,
) {
    complete_checked(
        "WdfRequestCompleteWithPriorityBoost",
        request,
        status,
        None,
        boost,
    );
}

/// A buffer of a request: its address and its length.
type Buffer = Result<(PVOID, usize), NTSTATUS>;

fn input(request: &Request) -> Buffer {
    let (irp, location) = (request.irp, request.irp.parameters());
    match u32::from(location.MajorFunction) {
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            let control = request::io_control(&location);
            match control.code & METHOD_MASK {
                METHOD_NEITHER => Err(status::INVALID_DEVICE_REQUEST),
                _ => Ok((irp.system_buffer(), control.input)),
            }
        }
        IRP_MJ_WRITE => Ok((irp.system_buffer(), request::transfer_length(&location))),
        _ => Err(status::INVALID_DEVICE_REQUEST),
    }
}

fn output(request: &Request) -> Buffer {
    let (irp, location) = (request.irp, request.irp.parameters());
    match u32::from(location.MajorFunction) {
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            let control = request::io_control(&location);
            match control.code & METHOD_MASK {
                METHOD_BUFFERED => Ok((irp.system_buffer(), control.output)),
                METHOD_NEITHER => Err(status::INVALID_DEVICE_REQUEST),
                _ => Ok((crate::memory::of_mdl(irp.mdl()), control.output)),
            }
        }
        IRP_MJ_READ => Ok((irp.system_buffer(), request::transfer_length(&location))),
        _ => Err(status::INVALID_DEVICE_REQUEST),
    }
}

fn check_length(buffer: Buffer, minimum: usize) -> Buffer {
    let (address, length) = buffer?;
    if length == 0 || length < minimum || address.is_null() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    Ok((address, length))
}

fn hand_out(found: Buffer, address: Out<PVOID>, length: Out<usize>) -> NTSTATUS {
    match found {
        Ok((found, size)) => {
            address.set(found);
            length.set(size);
            status::SUCCESS
        }
        Err(status) => {
            address.set(core::ptr::null_mut());
            length.set(0);
            status
        }
    }
}

macro_rules! buffers {
    ($($name:ident, $function:literal, $of:expr;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                request: WDFREQUEST,
                minimum: usize,
                buffer: *mut PVOID,
                length: *mut usize,
            ) -> NTSTATUS {
                let call = Call::enter($function, Level::Dispatch);
                let request = call.object::<Request, _>(request);
                request.owned_by_driver(&call);
                // SAFETY: the driver vouches for what it passes.
                let address = unsafe { Out::new(buffer) }.required(&call, "Buffer");
                // SAFETY: as above; the length is optional.
                let size = unsafe { Out::new(length) };
                let of: fn(&Request) -> Buffer = $of;
                hand_out(check_length(of(&request), minimum), address, size)
            }
        )*
    };
}

buffers! {
    retrieve_input_buffer, "WdfRequestRetrieveInputBuffer", input;
    retrieve_output_buffer, "WdfRequestRetrieveOutputBuffer", output;
    retrieve_unsafe_input_buffer, "WdfRequestRetrieveUnsafeUserInputBuffer", |request| {
        neither(request, |control, _| (control.type3_input, control.input))
    };
    retrieve_unsafe_output_buffer, "WdfRequestRetrieveUnsafeUserOutputBuffer", |request| {
        neither(request, |control, irp| (irp.user_buffer(), control.output))
    };
}

fn neither(
    request: &Request,
    of: impl Fn(request::Control, crate::irp::Irp) -> (PVOID, usize),
) -> Buffer {
    let location = request.irp.parameters();
    let control = request::io_control(&location);
    let major = u32::from(location.MajorFunction);
    let is_control = matches!(
        major,
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL
    );
    if !is_control || control.code & METHOD_MASK != METHOD_NEITHER {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    Ok(of(control, request.irp))
}

macro_rules! memories {
    ($($name:ident, $function:literal, $of:ident;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                request: WDFREQUEST,
                memory: *mut WDFMEMORY,
            ) -> NTSTATUS {
                let call = Call::enter($function, Level::Dispatch);
                let request = call.object::<Request, _>(request);
                request.owned_by_driver(&call);
                // SAFETY: the driver vouches for what it passes.
                let place = unsafe { Out::new(memory) }.required(&call, "Memory");
                match check_length($of(&request), 0).and_then(|(address, length)| {
                    let body = Body::Memory(Memory::over(address, length));
                    world::create(body, Some(request.handle()), None)
                }) {
                    Ok(handle) => {
                        place.set(pointer(handle));
                        status::SUCCESS
                    }
                    Err(status) => status,
                }
            }
        )*
    };
}

memories! {
    retrieve_input_memory, "WdfRequestRetrieveInputMemory", input;
    retrieve_output_memory, "WdfRequestRetrieveOutputMemory", output;
}

/// `WdfRequestGetParameters`.
pub(crate) unsafe extern "C" fn get_parameters(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    parameters: PWDF_REQUEST_PARAMETERS,
) {
    let call = Call::enter("WdfRequestGetParameters", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    // SAFETY: the driver vouches for what it passes.
    let given = unsafe { In::new(parameters) }.required(&call, "Parameters");
    if usize::from(given.Size) != size_of::<WDF_REQUEST_PARAMETERS>() {
        call.bad_parameter("Parameters", "has the wrong Size", u64::from(given.Size));
    }
    // SAFETY: as above.
    unsafe { Out::new(parameters) }.set(request::parameters(request.irp));
}

macro_rules! getter {
    ($name:ident, $function:literal, $result:ty, |$request:ident| $value:expr) => {
        #[doc = concat!("`", $function, "`.")]
        pub(crate) unsafe extern "C" fn $name(
            _globals: PWDF_DRIVER_GLOBALS,
            request: WDFREQUEST,
        ) -> $result {
            let call = Call::enter($function, Level::Dispatch);
            let $request = call.object::<Request, _>(request);
            $value
        }
    };
}

getter!(get_status, "WdfRequestGetStatus", NTSTATUS, |request| {
    request.irp.status()
});
getter!(
    get_information,
    "WdfRequestGetInformation",
    ULONG_PTR,
    |request| request.irp.information()
);
getter!(
    get_requestor_mode,
    "WdfRequestGetRequestorMode",
    KPROCESSOR_MODE,
    |request| request.irp.requestor_mode()
);
getter!(wdm_get_irp, "WdfRequestWdmGetIrp", PIRP, |request| request
    .irp
    .raw());

/// `WdfRequestGetFileObject`.
pub(crate) unsafe extern "C" fn get_file_object(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> WDFFILEOBJECT {
    let call = Call::enter("WdfRequestGetFileObject", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let file = match world::typed::<Device>(request.device) {
        Some(device) if !request.driver_made => {
            file::expect(call.function(), &device, request.wdm_file)
        }
        _ => None,
    };
    file.map_or(core::ptr::null_mut(), pointer)
}

getter!(is_canceled, "WdfRequestIsCanceled", BOOLEAN, |request| {
    if request.is_cancelable() {
        call_on_cancelable(request.handle());
    }
    u8::from(request.irp.cancel_requested() != 0)
});
getter!(
    is_from_32_bit,
    "WdfRequestIsFrom32BitProcess",
    BOOLEAN,
    |_request| 0
);
getter!(is_reserved, "WdfRequestIsReserved", BOOLEAN, |_request| 0);

fn call_on_cancelable(handle: Handle) -> ! {
    stop(&Violation::WrongState {
        function: "WdfRequestIsCanceled",
        handle,
        problem: "is marked cancelable; its cancel callback tells",
    })
}

/// `WdfRequestSetInformation`.
pub(crate) unsafe extern "C" fn set_information(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    information: ULONG_PTR,
) {
    let call = Call::enter("WdfRequestSetInformation", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    request.irp.set_information(information);
}

fn prepare_mark(
    call: &Call,
    request: WDFREQUEST,
    cancel: PFN_WDF_REQUEST_CANCEL,
) -> Reference<Request> {
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(call);
    if cancel.is_none() {
        call.bad_parameter("EvtRequestCancel", "is NULL", 0);
    }
    if request.is_cancelable() {
        call.wrong_state(request.handle(), "is marked cancelable already");
    }
    request
}

/// `WdfRequestMarkCancelable`: a request cancelled before is cancelled at once.
pub(crate) unsafe extern "C" fn mark_cancelable(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    cancel: PFN_WDF_REQUEST_CANCEL,
) {
    let call = Call::enter("WdfRequestMarkCancelable", Level::Dispatch);
    let request = prepare_mark(&call, request, cancel);
    if !request::mark_cancelable(&request, cancel)
        && let Some(cancel) = cancel
    {
        crate::call::callback("EvtRequestCancel", Level::Passive, || {
            // SAFETY: the driver's callback with the request that it marked.
            unsafe { cancel(pointer(request.handle())) }
        });
    }
}

/// `WdfRequestMarkCancelableEx`: a request cancelled before is `STATUS_CANCELLED`, without a call.
pub(crate) unsafe extern "C" fn mark_cancelable_ex(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    cancel: PFN_WDF_REQUEST_CANCEL,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestMarkCancelableEx", Level::Dispatch);
    let request = prepare_mark(&call, request, cancel);
    if request::mark_cancelable(&request, cancel) {
        status::SUCCESS
    } else {
        status::CANCELLED
    }
}

/// `WdfRequestUnmarkCancelable`.
pub(crate) unsafe extern "C" fn unmark_cancelable(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfRequestUnmarkCancelable", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    if request::unmark_cancelable(&request) {
        status::SUCCESS
    } else {
        status::CANCELLED
    }
}

/// `WdfRequestStopAcknowledge`.
pub(crate) unsafe extern "C" fn stop_acknowledge(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    requeue: BOOLEAN,
) {
    let call = Call::enter("WdfRequestStopAcknowledge", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let queue = request
        .owned_by_driver(&call)
        .and_then(world::typed::<crate::queue::Queue>);
    if !request.acknowledge_stop() {
        call.wrong_state(request.handle(), "is acknowledged outside of its EvtIoStop");
    }
    if requeue != 0
        && let Some(queue) = queue
    {
        crate::queue::put_back(&queue, &request);
    }
}
