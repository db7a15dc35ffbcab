//! Calls of the framework's functions.

use wdk_sys::NTSTATUS;

/// The last function in the framework's table that this driver calls. Every version that loads the
/// driver has it (`minimum-kmdf-version-minor` in Cargo.toml); `cargo xtask driver` compares it
/// with the calls.
const LAST_FUNCTION: i32 = wdk_sys::_WDFFUNCENUM::WdfFdoInitQueryPropertyExTableIndex;

/// Calls a KMDF function by its name.
macro_rules! call {
    ($name:ident $(, $argument:expr)* $(,)?) => {{
        $crate::os::wdf::assume_function_count();
        wdk_sys::call_unsafe_wdf_function_binding!($name, $($argument),*)
    }};
}
pub(crate) use call;

/// Tells the compiler what the framework's loader has checked, so that the look-up in the function
/// table for each call has no bounds check and no panic.
#[inline]
pub(crate) fn assume_function_count() {
    // SAFETY: the loader wrote the number before `DriverEntry` ran, and it does not change.
    let count = unsafe { wdk_sys::WdfFunctionCount };
    // SAFETY: the framework that loaded this driver is not older than the least version that the
    // driver names, whose table is longer.
    unsafe { core::hint::assert_unchecked(count > LAST_FUNCTION.cast_unsigned()) };
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

/// A status as a result, for `?`.
pub(crate) const fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if wdk::nt_success(status) {
        Ok(())
    } else {
        Err(status)
    }
}
