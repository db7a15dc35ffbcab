//! The resource lists of a start packet, as `WDFCMRESLIST` (`fxresourceapi.cpp`).

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    CM_PARTIAL_RESOURCE_DESCRIPTOR, PCM_PARTIAL_RESOURCE_DESCRIPTOR, PCM_RESOURCE_LIST,
    PWDF_DRIVER_GLOBALS, WDFCMRESLIST,
};

use crate::{
    body::Body,
    call::Call,
    device::Device,
    irp::Irp,
    world::{self, Reference},
};

/// A `WDFCMRESLIST`. The descriptors do not move until the list is deleted.
pub(crate) struct ResourceList(Locked<Vec<CM_PARTIAL_RESOURCE_DESCRIPTOR>>);

/// Copies the descriptors of the first interface of a list. A null list has none.
fn read(list: PCM_RESOURCE_LIST) -> Vec<CM_PARTIAL_RESOURCE_DESCRIPTOR> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: the sender of the start packet passes a complete list; its parts are unaligned.
    let full = unsafe { &raw const (*list).List }.cast::<wdk_sys::CM_FULL_RESOURCE_DESCRIPTOR>();
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

/// Notes the resources of a start packet.
pub(crate) fn assign(device: &Reference<Device>, irp: Irp) {
    let location = irp.parameters();
    // SAFETY: the minor function selects the member.
    let start = unsafe { location.Parameters.StartDevice };
    release(device);
    let make = |list| {
        let body = Body::ResourceList(ResourceList(Locked::new(read(list))));
        world::create(body, Some(device.handle()), None).ok()
    };
    let raw = make(start.AllocatedResources);
    let translated = make(start.AllocatedResourcesTranslated);
    device.resources.with(|lists| *lists = raw.zip(translated));
}

/// The raw and the translated list.
pub(crate) fn lists(device: &Reference<Device>) -> (Handle, Handle) {
    device
        .resources
        .with(|lists| *lists)
        .unwrap_or((Handle(0), Handle(0)))
}

/// The resources are given up.
pub(crate) fn release(device: &Reference<Device>) {
    if let Some((raw, translated)) = device.resources.with(Option::take) {
        world::delete("resources released", raw);
        world::delete("resources released", translated);
    }
}

/// `WdfCmResourceListGetCount`.
pub(crate) unsafe extern "C" fn get_count(
    _globals: PWDF_DRIVER_GLOBALS,
    list: WDFCMRESLIST,
) -> u32 {
    let call = Call::enter("WdfCmResourceListGetCount", Level::Dispatch);
    let count = call
        .object::<ResourceList, _>(list)
        .0
        .with(|descriptors| descriptors.len());
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// `WdfCmResourceListGetDescriptor`: null behind the last one.
pub(crate) unsafe extern "C" fn get_descriptor(
    _globals: PWDF_DRIVER_GLOBALS,
    list: WDFCMRESLIST,
    index: u32,
) -> PCM_PARTIAL_RESOURCE_DESCRIPTOR {
    let call = Call::enter("WdfCmResourceListGetDescriptor", Level::Dispatch);
    call.object::<ResourceList, _>(list).0.with(|descriptors| {
        descriptors
            .get_mut(index as usize)
            .map_or(core::ptr::null_mut(), core::ptr::from_mut)
    })
}
