//! `alloc`'s collections out of nonpaged pool.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;

use wdk_sys::{POOL_TYPE, ULONG};

unsafe extern "C" {
    // wdk-sys leaves this function out because Windows 10 2004 has a better one, ExAllocatePool2,
    // which Wine 8 lacks.
    fn ExAllocatePoolWithTag(pool: POOL_TYPE, bytes: usize, tag: ULONG) -> *mut c_void;
}

const TAG: ULONG = u32::from_le_bytes(*b"baLP");

/// Bytes of nonpaged pool that the kernel will free, or NULL.
pub(crate) fn allocate<T>(bytes: usize) -> *mut T {
    const { assert!(align_of::<T>() <= 16, "the pool aligns to 16 bytes") };
    // SAFETY: any size may be asked for; NULL is an answer.
    unsafe { ExAllocatePoolWithTag(wdk_sys::_POOL_TYPE::NonPagedPool, bytes.max(1), TAG) }.cast()
}

struct Pool;

#[global_allocator]
static POOL: Pool = Pool;

// SAFETY: pool memory is aligned to 16 bytes, and nothing here asks for more.
unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 16 {
            return core::ptr::null_mut();
        }
        allocate(layout.size())
    }

    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        // SAFETY: the memory came from `alloc` and is given back once.
        unsafe { wdk_sys::ntddk::ExFreePoolWithTag(memory.cast(), TAG) };
    }
}
