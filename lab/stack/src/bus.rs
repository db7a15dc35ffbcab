//! The bus double: a function device whose children, the PF and the VFs, come and go through
//! `IoInvalidateDeviceRelations`.

pub(crate) mod device_object;
pub(crate) mod pnp;
pub(crate) mod pnp_observer;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wdk_sys::ntddk::{
    IoAttachDeviceToDeviceStack, IoDetachDevice, IoGetAttachedDeviceReference,
    IoInvalidateDeviceRelations, ObfReferenceObject,
};
use wdk_sys::{
    DEVICE_OBJECT, DEVICE_RELATIONS, DRIVER_OBJECT, IO_STACK_LOCATION, IRP,
    IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_DEVICE_RELATIONS, IRP_MN_QUERY_ID,
    IRP_MN_QUERY_INTERFACE, IRP_MN_REMOVE_DEVICE, IRP_MN_SET_POWER, IRP_MN_START_DEVICE,
    IRP_MN_SURPRISE_REMOVAL, NTSTATUS, PIRP, STATUS_INSUFFICIENT_RESOURCES, STATUS_IO_TIMEOUT,
    STATUS_NO_SUCH_DEVICE, STATUS_NOT_SUPPORTED, STATUS_SUCCESS,
};

use crate::kernel::clock::{self, Event};
use crate::kernel::irp;
use crate::kernel::lock::Lock;
use crate::kernel::pool;
use crate::pf_connection;
use device_object::{Child, Kind, Role};
use pnp::is_pnp_success;

/// The bus and the devices that are plugged in.
struct Bus {
    driver: *mut DRIVER_OBJECT,
    /// The device that the bus itself was found as; NULL while there is no bus.
    physical: *mut DEVICE_OBJECT,
    plugged: Vec<*mut DEVICE_OBJECT>,
}

// SAFETY: device objects belong to no thread.
unsafe impl Send for Bus {}

/// How often the kernel has asked for the children.
static ENUMERATIONS: AtomicU32 = AtomicU32::new(0);

static BUS: Lock<Bus> = Lock::new(Bus {
    driver: core::ptr::null_mut(),
    physical: core::ptr::null_mut(),
    plugged: Vec::new(),
});

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
    let mut bus = BUS.lock();
    bus.driver = driver;
    bus.physical = physical;
    STATUS_SUCCESS
}

/// Plugs a device in. Its driver is found and started by the kernel, some time later.
pub(crate) fn plug(kind: Kind, vendor_id: u16, device_id: u16) -> Result<(), NTSTATUS> {
    let physical = {
        let mut bus = BUS.lock();
        if bus.physical.is_null() {
            return Err(STATUS_NO_SUCH_DEVICE);
        }
        let child = Arc::new(Child {
            kind,
            vendor_id,
            device_id,
            pulled: AtomicBool::new(false),
            gone: Event::new(),
        });
        child.gone.initialise();
        let device = device_object::create(bus.driver, None, Role::Child(child))?;
        device_object::ready(device);
        bus.plugged.push(device);
        bus.physical
    };
    enumerate(physical);
    Ok(())
}

