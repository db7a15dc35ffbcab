//! Calls of the framework.

use wdk_sys::NTSTATUS;

/// Calls a KMDF function by its name.
macro_rules! call {
    ($name:ident $(, $argument:expr)* $(,)?) => {
        wdk_sys::call_unsafe_wdf_function_binding!($name, $($argument),*)
    };
}
pub(crate) use call;

/// A status as a result.
pub(crate) fn ok(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status < 0 { Err(status) } else { Ok(()) }
}

/// The `Size` field of a structure of the framework.
pub(crate) const fn size_of_config<T>() -> u32 {
    assert!(size_of::<T>() <= 0xFFFF);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked in the line before"
    )]
    let size = size_of::<T>() as u32;
    size
}
