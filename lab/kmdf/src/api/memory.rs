//! `WdfMemory…` (`fxmemorybufferapi.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{NTSTATUS, POOL_TYPE, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFMEMORY};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{argument::Out, status},
    model::{driver, memory::Memory},
};

/// `WdfMemoryCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    _pool: POOL_TYPE,
    _tag: u32,
    size: usize,
    output: *mut WDFMEMORY,
    buffer: *mut PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCreate", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "Memory") };
    // SAFETY: as above; the address is optional.
    let address = unsafe { Out::new(buffer) };
    status::of(new.create(&call, |_| {
        if size == 0 {
            return Err(status::INVALID_PARAMETER);
        }
        let memory = Memory::allocate(size).ok_or(status::INSUFFICIENT_RESOURCES)?;
        address.set(memory.buffer().0);
        Ok(memory)
    }))
}

/// `WdfMemoryCreatePreallocated`.
pub(crate) unsafe extern "C" fn create_preallocated(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    buffer: PVOID,
    size: usize,
    output: *mut WDFMEMORY,
) -> NTSTATUS {
    let call = Call::enter("WdfMemoryCreatePreallocated", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "Memory") };
    status::of(new.create(&call, |_| {
        if size == 0 || buffer.is_null() {
            return Err(status::INVALID_PARAMETER);
        }
        Ok(Memory::over(buffer, size))
    }))
}

/// `WdfMemoryGetBuffer`.
pub(crate) unsafe extern "C" fn get_buffer(
    _globals: PWDF_DRIVER_GLOBALS,
    memory: WDFMEMORY,
    size: *mut usize,
) -> PVOID {
    let call = Call::enter("WdfMemoryGetBuffer", Level::Dispatch);
    let (address, length) = call.object::<Memory, _>(memory).buffer();
    // SAFETY: the size is an optional variable that the driver guarantees.
    unsafe { Out::new(size) }.set(length);
    address
}
