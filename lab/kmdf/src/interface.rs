//! Device interfaces, and interfaces that other drivers query with `IRP_MN_QUERY_INTERFACE`.
//!
//! Rules (`fxpkgpnp.cpp`, `fxqueryinterfaceapi.cpp`, `fxdeviceinterface.hpp`): device interfaces are
//! enabled at the end of a start and disabled by a removal; a queried interface is copied out,
//! the driver's callback may fill it in, its `InterfaceReference` is called, and then the query
//! still goes down the stack so that lower drivers may see it. A query that no registration answers
//! goes down as it came. Only physical devices may ask for their parent's stack.

use alloc::{boxed::Box, vec::Vec};
use core::ptr;

use kmdf_rules::{
    interface::{Shape, find},
    level::Level,
};
use wdk_sys::{
    BOOLEAN, GUID, INTERFACE, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MN_QUERY_INTERFACE, LPCGUID,
    NTSTATUS, PCUNICODE_STRING, PFN_WDF_DEVICE_PROCESS_QUERY_INTERFACE_REQUEST, PINTERFACE, PVOID,
    PWDF_DRIVER_GLOBALS, PWDF_QUERY_INTERFACE_CONFIG, UNICODE_STRING, WDF_QUERY_INTERFACE_CONFIG,
    WDFDEVICE, WDFSTRING,
    ntddk::{
        IoAllocateIrp, IoGetAttachedDeviceReference, IoRegisterDeviceInterface,
        IoSetDeviceInterfaceState, ObfDereferenceObject, RtlFreeUnicodeString,
    },
};

use crate::{
    alias::Alias,
    argument::In,
    call::{Call, callback, pointer},
    device::Device,
    irp::{Irp, byte},
    shortage, status, string,
    world::Reference,
};

/// A device interface of a device.
pub(crate) struct DeviceInterface {
    class: GUID,
    reference_string: Vec<u16>,
    link: UNICODE_STRING,
    /// Where the link leads if there is a reference string.
    alias: Option<Alias>,
    /// What the driver wants while the device works.
    wanted: bool,
}

/// An interface that a device answers queries with.
#[derive(Clone)]
pub(crate) struct QueryInterface {
    class: GUID,
    /// The registered structure, as many bytes as its `Size` says.
    contents: Option<Box<[u8]>>,
    shape: Option<Shape>,
    import: bool,
    process: PFN_WDF_DEVICE_PROCESS_QUERY_INTERFACE_REQUEST,
}

fn equal(one: &GUID, other: &GUID) -> bool {
    (one.Data1, one.Data2, one.Data3, one.Data4)
        == (other.Data1, other.Data2, other.Data3, other.Data4)
}

/// A class identifier that can be compared.
struct Class(GUID);

impl PartialEq for Class {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
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
    // SAFETY: the driver vouches for what it passes.
    let class = unsafe { In::new(class) }.required(&call, "InterfaceClassGUID");
    // SAFETY: as above.
    let reference_string = unsafe { string::characters(reference_string) };
    if let Err(status) = shortage::pass(&call) {
        return status;
    }
    let mut link = UNICODE_STRING::default();
    // SAFETY: the structures live until the call returns, which allocates the link's characters.
    let status = unsafe {
        IoRegisterDeviceInterface(device.pdo, &raw const class, ptr::null_mut(), &raw mut link)
    };
    if !status::is_success(status) {
        return status;
    }
    let enabled = device.machine.with(|machine| machine.interfaces_enabled());
    let mut interface = DeviceInterface {
        class,
        reference_string,
        link,
        alias: None,
        wanted: true,
    };
    let status = if enabled {
        set_state(&device, &mut interface, true)
    } else {
        status::SUCCESS
    };
    device
        .interfaces
        .with(|interfaces| interfaces.push(interface));
    status
}

fn set_state(device: &Device, interface: &mut DeviceInterface, enable: bool) -> NTSTATUS {
    let mut link = interface.link;
    // SAFETY: the link was made by IoRegisterDeviceInterface and is freed with the device.
    let status = unsafe { IoSetDeviceInterfaceState(&raw mut link, u8::from(enable)) };
    if !enable || !status::is_success(status) || interface.reference_string.is_empty() {
        return status;
    }
    let alias = match interface.alias.take() {
        Some(alias) => alias,
        None => match Alias::new(
            device.driver_object(),
            device.pdo,
            &interface.reference_string,
        ) {
            Ok(alias) => alias,
            Err(status) => return status,
        },
    };
    let status = alias.take_over(&mut link);
    interface.alias = Some(alias);
    status
}

