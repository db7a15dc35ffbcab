//! Memory: nonpaged pool, behind the global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;

use wdk_sys::{_POOL_TYPE::NonPagedPoolNx, POOL_TYPE, ntddk::ExFreePoolWithTag};

unsafe extern "C" {
    // wdk-sys leaves this function out because Windows 10 2004 has a better one, ExAllocatePool2,
    // which Wine 8 lacks.
    fn ExAllocatePoolWithTag(pool: POOL_TYPE, bytes: usize, tag: u32) -> *mut c_void;
}

/// The tag of every allocation in a pool dump.
const TAG: u32 = u32::from_le_bytes(*b"baLP");
/// Alignment that 64-bit pool guarantees.
const POOL_ALIGNMENT: usize = 16;

/// `bytes` bytes of nonpaged pool that the kernel will free, or NULL. Up to `DISPATCH_LEVEL`.
#[must_use]
pub fn allocate_for_kernel<T>(bytes: usize) -> *mut T {
    const { assert!(align_of::<T>() <= POOL_ALIGNMENT) };
    // SAFETY: the size is not zero, and NULL is an answer.
    unsafe { ExAllocatePoolWithTag(NonPagedPoolNx, bytes.max(1), TAG) }.cast()
}

struct Pool;

#[global_allocator]
static POOL: Pool = Pool;

// SAFETY: pool blocks are valid for their size, aligned to 16 bytes, and never move; larger
// alignments are refused with a null pointer.
unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > POOL_ALIGNMENT {
            return core::ptr::null_mut();
        }
        allocate_for_kernel(layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the block came from `alloc` with the same tag.
        unsafe { ExFreePoolWithTag(block.cast(), TAG) }
    }
}
