//! Device interfaces, and interfaces that drivers query from each other (`fxdeviceapi.cpp`,
//! `fxqueryinterfaceapi.cpp`, `fxfdoapi.cpp`, `fxiotargetapi.cpp`).

use alloc::{boxed::Box, vec::Vec};

use kmdf_rules::{interface::Shape, level::Level};
use wdk_sys::{
    GUID, INTERFACE, LPCGUID, NTSTATUS, PCUNICODE_STRING, PINTERFACE, PVOID, PWDF_DRIVER_GLOBALS,
    PWDF_QUERY_INTERFACE_CONFIG, WDF_QUERY_INTERFACE_CONFIG, WDFDEVICE, WDFIOTARGET, WDFSTRING,
    ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject},
};

use crate::{
    api::call::Call,
    kernel::{argument::In, counted_string, status},
    model::{
        device::Device,
        device_interface::DeviceInterface,
        io_target::IoTarget,
        low_resources,
        query_interface::{Query, QueryInterface},
        text::Text,
    },
};

/// What a driver names a device interface by: its class, and its reference string or nothing.
///
/// # Safety
/// The pointers are NULL or valid.
unsafe fn names(
    call: &Call,
    class: *const GUID,
    reference_string: PCUNICODE_STRING,
) -> (GUID, Vec<u16>) {
    // SAFETY: as the caller guarantees.
    let class = unsafe { In::new(class) }.required(call.function, "InterfaceClassGUID");
    // SAFETY: as the caller guarantees.
    let reference_string = unsafe { counted_string::characters(reference_string) };
    (class, reference_string)
}

/// `WdfDeviceCreateDeviceInterface`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    class: *const GUID,
    reference_string: PCUNICODE_STRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceCreateDeviceInterface", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver guarantees its pointers.
    let (class, reference_string) = unsafe { names(&call, class, reference_string) };
    let registered = low_resources::count(call.function)
        .and_then(|()| DeviceInterface::register(device.pdo, class, reference_string));
    let mut interface = match registered {
        Ok(interface) => interface,
        Err(status) => return status,
    };
    let status = if device.machine.with(|machine| machine.interfaces_enabled()) {
        interface.enable(device.driver_object(), device.pdo)
    } else {
        status::SUCCESS
    };
    device
        .interfaces
        .with(|interfaces| interfaces.push(interface));
    status
}

/// `WdfDeviceRetrieveDeviceInterfaceString`.
pub(crate) unsafe extern "C" fn retrieve_string(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    class: *const GUID,
    reference_string: PCUNICODE_STRING,
    text: WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceRetrieveDeviceInterfaceString", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver guarantees its pointers.
    let (class, reference_string) = unsafe { names(&call, class, reference_string) };
    let link = device.interfaces.with(|interfaces| {
        interfaces
            .iter()
            .find(|interface| interface.is(&class, &reference_string))
            .map(DeviceInterface::link)
    });
    match link {
        Some(link) => {
            call.object::<Text, _>(text).set(link);
            status::SUCCESS
        }
        None => status::OBJECT_NAME_NOT_FOUND,
    }
}

/// `WdfDeviceAddQueryInterface`.
pub(crate) unsafe extern "C" fn add_query_interface(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    config: PWDF_QUERY_INTERFACE_CONFIG,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceAddQueryInterface", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver guarantees its pointers.
    let config = unsafe { In::new(config) }.required(call.function, "InterfaceConfig");
    // SAFETY: as above.
    let class = unsafe { In::new(config.InterfaceType) }.required(call.function, "InterfaceType");
    if config.Size as usize != size_of::<WDF_QUERY_INTERFACE_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    // SAFETY: as above.
    let header = unsafe { In::new(config.Interface.cast_const()) }.optional();
    let import = config.ImportInterface != 0;
    let callback_missing = import && config.EvtDeviceProcessQueryInterfaceRequest.is_none();
    let structure_missing = header.is_none() && !import;
    // Only a physical device may send the query to its parent's stack, and the double has none.
    let asks_parent = config.SendQueryToParentStack != 0;
    let too_small = header.is_some_and(|header| usize::from(header.Size) < size_of::<INTERFACE>());
    if callback_missing || structure_missing || asks_parent || too_small {
        return status::INVALID_PARAMETER;
    }
    if let Err(status) = low_resources::count(call.function) {
        return status;
    }
    let contents = header.map(|header| {
        let start = config.Interface.cast::<u8>().cast_const();
        // SAFETY: the structure is as large as its `Size` says.
        Box::from(unsafe { core::slice::from_raw_parts(start, usize::from(header.Size)) })
    });
    let interface = QueryInterface {
        class,
        contents,
        shape: header.map(|header| Shape {
            size: header.Size,
            version: header.Version,
        }),
        import,
        process: config.EvtDeviceProcessQueryInterfaceRequest,
    };
    device
        .query_interfaces
        .with(|interfaces| interfaces.push(interface));
    status::SUCCESS
}

/// `WdfFdoQueryForInterface`: queries the whole stack of the device, from its top.
pub(crate) unsafe extern "C" fn query_stack(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    class: LPCGUID,
    exposed: PINTERFACE,
    size: u16,
    version: u16,
    specific: PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfFdoQueryForInterface", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the device object exists as long as the framework device.
    let top = unsafe { IoGetAttachedDeviceReference(device.fdo) };
    let query = Query {
        class,
        exposed,
        size,
        version,
        specific,
    };
    let status = query.send(top);
    // SAFETY: the reference was taken above.
    unsafe { ObfDereferenceObject(top.cast()) };
    status
}

/// `WdfIoTargetQueryForInterface`: queries the target's device and those below it.
pub(crate) unsafe extern "C" fn query_target(
    _globals: PWDF_DRIVER_GLOBALS,
    target: WDFIOTARGET,
    class: LPCGUID,
    exposed: PINTERFACE,
    size: u16,
    version: u16,
    specific: PVOID,
) -> NTSTATUS {
    let call = Call::enter("WdfIoTargetQueryForInterface", Level::Passive);
    let query = Query {
        class,
        exposed,
        size,
        version,
        specific,
    };
    query.send(call.object::<IoTarget, _>(target).object)
}
