//! The service's `Parameters` key: the scenario's name, and what the probe found.

use core::ptr;

use wdk_sys::{
    _KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation,
    HANDLE, KEY_ALL_ACCESS, NTSTATUS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
    PCUNICODE_STRING, REG_SZ, UNICODE_STRING,
    ntddk::{ZwClose, ZwCreateKey, ZwDeleteValueKey, ZwQueryValueKey, ZwSetValueKey},
};

use crate::kernel_types::{size, unicode};

/// The key, open.
pub(crate) struct Parameters(HANDLE);

impl Drop for Parameters {
    fn drop(&mut self) {
        // SAFETY: the handle was opened for this value alone.
        let _ = unsafe { ZwClose(self.0) };
    }
}

impl Parameters {
    /// Opens the key below the service's own, and creates it when it is missing.
    ///
    /// # Errors
    /// What the kernel returns.
    ///
    /// # Safety
    /// `registry_path` is that of the entry point.
    pub(crate) unsafe fn open(registry_path: PCUNICODE_STRING) -> Result<Self, NTSTATUS> {
        const NAME: &str = "\\Parameters";
        // SAFETY: the caller guarantees the string.
        let path = unsafe { *registry_path };
        let own = usize::from(path.Length) / 2;
        // SAFETY: a counted string has as many characters as it says.
        let own = unsafe { core::slice::from_raw_parts(path.Buffer, own) };
        let mut room = [0_u16; 256];
        let characters = own.iter().copied().chain(NAME.encode_utf16());
        let mut length = 0;
        for (to, from) in room.iter_mut().zip(characters) {
            *to = from;
            length += 2;
        }
        let mut name = UNICODE_STRING {
            Length: length,
            MaximumLength: length,
            Buffer: room.as_mut_ptr(),
        };
        let mut attributes = OBJECT_ATTRIBUTES {
            Length: size::<OBJECT_ATTRIBUTES>(),
            ObjectName: &raw mut name,
            Attributes: OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
            ..Default::default()
        };
        let mut key: HANDLE = ptr::null_mut();
        // SAFETY: the structures live until the call returns.
        let status = unsafe {
            ZwCreateKey(
                &raw mut key,
                KEY_ALL_ACCESS,
                &raw mut attributes,
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
            )
        };
        if status < 0 {
            Err(status)
        } else {
            Ok(Self(key))
        }
    }

    /// The scenario's name as ASCII in `name`, and its length.
    pub(crate) fn scenario(&self, name: &mut [u8; 48]) -> usize {
        /// `TitleIndex`, `Type` and `DataLength` of `KEY_VALUE_PARTIAL_INFORMATION`.
        const HEADER: usize = 12;
        let mut room = [0; 64];
        let mut value = unicode("Scenario", &mut room);
        let mut buffer = [0_u8; HEADER + 2 * 48];
        let mut length = 0;
        // SAFETY: name and buffer live until the call returns.
        let status = unsafe {
            ZwQueryValueKey(
                self.0,
                &raw mut value,
                KeyValuePartialInformation,
                buffer.as_mut_ptr().cast(),
                u32::try_from(buffer.len()).unwrap_or(0),
                &raw mut length,
            )
        };
        if status < 0 {
            return 0;
        }
        let characters = buffer.get(HEADER..length as usize).unwrap_or_default();
        let characters = characters.chunks_exact(2).map(|pair| pair[0]);
        let mut count = 0;
        for (to, from) in name.iter_mut().zip(characters.take_while(|&one| one != 0)) {
            *to = from;
            count += 1;
        }
        count
    }

    /// Deletes values that an earlier scenario wrote.
    pub(crate) fn delete(&self, names: &[&str]) {
        for name in names {
            let mut room = [0; 64];
            let mut name = unicode(name, &mut room);
            // SAFETY: the name lives until the call returns.
            let _ = unsafe { ZwDeleteValueKey(self.0, &raw mut name) };
        }
    }

    /// Writes a string value.
    pub(crate) fn write_text(&self, name: &str, text: &str) {
        let mut room = [0; 64];
        let length = usize::from(unicode(text, &mut room).Length) / 2;
        self.write_characters(name, room.get_mut(..length).unwrap_or_default());
    }

    /// As [`Parameters::write_text`], with the characters of the value.
    pub(crate) fn write_characters(&self, name: &str, characters: &mut [u16]) {
        let (start, length) = (characters.as_mut_ptr(), characters.len() * 2);
        // SAFETY: the characters are readable as bytes.
        let bytes = unsafe { core::slice::from_raw_parts_mut(start.cast::<u8>(), length) };
        self.write(name, REG_SZ, bytes);
    }

    /// Writes a value.
    pub(crate) fn write(&self, name: &str, kind: u32, data: &mut [u8]) {
        let mut room = [0; 64];
        let mut name = unicode(name, &mut room);
        let length = u32::try_from(data.len()).unwrap_or(0);
        // SAFETY: name and data live until the call returns.
        let _ = unsafe {
            ZwSetValueKey(
                self.0,
                &raw mut name,
                0,
                kind,
                data.as_mut_ptr().cast(),
                length,
            )
        };
    }
}
