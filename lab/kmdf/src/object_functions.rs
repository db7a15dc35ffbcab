//! The `WdfObject…` functions (`fxobjectapi.cpp`, `handleapi.cpp`).

use kmdf_rules::{level::Level, object::Kind, violation::Violation};
use wdk_sys::{
    CHAR, LONG, NTSTATUS, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFOBJECT,
};

use crate::{
    argument::{In, Out},
    body::{Body, General},
    call::Call,
    context::{Attributes, Parent},
    report::stop,
    request::Request,
    status,
    world::{self, Order},
};

/// `WdfObjectCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    object: *mut WDFOBJECT,
) -> NTSTATUS {
    let call = Call::enter("WdfObjectCreate", Level::Dispatch);
    let parent = crate::bind::default_parent(globals);
    // SAFETY: the driver vouches for what it passes.
    let order = unsafe { Order::new(attributes, parent, object, "Object") };
    status::of(world::create_for(&call, &order, |_| {
        Ok(Body::General(General))
    }))
}

/// `WdfObjectDelete`.
pub(crate) unsafe extern "C" fn delete(_globals: PWDF_DRIVER_GLOBALS, object: WDFOBJECT) {
    let call = Call::enter("WdfObjectDelete", Level::Dispatch);
    let (handle, kind) = call.any(object, false);
    let made_by_driver = world::typed::<Request>(handle).is_some_and(|request| request.driver_made);
    let control_device = world::typed::<crate::device::Device>(handle);
    match kind {
        Kind::Request if made_by_driver => drop(world::delete(call.function(), handle)),
        Kind::Device => match control_device {
            Some(device) if device.pdo.is_null() => {
                crate::device::end(&device, call.function(), || ());
            }
            _ => stop(&Violation::NotDeletable { kind, handle }),
        },
        _ if kind.driver_may_delete() => drop(world::delete(call.function(), handle)),
        _ => stop(&Violation::NotDeletable { kind, handle }),
    }
}

/// `WdfObjectReferenceActual`.
pub(crate) unsafe extern "C" fn reference(
    _globals: PWDF_DRIVER_GLOBALS,
    object: WDFOBJECT,
    _tag: PVOID,
    _line: LONG,
    _file: *const CHAR,
) {
    let call = Call::enter("WdfObjectReferenceActual", Level::Dispatch);
    let (handle, _) = call.any(object, true);
    world::reference(call.function(), handle);
}

/// `WdfObjectDereferenceActual`.
pub(crate) unsafe extern "C" fn dereference(
    _globals: PWDF_DRIVER_GLOBALS,
    object: WDFOBJECT,
    _tag: PVOID,
    _line: LONG,
    _file: *const CHAR,
) {
    let call = Call::enter("WdfObjectDereferenceActual", Level::Dispatch);
    let (handle, _) = call.any(object, true);
    world::dereference(call.function(), handle);
}

/// `WdfObjectAllocateContext`.
pub(crate) unsafe extern "C" fn allocate_context(
    _globals: PWDF_DRIVER_GLOBALS,
    object: WDFOBJECT,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    context: *mut PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfObjectAllocateContext", Level::Dispatch);
    let (handle, _) = call.any(object, false);
    // SAFETY: the driver vouches for what it passes.
    let attributes = match Attributes::read(&call, unsafe { In::new(attributes) }, Parent::Fixed) {
        Ok(Some(attributes)) => attributes,
        Ok(None) => call.bad_parameter("ContextAttributes", "is NULL", 0),
        Err(status) => return status,
    };
    // SAFETY: as above; the address is optional.
    let output = unsafe { Out::new(context) };
    let Some(object) = world::find(handle) else {
        return status::DELETE_PENDING;
    };
    match object
        .contexts
        .with(|contexts| contexts.allocate(&attributes))
    {
        Ok((address, new)) => {
            output.set(address);
            if new {
                status::SUCCESS
            } else {
                status::OBJECT_NAME_EXISTS
            }
        }
        Err(status) => status,
    }
}

/// `WdfObjectQuery`: the framework answers internal test interfaces only.
pub(crate) unsafe extern "C" fn query(
    _globals: PWDF_DRIVER_GLOBALS,
    object: WDFOBJECT,
    _class: *const wdk_sys::GUID,
    _length: u32,
    _buffer: PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfObjectQuery", Level::Passive);
    call.any(object, false);
    status::INVALID_PARAMETER
}

/// `WdfVerifierDbgBreakPoint`: the driver found something that must not be.
pub(crate) unsafe extern "C" fn verifier_break_point(globals: PWDF_DRIVER_GLOBALS) {
    stop(&Violation::WrongState {
        function: "WdfVerifierDbgBreakPoint",
        handle: crate::bind::default_parent(globals).unwrap_or(kmdf_rules::object::Handle(0)),
        problem: "called it",
    });
}
