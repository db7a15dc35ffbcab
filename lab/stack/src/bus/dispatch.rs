//! Dispatch of Plug and Play and power requests to the bus and its children.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use wdk_sys::ntddk::{IoAttachDeviceToDeviceStack, IoDetachDevice};
use wdk_sys::{
    DEVICE_OBJECT, DRIVER_OBJECT, IO_STACK_LOCATION, IRP, IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_ID, IRP_MN_QUERY_INTERFACE, IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE, IRP_MN_SET_POWER, IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL, NTSTATUS, PIRP, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED, STATUS_SUCCESS,
};

use super::device_object::{self, Child, Kind, Role};
use super::{children, identifier, pnp_observer};
use crate::kernel::irp;
use crate::pf_connection::connection;
use crate::{pci, vpci};

/// `AddDevice`: the kernel has found the bus.
pub(crate) unsafe extern "C" fn add_device(
    driver: *mut DRIVER_OBJECT,
    physical: *mut DEVICE_OBJECT,
) -> NTSTATUS {
    let device = match device_object::create(driver, None, Role::Bus { lower: physical }) {
        Ok(device) => device,
        Err(status) => return status,
    };
    // SAFETY: both devices exist, and the new one is attached nowhere.
    unsafe { IoAttachDeviceToDeviceStack(device, physical) };
    device_object::ready(device);
    children::set_bus(driver, physical);
    STATUS_SUCCESS
}

/// `IRP_MJ_PNP`
pub(crate) unsafe extern "C" fn dispatch_pnp(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the kernel hands the request over.
    let (request, location) = unsafe { irp::parts(irp) };
    match device_object::role(device) {
        Role::Bus { lower } => bus_pnp(device, *lower, irp, request, location),
        Role::Child(child) => child_pnp(device, child, irp, request, location),
        // SAFETY: the request is ours.
        Role::Control => unsafe { irp::complete(irp, STATUS_NOT_SUPPORTED, 0) },
    }
}

fn bus_pnp(
    device: *mut DEVICE_OBJECT,
    lower: *mut DEVICE_OBJECT,
    irp: PIRP,
    request: &mut IRP,
    location: &mut IO_STACK_LOCATION,
) -> NTSTATUS {
    match u32::from(location.MinorFunction) {
        IRP_MN_QUERY_DEVICE_RELATIONS => {
            // SAFETY: this minor function uses this member.
            let kind = unsafe { location.Parameters.QueryDeviceRelations.Type };
            if kind == wdk_sys::_DEVICE_RELATION_TYPE::BusRelations {
                let relations = children::relations();
                request.IoStatus.__bindgen_anon_1.Status = if relations.is_null() {
                    STATUS_INSUFFICIENT_RESOURCES
                } else {
                    STATUS_SUCCESS
                };
                request.IoStatus.Information = relations as u64;
            }
        }
        IRP_MN_START_DEVICE | IRP_MN_SURPRISE_REMOVAL => {
            request.IoStatus.__bindgen_anon_1.Status = STATUS_SUCCESS;
        }
        IRP_MN_REMOVE_DEVICE => {
            children::remove_bus();
            request.IoStatus.__bindgen_anon_1.Status = STATUS_SUCCESS;
            // SAFETY: the request is ours, and `lower` is the device below.
            let status = unsafe { irp::pass_down(lower, irp) };
            // SAFETY: this device is attached to it.
            unsafe { IoDetachDevice(lower) };
            device_object::delete(device);
            return status;
        }
        _ => {}
    }
    // SAFETY: the request is ours, and `lower` is the device below.
    unsafe { irp::pass_down(lower, irp) }
}

