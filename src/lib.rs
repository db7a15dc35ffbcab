//! A KMDF driver for the PF of Hyper-V's SR-IOV configuration-block channel.
//!
//! The driver is a shell around [`block_broker`] and [`pf_state`], which decide: it converts
//! callbacks, interface calls and IOCTLs to calls of these crates, and their results to statuses,
//! completed requests and events. Each file imports only from files below it:
//!
//! | file | holds |
//! |---|---|
//! | `lib` | `DriverEntry` and `EvtDriverUnload` |
//! | `device` | `EvtDriverDeviceAdd` |
//! | `pnp` | Plug and Play and power callbacks |
//! | `pass_through` | what an upper filter passes to the function driver below |
//! | `ioctl` | IOCTL dispatch: access check, then handler |
//! | `virtualization` | `SRIOV_DEVICE_INTERFACE_STANDARD` for the virtualization stack |
//! | `companion`, `companion/functions` | attaches and detaches the companion below; the functions that it calls |
//! | `management` | the management interface for host software |
//! | `handing` | operations that the companion handles, and power changes of which it is notified |
//! | `reset` | the reset of one VF |
//! | `acknowledgement` | `IOCTL_ACKNOWLEDGE`, and the time limit of acknowledgements |
//! | `deferred` | the work item for what guests' operations leave to be done |
//! | `follow_up` | what the broker's operations require afterwards |
//! | `floods` | which VFs flood, for the event log |
//! | `invalidation` | `IOCTL_SRIOV_INVALIDATE_BLOCK`: blocks that VFs should read again |
//! | `changes` | `IOCTL_CHANGES`: what changed, for host software |
//! | `events` | attach, rebalance, detach of the virtualization stack |
//! | `registers` | saves and restores VFs' registers around a power-down |
//! | `pf`, `pf/lifetime` | the state of one PF, and its creation and deletion |
//! | `vfs` | the VFs of a PF and the broker on their blocks |
//! | `pending`, `hardware_access`, `companion_access` | queues of pending requests; when calls may use the hardware and the companion |
//! | `parameters`, `pci`, `etw`, `opener` | the registry, the PCI bus driver, events, opens |
//! | `position` | whether the driver is the device's function driver or a filter |
//! | `event_log` | events with an entry in the System event log |
//! | `os` | wrappers of KMDF and the kernel |
//!
//! The driver does not panic. The image holds a panic handler because the language requires one.
#![no_std]

mod acknowledgement;
mod changes;
mod companion;
mod companion_access;
mod deferred;
mod device;
mod etw;
mod event_log;
mod events;
mod floods;
mod follow_up;
mod handing;
mod hardware_access;
mod invalidation;
mod ioctl;
mod management;
mod opener;
mod os;
mod parameters;
mod pass_through;
mod pci;
mod pending;
mod pf;
mod pnp;
mod position;
mod registers;
mod reset;
mod vfs;
mod virtualization;

use os::{kernel, memory, wdf};
use pf::lifetime;
use pf_state::{failure::StartFailure, status};
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, WDF_DRIVER_CONFIG, WDF_NO_HANDLE,
    WDF_NO_OBJECT_ATTRIBUTES, WDFDRIVER,
};

/// The driver's entry point.
///
/// # Safety
/// The arguments are those that the kernel gives a driver's entry point.
// SAFETY: this is the only `DriverEntry` in the image.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    etw::register();
    event_log::begin(driver);
    match create(driver, registry_path) {
        Ok(()) => status::SUCCESS,
        Err(failure) => {
            let status = event_log::start_failed(&etw::DRIVER, failure);
            etw::unregister();
            status
        }
    }
}

/// Creates the framework's driver object.
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

/// `EvtDriverUnload`: no device is left, but an interface may be held. Its code is in this image
/// and its memory is a child of the driver, so the unload waits for the last dereference.
unsafe extern "C" fn unload(_driver: WDFDRIVER) {
    lifetime::wait_until_none_is_left();
    etw::unregister();
}

/// Unreachable in this image; the build checks that. Stops the system, because the state after a
/// panic is undefined.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the function takes any arguments at any IRQL and does not return.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(u32::from_be_bytes(*b"PfBr"), 0, 0, 0, 0) }
}
