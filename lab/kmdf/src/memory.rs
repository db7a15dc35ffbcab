//! Memory objects: pool that the framework owns, or a buffer that someone else owns.
//!
//! Rules (`fxmemorybufferapi.cpp`): the buffer lives as long as the object; copies that go beyond
//! either end are refused with `STATUS_INVALID_BUFFER_SIZE`; the size must not be zero.

use alloc::{boxed::Box, vec};

use kernel_runtime::lock::Locked;
use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PMDL, POOL_TYPE, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFMEMORY,
};

use crate::{
    argument::{In, Out},
    body::Body,
    call::Call,
    status,
    world::{self, Order},
};

/// A `WDFMEMORY`.
pub(crate) struct Memory {
    /// The pool behind the buffer, when the framework owns it.
    own: Option<Box<[u128]>>,
    buffer: Locked<(PVOID, usize)>,
}

impl Memory {
    /// A buffer that belongs to someone else.
    pub(crate) const fn over(address: PVOID, length: usize) -> Self {
        Self {
            own: None,
            buffer: Locked::new((address, length)),
        }
    }

    /// A buffer of its own. The framework does not clear it, so it is filled with a pattern: a driver
    /// that relies on cleared memory is found.
    fn allocate(length: usize) -> Option<Self> {
        if length == 0 || length > isize::MAX as usize / 2 {
            return None;
        }
        let pattern = u128::from_le_bytes([0xCD; 16]);
        let mut own = vec![pattern; length.div_ceil(size_of::<u128>())].into_boxed_slice();
        let address = own.as_mut_ptr().cast();
        Some(Self {
            own: Some(own),
            buffer: Locked::new((address, length)),
        })
    }

    /// A buffer of its own with these contents; `None` for none.
    pub(crate) fn holding(contents: &[u8]) -> Option<Self> {
        let memory = Self::allocate(contents.len())?;
        let to = memory.buffer().0.cast();
        // SAFETY: the buffer was allocated with this length.
        unsafe { core::ptr::copy_nonoverlapping(contents.as_ptr(), to, contents.len()) };
        Some(memory)
    }

    /// Address and length in bytes.
    pub(crate) fn buffer(&self) -> (PVOID, usize) {
        self.buffer.with(|buffer| *buffer)
    }
}

/// The system address of locked pages; null for none.
pub(crate) fn of_mdl(mdl: PMDL) -> PVOID {
    // SAFETY: the I/O manager keeps the pages of a direct request locked and mapped.
    unsafe { In::new(mdl.cast_const()) }
        .optional()
        .map_or(core::ptr::null_mut(), |mdl| mdl.MappedSystemVa)
}

/// `WdfMemoryCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    _pool: POOL_TYPE,
    _tag: u32,
    size: usize,
    memory: *mut WDFMEMORY,
    buffer: *mut PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCreate", Level::Dispatch);
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, memory, "Memory") };
    // SAFETY: as above; the address is optional.
    let address = unsafe { Out::new(buffer) };
    status::of(world::create_for(&call, &order, |_| {
        if size == 0 {
            return Err(status::INVALID_PARAMETER);
        }
        let body = Memory::allocate(size).ok_or(status::INSUFFICIENT_RESOURCES)?;
        address.set(body.buffer().0);
        Ok(Body::Memory(body))
    }))
}

/// `WdfMemoryCreatePreallocated`.
pub(crate) unsafe extern "C" fn create_preallocated(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    buffer: PVOID,
    size: usize,
    memory: *mut WDFMEMORY,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCreatePreallocated", Level::Dispatch);
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, memory, "Memory") };
    status::of(world::create_for(&call, &order, |_| {
        if size == 0 || buffer.is_null() {
            return Err(status::INVALID_PARAMETER);
        }
        Ok(Body::Memory(Memory::over(buffer, size)))
    }))
}

/// `WdfMemoryAssignBuffer`: only for memory over someone else's buffer.
pub(crate) unsafe extern "C" fn assign_buffer(
    _globals: PWDF_DRIVER_GLOBALS,
    memory: WDFMEMORY,
    buffer: PVOID,
    size: usize,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryAssignBuffer", Level::Dispatch);
    let memory = call.object::<Memory, _>(memory);
    if size == 0 || buffer.is_null() {
        return status::INVALID_PARAMETER;
    }
    if memory.own.is_some() {
        return status::INVALID_DEVICE_REQUEST;
    }
    memory.buffer.with(|own| *own = (buffer, size));
    status::SUCCESS
}

/// `WdfMemoryGetBuffer`.
pub(crate) unsafe extern "C" fn get_buffer(
    _globals: PWDF_DRIVER_GLOBALS,
    memory: WDFMEMORY,
    size: *mut usize,
) -> PVOID {
    let call = Call::enter("WdfMemoryGetBuffer", Level::Dispatch);
    let (address, length) = call.object::<Memory, _>(memory).buffer();
    // SAFETY: the size is an optional place that the driver vouches for.
    unsafe { Out::new(size) }.set(length);
    address
}

/// The part of a memory object that a copy touches.
fn part(memory: &Memory, offset: usize, length: usize) -> Result<*mut u8, NTSTATUS> {
    let (address, size) = memory.buffer();
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(address.cast::<u8>().wrapping_add(offset)),
        _ => Err(status::INVALID_BUFFER_SIZE),
    }
}

/// `WdfMemoryCopyToBuffer`.
pub(crate) unsafe extern "C" fn copy_to_buffer(
    _globals: PWDF_DRIVER_GLOBALS,
    memory: WDFMEMORY,
    offset: usize,
    buffer: PVOID,
    length: usize,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCopyToBuffer", Level::Dispatch);
    match part(&call.object::<Memory, _>(memory), offset, length) {
        Ok(from) => {
            // SAFETY: the part lies inside the object; the driver vouches for its own buffer.
            unsafe { core::ptr::copy(from, buffer.cast(), length) };
            status::SUCCESS
        }
        Err(status) => status,
    }
}

/// `WdfMemoryCopyFromBuffer`.
pub(crate) unsafe extern "C" fn copy_from_buffer(
    _globals: PWDF_DRIVER_GLOBALS,
    memory: WDFMEMORY,
    offset: usize,
    buffer: PVOID,
    length: usize,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCopyFromBuffer", Level::Dispatch);
    match part(&call.object::<Memory, _>(memory), offset, length) {
        Ok(to) => {
            // SAFETY: the part lies inside the object; the driver vouches for its own buffer.
            unsafe { core::ptr::copy(buffer.cast_const().cast(), to, length) };
            status::SUCCESS
        }
        Err(status) => status,
    }
}
