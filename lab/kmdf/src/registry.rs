//! Registry keys.
//!
//! Rules (`fxregistryapi.cpp`, `fxdeviceapi.cpp`): functions run at `PASSIVE_LEVEL`; a query for a
//! type the value does not have is `STATUS_OBJECT_TYPE_MISMATCH`; a buffer that is too small is
//! `STATUS_BUFFER_OVERFLOW` with the length needed; memory is not made of an empty value; closing
//! deletes the object.

use alloc::{vec, vec::Vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    _KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation,
    HANDLE, KEY_READ, NTSTATUS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
    PCUNICODE_STRING, PULONG, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, REG_BINARY,
    REG_DWORD, REG_SZ, WDFDEVICE, WDFDRIVER, WDFKEY, WDFMEMORY, WDFSTRING,
    ntddk::{
        IoOpenDeviceRegistryKey, ZwClose, ZwCreateKey, ZwDeleteValueKey, ZwOpenKey,
        ZwQueryValueKey, ZwSetValueKey,
    },
};

use crate::{
    argument::Out,
    body::Body,
    call::Call,
    device::Device,
    driver::Driver,
    init,
    memory::Memory,
    status, string,
    world::{self, Order},
};

/// A `WDFKEY`.
pub(crate) struct Key(Locked<HANDLE>);

impl Key {
    fn handle(&self) -> HANDLE {
        self.0.with(|handle| *handle)
    }

    /// Closes the kernel handle.
    pub(crate) fn close(&self) {
        let handle = self
            .0
            .with(|handle| core::mem::replace(handle, ptr::null_mut()));
        if !handle.is_null() {
            // SAFETY: the handle was opened for this object and is not used again.
            let _ = unsafe { ZwClose(handle) };
        }
    }
}

/// Wraps an open key, which is closed when that fails.
fn wrap(
    call: &Call,
    key: HANDLE,
    parent: Option<Handle>,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFKEY,
) -> NTSTATUS {
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, output, "Key") };
    let made = world::create_for(call, &order, |_| Ok(Body::Key(Key(Locked::new(key)))));
    if made.is_err() {
        Key(Locked::new(key)).close();
    }
    status::of(made)
}

fn open_device_key(
    pdo: wdk_sys::PDEVICE_OBJECT,
    which: u32,
    access: u32,
) -> Result<HANDLE, NTSTATUS> {
    let mut key: HANDLE = ptr::null_mut();
    // SAFETY: the physical device exists as long as the framework device.
    let status = unsafe { IoOpenDeviceRegistryKey(pdo, which, access, &raw mut key) };
    if status::is_success(status) {
        Ok(key)
    } else {
        Err(status)
    }
}

/// `WdfDeviceOpenRegistryKey`.
pub(crate) unsafe extern "C" fn open_device(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    which: u32,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    key: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceOpenRegistryKey", Level::Passive);
    let device = call.object::<Device, _>(device);
    if device.pdo.is_null() {
        return status::INVALID_DEVICE_REQUEST;
    }
    match open_device_key(device.pdo, which, access) {
        Ok(open) => wrap(&call, open, Some(device.handle()), attributes, key),
        Err(status) => status,
    }
}

/// `WdfFdoInitOpenRegistryKey`.
pub(crate) unsafe extern "C" fn open_init(
    globals: PWDF_DRIVER_GLOBALS,
    init: wdk_sys::PWDFDEVICE_INIT,
    which: u32,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    key: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfFdoInitOpenRegistryKey", Level::Passive);
    match open_device_key(init::get(&call, init).pdo, which, access) {
        Ok(open) => wrap(
            &call,
            open,
            crate::bind::default_parent(globals),
            attributes,
            key,
        ),
        Err(status) => status,
    }
}

/// Where tests ask the double for what is beside the framework.
pub(crate) const KEY: &str = "\\Registry\\Machine\\Software\\wdf-double";

/// The `REG_DWORD` of this name in the key at an absolute path.
pub(crate) fn number(path: &str, name: &str) -> Option<u32> {
    let characters = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let key = open_named(&characters(path), ptr::null_mut(), KEY_READ).ok()?;
    let key = Key(Locked::new(key));
    let queried = query(Key::handle(&key), &string::unicode(&characters(name)));
    key.close();
    match queried {
        Ok((REG_DWORD, data)) => data.as_slice().try_into().ok().map(u32::from_le_bytes),
        _ => None,
    }
}

/// Attributes of a key by name, below another or absolute.
fn named(name: &mut wdk_sys::UNICODE_STRING, parent: HANDLE) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: crate::argument::size::<OBJECT_ATTRIBUTES>(),
        RootDirectory: parent,
        ObjectName: ptr::from_mut(name),
        Attributes: OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    }
}

