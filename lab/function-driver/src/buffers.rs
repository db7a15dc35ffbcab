//! The buffers of requests.

use core::ptr;

use wdk_sys::{NTSTATUS, PVOID, WDFREQUEST};
use zerocopy::FromBytes;

use crate::wdf::{self, ok};

/// A copy of the structure that the input begins with.
pub(crate) fn input<T: FromBytes>(request: WDFREQUEST) -> Result<T, NTSTATUS> {
    let mut buffer: PVOID = ptr::null_mut();
    // SAFETY: the driver owns the request, and the result lives through the call.
    ok(unsafe {
        wdf::call!(
            WdfRequestRetrieveInputBuffer,
            request,
            size_of::<T>(),
            &raw mut buffer,
            ptr::null_mut(),
        )
    })?;
    // SAFETY: the buffer has room for a `T`, for which every bit pattern is valid.
    Ok(unsafe { buffer.cast::<T>().read_unaligned() })
}

/// Copies bytes to the output, which has to have room for them; their number.
pub(crate) fn reply(request: WDFREQUEST, bytes: &[u8]) -> Result<usize, NTSTATUS> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let mut buffer: PVOID = ptr::null_mut();
    // SAFETY: as above.
    ok(unsafe {
        wdf::call!(
            WdfRequestRetrieveOutputBuffer,
            request,
            bytes.len(),
            &raw mut buffer,
            ptr::null_mut(),
        )
    })?;
    // SAFETY: the buffer has room for the bytes, which are no part of it.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
    Ok(bytes.len())
}
