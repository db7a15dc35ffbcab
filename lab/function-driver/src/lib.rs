//! A small function driver of a PF, as a vendor has one.
//!
//! It drives the PF in the lab's runs in which the driver under test is an upper filter. It knows
//! nothing of SR-IOV: it counts what reaches it, and the checks compare with what was sent to the
//! top of the stack. It is the companion of the driver above, and answers as the runner says.
//!
//! | file | holds |
//! |---|---|
//! | `device.rs` | the device, its Plug and Play and power callbacks |
//! | `requests.rs` | creates, cleanups, closes, reads, writes, device controls, WMI |
//! | `companion.rs`, `companion/*` | the driver as the companion of the driver above it |
//! | `buffers.rs` | the buffers of requests |
//! | `record.rs` | the counters |
//! | `configuration.rs` | VF Enable of the PF |
#![no_std]

extern crate alloc;

mod buffers;
mod companion;
mod configuration;
mod device;
mod record;
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
