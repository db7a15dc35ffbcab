//! Device stacks with a filter, which Wine's kernel does not build.
//!
//! For each device it loads the function driver alone and calls its `AddDevice`. Here that routine
//! is replaced by one that calls the `AddDevice` of every driver of the stack, from the bottom up,
//! as the Plug and Play manager of Windows does ("`DRIVER_ADD_DEVICE` callback function"). The
//! device is started afterwards.
//!
//! The kernel starts a device without a list of its resources. A routine in front of that of the
//! driver on top adds the list.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use alloc::boxed::Box;
use alloc::string::String;
use kernel_runtime::lock::Locked;
use kernel_runtime::unicode::Text;
use lab_control::stack as abi;
use wdk_sys::ntddk::{ObReferenceObjectByName, ObfDereferenceObject, ZwLoadDriver};
use wdk_sys::{
    DEVICE_OBJECT, DRIVER_OBJECT, IRP_MJ_PNP, IRP_MN_START_DEVICE, NTSTATUS, PDRIVER_ADD_DEVICE,
    PDRIVER_DISPATCH, PIRP, POBJECT_TYPE, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
};

use super::children::physical_function;
use crate::kernel::exports::find;
use crate::kernel::unload::SERVICES;
use crate::kernel::{imports, irp};
use crate::pci::{ResourceList, io_space};

/// `STATUS_IMAGE_ALREADY_LOADED`
const ALREADY_LOADED: NTSTATUS = 0xC000_010E_u32.cast_signed();

/// The filter of the PF, and whether it is below the function driver.
static FILTER: AtomicPtr<DRIVER_OBJECT> = AtomicPtr::new(ptr::null_mut());
static IS_BELOW: AtomicBool = AtomicBool::new(false);
/// `AddDevice` of the function driver that is loaded.
static FUNCTION: Locked<PDRIVER_ADD_DEVICE> = Locked::new(None);
/// The routine for Plug and Play packets of the driver on top, and the list of resources that the
/// last start got.
static TOP: Locked<PDRIVER_DISPATCH> = Locked::new(None);
static RESOURCES: Locked<Option<Box<ResourceList>>> = Locked::new(None);
/// Which resources the kernel's starts get: one of [`abi::resources`].
static WHICH: AtomicU32 = AtomicU32::new(abi::resources::NONE);

/// Loads the drivers of the PF that is about to be plugged in, where there is a filter among them.
pub(crate) fn prepare(plug: &abi::PlugPf) -> Result<(), NTSTATUS> {
    let length = usize::try_from(plug.filter_length).unwrap_or(usize::MAX);
    let filter = plug.filter.get(..length).ok_or(STATUS_INVALID_PARAMETER)?;
    if filter.is_empty() {
        return Ok(());
    }
    let function = load(abi::FUNCTION_DRIVER)?;
    imports::replace(function, &io_space::functions())?;
    let filter = load(&String::from_utf16_lossy(filter))?;
    WHICH.store(plug.resources, Ordering::SeqCst);
    let top = if plug.filter_is_below == 0 {
        filter
    } else {
        function
    };
    add_resources_in_front_of(top);
    FILTER.store(filter, Ordering::SeqCst);
    IS_BELOW.store(plug.filter_is_below != 0, Ordering::SeqCst);
    // SAFETY: a driver object has its extension as long as the driver is loaded.
    let extension = unsafe { (*function).DriverExtension };
    // SAFETY: as above; no device of it is plugged in, so the kernel does not call the routine.
    let routine = unsafe { &mut (*extension).AddDevice };
    // A driver that stays loaded between two devices has the replacement already.
    let replacement = add_stack as *const ();
    if routine.map(|routine| routine as *const ()) != Some(replacement) {
        *FUNCTION.lock() = routine.replace(add_stack);
    }
    Ok(())
}

