//! A sample VF driver, as a guest's author would write it for a device whose PF runs pf_broker.
//!
//! A VF reaches the PF through its bus alone: it reads and writes configuration blocks, and is
//! notified when blocks change. docs/vf-authors.md walks through this driver:
//!
//! | file | shows |
//! |---|---|
//! | `device.rs` | where to query the bus's interface and to release it, and when to listen |
//! | `channel.rs` | reading and writing a block, by direct call and by IOCTL |
//! | `changes.rs` | keeping `IOCTL_VPCI_INVALIDATE_BLOCK` pending, and what to do when it completes |
//! | `requests.rs` | offering all that to a program in the guest |
//! | `context.rs` | the context of a device, which the callbacks share |
#![no_std]

mod changes;
mod channel;
mod context;
mod device;
mod requests;
mod wdf;

use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PUNICODE_STRING, WDF_DRIVER_CONFIG};

/// The driver's entry point: registers the driver with the framework.
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
