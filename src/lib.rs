//! The PF side of Hyper-V's SR-IOV configuration-block channel, as a KMDF driver.
//!
//! The shell around the broker: it turns what Windows says into calls of [`block_broker`] and
//! [`pf_state`] and their answers into what Windows expects, and decides nothing itself. Each file
//! is one conversation.
//!
//! | file | with whom |
//! |---|---|
//! | `device` | Plug and Play and power management, through the framework |
//! | `virtualization` | the virtualization stack, through `SRIOV_DEVICE_INTERFACE_STANDARD` |
//! | `opener` | whoever opens the device |
//! | `ioctl` | whoever sends control codes: judged, then handed to the next three |
//! | `events` | the virtualization stack: attach, rebalance |
//! | `invalidation` | the virtualization stack: blocks to be read again |
//! | `management`, `changes` | host software |
//! | `parameters` | the registry |
//! | `pci` | the PCI bus driver |
//! | `etw` | Event Tracing for Windows |
//!
//! What they share: `pf` (the state of one PF), `vfs` (its VFs) and `os` (the framework's and the
//! kernel's objects).
//!
//! Nothing here can panic. The image holds a panic handler because the language asks for one.
#![no_std]

mod changes;
mod device;
mod etw;
mod events;
mod invalidation;
mod ioctl;
mod management;
mod opener;
mod os;
mod parameters;
mod pci;
mod pf;
mod registers;
mod reset;
mod vfs;
mod virtualization;

use os::{kernel, memory, wdf};

use pf_state::{failure::StartFailure, status};
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, WDF_DRIVER_CONFIG, WDF_NO_HANDLE,
    WDF_NO_OBJECT_ATTRIBUTES, WDFDRIVER,
};

/// Where the framework enters the driver.
///
/// # Safety
/// The arguments are those that the kernel gives a driver's entry point.
// SAFETY: the kernel looks for no other `DriverEntry` in this image.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    etw::register();
    let created = create(driver, registry_path);
    if let Err(failure) = created {
        etw::start_failed(&etw::DRIVER, failure);
        etw::unregister();
        return failure.status();
    }
    status::SUCCESS
}

/// Makes the framework's driver object.
fn create(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> Result<(), StartFailure> {
    if !kernel::find_clock() {
        return Err(StartFailure::NoClock);
    }
    let mut config = WDF_DRIVER_CONFIG {
        Size: wdf::size_of_config::<WDF_DRIVER_CONFIG>(),
        EvtDriverDeviceAdd: Some(device::add),
        EvtDriverUnload: Some(unload),
        DriverPoolTag: memory::POOL_TAG,
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: `driver` and `registry_path` come from the kernel unchanged, and `config` lives
    // through the call.
    let status = unsafe {
        wdf::call!(
            WdfDriverCreate,
            driver,
            registry_path,
            WDF_NO_OBJECT_ATTRIBUTES,
            &raw mut config,
            WDF_NO_HANDLE.cast::<WDFDRIVER>(),
        )
    };
    wdf::check(status).map_err(StartFailure::Framework)
}

/// `EvtDriverUnload`: no device is left, but an interface may be. Its code is in this image and its
/// memory is a child of the driver, so the unload waits for the last dereference.
unsafe extern "C" fn unload(_driver: WDFDRIVER) {
    pf::wait_until_none_is_left();
    etw::unregister();
}

/// Reached by nothing in this image; the build checks that. Stops the system, as any other answer
/// would go on with a state that nobody understands.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the function takes any arguments at any IRQL and does not return.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(u32::from_be_bytes(*b"PfBr"), 0, 0, 0, 0) }
}
