//! The doubles' memory: non-paged pool.

use core::alloc::{GlobalAlloc, Layout};

use wdk_sys::{_POOL_TYPE::NonPagedPoolNx, POOL_TYPE, PVOID, ntddk::ExFreePoolWithTag};

unsafe extern "C" {
    /// Allocates pool. Any thread up to `DISPATCH_LEVEL`; null when there is none. wdk-sys hides the
    /// deprecated function, and Wine 8 lacks its successor.
    fn ExAllocatePoolWithTag(pool: POOL_TYPE, bytes: usize, tag: u32) -> PVOID;
}

/// Tag of every allocation, `Wdbl` in a pool dump.
const TAG: u32 = u32::from_le_bytes(*b"Wdbl");
/// Alignment that 64-bit pool guarantees.
const POOL_ALIGNMENT: usize = 16;

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
        // SAFETY: any size is allowed; the double allocates at DISPATCH_LEVEL or below.
        unsafe { ExAllocatePoolWithTag(NonPagedPoolNx, layout.size(), TAG) }.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the block came from `alloc` with the same tag.
        unsafe { ExFreePoolWithTag(block.cast(), TAG) }
    }
}
