//! The identifiers of a child.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use kernel_runtime::heap::allocate_for_kernel;

use super::device_object::{Child, Kind};

/// The identifier of a child, terminated by one zero or two, as its kind requires.
pub(super) fn of(child: &Child, kind: i32) -> Option<String> {
    use wdk_sys::BUS_QUERY_ID_TYPE;
    const DEVICE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryDeviceID;
    const HARDWARE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryHardwareIDs;
    const COMPATIBLE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryCompatibleIDs;
    const INSTANCE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryInstanceID;
    let (vendor, device) = (child.vendor_id, child.device_id);
    let instance = match &child.kind {
        Kind::PhysicalFunction(_) => String::from("PF"),
        Kind::VirtualFunction(vf) => format!("VF{}", vf.index),
    };
    match kind {
        DEVICE => Some(format!("PCI\\VEN_{vendor:04X}&DEV_{device:04X}\0")),
        HARDWARE => Some(format!("PCI\\VEN_{vendor:04X}&DEV_{device:04X}\0\0")),
        COMPATIBLE => Some(String::from("\0\0")),
        INSTANCE => Some(format!("{instance}\0")),
        _ => None,
    }
}

/// A copy of a text in memory that the kernel frees, as a number; 0 without memory.
pub(super) fn for_kernel(text: &str) -> u64 {
    let units: Vec<u16> = text.encode_utf16().collect();
    let memory = allocate_for_kernel::<u16>(units.len() * 2);
    if memory.is_null() {
        return 0;
    }
    // SAFETY: the memory holds every unit and overlaps nothing.
    unsafe { memory.copy_from_nonoverlapping(units.as_ptr(), units.len()) };
    memory as u64
}
