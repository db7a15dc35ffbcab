//! Conversion between a driver's handle and its number.

use core::ptr;

use kmdf_rules::object::Handle;

/// A driver's handle as a number.
pub(crate) fn number<H>(handle: *mut H) -> Handle {
    Handle(handle.addr() as u64)
}

/// A number as a driver's handle. The value is opaque and never an address.
pub(crate) fn pointer<H>(handle: Handle) -> *mut H {
    ptr::without_provenance_mut(usize::try_from(handle.0).unwrap_or(0))
}
