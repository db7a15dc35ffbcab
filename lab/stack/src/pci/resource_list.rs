//! The resources of a start request: the memory of the PF's BAR and of the VFs' BARs.

use lab_control::stack::resources;
use pcivirt_abi::bus::{MemoryDescriptor, RESOURCE_SHARE_DEVICE_EXCLUSIVE, RESOURCE_TYPE_MEMORY};

use super::registers::{
    BAR_0_BASE, BAR_0_BYTES, BAR_2_BASE, BAR_2_BYTES, PF_BAR_BASE, PF_BAR_BYTES, halves,
};

/// Descriptors in a resource list, one more than a PF can have: six registers, six of its VFs, an
/// expansion ROM.
const DESCRIPTORS: u32 = 14;

/// `CM_RESOURCE_LIST` of `wdm.h` with one bus.
#[repr(C)]
pub(crate) struct ResourceList {
    count: u32,
    interface_type: u32,
    bus_number: u32,
    version: u16,
    revision: u16,
    descriptor_count: u32,
    descriptors: [MemoryDescriptor; DESCRIPTORS as usize],
}

impl ResourceList {
    /// The list that `which`, one of [`resources`], names.
    pub(crate) fn new(total_vfs: u16, which: u32) -> Self {
        let length = |bytes: u32| {
            let all = bytes.saturating_mul(total_vfs.into());
            match which {
                resources::TOO_SMALL => bytes - 1,
                resources::OTHER_LENGTH => all + 1,
                _ => all,
            }
        };
        let memory = |start: u64, length: u32| MemoryDescriptor {
            resource_type: RESOURCE_TYPE_MEMORY,
            share_disposition: RESOURCE_SHARE_DEVICE_EXCLUSIVE,
            start: halves(start),
            length,
            ..MemoryDescriptor::default()
        };
        let mut descriptors = [memory(0x30_0000_0000, length(BAR_0_BYTES)); DESCRIPTORS as usize];
        descriptors[0] = memory(PF_BAR_BASE, PF_BAR_BYTES);
        descriptors[1] = memory(BAR_0_BASE, length(BAR_0_BYTES));
        descriptors[2] = memory(u64::from(BAR_2_BASE), length(BAR_2_BYTES));
        Self {
            count: 1,
            interface_type: 5,
            bus_number: 0,
            version: 1,
            revision: 1,
            descriptor_count: if which == resources::TOO_MANY {
                DESCRIPTORS
            } else {
                3
            },
            descriptors,
        }
    }
}
