//! Interfaces that other drivers of the device's stack offer.

use core::ffi::c_void;

use pcivirt_abi::{Guid, InterfaceReference};
use pf_state::status::NtStatus;
use wdk_sys::{GUID, INTERFACE, WDFDEVICE};

use crate::os::wdf;

/// A reference to an interface, released when dropped.
pub(crate) struct Held {
    pub(crate) context: *mut c_void,
    pub(crate) dereference: Option<InterfaceReference>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(dereference) = self.dereference {
            // SAFETY: the other driver counted one reference when it handed the interface out.
            unsafe { dereference(self.context) };
        }
    }
}

/// Queries the device's stack for an interface, at `PASSIVE_LEVEL`.
pub(crate) fn query<T>(
    device: WDFDEVICE,
    guid: &Guid,
    version: u16,
    interface: &mut T,
) -> Result<(), NtStatus> {
    const { assert!(size_of::<T>() <= u16::MAX as usize) };
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    let size = size_of::<T>() as u16;
    // SAFETY: the device is live, both structures live through the call, and the size is that of
    // the structure that the other driver fills in.
    let status = unsafe {
        wdf::call!(
            WdfFdoQueryForInterface,
            device,
            core::ptr::from_ref(guid).cast::<GUID>(),
            core::ptr::from_mut(interface).cast::<INTERFACE>(),
            size,
            version,
            core::ptr::null_mut(),
        )
    };
    wdf::check(status)
}
