//! A sample VF driver, as a guest's author would write it for a device whose PF runs pf_broker.
//!
//! A VF has nothing but its bus to speak to the PF: it reads and writes configuration blocks, and it
//! is told when blocks changed. docs/vf-authors.md walks through this driver:
//!
//! | file | shows |
//! |---|---|
//! | `device.rs` | where the bus's interface is queried and given back, and when to listen |
//! | `channel.rs` | reading and writing a block, by direct call and by IOCTL |
//! | `changes.rs` | keeping `IOCTL_VPCI_INVALIDATE_BLOCK` pending, and what to do when it completes |
//! | `requests.rs` | offering all that to a program in the guest |
#![no_std]

mod changes;
mod channel;
mod device;
mod requests;
mod wdf;

use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PUNICODE_STRING, WDF_DRIVER_CONFIG};

/// Where the kernel enters: registers the driver with the framework.
///
/// # Safety
///
/// Called once by the kernel, with its own driver object and registry path.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: *mut DRIVER_OBJECT,
    registry_path: PUNICODE_STRING,
) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_config::<WDF_DRIVER_CONFIG>(),
        EvtDriverDeviceAdd: Some(device::add),
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: driver object and path are the kernel's; the configuration outlives the call.
    unsafe {
        wdf::call!(
            WdfDriverCreate,
            driver,
            registry_path.cast_const(),
            core::ptr::null_mut(),
            &raw mut config,
            core::ptr::null_mut(),
        )
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: stopping the machine needs nothing.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(0xE2, 0, 0, 0, 0) }
}