fn child_pnp(
    device: *mut DEVICE_OBJECT,
    child: &Arc<Child>,
    irp: PIRP,
    request: &mut IRP,
    location: &mut IO_STACK_LOCATION,
) -> NTSTATUS {
    let minor = u32::from(location.MinorFunction);
    match &child.kind {
        Kind::PhysicalFunction(_) => pnp_observer::observe(device, irp, minor),
        Kind::VirtualFunction(_) if minor == IRP_MN_START_DEVICE => {
            pnp_observer::observe_vf_start(irp);
        }
        Kind::VirtualFunction(_) => {}
    }
    let (status, information) = match minor {
        IRP_MN_QUERY_ID => {
            // SAFETY: this minor function uses this member.
            let kind = unsafe { location.Parameters.QueryId.IdType };
            match identifier::of(child, kind).map(|text| identifier::for_kernel(&text)) {
                Some(0) => (STATUS_INSUFFICIENT_RESOURCES, 0),
                Some(memory) => (STATUS_SUCCESS, memory),
                None => (irp::status_of(request), 0),
            }
        }
        IRP_MN_QUERY_CAPABILITIES => {
            // SAFETY: this minor function uses this member.
            let capabilities = unsafe { location.Parameters.DeviceCapabilities.Capabilities };
            // SAFETY: it names the caller's structure.
            let capabilities = unsafe { &mut *capabilities };
            capabilities.set_UniqueID(1);
            capabilities.set_SurpriseRemovalOK(1);
            (STATUS_SUCCESS, 0)
        }
        IRP_MN_QUERY_INTERFACE => {
            // SAFETY: this minor function uses this member.
            let query = unsafe { &location.Parameters.QueryInterface };
            let answer = match &child.kind {
                Kind::PhysicalFunction(pci) => pci::interface::query_interface(pci, query),
                Kind::VirtualFunction(vf) => vpci::interface::query_interface(vf, query),
            };
            (
                answer.unwrap_or_else(|| irp::status_of(request)),
                request.IoStatus.Information,
            )
        }
        IRP_MN_REMOVE_DEVICE => {
            let pulled = child.pulled.load(Ordering::SeqCst);
            let child = Arc::clone(child);
            // SAFETY: the request is ours.
            let status = unsafe { irp::complete(irp, STATUS_SUCCESS, 0) };
            if pulled {
                device_object::delete(device);
                child.gone.set();
            }
            return status;
        }
        IRP_MN_SURPRISE_REMOVAL => {
            surprise_removed(child);
            (STATUS_SUCCESS, 0)
        }
        _ if is_accepted(minor) => (STATUS_SUCCESS, 0),
        _ => (irp::status_of(request), request.IoStatus.Information),
    };
    // SAFETY: the request is ours.
    unsafe { irp::complete(irp, status, information) }
}

fn surprise_removed(child: &Child) {
    match &child.kind {
        Kind::VirtualFunction(vf) => vf.fail_pending(STATUS_NO_SUCH_DEVICE),
        // Wine sends the remove request right behind this one, Windows when the last handle to the
        // device is closed.
        Kind::PhysicalFunction(_) => connection::close_handles(),
    }
}

/// Requests that a child accepts without doing anything.
fn is_accepted(minor: u32) -> bool {
    [
        IRP_MN_START_DEVICE,
        IRP_MN_QUERY_STOP_DEVICE,
        IRP_MN_STOP_DEVICE,
        IRP_MN_CANCEL_STOP_DEVICE,
        IRP_MN_QUERY_REMOVE_DEVICE,
        IRP_MN_CANCEL_REMOVE_DEVICE,
    ]
    .contains(&minor)
}

/// `IRP_MJ_POWER`
pub(crate) unsafe extern "C" fn dispatch_power(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the kernel hands the request over.
    let (_, location) = unsafe { irp::parts(irp) };
    match device_object::role(device) {
        Role::Bus { lower } => {
            // SAFETY: the request is ours, and `lower` is the device below.
            unsafe { irp::pass_down(*lower, irp) }
        }
        Role::Child(child) => {
            if u32::from(location.MinorFunction) == IRP_MN_SET_POWER
                && let Kind::PhysicalFunction(pci) = &child.kind
            {
                // SAFETY: power requests use this member.
                let power = unsafe { &location.Parameters.Power };
                if power.Type == wdk_sys::_POWER_STATE_TYPE::DevicePowerState {
                    // SAFETY: both members of the union are enumerations of the same size.
                    pci.set_power(unsafe { power.State.DeviceState });
                }
            }
            // SAFETY: the request is ours.
            unsafe { irp::complete(irp, STATUS_SUCCESS, 0) }
        }
        // SAFETY: the request is ours.
        Role::Control => unsafe { irp::complete(irp, STATUS_NOT_SUPPORTED, 0) },
    }
}
