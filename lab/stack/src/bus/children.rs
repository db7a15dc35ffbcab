//! The devices that are plugged in, and plugging and pulling them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel_runtime::clock;
use kernel_runtime::event::Event;
use kernel_runtime::heap::allocate_for_kernel;
use kernel_runtime::lock::Locked;
use wdk_sys::ntddk::{
    IoGetAttachedDeviceReference, IoInvalidateDeviceRelations, ObfReferenceObject,
};
use wdk_sys::{
    DEVICE_OBJECT, DEVICE_RELATIONS, DRIVER_OBJECT, NTSTATUS, STATUS_IO_TIMEOUT,
    STATUS_NO_SUCH_DEVICE,
};

use super::device_object::{self, Child, Kind, Role};
use crate::pci::Pci;
use crate::vpci::virtual_function::VirtualFunction;

/// The bus and the devices that are plugged in.
struct Bus {
    driver: *mut DRIVER_OBJECT,
    /// The device that the bus itself was found as; NULL while there is no bus.
    physical: *mut DEVICE_OBJECT,
    plugged: Vec<*mut DEVICE_OBJECT>,
}

/// How often the kernel has queried the children.
static ENUMERATIONS: AtomicU32 = AtomicU32::new(0);

static BUS: Locked<Bus> = Locked::new(Bus {
    driver: ptr::null_mut(),
    physical: ptr::null_mut(),
    plugged: Vec::new(),
});

/// The kernel has found the bus: as the device `physical`.
pub(super) fn set_bus(driver: *mut DRIVER_OBJECT, physical: *mut DEVICE_OBJECT) {
    let mut bus = BUS.lock();
    bus.driver = driver;
    bus.physical = physical;
}

/// The bus is removed.
pub(super) fn remove_bus() {
    BUS.lock().physical = ptr::null_mut();
}

/// Plugs a device in. The kernel finds and starts its driver some time later.
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
        let device = device_object::create(bus.driver, None, Role::Child(child))?;
        device_object::ready(device);
        bus.plugged.push(device);
        bus.physical
    };
    enumerate(physical);
    Ok(())
}

/// Pulls out the device that `wanted` picks, and waits until its driver has released it.
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
    if child.gone.wait_within(milliseconds) && enumerated_again(physical, milliseconds) {
        Ok(())
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Waits until the kernel has queried the children once more. It does so on the thread that removes
/// devices, so by then the drivers above a removed child have finished, too.
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
pub(crate) fn physical_function() -> Option<Arc<Pci>> {
    find(|child| matches!(child.kind, Kind::PhysicalFunction(_))).and_then(|child| {
        match &child.kind {
            Kind::PhysicalFunction(pci) => Some(Arc::clone(pci)),
            Kind::VirtualFunction(_) => None,
        }
    })
}

/// The VF with an index, if its device is plugged in.
pub(crate) fn virtual_function(index: u16) -> Option<Arc<VirtualFunction>> {
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

/// The children for `IRP_MN_QUERY_DEVICE_RELATIONS`, in memory that the kernel frees; NULL without
/// memory.
pub(super) fn relations() -> *mut DEVICE_RELATIONS {
    let relations = build_relations();
    ENUMERATIONS.fetch_add(1, Ordering::SeqCst);
    relations
}

fn build_relations() -> *mut DEVICE_RELATIONS {
    let bus = BUS.lock();
    let extra = bus.plugged.len().saturating_sub(1) * size_of::<*mut DEVICE_OBJECT>();
    let memory = allocate_for_kernel::<DEVICE_RELATIONS>(size_of::<DEVICE_RELATIONS>() + extra);
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
