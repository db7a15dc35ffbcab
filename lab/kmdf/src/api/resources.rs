//! `WdfCmResourceList…` (`fxresourceapi.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{PCM_PARTIAL_RESOURCE_DESCRIPTOR, PWDF_DRIVER_GLOBALS, WDFCMRESLIST};

use crate::{api::call::Call, model::resources::ResourceList};

/// `WdfCmResourceListGetCount`.
pub(crate) unsafe extern "C" fn get_count(
    _globals: PWDF_DRIVER_GLOBALS,
    list: WDFCMRESLIST,
) -> u32 {
    let call = Call::enter("WdfCmResourceListGetCount", Level::Dispatch);
    let count = call.object::<ResourceList, _>(list).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// `WdfCmResourceListGetDescriptor`: null after the last one.
pub(crate) unsafe extern "C" fn get_descriptor(
    _globals: PWDF_DRIVER_GLOBALS,
    list: WDFCMRESLIST,
    index: u32,
) -> PCM_PARTIAL_RESOURCE_DESCRIPTOR {
    let call = Call::enter("WdfCmResourceListGetDescriptor", Level::Dispatch);
    call.object::<ResourceList, _>(list)
        .descriptor(index as usize)
}
