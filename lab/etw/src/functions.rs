//! The four functions, as `wdm.h` declares them.

use alloc::vec::Vec;
use core::{ffi::c_void, slice};

use etw_rules::{
    handle::Handle,
    provider_id::ProviderId,
    registration::{Descriptor, Header, MOST_DESCRIPTORS, Registrations},
    violation::Violation,
};
use kernel_runtime::lock::Locked;
use wdk_sys::{EVENT_DATA_DESCRIPTOR, EVENT_DESCRIPTOR, GUID, NTSTATUS, REGHANDLE};

use crate::{
    level,
    report::{note, obey, stop},
};

/// `STATUS_SUCCESS`: a call that breaks no rule succeeds.
const SUCCESS: NTSTATUS = 0;

static REGISTRATIONS: Locked<Registrations> = Locked::new(Registrations::new());

/// Registers a provider.
///
/// # Safety
/// The pointers are NULL or valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwRegister(
    provider: *const GUID,
    callback: *const c_void,
    _context: *const c_void,
    result: *mut REGHANDLE,
) -> NTSTATUS {
    const FUNCTION: &str = "EtwRegister";
    not_null(FUNCTION, "ProviderId", provider);
    not_null(FUNCTION, "RegHandle", result);
    if !callback.is_null() {
        stop(&Violation::Callback);
    }
    // SAFETY: demanded of the caller; a GUID is 16 bytes.
    let id = ProviderId(unsafe { provider.cast::<[u8; 16]>().read() });
    let level = level::current();
    let handle = obey(REGISTRATIONS.with(|all| all.register(level, id)));
    note!("registration {handle} of {id} made");
    // SAFETY: demanded of the caller.
    unsafe { result.write(handle.0) };
    SUCCESS
}

/// Sets a provider's traits.
///
/// # Safety
/// `information` is NULL or has `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwSetInformation(
    handle: REGHANDLE,
    class: i32,
    information: *const c_void,
    length: u32,
) -> NTSTATUS {
    const FUNCTION: &str = "EtwSetInformation";
    not_null(FUNCTION, "EventInformation", information);
    let handle = Handle(handle);
    let level = level::current();
    // SAFETY: demanded of the caller.
    let information = unsafe { slice::from_raw_parts(information.cast(), length as usize) };
    let set = REGISTRATIONS.with(|all| all.set_information(level, handle, class, information));
    let name = obey(set);
    note!("registration {handle} is {name}");
    SUCCESS
}

/// Writes an event.
///
/// # Safety
/// `descriptor` is NULL or valid; `data` is NULL or has `count` descriptors, and each of them points
/// to as many bytes as it says, or to NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwWriteTransfer(
    handle: REGHANDLE,
    descriptor: *const EVENT_DESCRIPTOR,
    _activity: *const GUID,
    _related: *const GUID,
    count: u32,
    data: *const EVENT_DATA_DESCRIPTOR,
) -> NTSTATUS {
    const FUNCTION: &str = "EtwWriteTransfer";
    not_null(FUNCTION, "EventDescriptor", descriptor);
    if count > MOST_DESCRIPTORS {
        stop(&Violation::TooManyDescriptors { count });
    }
    if count > 0 {
        not_null(FUNCTION, "UserData", data);
    }
    // SAFETY: demanded of the caller.
    let descriptor = unsafe { *descriptor };
    let header = Header {
        channel: descriptor.Channel,
        level: descriptor.Level,
    };
    let data = (0..count as usize).map(|place| {
        // SAFETY: demanded of the caller: one of `count` descriptors.
        let place_in_array = unsafe { data.add(place) };
        // SAFETY: as above.
        let data = unsafe { *place_in_array };
        Descriptor {
            // SAFETY: demanded of the caller.
            bytes: unsafe { bytes(place, data) },
            reserved: data.Reserved,
        }
    });
    let data = data.collect::<Vec<_>>();
    let written = REGISTRATIONS.with(|all| all.write(Handle(handle), header, &data));
    let event = obey(written);
    note!("{event}");
    SUCCESS
}

/// What a data descriptor points to.
///
/// # Safety
/// It points to as many bytes as it says, or to NULL, and they stay through the caller's call.
unsafe fn bytes<'b>(place: usize, data: EVENT_DATA_DESCRIPTOR) -> &'b [u8] {
    let size = data.Size;
    if size == 0 {
        return &[];
    }
    if data.Ptr == 0 {
        stop(&Violation::NullData { place, size });
    }
    let start = core::ptr::with_exposed_provenance(usize::try_from(data.Ptr).unwrap_or(0));
    // SAFETY: demanded of the caller.
    unsafe { slice::from_raw_parts(start, size as usize) }
}

/// Ends a provider's registration.
///
/// # Safety
/// None; a handle is a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwUnregister(handle: REGHANDLE) -> NTSTATUS {
    let handle = Handle(handle);
    let level = level::current();
    obey(REGISTRATIONS.with(|all| all.unregister(level, handle)));
    note!("registration {handle} ended");
    SUCCESS
}

fn not_null<T>(function: &'static str, parameter: &'static str, pointer: *const T) {
    if pointer.is_null() {
        stop(&Violation::Null {
            function,
            parameter,
        });
    }
}
