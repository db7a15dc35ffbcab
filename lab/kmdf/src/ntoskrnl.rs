//! A kernel function that the bindings leave out: wdk-sys hides the deprecated pool function, and
//! Wine 8 lacks its successor.

use wdk_sys::{POOL_TYPE, PVOID};

unsafe extern "C" {
    /// Allocates pool. Any thread up to `DISPATCH_LEVEL`; null when there is none.
    pub(crate) fn ExAllocatePoolWithTag(pool: POOL_TYPE, bytes: usize, tag: u32) -> PVOID;
}
