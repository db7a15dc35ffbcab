//! `WdfObject…` (`fxobjectapi.cpp`, `handleapi.cpp`).

use kmdf_rules::{level::Level, object::Kind, violation::Violation};
use wdk_sys::{
    NTSTATUS, PCWDF_OBJECT_CONTEXT_TYPE_INFO, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES,
    WDFOBJECT,
};

use crate::{
    api::{attributes::identity, call::Call, new_object::NewObject},
    kernel::{handle::number, report::stop, status},
    model::{
        driver,
        objects::{self, Body},
        request::{Origin, Request},
        threads::enforce,
    },
};

/// An object of `WdfObjectCreate`.
struct General;

impl Body for General {
    const KIND: Kind = Kind::General;
}

/// `WdfObjectCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFOBJECT,
) -> NTSTATUS {
    let call = Call::enter("WdfObjectCreate", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "Object") };
    status::of(new.create(&call, |_| Ok(General)))
}

/// `WdfObjectDelete`.
pub(crate) unsafe extern "C" fn delete(_globals: PWDF_DRIVER_GLOBALS, object: WDFOBJECT) {
    let call = Call::enter("WdfObjectDelete", Level::Dispatch);
    let (handle, kind) = call.any(object);
    let created_by_driver =
        objects::get::<Request>(handle).is_some_and(|request| request.origin == Origin::Driver);
    if !kind.driver_may_delete() && !created_by_driver {
        stop(&Violation::NotDeletable { kind, handle });
    }
    objects::delete(call.function, handle);
}

/// `WdfObjectGetTypedContextWorker`.
pub(crate) unsafe extern "C" fn get_typed_context(
    _globals: PWDF_DRIVER_GLOBALS,
    handle: WDFOBJECT,
    description: PCWDF_OBJECT_CONTEXT_TYPE_INFO,
) -> PVOID {
    let call = Call::enter("WdfObjectGetTypedContextWorker", Level::Dispatch);
    let handle = number(handle);
    // A destroy callback may still use the context.
    let kind = enforce(objects::check(call.function, handle, None, true));
    let found = objects::find(handle).and_then(|object| {
        object
            .context
            .with(|context| context.find(identity(description)))
    });
    found.unwrap_or_else(|| {
        call.bad_parameter(kind.type_name(), "has no context of this type", handle.0)
    })
}
