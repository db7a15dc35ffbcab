//! Device interfaces of one device.
//!
//! Rules (`pnpstatemachine.cpp`, `fxdeviceinterface.hpp`): an interface is registered at once,
//! enabled at the end of a start, and disabled by a removal.

use alloc::vec::Vec;
use core::ptr;

use wdk_sys::{
    DRIVER_OBJECT, GUID, NTSTATUS, PDEVICE_OBJECT, UNICODE_STRING,
    ntddk::{IoRegisterDeviceInterface, IoSetDeviceInterfaceState, RtlFreeUnicodeString},
};

use crate::kernel::{counted_string, device_alias::Alias, status};

/// A device interface; its link is freed when it is dropped.
pub(crate) struct DeviceInterface {
    class: GUID,
    reference_string: Vec<u16>,
    link: UNICODE_STRING,
    /// The target of a link with a reference string.
    alias: Option<Alias>,
}

impl DeviceInterface {
    /// Registers an interface of `pdo`. The reference string is zero-terminated or empty.
    ///
    /// # Errors
    /// What the kernel returns.
    pub(crate) fn register(
        pdo: PDEVICE_OBJECT,
        class: GUID,
        reference_string: Vec<u16>,
    ) -> Result<Self, NTSTATUS> {
        let mut link = UNICODE_STRING::default();
        // SAFETY: the structures live until the call returns, which allocates the link's
        // characters.
        let status = unsafe {
            IoRegisterDeviceInterface(pdo, &raw const class, ptr::null_mut(), &raw mut link)
        };
        if !status::is_success(status) {
            return Err(status);
        }
        Ok(Self {
            class,
            reference_string,
            link,
            alias: None,
        })
    }

    /// Whether this is the interface of this class and reference string.
    pub(crate) fn is(&self, class: &GUID, reference_string: &[u16]) -> bool {
        let parts = |guid: &GUID| (guid.Data1, guid.Data2, guid.Data3, guid.Data4);
        parts(&self.class) == parts(class) && self.reference_string == reference_string
    }

    /// The characters of the link, zero-terminated.
    pub(crate) fn link(&self) -> Vec<u16> {
        // SAFETY: the link is valid until it is dropped.
        unsafe { counted_string::characters(&raw const self.link) }
    }

    /// Enables the interface of the device whose physical device is `pdo`.
    pub(crate) fn enable(&mut self, driver: *mut DRIVER_OBJECT, pdo: PDEVICE_OBJECT) -> NTSTATUS {
        let status = self.set_state(true);
        if !status::is_success(status) || self.reference_string.is_empty() {
            return status;
        }
        if self.alias.is_none() {
            match Alias::new(driver, pdo, &self.reference_string) {
                Ok(alias) => self.alias = Some(alias),
                Err(status) => return status,
            }
        }
        match &self.alias {
            Some(alias) => alias.redirect(&mut self.link),
            None => status,
        }
    }

    /// Disables the interface.
    pub(crate) fn disable(&mut self) {
        self.set_state(false);
    }

    fn set_state(&mut self, enable: bool) -> NTSTATUS {
        // SAFETY: the link was made by IoRegisterDeviceInterface and is freed when this is dropped.
        unsafe { IoSetDeviceInterfaceState(&raw mut self.link, u8::from(enable)) }
    }
}

impl Drop for DeviceInterface {
    fn drop(&mut self) {
        // SAFETY: IoRegisterDeviceInterface allocated the characters.
        unsafe { RtlFreeUnicodeString(&raw mut self.link) };
    }
}
