//! Memory objects: a buffer that the framework allocated, or one of the driver.

use alloc::{boxed::Box, vec};

use kmdf_rules::object::Kind;
use wdk_sys::PVOID;

use crate::model::objects::Body;

/// A `WDFMEMORY`.
pub(crate) struct Memory {
    /// The allocation behind the buffer, when the framework made it.
    _own: Option<Box<[u128]>>,
    address: PVOID,
    length: usize,
}

impl Body for Memory {
    const KIND: Kind = Kind::Memory;
}

impl Memory {
    /// A buffer of the driver.
    pub(crate) const fn over(address: PVOID, length: usize) -> Self {
        Self {
            _own: None,
            address,
            length,
        }
    }

    /// A new buffer; `None` for no length or one that no pool block has. The framework does not
    /// clear it, so a pattern reveals a driver that relies on cleared memory.
    pub(crate) fn allocate(length: usize) -> Option<Self> {
        if length == 0 || length > isize::MAX as usize / 2 {
            return None;
        }
        let pattern = u128::from_le_bytes([0xCD; 16]);
        let mut own = vec![pattern; length.div_ceil(size_of::<u128>())].into_boxed_slice();
        let address = own.as_mut_ptr().cast();
        Some(Self {
            _own: Some(own),
            address,
            length,
        })
    }

    /// A new buffer with these contents; `None` when there are none.
    pub(crate) fn holding(contents: &[u8]) -> Option<Self> {
        let memory = Self::allocate(contents.len())?;
        let to = memory.address.cast();
        // SAFETY: the buffer was allocated with this length.
        unsafe { core::ptr::copy_nonoverlapping(contents.as_ptr(), to, contents.len()) };
        Some(memory)
    }

    /// Address, and length in bytes.
    pub(crate) const fn buffer(&self) -> (PVOID, usize) {
        (self.address, self.length)
    }
}
