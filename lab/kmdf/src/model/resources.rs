//! The resource lists of a start packet, as `WDFCMRESLIST` (`fxresourceapi.cpp`).

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::object::{Handle, Kind};
use wdk_sys::{
    CM_FULL_RESOURCE_DESCRIPTOR, CM_PARTIAL_RESOURCE_DESCRIPTOR, PCM_PARTIAL_RESOURCE_DESCRIPTOR,
    PCM_RESOURCE_LIST,
};

use crate::{
    kernel::irp::Irp,
    model::{
        device::Device,
        objects::{self, Body, Reference},
    },
};

/// A `WDFCMRESLIST`. The descriptors do not move until the list is deleted.
pub(crate) struct ResourceList(Locked<Vec<CM_PARTIAL_RESOURCE_DESCRIPTOR>>);

impl Body for ResourceList {
    const KIND: Kind = Kind::ResourceList;
}

impl ResourceList {
    /// How many descriptors there are.
    pub(crate) fn count(&self) -> usize {
        self.0.with(|descriptors| descriptors.len())
    }

    /// The address of a descriptor; null after the last one.
    pub(crate) fn descriptor(&self, index: usize) -> PCM_PARTIAL_RESOURCE_DESCRIPTOR {
        self.0.with(|descriptors| {
            descriptors
                .get_mut(index)
                .map_or(core::ptr::null_mut(), core::ptr::from_mut)
        })
    }
}

/// Copies the descriptors of the first interface of a list. A null list has none.
fn read(list: PCM_RESOURCE_LIST) -> Vec<CM_PARTIAL_RESOURCE_DESCRIPTOR> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the sender of the start packet passes a complete list; its parts are unaligned.
    let full = unsafe { &raw const (*list).List }.cast::<CM_FULL_RESOURCE_DESCRIPTOR>();
    // SAFETY: as above; only an address is computed.
    let interfaces = unsafe { &raw const (*list).Count };
    // SAFETY: as above.
    if unsafe { interfaces.read_unaligned() } == 0 {
        return Vec::new();
    }
    // SAFETY: as above; only an address is computed.
    let count = unsafe { &raw const (*full).PartialResourceList.Count };
    // SAFETY: as above.
    let count = unsafe { count.read_unaligned() };
    // SAFETY: as above; only an address is computed.
    let first = unsafe { &raw const (*full).PartialResourceList.PartialDescriptors }
        .cast::<CM_PARTIAL_RESOURCE_DESCRIPTOR>();
    (0..count as usize)
        .map(|index| {
            // SAFETY: the list has `count` descriptors.
            unsafe { first.wrapping_add(index).read_unaligned() }
        })
        .collect()
}

/// Creates the lists of a start packet.
pub(crate) fn assign(device: &Reference<Device>, irp: Irp) {
    let location = irp.parameters();
    // SAFETY: the minor function selects the member.
    let start = unsafe { location.Parameters.StartDevice };
    release(device);
    let create = |list| {
        let body = ResourceList(Locked::new(read(list)));
        let list = objects::create(body, Some(device.handle()), None).ok()?;
        Some(list.handle())
    };
    let raw = create(start.AllocatedResources);
    let translated = create(start.AllocatedResourcesTranslated);
    device.resources.with(|lists| *lists = raw.zip(translated));
}

/// The raw and the translated list.
pub(crate) fn lists(device: &Device) -> (Handle, Handle) {
    device
        .resources
        .with(|lists| *lists)
        .unwrap_or((Handle(0), Handle(0)))
}

/// Deletes the lists.
pub(crate) fn release(device: &Device) {
    if let Some((raw, translated)) = device.resources.with(Option::take) {
        objects::delete("resources released", raw);
        objects::delete("resources released", translated);
    }
}
