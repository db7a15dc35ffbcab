//! VF Enable of the PF, through `BUS_INTERFACE_STANDARD`.

use core::ptr;

use pcivirt_abi::bus::{
    GUID_BUS_INTERFACE_STANDARD, INTERFACE_VERSION, PCI_WHICHSPACE_CONFIG, StandardInterface,
};
use wdk_sys::{GUID, WDFDEVICE};

use crate::wdf;

/// Offset of the first extended capability (PCI Express Base Specification, 7.6.3).
const FIRST: u32 = 0x100;
/// The SR-IOV capability's ID, and the offset of its control register in it (9.3.3).
const SRIOV: u16 = 0x10;
const CONTROL: u32 = 8;
/// VF Enable of the control register.
const VF_ENABLE: u16 = 1;

/// Whether the PF's VFs are on; false when its configuration space cannot be read.
pub(crate) fn vfs_are_on(device: WDFDEVICE) -> bool {
    let mut interface = StandardInterface {
        size: 0,
        version: 0,
        context: ptr::null_mut(),
        interface_reference: None,
        interface_dereference: None,
        translate_bus_address: ptr::null_mut(),
        get_dma_adapter: ptr::null_mut(),
        set_bus_data: None,
        get_bus_data: None,
    };
    let size = u16::try_from(size_of::<StandardInterface>()).unwrap_or(0);
    // SAFETY: the device is live, and the structure has the size given.
    let status = unsafe {
        wdf::call!(
            WdfFdoQueryForInterface,
            device,
            ptr::from_ref(&GUID_BUS_INTERFACE_STANDARD).cast::<GUID>(),
            (&raw mut interface).cast(),
            size,
            INTERFACE_VERSION,
            ptr::null_mut(),
        )
    };
    if status < 0 {
        return false;
    }
    let on = control(&interface).is_some_and(|control| control & VF_ENABLE != 0);
    if let Some(dereference) = interface.interface_dereference {
        // SAFETY: this gives back the reference that the query took.
        unsafe { dereference(interface.context) };
    }
    on
}

/// The control register of the SR-IOV capability.
fn control(interface: &StandardInterface) -> Option<u16> {
    let mut offset = FIRST;
    // Each capability has at least 4 bytes of 4096.
    for _ in 0..1024 {
        let [a, b, c, d] = read::<4>(interface, offset)?;
        if u16::from_le_bytes([a, b]) == SRIOV {
            return Some(u16::from_le_bytes(read::<2>(interface, offset + CONTROL)?));
        }
        offset = u32::from(u16::from_le_bytes([c, d]) >> 4);
        if offset < FIRST {
            return None;
        }
    }
    None
}

fn read<const N: usize>(interface: &StandardInterface, offset: u32) -> Option<[u8; N]> {
    let get_data = interface.get_bus_data?;
    let length = u32::try_from(N).ok()?;
    let mut bytes = [0; N];
    // SAFETY: the interface is held, and the array has `N` bytes.
    let count = unsafe {
        get_data(
            interface.context,
            PCI_WHICHSPACE_CONFIG,
            bytes.as_mut_ptr().cast(),
            offset,
            length,
        )
    };
    (count == length).then_some(bytes)
}
