//! Calls of the framework's functions.

use wdk_sys::NTSTATUS;

/// How many functions KMDF 1.33 has. The framework does not load a driver that asks for more
/// functions than it has, so the table that it hands out is never shorter.
const FUNCTIONS: u32 = 458;

/// Calls a KMDF function by its name.
macro_rules! call {
    ($name:ident $(, $argument:expr)* $(,)?) => {{
        $crate::wdf::promise_the_whole_table();
        wdk_sys::call_unsafe_wdf_function_binding!($name, $($argument),*)
    }};
}
pub(crate) use call;

/// Tells the compiler what the framework's loader has checked, so that the look-up in the function
/// table, which the binding does anew for each call, leaves no bounds check and no panic behind.
#[inline]
pub(crate) fn promise_the_whole_table() {
    // SAFETY: the loader wrote the number before `DriverEntry` ran, and nobody writes it again.
    let count = unsafe { wdk_sys::WdfFunctionCount };
    // SAFETY: the framework that loaded this driver has every function of version 1.33.
    unsafe { core::hint::assert_unchecked(count >= FUNCTIONS) };
}

/// The `Size` field of one of the framework's configuration structures.
#[expect(
    clippy::cast_possible_truncation,
    reason = "each structure is a few hundred bytes"
)]
pub(crate) const fn size_of_config<T>() -> u32 {
    assert!(size_of::<T>() <= u32::MAX as usize);
    size_of::<T>() as u32
}

/// `WDF_TRI_STATE` false, as a configuration structure takes it.
pub(crate) const FALSE: wdk_sys::WDF_TRI_STATE = wdk_sys::_WDF_TRI_STATE::WdfFalse;

/// A status as a result, so that `?` ends what cannot go on.
pub(crate) const fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if wdk::nt_success(status) {
        Ok(())
    } else {
        Err(status)
    }
}
