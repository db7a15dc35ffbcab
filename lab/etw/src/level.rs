//! The level of the calling thread. Wine has none. The KMDF double tracks one; this module queries
//! it if the double is the framework that runs.

use core::{
    ffi::{CStr, c_void},
    mem, ptr,
};

use wdk_sys::{NTSTATUS, STRING, UNICODE_STRING};

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "C" {
    /// Finds a library that is loaded.
    fn LdrGetDllHandle(
        path: *const u16,
        flags: u32,
        name: *const UNICODE_STRING,
        library: *mut *mut c_void,
    ) -> NTSTATUS;
    /// Finds an export of it.
    fn LdrGetProcedureAddress(
        library: *mut c_void,
        name: *const STRING,
        ordinal: u32,
        address: *mut *mut c_void,
    ) -> NTSTATUS;
}

/// `PASSIVE_LEVEL`: the level of every thread if the framework tracks none.
const PASSIVE_LEVEL: u8 = 0;

/// The level of the calling thread, as the kernel numbers them.
pub(crate) fn current() -> u8 {
    let Some(function) = export(c"WdfDoubleLevel") else {
        return PASSIVE_LEVEL;
    };
    // SAFETY: the only library with an export of this name gives it this signature.
    let function = unsafe { mem::transmute::<*mut c_void, extern "C" fn() -> u8>(function) };
    function()
}

/// A routine that takes one pointer.
pub(crate) type Routine = unsafe extern "C" fn(*mut c_void);
/// The function of the KMDF double that calls a routine at `DISPATCH_LEVEL`.
type AtDispatch = unsafe extern "C" fn(Routine, *mut c_void);

/// Calls `routine` once at `DISPATCH_LEVEL`. On another framework than the double nothing tracks
/// the level, and the routine is called at that of the calling thread.
///
/// # Safety
/// `routine` can be called with `context`, once, on this thread.
pub(crate) unsafe fn at_dispatch(routine: Routine, context: *mut c_void) {
    let Some(function) = export(c"WdfDoubleAtDispatch") else {
        // SAFETY: demanded of the caller.
        return unsafe { routine(context) };
    };
    // SAFETY: the only library with an export of this name gives it this signature.
    let function = unsafe { mem::transmute::<*mut c_void, AtDispatch>(function) };
    // SAFETY: demanded of the caller.
    unsafe { function(routine, context) };
}

/// A function of the KMDF double that no other framework has; none in any other framework.
fn export(name: &'static CStr) -> Option<*mut c_void> {
    let mut characters = [0; 10];
    for (to, from) in characters.iter_mut().zip(b"WDFLDR.SYS") {
        *to = u16::from(*from);
    }
    let library_name = UNICODE_STRING {
        Length: 20,
        MaximumLength: 20,
        Buffer: characters.as_mut_ptr(),
    };
    let mut library = ptr::null_mut();
    // SAFETY: name and result live through the call, and a path is not needed for what is loaded.
    let status =
        unsafe { LdrGetDllHandle(ptr::null(), 0, &raw const library_name, &raw mut library) };
    if status < 0 {
        return None;
    }
    let length = u16::try_from(name.count_bytes()).ok()?;
    let name = STRING {
        Length: length,
        MaximumLength: length + 1,
        Buffer: name.as_ptr().cast_mut(),
    };
    let mut address = ptr::null_mut();
    // SAFETY: the library stays, since the driver that runs imports it; the rest lives here.
    let status = unsafe { LdrGetProcedureAddress(library, &raw const name, 0, &raw mut address) };
    (status >= 0).then_some(address)
}