/// Pulls the device out that `wanted` picks, and waits until its driver has let go of it.
pub(crate) fn pull(milliseconds: u32, wanted: impl Fn(&Child) -> bool) -> Result<(), NTSTATUS> {
    let (physical, child) = {
        let mut bus = BUS.lock();
        let position = bus
            .plugged
            .iter()
            .position(|&device| device_object::child(device).is_some_and(|child| wanted(child)))
            .ok_or(STATUS_NO_SUCH_DEVICE)?;
        let device = bus.plugged.remove(position);
        let child = device_object::child(device)
            .cloned()
            .ok_or(STATUS_NO_SUCH_DEVICE)?;
        if let Kind::PhysicalFunction(pci) = &child.kind {
            pci.pull();
        }
        child.pulled.store(true, Ordering::SeqCst);
        (bus.physical, child)
    };
    enumerate(physical);
    if child.gone.wait(Some(milliseconds)) && enumerated_again(physical, milliseconds) {
        Ok(())
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Waits until the kernel has asked for the children once more. It does so on the thread that
/// removes devices, so by then the drivers above a removed child are done with it, too.
fn enumerated_again(physical: *mut DEVICE_OBJECT, milliseconds: u32) -> bool {
    let before = ENUMERATIONS.load(Ordering::SeqCst);
    enumerate(physical);
    clock::wait_until(milliseconds, || {
        ENUMERATIONS.load(Ordering::SeqCst) != before
    })
}

/// The first plugged device that `wanted` picks, with a reference that the caller gives back.
pub(crate) fn find(wanted: impl Fn(&Child) -> bool) -> Option<Arc<Child>> {
    BUS.lock()
        .plugged
        .iter()
        .filter_map(|&device| device_object::child(device))
        .find(|child| wanted(child))
        .cloned()
}

/// The PF that is plugged in.
pub(crate) fn physical_function() -> Option<Arc<crate::pci::Pci>> {
    find(|child| matches!(child.kind, Kind::PhysicalFunction(_))).and_then(|child| {
        match &child.kind {
            Kind::PhysicalFunction(pci) => Some(Arc::clone(pci)),
            Kind::VirtualFunction(_) => None,
        }
    })
}

/// The VF with an index, if its device is plugged in.
pub(crate) fn virtual_function(index: u16) -> Option<Arc<crate::vpci::VirtualFunction>> {
    let is_it = |child: &Child| match &child.kind {
        Kind::VirtualFunction(vf) => vf.index == index,
        Kind::PhysicalFunction(_) => false,
    };
    find(is_it).and_then(|child| match &child.kind {
        Kind::VirtualFunction(vf) => Some(Arc::clone(vf)),
        Kind::PhysicalFunction(_) => None,
    })
}

/// The top of the device stack of a VF, with a reference that the caller gives back.
pub(crate) fn top_of_virtual_function(index: u16) -> Option<*mut DEVICE_OBJECT> {
    let is_it = |device: &*mut DEVICE_OBJECT| match device_object::child(*device)
        .map(|child| &child.kind)
    {
        Some(Kind::VirtualFunction(vf)) => vf.index == index,
        _ => false,
    };
    let bus = BUS.lock();
    let physical = bus.plugged.iter().copied().find(is_it)?;
    // SAFETY: the device is plugged in as long as the bus is locked.
    Some(unsafe { IoGetAttachedDeviceReference(physical) })
}

fn enumerate(physical: *mut DEVICE_OBJECT) {
    // SAFETY: the bus's device exists as long as the bus is known.
    unsafe {
        IoInvalidateDeviceRelations(physical, wdk_sys::_DEVICE_RELATION_TYPE::BusRelations);
    };
}

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
                let relations = relations();
                ENUMERATIONS.fetch_add(1, Ordering::SeqCst);
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
            BUS.lock().physical = core::ptr::null_mut();
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

/// The list of children that the kernel asks for, in memory that it frees.
fn relations() -> *mut DEVICE_RELATIONS {
    let bus = BUS.lock();
    let extra = bus.plugged.len().saturating_sub(1) * size_of::<*mut DEVICE_OBJECT>();
    let memory = pool::allocate::<DEVICE_RELATIONS>(size_of::<DEVICE_RELATIONS>() + extra);
    if memory.is_null() {
        return memory;
    }
    // SAFETY: the memory holds the count and every object.
    let first = unsafe { &raw mut (*memory).Objects }.cast::<*mut DEVICE_OBJECT>();
    for (index, &device) in bus.plugged.iter().enumerate() {
        // SAFETY: there is room for each device.
        let place = unsafe { first.add(index) };
        // SAFETY: as before.
        unsafe { place.write(device) };
        // SAFETY: the device exists; the kernel gives the reference back.
        unsafe { ObfReferenceObject(device.cast()) };
    }
    // SAFETY: as before.
    let count = unsafe { &raw mut (*memory).Count };
    // SAFETY: as before.
    unsafe { count.write(u32::try_from(bus.plugged.len()).unwrap_or(0)) };
    memory
}

fn child_pnp(
    device: *mut DEVICE_OBJECT,
    child: &Arc<Child>,
    irp: PIRP,
    request: &mut IRP,
    location: &mut IO_STACK_LOCATION,
) -> NTSTATUS {
    let minor = u32::from(location.MinorFunction);
    if matches!(child.kind, Kind::PhysicalFunction(_)) {
        pnp_observer::see(device, irp, minor);
    }
    let (status, information) = match minor {
        IRP_MN_QUERY_ID => {
            // SAFETY: this minor function uses this member.
            let kind = unsafe { location.Parameters.QueryId.IdType };
            match identifier(child, kind).map(|text| kernel_text(&text)) {
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
                Kind::PhysicalFunction(pci) => crate::pci::query_interface(pci, query),
                Kind::VirtualFunction(vf) => crate::vpci::query_interface(vf, query),
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
        _ if is_pnp_success(minor) => (STATUS_SUCCESS, 0),
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
        Kind::PhysicalFunction(_) => pf_connection::leave(),
    }
}

/// The identifier of a child, zero-terminated as the kind demands.
fn identifier(child: &Child, kind: i32) -> Option<String> {
    use wdk_sys::BUS_QUERY_ID_TYPE;
    const DEVICE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryDeviceID;
    const HARDWARE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryHardwareIDs;
    const COMPATIBLE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryCompatibleIDs;
    const INSTANCE: BUS_QUERY_ID_TYPE = wdk_sys::_BUS_QUERY_ID_TYPE::BusQueryInstanceID;
    let (vendor, device) = (child.vendor_id, child.device_id);
    let instance = match &child.kind {
        Kind::PhysicalFunction(_) => String::from("PF"),
        Kind::VirtualFunction(vf) => format!("VF{}", vf.index),
    };
    match kind {
        DEVICE => Some(format!("PCI\\VEN_{vendor:04X}&DEV_{device:04X}\0")),
        HARDWARE => Some(format!("PCI\\VEN_{vendor:04X}&DEV_{device:04X}\0\0")),
        COMPATIBLE => Some(String::from("\0\0")),
        INSTANCE => Some(format!("{instance}\0")),
        _ => None,
    }
}

/// A copy of a text in memory that the kernel frees, as a number; 0 without memory.
fn kernel_text(text: &str) -> u64 {
    let units: Vec<u16> = text.encode_utf16().collect();
    let memory = pool::allocate::<u16>(units.len() * 2);
    if memory.is_null() {
        return 0;
    }
    // SAFETY: the memory holds every unit and overlaps nothing.
    unsafe { memory.copy_from_nonoverlapping(units.as_ptr(), units.len()) };
    memory as u64
}

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
