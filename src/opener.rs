//! Opens of the device: whether a file may send management codes, which [`pf_state::opener`]
//! decides.

use core::{
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use pf_state::{
    opener::{self, Opened},
    status::{self, NtStatus},
};
use wdk_sys::{
    ACCESS_MASK, GENERIC_MAPPING, NTSTATUS, PIRP, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFFILEOBJECT,
    WDFREQUEST,
};

use crate::os::{
    object::{self, Context, ContextType},
    packet,
    request::Request,
    unicode::Name,
    wdf,
};

/// The reference string of the management interface.
pub(crate) static REFERENCE_STRING: Name<10> = Name::new(opener::MANAGEMENT);

/// The context of a file, zero until it was opened for management.
struct Opener {
    for_management: AtomicBool,
}

impl Context for Opener {
    const TYPE: &'static ContextType = {
        static TYPE: ContextType = ContextType::of::<Opener>(c"Opener", &TYPE);
        &TYPE
    };
}

/// Attributes of the files of a device.
pub(crate) fn file_attributes() -> WDF_OBJECT_ATTRIBUTES {
    object::with_context::<Opener>()
}

/// How a file was opened; none for a request without a file, or with one that the device never saw.
pub(crate) fn opened(file: WDFFILEOBJECT) -> Option<Opened> {
    if file.is_null() {
        return None;
    }
    let context = object::context::<Opener>(file.cast())?;
    // SAFETY: the framework made the context zeroed, which is a value of it, and keeps it with the
    // file.
    let opener = unsafe { context.as_ref() };
    Some(if opener.for_management.load(Ordering::Acquire) {
        Opened::ForManagement
    } else {
        Opened::Plainly
    })
}

/// `EvtDeviceFileCreate` of a function driver, at `PASSIVE_LEVEL` in the opener's thread.
pub(crate) unsafe extern "C" fn create(
    _device: WDFDEVICE,
    request: WDFREQUEST,
    file: WDFFILEOBJECT,
) {
    // SAFETY: the framework passes ownership of the request.
    let request = unsafe { Request::own(request) };
    let status = match admit(&request, file) {
        Err(status) => status,
        Ok(Opened::Plainly) => status::SUCCESS,
        Ok(Opened::ForManagement) => mark(file),
    };
    request.complete(status);
}

/// How a create request opens a file, or the status that refuses it.
pub(crate) fn admit(request: &Request, file: WDFFILEOBJECT) -> Result<Opened, NtStatus> {
    opener::open(
        !file.is_null() && is_management(file),
        request.is_from_user_mode(),
        || is_administrator(request),
    )
    .ok_or(status::ACCESS_DENIED)
}

/// Notes that a file was opened for management; the status with which the open ends.
pub(crate) fn mark(file: WDFFILEOBJECT) -> NTSTATUS {
    let Some(context) = object::context::<Opener>(file.cast()) else {
        return status::UNSUCCESSFUL;
    };
    // SAFETY: as in `opened`.
    unsafe { context.as_ref() }
        .for_management
        .store(true, Ordering::Release);
    status::SUCCESS
}

/// Whether a file has the name that the management interface gives it.
fn is_management(file: WDFFILEOBJECT) -> bool {
    // SAFETY: the framework gave the file for this open, during which its name is valid.
    let name = unsafe { wdf::call!(WdfFileObjectGetFileName, file) };
    // SAFETY: the framework returns NULL or the name of the file object.
    let Some(name) = (unsafe { name.as_ref() }) else {
        return false;
    };
    if name.Buffer.is_null() {
        return false;
    }
    // SAFETY: the buffer has `Length` bytes, and does not change during the open.
    let units = unsafe { core::slice::from_raw_parts(name.Buffer, usize::from(name.Length) / 2) };
    opener::is_management(units)
}

/// `FILE_READ_DATA`
const READ_DATA: ACCESS_MASK = 1;
/// `IoGetFileObjectGenericMapping` of `wdm.h`: what the generic rights mean for a file.
const MAPPING: GENERIC_MAPPING = GENERIC_MAPPING {
    GenericRead: 0x0012_0089,
    GenericWrite: 0x0012_0116,
    GenericExecute: 0x0012_00A0,
    GenericAll: 0x001F_01FF,
};

/// Whether SYSTEM or a member of Administrators sent a create request; false without a security
/// context.
///
/// The context of the request counts, not the thread's: a driver above may have forwarded the
/// request from a thread of its own.
fn is_administrator(request: &Request) -> bool {
    let irp = request.packet();
    // SAFETY: the driver owns the create request.
    let Some(access) = (unsafe { access_state(irp) }) else {
        return false;
    };
    // SAFETY: the I/O manager keeps the access state for the time of the open.
    let subject = unsafe { &raw mut (*access).SubjectSecurityContext };
    let mut mapping = MAPPING;
    let mut granted: ACCESS_MASK = 0;
    let mut status: NTSTATUS = status::ACCESS_DENIED;
    // SAFETY: the descriptor is static and only read; the subject context is the I/O manager's,
    // which is not locked; the rest lives through the call, at PASSIVE_LEVEL.
    let allowed = unsafe {
        wdk_sys::ntddk::SeAccessCheck(
            ptr::from_ref(&opener::ADMINISTRATORS).cast_mut().cast(),
            subject,
            0,
            READ_DATA,
            0,
            ptr::null_mut(),
            &raw mut mapping,
            USER_MODE,
            &raw mut granted,
            &raw mut status,
        )
    };
    allowed != 0
}

/// `UserMode` of `MODE`, as a `KPROCESSOR_MODE`.
const USER_MODE: wdk_sys::KPROCESSOR_MODE = 1;

/// The access state of a create request.
///
/// # Safety
/// The request is a create request that this driver owns.
unsafe fn access_state(irp: PIRP) -> Option<wdk_sys::PACCESS_STATE> {
    // SAFETY: as the caller promises.
    let location = unsafe { packet::stack_location(irp) };
    // SAFETY: the location is this driver's for as long as it owns the request.
    let parameters = unsafe { &(*location).Parameters };
    // SAFETY: a create request uses this member.
    let context = unsafe { parameters.Create.SecurityContext };
    // SAFETY: NULL, or the I/O manager's for the time of the open.
    let context = unsafe { context.as_ref() }?;
    (!context.AccessState.is_null()).then_some(context.AccessState)
}