fn open_named(name: &[u16], parent: HANDLE, access: u32) -> Result<HANDLE, NTSTATUS> {
    let mut name = string::unicode(name);
    let mut attributes = named(&mut name, parent);
    let mut key: HANDLE = ptr::null_mut();
    // SAFETY: the structures live until the call returns.
    let status = unsafe { ZwOpenKey(&raw mut key, access, &raw mut attributes) };
    if status::is_success(status) {
        Ok(key)
    } else {
        Err(status)
    }
}

/// `WdfDriverOpenParametersRegistryKey`: `Parameters` below the service's key, made when missing.
pub(crate) unsafe extern "C" fn open_parameters(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    key: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfDriverOpenParametersRegistryKey", Level::Passive);
    let driver = call.object::<Driver, _>(driver);
    let mut path = driver.service_key();
    path.extend("\\Parameters\0".encode_utf16());
    match create_named(&path, ptr::null_mut(), access) {
        Ok(open) => wrap(&call, open, Some(driver.handle()), attributes, key),
        Err(status) => status,
    }
}

fn create_named(name: &[u16], parent: HANDLE, access: u32) -> Result<HANDLE, NTSTATUS> {
    let mut name = string::unicode(name);
    let mut object = named(&mut name, parent);
    let mut key: HANDLE = ptr::null_mut();
    // SAFETY: the structures live until the call returns.
    let status = unsafe {
        ZwCreateKey(
            &raw mut key,
            access,
            &raw mut object,
            0,
            ptr::null_mut(),
            0,
            ptr::null_mut(),
        )
    };
    if status::is_success(status) {
        Ok(key)
    } else {
        Err(status)
    }
}

/// `WdfRegistryOpenKey`.
pub(crate) unsafe extern "C" fn open(
    globals: PWDF_DRIVER_GLOBALS,
    parent: WDFKEY,
    name: PCUNICODE_STRING,
    access: u32,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    key: *mut WDFKEY,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryOpenKey", Level::Passive);
    let parent = call.optional_object::<Key, _>(parent);
    let root = parent
        .as_ref()
        .map_or(ptr::null_mut(), |parent| Key::handle(parent));
    // SAFETY: the driver vouches for what it passes.
    match open_named(&unsafe { string::characters(name) }, root, access) {
        Ok(open) => wrap(
            &call,
            open,
            crate::bind::default_parent(globals),
            attributes,
            key,
        ),
        Err(status) => status,
    }
}

/// `WdfRegistryClose`.
pub(crate) unsafe extern "C" fn close(_globals: PWDF_DRIVER_GLOBALS, key: WDFKEY) {
    let call = Call::enter("WdfRegistryClose", Level::Passive);
    let handle = call.object::<Key, _>(key);
    world::delete(call.function(), crate::world::Reference::handle(&handle));
}

/// `WdfRegistryWdmGetHandle`.
pub(crate) unsafe extern "C" fn wdm_get_handle(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
) -> HANDLE {
    let call = Call::enter("WdfRegistryWdmGetHandle", Level::Passive);
    let key = call.object::<Key, _>(key);
    Key::handle(&key)
}

/// Type and data of a value.
fn query(key: HANDLE, name: PCUNICODE_STRING) -> Result<(u32, Vec<u8>), NTSTATUS> {
    /// `TitleIndex`, `Type` and `DataLength` of `KEY_VALUE_PARTIAL_INFORMATION`.
    const HEADER: usize = 12;
    let mut buffer = vec![0_u8; 256];
    loop {
        let mut needed = 0;
        // SAFETY: the buffer has the length given; the name is the driver's.
        let status = unsafe {
            ZwQueryValueKey(
                key,
                name.cast_mut(),
                KeyValuePartialInformation,
                buffer.as_mut_ptr().cast(),
                u32::try_from(buffer.len()).unwrap_or(u32::MAX),
                &raw mut needed,
            )
        };
        if (status == status::BUFFER_OVERFLOW || status == status::BUFFER_TOO_SMALL)
            && needed as usize > buffer.len()
        {
            buffer.resize(needed as usize, 0);
            continue;
        }
        if !status::is_success(status) {
            return Err(status);
        }
        let word = |at: usize| {
            let bytes = buffer
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default())
        };
        let (kind, length) = (word(4), word(8) as usize);
        return Ok((
            kind,
            buffer
                .get(HEADER..HEADER + length)
                .unwrap_or_default()
                .to_vec(),
        ));
    }
}

