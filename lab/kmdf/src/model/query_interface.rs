//! Interfaces that other drivers query with `IRP_MN_QUERY_INTERFACE`, and such queries.
//!
//! Rules (`fxpkgpnp.cpp`, `fxqueryinterfaceapi.cpp`): a queried interface is copied out, the
//! driver's callback may fill it in, its `InterfaceReference` is called, and then the query still
//! goes down the stack so that lower drivers may see it. A query that no registration answers goes
//! down unchanged.

use alloc::{boxed::Box, vec::Vec};
use core::ptr;

use kmdf_rules::{
    interface::{Shape, find},
    level::Level,
    object::Handle,
};
use wdk_sys::{
    GUID, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MN_QUERY_INTERFACE, LPCGUID, NTSTATUS, PDEVICE_OBJECT,
    PFN_WDF_DEVICE_PROCESS_QUERY_INTERFACE_REQUEST, PINTERFACE, PVOID,
};

use crate::{
    kernel::{
        argument::In,
        handle::pointer,
        irp::{Irp, byte},
        status,
    },
    model::threads::callback,
};

/// An interface that a device answers queries with.
#[derive(Clone)]
pub(crate) struct QueryInterface {
    pub(crate) class: GUID,
    /// The registered structure, as many bytes as its `Size` says.
    pub(crate) contents: Option<Box<[u8]>>,
    pub(crate) shape: Option<Shape>,
    pub(crate) import: bool,
    pub(crate) process: PFN_WDF_DEVICE_PROCESS_QUERY_INTERFACE_REQUEST,
}

/// A class identifier that can be compared.
struct Class(GUID);

impl PartialEq for Class {
    fn eq(&self, other: &Self) -> bool {
        let parts = |guid: &GUID| (guid.Data1, guid.Data2, guid.Data3, guid.Data4);
        parts(&self.0) == parts(&other.0)
    }
}

/// Handles `IRP_MN_QUERY_INTERFACE` for a device with these registrations.
pub(crate) fn handle(
    registered: &[QueryInterface],
    device: Handle,
    lower: PDEVICE_OBJECT,
    irp: Irp,
) -> NTSTATUS {
    let location = irp.parameters();
    // SAFETY: the minor function selects the member.
    let query = unsafe { location.Parameters.QueryInterface };
    // SAFETY: the sender passes a class identifier, or null.
    let Some(class) = (unsafe { In::new(query.InterfaceType) }).optional() else {
        return irp.pass_down(lower);
    };
    let classes: Vec<_> = registered
        .iter()
        .map(|one| (Class(one.class), one.shape))
        .collect();
    let requested = Shape {
        size: query.Size,
        version: query.Version,
    };
    let candidates = classes.iter().map(|(class, shape)| (class, *shape));
    let found = find(candidates, &Class(class), requested);
    let Some(own) = found.and_then(|index| registered.get(index)) else {
        return irp.pass_down(lower);
    };
    let mut status = own.fill(device, query.Interface, query.InterfaceSpecificData);
    // With `STATUS_NOT_SUPPORTED` the lower drivers decide about what the driver filled in.
    if status::is_success(status) || status == status::NOT_SUPPORTED {
        take_reference(query.Interface);
        irp.set_status(status);
        status = irp.pass_down_synchronously(lower);
    }
    irp.set_information(0);
    irp.finish(status)
}

impl QueryInterface {
    /// Fills the sender's structure.
    fn fill(&self, device: Handle, exposed: PINTERFACE, specific: PVOID) -> NTSTATUS {
        if let Some(contents) = self.contents.as_deref()
            && !self.import
        {
            // SAFETY: the sender's structure is at least as large as the registered one.
            unsafe {
                ptr::copy_nonoverlapping(contents.as_ptr(), exposed.cast::<u8>(), contents.len());
            }
        }
        let Some(process) = self.process else {
            return status::SUCCESS;
        };
        let mut class = self.class;
        callback(
            "EvtDeviceProcessQueryInterfaceRequest",
            Level::Passive,
            || {
                // SAFETY: the driver's callback with its device and the sender's structure.
                unsafe { process(pointer(device), &raw mut class, exposed, specific) }
            },
        )
    }
}

/// Calls `InterfaceReference` of a structure that is filled.
fn take_reference(exposed: PINTERFACE) {
    // SAFETY: the structure begins with the common header.
    let header = unsafe { exposed.read_unaligned() };
    if let Some(reference) = header.InterfaceReference {
        callback("InterfaceReference", Level::Passive, || {
            // SAFETY: the reference function of the interface with its own context.
            unsafe { reference(header.Context) }
        });
    }
}

/// What a driver asks another one for.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    pub(crate) class: LPCGUID,
    pub(crate) exposed: PINTERFACE,
    pub(crate) size: u16,
    pub(crate) version: u16,
    pub(crate) specific: PVOID,
}

impl Query {
    /// Sends the query to the top of a stack, to which the caller has a reference
    /// (`FxQueryInterface::_QueryForInterface`).
    pub(crate) fn send(self, top: PDEVICE_OBJECT) -> NTSTATUS {
        let Some(irp) = Irp::allocate(top) else {
            return status::INSUFFICIENT_RESOURCES;
        };
        irp.set_status(status::NOT_SUPPORTED);
        let mut location = IO_STACK_LOCATION {
            MajorFunction: byte(IRP_MJ_PNP),
            MinorFunction: byte(IRP_MN_QUERY_INTERFACE),
            ..Default::default()
        };
        let parameters = &mut location.Parameters;
        parameters.QueryInterface.InterfaceType = self.class;
        parameters.QueryInterface.Size = self.size;
        parameters.QueryInterface.Version = self.version;
        parameters.QueryInterface.Interface = self.exposed;
        parameters.QueryInterface.InterfaceSpecificData = self.specific;
        irp.set_next_location(location);
        let status = irp.send_synchronously(top);
        irp.free();
        status
    }
}
