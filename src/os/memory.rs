//! Non-paged memory, allocated from the framework once when a device starts.

use core::mem::MaybeUninit;

use pf_state::failure::StartFailure;
use wdk_sys::{PVOID, WDFMEMORY, WDFOBJECT};

use crate::os::{object, wdf};

/// The tag of the driver's pool memory, `PfBr` in a debugger.
pub(crate) const POOL_TAG: u32 = u32::from_le_bytes(*b"PfBr");

/// Allocates room for `count` values of `T`, aligned as `T` asks.
///
/// # Safety
/// The memory is used only as long as `parent` lives, which it belongs to.
pub(crate) unsafe fn take<T>(
    parent: WDFOBJECT,
    count: usize,
) -> Result<&'static mut [MaybeUninit<T>], StartFailure> {
    let bytes = count
        .checked_mul(size_of::<T>())
        // The pool aligns to 16 bytes; the code below aligns further.
        .and_then(|bytes| bytes.checked_add(align_of::<T>()))
        .ok_or(StartFailure::Memory { bytes: usize::MAX })?;
    let mut attributes = object::child_of(parent);
    let mut memory: WDFMEMORY = core::ptr::null_mut();
    let mut buffer: PVOID = core::ptr::null_mut();
    // SAFETY: `parent` is a live object, and both results are written before the call returns.
    let status = unsafe {
        wdf::call!(
            WdfMemoryCreate,
            &raw mut attributes,
            wdk_sys::_POOL_TYPE::NonPagedPoolNx,
            POOL_TAG,
            bytes,
            &raw mut memory,
            &raw mut buffer,
        )
    };
    if status < 0 || buffer.is_null() {
        return Err(StartFailure::Memory { bytes });
    }
    let buffer = buffer.cast::<u8>();
    let padding = buffer.align_offset(align_of::<T>());
    // SAFETY: the padding is less than the alignment, which was added to the size.
    let first = unsafe { buffer.add(padding) };
    // SAFETY: from the first aligned byte on there is room for `count` values, nothing else uses
    // the memory, and values that may be uninitialised need no initialisation.
    Ok(unsafe { core::slice::from_raw_parts_mut(first.cast::<MaybeUninit<T>>(), count) })
}

/// Memory whose values have all been written.
///
/// # Safety
/// Every value was written.
pub(crate) unsafe fn written<T>(memory: &'static mut [MaybeUninit<T>]) -> &'static mut [T] {
    let length = memory.len();
    // SAFETY: as the caller promises; the borrow is passed on, and `MaybeUninit<T>` has the layout
    // of a `T`.
    unsafe { core::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<T>(), length) }
}