/// Enables the interfaces that are wanted, or disables all.
pub(crate) fn set_all(device: &Reference<Device>, enable: bool) -> NTSTATUS {
    device.interfaces.with(|interfaces| {
        for interface in interfaces.iter_mut().filter(|interface| interface.wanted) {
            let status = set_state(device, interface, enable);
            if enable && !status::is_success(status) {
                return status;
            }
        }
        status::SUCCESS
    })
}

/// Frees what the system allocated for the device's interfaces.
pub(crate) fn free_all(device: &Device) {
    for mut interface in device.interfaces.with(core::mem::take) {
        // SAFETY: the characters were allocated by IoRegisterDeviceInterface.
        unsafe { RtlFreeUnicodeString(&raw mut interface.link) };
    }
}

fn matches(interface: &DeviceInterface, class: &GUID, reference_string: &[u16]) -> bool {
    equal(&interface.class, class) && interface.reference_string == reference_string
}

/// `WdfDeviceSetDeviceInterfaceState`.
pub(crate) unsafe extern "C" fn set_interface_state(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    class: *const GUID,
    reference_string: PCUNICODE_STRING,
    enable: BOOLEAN,
) {
    let call = Call::enter("WdfDeviceSetDeviceInterfaceState", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver vouches for what it passes.
    let class = unsafe { In::new(class) }.required(&call, "InterfaceClassGUID");
    // SAFETY: as above.
    let reference_string = unsafe { string::characters(reference_string) };
    let works = device.machine.with(|machine| machine.interfaces_enabled());
    device.interfaces.with(|interfaces| {
        for interface in interfaces
            .iter_mut()
            .filter(|one| matches(one, &class, &reference_string))
        {
            interface.wanted = enable != 0;
            if works {
                set_state(&device, interface, enable != 0);
            }
        }
    });
}

/// `WdfDeviceRetrieveDeviceInterfaceString`.
pub(crate) unsafe extern "C" fn retrieve_interface_string(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    class: *const GUID,
    reference_string: PCUNICODE_STRING,
    text: WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceRetrieveDeviceInterfaceString", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver vouches for what it passes.
    let class = unsafe { In::new(class) }.required(&call, "InterfaceClassGUID");
    // SAFETY: as above.
    let reference_string = unsafe { string::characters(reference_string) };
    let link = device.interfaces.with(|interfaces| {
        let found = interfaces
            .iter()
            .find(|one| matches(one, &class, &reference_string));
        found.map(|interface| interface.link)
    });
    let Some(link) = link else {
        return status::OBJECT_NAME_NOT_FOUND;
    };
    // SAFETY: the link lives as long as the device.
    let characters = unsafe { string::characters(&raw const link) };
    call.object::<string::Text, _>(text)
        .set_characters(&characters);
    status::SUCCESS
}

/// `WdfDeviceAddQueryInterface`.
pub(crate) unsafe extern "C" fn add_query_interface(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    config: PWDF_QUERY_INTERFACE_CONFIG,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceAddQueryInterface", Level::Passive);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "InterfaceConfig");
    // SAFETY: as above.
    let class = unsafe { In::new(config.InterfaceType) }.required(&call, "InterfaceType");
    if device.pdo.is_null() {
        return status::INVALID_DEVICE_REQUEST;
    }
    if config.Size as usize != size_of::<WDF_QUERY_INTERFACE_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    // SAFETY: as above.
    let header = unsafe { In::new(config.Interface.cast_const()) }.optional();
    let import = config.ImportInterface != 0;
    let callback_missing = import && config.EvtDeviceProcessQueryInterfaceRequest.is_none();
    let structure_missing = header.is_none() && !import;
    // The double makes function devices only, so nobody has a parent's stack to ask.
    let asks_parent = config.SendQueryToParentStack != 0;
    let too_small = header.is_some_and(|header| usize::from(header.Size) < size_of::<INTERFACE>());
    if callback_missing || structure_missing || asks_parent || too_small {
        return status::INVALID_PARAMETER;
    }
    if let Err(status) = shortage::pass(&call) {
        return status;
    }
    let contents = header.map(|header| {
        let start = config.Interface.cast::<u8>().cast_const();
        // SAFETY: the structure is as large as its `Size` says.
        Box::from(unsafe { core::slice::from_raw_parts(start, usize::from(header.Size)) })
    });
    device.query_interfaces.with(|interfaces| {
        interfaces.push(QueryInterface {
            class,
            contents,
            shape: header.map(|header| Shape {
                size: header.Size,
                version: header.Version,
            }),
            import,
            process: config.EvtDeviceProcessQueryInterfaceRequest,
        });
    });
    status::SUCCESS
}

/// `IRP_MN_QUERY_INTERFACE`.
pub(crate) fn query(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let location = irp.parameters();
    // SAFETY: the minor function selects the member.
    let query = unsafe { location.Parameters.QueryInterface };
    // SAFETY: the sender passes a class identifier, or null.
    let class = unsafe { In::new(query.InterfaceType) }.optional();
    let registered = device
        .query_interfaces
        .with(|interfaces| interfaces.clone());
    let Some(class) = class else {
        return irp.pass_down(device.lower);
    };
    let classes: Vec<_> = registered
        .iter()
        .map(|one| (Class(one.class), one.shape))
        .collect();
    let requested = Shape {
        size: query.Size,
        version: query.Version,
    };
    let found = find(
        classes.iter().map(|(class, shape)| (class, *shape)),
        &Class(class),
        requested,
    );
    match found.and_then(|index| registered.get(index)) {
        Some(interface) => answer(
            device,
            irp,
            interface,
            query.Interface,
            query.InterfaceSpecificData,
        ),
        None => irp.pass_down(device.lower),
    }
}

fn answer(
    device: &Reference<Device>,
    irp: Irp,
    own: &QueryInterface,
    exposed: PINTERFACE,
    specific: PVOID,
) -> NTSTATUS {
    if let Some(contents) = own.contents.as_deref()
        && !own.import
    {
        // SAFETY: the sender's structure is at least as large as the registered one.
        unsafe {
            ptr::copy_nonoverlapping(contents.as_ptr(), exposed.cast::<u8>(), contents.len());
        }
    }
    let mut status = status::SUCCESS;
    if let Some(process) = own.process {
        let mut class = own.class;
        status = callback(
            "EvtDeviceProcessQueryInterfaceRequest",
            Level::Passive,
            || {
                // SAFETY: the driver's callback with its device and the sender's structure.
                unsafe { process(pointer(device.handle()), &raw mut class, exposed, specific) }
            },
        );
    }
    // `STATUS_NOT_SUPPORTED` says that the lower drivers decide, with what the driver filled in.
    if status::is_success(status) || status == status::NOT_SUPPORTED {
        // SAFETY: the structure begins with the common header.
        let header = unsafe { exposed.read_unaligned() };
        if let Some(reference) = header.InterfaceReference {
            callback("InterfaceReference", Level::Passive, || {
                // SAFETY: the reference function of the interface with its own context.
                unsafe { reference(header.Context) }
            });
        }
        irp.set_status(status);
        status = irp.pass_down_synchronously(device.lower);
    }
    irp.set_information(0);
    irp.finish(status)
}

/// `WdfFdoQueryForInterface`: asks the whole stack of the device from its top.
pub(crate) unsafe extern "C" fn fdo_query(
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
    let status = send_query(top, class, exposed, size, version, specific);
    // SAFETY: the reference was taken above.
    unsafe { ObfDereferenceObject(top.cast()) };
    status
}

/// Sends a query to the top of a stack (`FxQueryInterface::_QueryForInterface`).
pub(crate) fn send_query(
    top: wdk_sys::PDEVICE_OBJECT,
    class: LPCGUID,
    exposed: PINTERFACE,
    size: u16,
    version: u16,
    specific: PVOID,
) -> NTSTATUS {
    // SAFETY: the device object is referenced by the caller.
    let stack_size = unsafe { (*top).StackSize };
    // SAFETY: allocates a packet with a location for each device of the stack.
    let irp = unsafe { IoAllocateIrp(stack_size, 0) };
    // SAFETY: the packet was allocated above and is freed below.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        return status::INSUFFICIENT_RESOURCES;
    };
    irp.set_status(status::NOT_SUPPORTED);
    let mut location = IO_STACK_LOCATION {
        MajorFunction: byte(IRP_MJ_PNP),
        MinorFunction: byte(IRP_MN_QUERY_INTERFACE),
        ..Default::default()
    };
    let parameters = &mut location.Parameters;
    parameters.QueryInterface.InterfaceType = class;
    parameters.QueryInterface.Size = size;
    parameters.QueryInterface.Version = version;
    parameters.QueryInterface.Interface = exposed;
    parameters.QueryInterface.InterfaceSpecificData = specific;
    irp.set_next_location(location);
    let status = irp.send_synchronously(top);
    irp.free();
    status
}
