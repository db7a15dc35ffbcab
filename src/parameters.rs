//! The values that the INF wrote to the device's hardware key.

use pf_state::{
    failure::StartFailure,
    invalidation::Input,
    status::{self, NtStatus},
};
use wdk_sys::{PVOID, ULONG, WDF_NO_OBJECT_ATTRIBUTES, WDFDEVICE, WDFKEY, WDFMEMORY, WDFOBJECT};

use crate::os::{object, unicode::Name, wdf};

static NUM_VFS: Name<6> = Name::new(b"NumVFs");
static BLOCK_TABLE: Name<10> = Name::new(b"BlockTable");
static INVALIDATE_INPUT: Name<15> = Name::new(b"InvalidateInput");

/// The device's hardware key, open for reading.
pub(crate) struct Parameters(WDFKEY);

impl Parameters {
    /// Opens the key, at `PASSIVE_LEVEL`.
    pub(crate) fn open(device: WDFDEVICE) -> Result<Self, StartFailure> {
        let mut key: WDFKEY = core::ptr::null_mut();
        // SAFETY: the device is live, and the result is written before the call returns.
        let status = unsafe {
            wdf::call!(
                WdfDeviceOpenRegistryKey,
                device,
                wdk_sys::PLUGPLAY_REGKEY_DEVICE,
                wdk_sys::KEY_READ,
                WDF_NO_OBJECT_ATTRIBUTES,
                &raw mut key,
            )
        };
        wdf::check(status).map_err(StartFailure::Framework)?;
        Ok(Self(key))
    }

    /// `NumVFs`, a DWORD.
    pub(crate) fn num_vfs(&self) -> Result<u32, StartFailure> {
        match self.number(&NUM_VFS) {
            Ok(value) => Ok(value),
            Err(status::OBJECT_NAME_NOT_FOUND) => Err(StartFailure::NumVfsMissing),
            Err(status::OBJECT_TYPE_MISMATCH) => Err(StartFailure::NumVfsType),
            Err(other) => Err(StartFailure::Framework(other)),
        }
    }

    /// `InvalidateInput`, an optional DWORD.
    pub(crate) fn invalidate_input(&self) -> Result<Input, StartFailure> {
        match self.number(&INVALIDATE_INPUT) {
            Ok(value) => Input::from_registry(value)
                .ok_or(StartFailure::InvalidateInput { found: Some(value) }),
            Err(status::OBJECT_NAME_NOT_FOUND) => Ok(Input::default()),
            Err(status::OBJECT_TYPE_MISMATCH) => Err(StartFailure::InvalidateInput { found: None }),
            Err(other) => Err(StartFailure::Framework(other)),
        }
    }

    /// A DWORD, or the framework's status.
    fn number<const N: usize>(&self, name: &'static Name<N>) -> Result<u32, NtStatus> {
        let name = name.as_unicode_string();
        let mut value: ULONG = 0;
        // SAFETY: the key is open, and name and result live through the call.
        let status = unsafe {
            wdf::call!(
                WdfRegistryQueryULong,
                self.0,
                &raw const name,
                &raw mut value
            )
        };
        wdf::check(status).map(|()| value)
    }

    /// `BlockTable`, binary; none without the value.
    ///
    /// # Safety
    /// The bytes are used only as long as `parent`, which owns them, lives.
    pub(crate) unsafe fn block_table(
        &self,
        parent: WDFOBJECT,
    ) -> Result<Option<&'static [u8]>, StartFailure> {
        let name = BLOCK_TABLE.as_unicode_string();
        let mut attributes = object::child_of(parent);
        let mut memory: WDFMEMORY = core::ptr::null_mut();
        let mut value_type: ULONG = 0;
        // SAFETY: the key is open, the parent is live, and the rest lives through the call.
        let status = unsafe {
            wdf::call!(
                WdfRegistryQueryMemory,
                self.0,
                &raw const name,
                wdk_sys::_POOL_TYPE::NonPagedPoolNx,
                &raw mut attributes,
                &raw mut memory,
                &raw mut value_type,
            )
        };
        match status {
            status::OBJECT_NAME_NOT_FOUND => return Ok(None),
            // An empty value is a table that does not verify, and not the absence of one.
            status::RESOURCE_DATA_NOT_FOUND => return Ok(Some(&[])),
            0.. => {}
            other => return Err(StartFailure::Framework(other)),
        }
        if value_type != wdk_sys::REG_BINARY {
            return Err(StartFailure::TableType { found: value_type });
        }
        let mut length = 0_usize;
        // SAFETY: the memory object was just made, and the result is written before it returns.
        let buffer: PVOID = unsafe { wdf::call!(WdfMemoryGetBuffer, memory, &raw mut length) };
        if buffer.is_null() {
            return Ok(Some(&[]));
        }
        // SAFETY: the memory holds `length` bytes that the framework has filled and that do not
        // change.
        Ok(Some(unsafe {
            core::slice::from_raw_parts(buffer.cast::<u8>(), length)
        }))
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        // SAFETY: the key is open and no longer used.
        unsafe { wdf::call!(WdfRegistryClose, self.0) };
    }
}
