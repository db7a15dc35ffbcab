//! The Hyper-V side of the lab: doubles of what surrounds a PF driver and a VF driver, as one WDM
//! driver.
//!
//! | module | stands in for |
//! |---|---|
//! | [`bus`] | the PCI bus that the PF sits on, and the guests' virtual PCI buses: children come and go |
//! | [`pci`] | the PF's hardware: configuration spaces, BARs, `PCI_VIRTUALIZATION_INTERFACE` |
//! | [`vpci`] | the guest's VPCI bus driver: `VPCI_INTERFACE_STANDARD` and its IOCTLs |
//! | [`pf_connection`] | the virtualization stack's connection to the PF driver |
//! | [`contention`] | many threads on the same VFs |
//! | [`latency`] | a VF that waits for host software |
//!
//! [`control`] carries out the runner's requests, [`transfer`] its operations on blocks, and
//! [`kernel`] has what Wine's kernel lacks. Nothing here is part of the product.
#![no_std]

extern crate alloc;

mod bus;
mod contention;
mod control;
mod kernel;
mod latency;
mod log;
mod pci;
mod pf_connection;
mod transfer;
mod vpci;

use bus::dispatch;
use kernel::{access_check, error_log, level};
use log::log;
use wdk_sys::{
    DRIVER_OBJECT, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, NTSTATUS, PUNICODE_STRING,
};

/// The driver's entry point: sets the dispatch table and creates the control device.
///
/// # Safety
///
/// Called once by the kernel, with its own driver object.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: *mut DRIVER_OBJECT,
    _registry_path: PUNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the kernel passes its driver object, which it does not touch during DriverEntry.
    let object = unsafe { &mut *driver };
    for major in [IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE] {
        object.MajorFunction[major as usize] = Some(control::dispatch_file);
    }
    object.MajorFunction[IRP_MJ_DEVICE_CONTROL as usize] = Some(control::dispatch);
    object.MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL as usize] = Some(vpci::ioctl::dispatch);
    object.MajorFunction[IRP_MJ_PNP as usize] = Some(dispatch::dispatch_pnp);
    object.MajorFunction[IRP_MJ_POWER as usize] = Some(dispatch::dispatch_power);
    object.DriverUnload = Some(unload);
    // SAFETY: the kernel gives every driver object an extension.
    let extension = unsafe { &mut *object.DriverExtension };
    extension.AddDevice = Some(dispatch::add_device);
    pci::io_space::install();
    let installed = access_check::install()
        .and_then(|()| level::install())
        .and_then(|()| error_log::install());
    if let Err(status) = installed {
        log!("a function of the kernel cannot be replaced: {status:#010x}");
        return status;
    }
    control::create(driver)
}

unsafe extern "C" fn unload(_driver: *mut DRIVER_OBJECT) {
    control::delete();
}

#[panic_handler]
fn panic(information: &core::panic::PanicInfo) -> ! {
    log!("{information}");
    // SAFETY: stopping the machine needs nothing.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(0xE2, 0, 0, 0, 0) }
}