/// `WdfRegistryQueryValue`.
pub(crate) unsafe extern "C" fn query_value(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    length: u32,
    value: PVOID,
    queried: PULONG,
    kind: PULONG,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryQueryValue", Level::Passive);
    let key = call.object::<Key, _>(key);
    let (found, data) = match query(Key::handle(&key), name) {
        Ok(found) => found,
        Err(status) => return status,
    };
    // SAFETY: both are optional places that the driver vouches for.
    unsafe { Out::new(queried) }.set(u32::try_from(data.len()).unwrap_or(u32::MAX));
    // SAFETY: as above.
    unsafe { Out::new(kind) }.set(found);
    if data.len() > length as usize {
        return status::BUFFER_OVERFLOW;
    }
    if !value.is_null() {
        // SAFETY: the driver's buffer has `length` bytes, and the data no more.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), value.cast(), data.len()) };
    }
    status::SUCCESS
}

/// `WdfRegistryQueryMemory`.
pub(crate) unsafe extern "C" fn query_memory(
    globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    _pool: wdk_sys::POOL_TYPE,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    memory: *mut WDFMEMORY,
    kind: PULONG,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryQueryMemory", Level::Passive);
    let key = call.object::<Key, _>(key);
    let (found, data) = match query(Key::handle(&key), name) {
        Ok(found) => found,
        Err(status) => return status,
    };
    if data.is_empty() {
        return status::RESOURCE_DATA_NOT_FOUND;
    }
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, memory, "Memory") };
    // SAFETY: as above; the type is optional.
    unsafe { Out::new(kind) }.set(found);
    status::of(world::create_for(&call, &order, |_| {
        let body = Memory::holding(&data).ok_or(status::INVALID_PARAMETER)?;
        Ok(Body::Memory(body))
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
    match query(Key::handle(&key), name) {
        Err(status) => status,
        Ok((kind, data)) => match <[u8; 4]>::try_from(data.as_slice()) {
            Ok(bytes) if kind == REG_DWORD => {
                // SAFETY: the driver vouches for what it passes.
                unsafe { Out::new(value) }
                    .required(&call, "Value")
                    .set(u32::from_le_bytes(bytes));
                status::SUCCESS
            }
            _ => status::OBJECT_TYPE_MISMATCH,
        },
    }
}

/// `WdfRegistryQueryString`.
pub(crate) unsafe extern "C" fn query_string(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    text: WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryQueryString", Level::Passive);
    let key = call.object::<Key, _>(key);
    let text = call.object::<string::Text, _>(text);
    match query(Key::handle(&key), name) {
        Err(status) => status,
        Ok((REG_SZ, data)) => {
            let mut characters: Vec<u16> = data
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .take_while(|&character| character != 0)
                .collect();
            characters.push(0);
            text.set_characters(&characters);
            status::SUCCESS
        }
        Ok(_) => status::OBJECT_TYPE_MISMATCH,
    }
}

fn assign(key: HANDLE, name: PCUNICODE_STRING, kind: u32, data: PVOID, length: u32) -> NTSTATUS {
    // SAFETY: the driver vouches for its name and its data.
    unsafe { ZwSetValueKey(key, name.cast_mut(), 0, kind, data, length) }
}

/// `WdfRegistryAssignValue`.
pub(crate) unsafe extern "C" fn assign_value(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    kind: u32,
    length: u32,
    value: PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryAssignValue", Level::Passive);
    assign(
        Key::handle(&call.object::<Key, _>(key)),
        name,
        kind,
        value,
        length,
    )
}

/// `WdfRegistryAssignULong`.
pub(crate) unsafe extern "C" fn assign_ulong(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    value: u32,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryAssignULong", Level::Passive);
    let key = call.object::<Key, _>(key);
    let mut value = value;
    assign(
        Key::handle(&key),
        name,
        REG_DWORD,
        (&raw mut value).cast(),
        4,
    )
}

/// `WdfRegistryAssignMemory`.
pub(crate) unsafe extern "C" fn assign_memory(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
    kind: u32,
    memory: WDFMEMORY,
    _offsets: wdk_sys::PWDFMEMORY_OFFSET,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryAssignMemory", Level::Passive);
    let key = call.object::<Key, _>(key);
    let (address, length) = call.object::<Memory, _>(memory).buffer();
    let kind = if kind == 0 { REG_BINARY } else { kind };
    assign(
        Key::handle(&key),
        name,
        kind,
        address,
        u32::try_from(length).unwrap_or(u32::MAX),
    )
}

/// `WdfRegistryRemoveValue`.
pub(crate) unsafe extern "C" fn remove_value(
    _globals: PWDF_DRIVER_GLOBALS,
    key: WDFKEY,
    name: PCUNICODE_STRING,
) -> NTSTATUS {
    let call = Call::enter("WdfRegistryRemoveValue", Level::Passive);
    let key = Key::handle(&call.object::<Key, _>(key));
    // SAFETY: the driver vouches for its name.
    unsafe { ZwDeleteValueKey(key, name.cast_mut()) }
}
