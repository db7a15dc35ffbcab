//! Registry keys of the kernel.

use alloc::{vec, vec::Vec};
use core::ptr;

use wdk_sys::{
    _KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation,
    HANDLE, KEY_READ, NTSTATUS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
    PCUNICODE_STRING, PDEVICE_OBJECT, REG_DWORD, UNICODE_STRING,
    ntddk::{IoOpenDeviceRegistryKey, ZwClose, ZwCreateKey, ZwOpenKey, ZwQueryValueKey},
};

use crate::kernel::{argument::size, counted_string::unicode, status};

/// The key of tests: it selects the framework's version and the allocation that fails.
const SETTINGS: &str = "\\Registry\\Machine\\Software\\wdf-double";

/// An open key; closed when dropped.
pub(crate) struct RegistryKey(HANDLE);

// SAFETY: kernel handles belong to no thread.
unsafe impl Send for RegistryKey {}

impl Drop for RegistryKey {
    fn drop(&mut self) {
        // SAFETY: the handle was opened for this value alone.
        let _ = unsafe { ZwClose(self.0) };
    }
}

impl RegistryKey {
    /// `IoOpenDeviceRegistryKey`.
    ///
    /// # Errors
    /// What the kernel returns.
    pub(crate) fn of_device(
        pdo: PDEVICE_OBJECT,
        which: u32,
        access: u32,
    ) -> Result<Self, NTSTATUS> {
        let mut key: HANDLE = ptr::null_mut();
        // SAFETY: the physical device exists as long as the framework device.
        let status = unsafe { IoOpenDeviceRegistryKey(pdo, which, access, &raw mut key) };
        Self::opened(status, key)
    }

    /// Opens the key at a zero-terminated absolute path.
    ///
    /// # Errors
    /// What the kernel returns.
    pub(crate) fn open(path: &[u16], access: u32) -> Result<Self, NTSTATUS> {
        let mut name = unicode(path);
        let mut attributes = named(&mut name);
        let mut key: HANDLE = ptr::null_mut();
        // SAFETY: the structures live until the call returns.
        let status = unsafe { ZwOpenKey(&raw mut key, access, &raw mut attributes) };
        Self::opened(status, key)
    }

    /// As [`RegistryKey::open`]; creates a key that is missing.
    ///
    /// # Errors
    /// What the kernel returns.
    pub(crate) fn create(path: &[u16], access: u32) -> Result<Self, NTSTATUS> {
        let mut name = unicode(path);
        let mut attributes = named(&mut name);
        let mut key: HANDLE = ptr::null_mut();
        // SAFETY: the structures live until the call returns.
        let status = unsafe {
            ZwCreateKey(
                &raw mut key,
                access,
                &raw mut attributes,
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
            )
        };
        Self::opened(status, key)
    }

    fn opened(status: NTSTATUS, key: HANDLE) -> Result<Self, NTSTATUS> {
        if status::is_success(status) {
            Ok(Self(key))
        } else {
            Err(status)
        }
    }

    /// Type and data of a value.
    ///
    /// # Errors
    /// What the kernel returns.
    ///
    /// # Safety
    /// `name` is a valid counted string.
    pub(crate) unsafe fn query(&self, name: PCUNICODE_STRING) -> Result<(u32, Vec<u8>), NTSTATUS> {
        let mut buffer = vec![0_u8; 256];
        loop {
            let mut needed = 0;
            // SAFETY: the buffer has the length given; the caller guarantees the name.
            let status = unsafe {
                ZwQueryValueKey(
                    self.0,
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
            return Ok(partial_information(&buffer));
        }
    }
}

/// The attributes of a key with this absolute path; valid as long as the path.
fn named(path: &mut UNICODE_STRING) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: size::<OBJECT_ATTRIBUTES>(),
        RootDirectory: ptr::null_mut(),
        ObjectName: ptr::from_mut(path),
        Attributes: OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    }
}

/// Type and data in a `KEY_VALUE_PARTIAL_INFORMATION`.
fn partial_information(buffer: &[u8]) -> (u32, Vec<u8>) {
    /// `TitleIndex`, `Type` and `DataLength`.
    const HEADER: usize = 12;
    let word = |at: usize| {
        let bytes = buffer
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    };
    let (kind, length) = (word(4), word(8) as usize);
    let data = buffer.get(HEADER..HEADER + length).unwrap_or_default();
    (kind, data.to_vec())
}

/// The `REG_DWORD` of this name that a test left for the double.
pub(crate) fn setting(name: &str) -> Option<u32> {
    let characters = |text: &str| text.encode_utf16().chain([0]).collect::<Vec<u16>>();
    let key = RegistryKey::open(&characters(SETTINGS), KEY_READ).ok()?;
    let name = characters(name);
    let name = unicode(&name);
    // SAFETY: the name lives until the call returns.
    match unsafe { key.query(&raw const name) } {
        Ok((REG_DWORD, data)) => data.as_slice().try_into().ok().map(u32::from_le_bytes),
        _ => None,
    }
}
