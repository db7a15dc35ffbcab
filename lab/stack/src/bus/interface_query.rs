//! `IRP_MN_QUERY_INTERFACE` as a child answers it.

use pcivirt_abi::Guid;
use wdk_sys::{INTERFACE, NTSTATUS, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};

/// `Parameters.QueryInterface` of a stack location.
pub(crate) type Query = wdk_sys::_IO_STACK_LOCATION__bindgen_ty_1__bindgen_ty_26;

/// Answers a query for one interface: `None` when it is about another.
pub(crate) fn offer<I: Copy>(
    query: &Query,
    wanted: &Guid,
    version: u16,
    interface: impl FnOnce() -> I,
) -> Option<NTSTATUS> {
    // SAFETY: the kernel's GUID has the same sixteen bytes, and the query names a valid one.
    let asked = unsafe { query.InterfaceType.cast::<Guid>().read_unaligned() };
    if asked != *wanted {
        return None;
    }
    // There is one version: a driver that queries another one fails.
    if usize::from(query.Size) < size_of::<I>() || query.Version != version {
        return Some(STATUS_NOT_SUPPORTED);
    }
    let destination: *mut INTERFACE = query.Interface;
    // SAFETY: the caller's structure has the size that it says, which is enough.
    unsafe { destination.cast::<I>().write_unaligned(interface()) };
    Some(STATUS_SUCCESS)
}
