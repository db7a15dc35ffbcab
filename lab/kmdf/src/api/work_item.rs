//! `WdfWorkItem…` (`fxworkitemapi.cpp`, `fxworkitem.cpp`).

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDF_WORKITEM_CONFIG,
    WDF_WORKITEM_CONFIG, WDFOBJECT, WDFWORKITEM,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{argument::In, handle::pointer, status},
    model::{
        objects,
        work_item::{self, WorkItem},
    },
};

/// `WdfWorkItemCreate`: the parent is a device or has one as an ancestor.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    config: PWDF_WORKITEM_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFWORKITEM,
) -> NTSTATUS {
    let call = Call::enter("WdfWorkItemCreate", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let config = unsafe { In::new(config) }.required(call.function, "Config");
    if config.Size as usize != size_of::<WDF_WORKITEM_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.EvtWorkItemFunc.is_none() {
        return status::INVALID_PARAMETER;
    }
    // SAFETY: as above.
    let new = unsafe { NewObject::new(attributes, None, output, "WorkItem") };
    status::of(new.with_parent().create(&call, |attributes| {
        objects::device_of(attributes)?;
        Ok(WorkItem::new(config))
    }))
}

/// `WdfWorkItemEnqueue`.
pub(crate) unsafe extern "C" fn enqueue(_globals: PWDF_DRIVER_GLOBALS, item: WDFWORKITEM) {
    let call = Call::enter("WdfWorkItemEnqueue", Level::Dispatch);
    work_item::enqueue(&call.object(item));
}

/// `WdfWorkItemGetParentObject`.
pub(crate) unsafe extern "C" fn get_parent(
    _globals: PWDF_DRIVER_GLOBALS,
    item: WDFWORKITEM,
) -> WDFOBJECT {
    let call = Call::enter("WdfWorkItemGetParentObject", Level::Dispatch);
    let item = call.object::<WorkItem, _>(item);
    objects::parent(item.handle()).map_or(ptr::null_mut(), pointer)
}
