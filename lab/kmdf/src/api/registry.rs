//! `WdfRegistry…`, and the functions that open a key (`fxregistryapi.cpp`, `fxdeviceapi.cpp`,
//! `fxdriverapi.cpp`).
//!
//! Rules: functions run at `PASSIVE_LEVEL`; a query for a type that the value does not have is
//! `STATUS_OBJECT_TYPE_MISMATCH`; an empty value makes no memory; closing deletes the object.

use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, POOL_TYPE, PULONG, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES,
    REG_DWORD, WDFDEVICE, WDFDRIVER, WDFKEY, WDFMEMORY,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{argument::Out, registry_key::RegistryKey, status},
    model::{
        device::Device,
        driver::{self, Driver},
        key::Key,
        memory::Memory,
        objects,
    },
};

/// Creates the object of a key that was opened.
fn wrap(
    call: &Call,
    opened: Result<RegistryKey, NTSTATUS>,
    parent: Handle,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFKEY,
) -> NTSTATUS {
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, Some(parent), output, "Key") };
    status::of(opened.and_then(|key| new.create(call, |_| Ok(Key::new(key)))))
}

/// `WdfDeviceOpenRegistryKey`.
pub(crate) unsafe extern "C" fn open_device(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    which: u32,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceOpenRegistryKey", Level::Passive);
    let device = call.object::<Device, _>(device);
    let opened = RegistryKey::of_device(device.pdo, which, access);
    wrap(&call, opened, device.handle(), attributes, output)
}

/// `WdfDriverOpenParametersRegistryKey`: `Parameters` below the service's key, created when
/// missing.
pub(crate) unsafe extern "C" fn open_parameters(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfDriverOpenParametersRegistryKey", Level::Passive);
    let driver = call.object::<Driver, _>(driver);
    let mut path = driver.service_key();
    path.extend("\\Parameters\0".encode_utf16());
    let opened = RegistryKey::create(&path, access);
    wrap(&call, opened, driver.handle(), attributes, output)
}

/// `WdfRegistryClose`.
pub(crate) unsafe extern "C" fn close(_globals: PWDF_DRIVER_GLOBALS, key: WDFKEY) {
    let call = Call::enter("WdfRegistryClose", Level::Passive);
    let key = call.object::<Key, _>(key);
    objects::delete(call.function, key.handle());
}

/// `WdfRegistryQueryMemory`.
pub(crate) unsafe extern "C" fn query_memory(
    globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    _pool: POOL_TYPE,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    memory: *mut WDFMEMORY,
    kind: PULONG,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryQueryMemory", Level::Passive);
    let key = call.object::<Key, _>(key);
    // SAFETY: the driver guarantees its name.
    let (found, data) = match key.with(|key| unsafe { key.query(name) }) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if data.is_empty() {
        return status::RESOURCE_DATA_NOT_FOUND;
    }
    // SAFETY: the driver guarantees its pointers; the type is optional.
    unsafe { Out::new(kind) }.set(found);
    // SAFETY: as above.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), memory, "Memory") };
    status::of(new.create(&call, |_| {
        Memory::holding(&data).ok_or(status::INVALID_PARAMETER)
    }))
}

/// `WdfRegistryQueryULong`.
pub(crate) unsafe extern "C" fn query_ulong(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    value: PULONG,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryQueryULong", Level::Passive);
    let key = call.object::<Key, _>(key);
    // SAFETY: the driver guarantees its name.
    let (kind, data) = match key.with(|key| unsafe { key.query(name) }) {
        Ok(found) => found,
        Err(status) => return status,
    };
    match <[u8; 4]>::try_from(data.as_slice()) {
        Ok(bytes) if kind == REG_DWORD => {
            // SAFETY: the driver guarantees its pointers.
            let value = unsafe { Out::new(value) }.required(call.function, "Value");
            value.set(u32::from_le_bytes(bytes));
            status::SUCCESS
        }
        _ => status::OBJECT_TYPE_MISMATCH,
    }
}
