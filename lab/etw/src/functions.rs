//! The four functions, as `wdm.h` declares them. Each writes its call to the log and succeeds.

use alloc::{format, string::String};
use core::{
    ffi::c_void,
    fmt::{self, Write as _},
    slice,
    sync::atomic::{AtomicU64, Ordering},
};

use wdk_sys::{EVENT_DATA_DESCRIPTOR, EVENT_DESCRIPTOR, GUID, NTSTATUS, REGHANDLE};

use crate::{level, record::record};

/// `STATUS_SUCCESS`
const SUCCESS: NTSTATUS = 0;

/// The next registration's handle. The first one is no number that a driver passes by accident.
static NEXT_HANDLE: AtomicU64 = AtomicU64::new(0xE703_0000_0000_0001);

/// Registers a provider.
///
/// # Safety
/// `provider` is NULL or valid for the call, `result` valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwRegister(
    provider: *const GUID,
    callback: *const c_void,
    _context: *const c_void,
    result: *mut REGHANDLE,
) -> NTSTATUS {
    // SAFETY: demanded of the caller; a GUID is 16 bytes.
    let provider = unsafe { Bytes::at(provider.cast(), size_of::<GUID>()) };
    let handle = NEXT_HANDLE.fetch_add(1, Ordering::Relaxed);
    record(&format!(
        "EtwRegister irql={} provider={provider} callback={:#x} handle={handle:#x}",
        level::current(),
        callback.addr()
    ));
    // SAFETY: demanded of the caller.
    unsafe { result.write(handle) };
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
    // SAFETY: demanded of the caller.
    let information = unsafe { Bytes::at(information.cast(), length as usize) };
    record(&format!(
        "EtwSetInformation irql={} handle={handle:#x} class={class} information={information}",
        level::current()
    ));
    SUCCESS
}

/// Writes an event.
///
/// # Safety
/// `descriptor` is NULL or valid; `data` is NULL or has `count` descriptors, and each of them
/// points to as many bytes as it has in its size, or to NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwWriteTransfer(
    handle: REGHANDLE,
    descriptor: *const EVENT_DESCRIPTOR,
    _activity: *const GUID,
    _related: *const GUID,
    count: u32,
    data: *const EVENT_DATA_DESCRIPTOR,
) -> NTSTATUS {
    // SAFETY: demanded of the caller.
    let descriptor = unsafe { Bytes::at(descriptor.cast(), size_of::<EVENT_DESCRIPTOR>()) };
    let mut line = format!(
        "EtwWriteTransfer irql={} handle={handle:#x} descriptor={descriptor} count={count}",
        level::current()
    );
    let readable = if data.is_null() { 0 } else { count as usize };
    for place in 0..readable {
        // SAFETY: demanded of the caller: one of `count` descriptors.
        let place = unsafe { data.add(place) };
        // SAFETY: as above.
        let data = unsafe { *place };
        // SAFETY: demanded of the caller.
        unsafe { append_data(&mut line, data) };
    }
    record(&line);
    SUCCESS
}

/// Appends a data descriptor: its type and its bytes.
///
/// # Safety
/// It points to as many bytes as it has in its size, or to NULL.
unsafe fn append_data(line: &mut String, data: EVENT_DATA_DESCRIPTOR) {
    let start = core::ptr::with_exposed_provenance(usize::try_from(data.Ptr).unwrap_or(0));
    // SAFETY: demanded of the caller.
    let bytes = unsafe { Bytes::at(start, data.Size as usize) };
    // Writing to a string cannot fail.
    let _ = write!(line, " data={}{bytes}", data.Reserved);
}

/// Ends a provider's registration.
///
/// # Safety
/// None; a handle is a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn EtwUnregister(handle: REGHANDLE) -> NTSTATUS {
    record(&format!(
        "EtwUnregister irql={} handle={handle:#x}",
        level::current()
    ));
    SUCCESS
}

/// The bytes that an argument points to, in quotation marks and escaped as `escape_ascii` does, or
/// `NULL`.
struct Bytes<'b>(Option<&'b [u8]>);

impl Bytes<'_> {
    /// # Safety
    /// `start` is NULL or has `size` bytes, which stay as they are through the caller's call.
    unsafe fn at(start: *const u8, size: usize) -> Self {
        if start.is_null() {
            return Self(None);
        }
        // SAFETY: demanded of the caller.
        Self(Some(unsafe { slice::from_raw_parts(start, size) }))
    }
}

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            None => f.write_str("NULL"),
        }
    }
}