/// Puts [`start_with_resources`] in front of a driver's routine for Plug and Play packets.
fn add_resources_in_front_of(driver: *mut DRIVER_OBJECT) {
    // SAFETY: the driver is loaded, and no device of it is plugged in.
    let routines = unsafe { &mut (*driver).MajorFunction };
    let routine = &mut routines[IRP_MJ_PNP as usize];
    let replacement = start_with_resources as *const ();
    if routine.map(|routine| routine as *const ()) != Some(replacement) {
        *TOP.lock() = routine.replace(start_with_resources);
    }
}

/// Adds the list of resources to a start that the kernel sends. One that the lab sends has a
/// completion routine, and the list that the runner wants.
unsafe extern "C" fn start_with_resources(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the kernel hands the request over.
    let (_, location) = unsafe { irp::parts(irp) };
    let which = WHICH.load(Ordering::SeqCst);
    if u32::from(location.MinorFunction) == IRP_MN_START_DEVICE
        && location.CompletionRoutine.is_none()
        && which != abi::resources::NONE
        && let Some(pci) = physical_function()
    {
        let list = ptr::from_mut(&mut **RESOURCES.lock().insert(Box::new(pci.resources(which))));
        location.Parameters.StartDevice.AllocatedResources = list.cast();
        location.Parameters.StartDevice.AllocatedResourcesTranslated = list.cast();
    }
    let Some(routine) = *TOP.lock() else {
        // SAFETY: the request is ours.
        return unsafe { irp::complete(irp, STATUS_NOT_SUPPORTED, 0) };
    };
    // SAFETY: the routine of the driver whose device this is.
    unsafe { routine(device, irp) }
}

/// Loads a driver; its object, which exists as long as the driver is loaded.
fn load(service: &str) -> Result<*mut DRIVER_OBJECT, NTSTATUS> {
    let mut path = Text::new(&(String::from(SERVICES) + service));
    let mut path = path.as_kernel();
    // SAFETY: the string lives until the call returns.
    let status = unsafe { ZwLoadDriver(&raw mut path) };
    if status != STATUS_SUCCESS && status != ALREADY_LOADED {
        return Err(status);
    }
    let mut name = Text::new(&(String::from(r"\Driver\") + service));
    let mut name = name.as_kernel();
    let kind: *mut POBJECT_TYPE = find("IoDriverObjectType")?.cast();
    // SAFETY: the kernel's variable of this name has this type.
    let kind = unsafe { *kind };
    let mut object: *mut c_void = ptr::null_mut();
    // SAFETY: the name and the result live until the call returns.
    let status = unsafe {
        ObReferenceObjectByName(
            &raw mut name,
            0,
            ptr::null_mut(),
            0,
            kind,
            0,
            ptr::null_mut(),
            &raw mut object,
        )
    };
    if status != STATUS_SUCCESS {
        return Err(status);
    }
    // SAFETY: gives the reference back; the loaded driver has its own.
    unsafe { ObfDereferenceObject(object) };
    Ok(object.cast())
}

/// In the place of the function driver's `AddDevice`.
unsafe extern "C" fn add_stack(
    function: *mut DRIVER_OBJECT,
    physical: *mut DEVICE_OBJECT,
) -> NTSTATUS {
    let filter = FILTER.load(Ordering::SeqCst);
    // SAFETY: the filter stays loaded while the PF is plugged in.
    let extension = unsafe { (*filter).DriverExtension };
    // SAFETY: a driver object has its extension as long as the driver is loaded.
    let routine = unsafe { (*extension).AddDevice };
    let mut stack = [(*FUNCTION.lock(), function), (routine, filter)];
    if IS_BELOW.load(Ordering::SeqCst) {
        stack.reverse();
    }
    for (routine, driver) in stack {
        let Some(routine) = routine else {
            return STATUS_NOT_SUPPORTED;
        };
        // SAFETY: the routine of a loaded driver, with its object and a device of the bus.
        let status = unsafe { routine(driver, physical) };
        if status != STATUS_SUCCESS {
            return status;
        }
    }
    STATUS_SUCCESS
}
