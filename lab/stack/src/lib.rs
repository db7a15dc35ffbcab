//! The lab's doubles of what surrounds a PF driver and a VF driver, as one WDM driver.
//!
//! | module | stands in for |
//! |---|---|
//! | [`bus`] | the PCI bus that the PF sits on, and the guests' virtual PCI buses: children come and go |
//! | [`pci`] | the PF's hardware: configuration spaces, BARs, `PCI_VIRTUALIZATION_INTERFACE` |
//! | [`fault`] | what of that hardware fails |
//! | [`watch`] | what a filter above the PF driver would see of it |
//! | [`guest`] | another driver of a guest, which asks the VF driver |
//! | [`vpci`] | the guest's VPCI bus driver: `VPCI_INTERFACE_STANDARD` and its IOCTLs |
//! | [`partner`] | the virtualization stack's connection to the PF driver |
//! | [`attachment`] | what an attached stack keeps pending: events and invalidations |
//! | [`contention`] | many threads on the same VFs, and what each of them may see |
//! | [`security`] | the kernel's check of who opens a device |
//! | [`control`] | the door through which the runner drives all of them |
//!
//! The rest are the tools they share. Nothing here is part of the product.
#![no_std]

extern crate alloc;

mod attachment;
mod bus;
mod clock;
mod contention;
mod control;
mod fault;
mod guest;
mod irp;
mod ledger;
mod level;
mod lock;
mod node;
mod partner;
mod pci;
mod pnp;
mod pool;
mod security;
mod thread;
mod transfer;
mod unicode;
mod unload;
mod vpci;
mod watch;

use wdk_sys::{
    DRIVER_OBJECT, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, NTSTATUS, PUNICODE_STRING,
};

/// Prints a line to the kernel log.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::unicode::print(&alloc::format!($($argument)*)) };
}

/// Where the kernel enters: sets the dispatch table and creates the control device.
///
/// # Safety
///
/// Called once by the kernel, with its own driver object.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: *mut DRIVER_OBJECT,
    _registry_path: PUNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the kernel passes its driver object, which nobody else touches during DriverEntry.
    let object = unsafe { &mut *driver };
    for major in [IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE] {
        object.MajorFunction[major as usize] = Some(control::dispatch_file);
    }
    object.MajorFunction[IRP_MJ_DEVICE_CONTROL as usize] = Some(control::dispatch);
    object.MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL as usize] = Some(vpci::dispatch);
    object.MajorFunction[IRP_MJ_PNP as usize] = Some(bus::dispatch_pnp);
    object.MajorFunction[IRP_MJ_POWER as usize] = Some(bus::dispatch_power);
    object.DriverUnload = Some(unload);
    // SAFETY: the kernel gives every driver object an extension.
    let extension = unsafe { &mut *object.DriverExtension };
    extension.AddDevice = Some(bus::add_device);
    if let Err(status) = security::install() {
        log!("lab-stack: SeAccessCheck cannot be replaced: {status:#010x}");
        return status;
    }
    control::create(driver)
}

unsafe extern "C" fn unload(_driver: *mut DRIVER_OBJECT) {
    control::delete();
}

#[panic_handler]
fn panic(information: &core::panic::PanicInfo) -> ! {
    log!("lab-stack: {information}");
    // SAFETY: stopping the machine needs nothing.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(0xE2, 0, 0, 0, 0) }
}
