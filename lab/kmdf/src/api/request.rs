//! `WdfRequest…` for requests that arrived (`fxrequestapi.cpp`).

use core::ptr;

use kmdf_rules::{level::Level, violation::Violation};
use wdk_sys::{
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, KPROCESSOR_MODE, NTSTATUS, PIRP, PVOID,
    PWDF_DRIVER_GLOBALS, ULONG_PTR, WDFFILEOBJECT, WDFREQUEST,
};

use crate::{
    api::call::Call,
    kernel::{
        argument::Out,
        handle::{number, pointer},
        report::stop,
        status,
    },
    model::{
        device::Device,
        file,
        objects::{self, Reference},
        request::{self, Control, Origin, Request},
        surprise_removal,
    },
};

/// Transfer types, the low two bits of a control code.
const METHOD_MASK: u32 = 3;
const METHOD_BUFFERED: u32 = 0;
const METHOD_NEITHER: u32 = 3;

/// Checks that the driver may complete the request, then completes it.
fn complete_checked(
    function: &'static str,
    request: WDFREQUEST,
    status: NTSTATUS,
    information: Option<u64>,
) {
    let call = Call::enter(function, Level::Dispatch);
    let handle = number(request);
    surprise_removal::forbid(function, handle);
    if objects::was_request(handle) {
        stop(&Violation::DoubleCompletion {
            function,
            request: handle,
        });
    }
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(function);
    if request.origin == Origin::Driver {
        call.wrong_state(
            handle,
            "was created by the driver, which does not complete it",
        );
    }
    if status == status::PENDING {
        stop(&Violation::CompletedPending {
            function,
            request: handle,
        });
    }
    let information = information.unwrap_or_else(|| request.irp.information());
    check_information(&request, status, information);
    request::complete(&request, status, information);
}

/// A buffered request must not report more bytes than its output buffer has: the I/O manager would
/// copy beyond its end. (`FxRequest::VerifyRequestComplete` warns about it.)
fn check_information(request: &Reference<Request>, status: NTSTATUS, information: u64) {
    let Some(control) = device_control(request) else {
        return;
    };
    // The I/O manager copies for successes and warnings; an error's information is not used.
    if control.code & METHOD_MASK == METHOD_BUFFERED
        && !status::is_error(status)
        && information > control.output as u64
    {
        stop(&Violation::InformationTooLarge {
            request: request.handle(),
            information,
            length: control.output as u64,
        });
    }
}

/// The parameters of a device control; `None` for a request of another type.
fn device_control(request: &Request) -> Option<Control> {
    let location = request.irp.parameters();
    matches!(
        u32::from(location.MajorFunction),
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL
    )
    .then(|| request::io_control(&location))
}

/// `WdfRequestComplete`.
pub(crate) unsafe extern "C" fn complete(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    status: NTSTATUS,
) {
    complete_checked("WdfRequestComplete", request, status, None);
}

/// `WdfRequestCompleteWithInformation`.
pub(crate) unsafe extern "C" fn complete_with_information(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
    status: NTSTATUS,
    information: ULONG_PTR,
) {
    let function = "WdfRequestCompleteWithInformation";
    complete_checked(function, request, status, Some(information));
}

/// Address and length of a request's buffer, of which `length` selects the length.
fn buffer(
    call: &Call,
    request: &Request,
    length: fn(Control) -> usize,
    minimum: usize,
) -> Result<(PVOID, usize), NTSTATUS> {
    let control = device_control(request).ok_or(status::INVALID_DEVICE_REQUEST)?;
    match control.code & METHOD_MASK {
        METHOD_BUFFERED => {}
        METHOD_NEITHER => return Err(status::INVALID_DEVICE_REQUEST),
        _ => call.bad_parameter(
            "Request",
            "uses direct I/O, which the KMDF double does not have",
            u64::from(control.code),
        ),
    }
    let (address, length) = (request.irp.system_buffer(), length(control));
    if length == 0 || length < minimum || address.is_null() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    Ok((address, length))
}

macro_rules! buffers {
    ($($name:ident, $function:literal, $length:expr;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                request: WDFREQUEST,
                minimum: usize,
                address: *mut PVOID,
                length: *mut usize,
            ) -> NTSTATUS {
                let call = Call::enter($function, Level::Dispatch);
                let request = call.object::<Request, _>(request);
                request.owned_by_driver(call.function);
                // SAFETY: the driver guarantees its pointers.
                let address = unsafe { Out::new(address) }.required(call.function, "Buffer");
                // SAFETY: as above; the length is optional.
                let length = unsafe { Out::new(length) };
                let found = buffer(&call, &request, $length, minimum);
                let (start, size) = found.unwrap_or((ptr::null_mut(), 0));
                address.set(start);
                length.set(size);
                status::of(found)
            }
        )*
    };
}

buffers! {
    retrieve_input_buffer, "WdfRequestRetrieveInputBuffer", |control| control.input;
    retrieve_output_buffer, "WdfRequestRetrieveOutputBuffer", |control| control.output;
}

macro_rules! getters {
    ($($name:ident, $function:literal, $result:ty, $get:ident;)*) => {
        $(
            #[doc = concat!("`", $function, "`.")]
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                request: WDFREQUEST,
            ) -> $result {
                let call = Call::enter($function, Level::Dispatch);
                call.object::<Request, _>(request).irp.$get()
            }
        )*
    };
}

getters! {
    get_status, "WdfRequestGetStatus", NTSTATUS, status;
    get_requestor_mode, "WdfRequestGetRequestorMode", KPROCESSOR_MODE, requestor_mode;
    wdm_get_irp, "WdfRequestWdmGetIrp", PIRP, raw;
}

/// `WdfRequestGetFileObject`.
pub(crate) unsafe extern "C" fn get_file_object(
    _globals: PWDF_DRIVER_GLOBALS,
    request: WDFREQUEST,
) -> WDFFILEOBJECT {
    let call = Call::enter("WdfRequestGetFileObject", Level::Dispatch);
    let request = call.object::<Request, _>(request);
    let file = match objects::get::<Device>(request.device) {
        Some(device) if request.origin == Origin::Packet => {
            file::expect(call.function, &device, request.wdm_file)
        }
        _ => None,
    };
    file.map_or(ptr::null_mut(), pointer)
}
