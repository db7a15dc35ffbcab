//! The bus below the probe's device: a physical device of the probe's own driver object.
//!
//! The framework fills the driver object's dispatch table. The probe puts a routine of its own
//! before it, which takes the packets of the physical device and leaves the others to the
//! framework.

use wdk_sys::{
    FILE_DEVICE_UNKNOWN, IO_NO_INCREMENT, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE,
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_MAXIMUM_FUNCTION, IRP_MJ_PNP, IRP_MJ_POWER,
    IRP_MN_CANCEL_REMOVE_DEVICE, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_QUERY_STOP_DEVICE, IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, NTSTATUS, PDEVICE_OBJECT,
    PDRIVER_DISPATCH, PDRIVER_OBJECT, PIRP, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
    ntddk::{IoCreateDevice, IoDeleteDevice, IofCompleteRequest, PoStartNextPowerIrp},
};

use crate::{
    kernel_types::byte,
    once::Once,
    packet::{self, Power},
    record::record,
};

/// The framework's dispatch routine.
static FRAMEWORK: Once<PDRIVER_DISPATCH> = Once::new();
static PHYSICAL: Once<PDEVICE_OBJECT> = Once::new();
/// The minor function of the Plug and Play packet that the bus fails.
static FAILING: Once<u32> = Once::new();

/// The name of a Plug and Play packet.
pub(crate) const fn name(minor: u32) -> &'static str {
    match minor {
        IRP_MN_START_DEVICE => "START_DEVICE",
        IRP_MN_QUERY_STOP_DEVICE => "QUERY_STOP_DEVICE",
        IRP_MN_STOP_DEVICE => "STOP_DEVICE",
        IRP_MN_CANCEL_STOP_DEVICE => "CANCEL_STOP_DEVICE",
        IRP_MN_QUERY_REMOVE_DEVICE => "QUERY_REMOVE_DEVICE",
        IRP_MN_CANCEL_REMOVE_DEVICE => "CANCEL_REMOVE_DEVICE",
        IRP_MN_REMOVE_DEVICE => "REMOVE_DEVICE",
        IRP_MN_SURPRISE_REMOVAL => "SURPRISE_REMOVAL",
        IRP_MN_QUERY_INTERFACE => "QUERY_INTERFACE",
        _ => "another packet",
    }
}

/// From now on the bus fails this Plug and Play packet.
pub(crate) fn fail(minor: u32) {
    FAILING.set(minor);
}

/// Makes the physical device and adds the driver's device to it.
pub(crate) fn plug_in(driver: PDRIVER_OBJECT) -> NTSTATUS {
    let mut physical: PDEVICE_OBJECT = core::ptr::null_mut();
    // SAFETY: the driver object is the probe's own.
    let status = unsafe {
        IoCreateDevice(
            driver,
            0,
            core::ptr::null_mut(),
            FILE_DEVICE_UNKNOWN,
            0,
            0,
            &raw mut physical,
        )
    };
    if status < 0 {
        return status;
    }
    PHYSICAL.set(physical);
    hook(driver);
    // SAFETY: the driver object is the probe's own.
    let extension = unsafe { (*driver).DriverExtension };
    // SAFETY: the system made the extension with the driver object.
    match unsafe { (*extension).AddDevice } {
        // SAFETY: the framework's routine, called as the Plug and Play manager would.
        Some(add) => unsafe { add(driver, physical) },
        None => STATUS_UNSUCCESSFUL,
    }
}

/// The device object attached above the physical device; null when there is none.
pub(crate) fn attached() -> PDEVICE_OBJECT {
    let Some(physical) = PHYSICAL.get() else {
        return core::ptr::null_mut();
    };
    // SAFETY: made by `plug_in`, and not yet deleted.
    unsafe { (*physical).AttachedDevice }
}

/// Deletes the physical device. Nothing is attached to it any more.
pub(crate) fn pull_out() {
    if let Some(physical) = PHYSICAL.get() {
        // SAFETY: made by `plug_in`, and nothing is attached to it any more.
        unsafe { IoDeleteDevice(physical) };
    }
}

fn hook(driver: PDRIVER_OBJECT) {
    // SAFETY: the driver object is the probe's own, and no packet is sent yet.
    let table = unsafe { &mut (*driver).MajorFunction };
    if let Some(&framework) = table.get(IRP_MJ_PNP as usize) {
        FRAMEWORK.set(framework);
    }
    for entry in table.iter_mut().take(IRP_MJ_MAXIMUM_FUNCTION as usize + 1) {
        *entry = Some(dispatch);
    }
}

unsafe extern "C" fn dispatch(device: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    if PHYSICAL.get() == Some(device) {
        return arrived(irp);
    }
    match FRAMEWORK.get().flatten() {
        // SAFETY: the framework's routine with what the system passed.
        Some(framework) => unsafe { framework(device, irp) },
        None => STATUS_UNSUCCESSFUL,
    }
}

/// A packet reached the bottom of the stack.
fn arrived(irp: PIRP) -> NTSTATUS {
    // SAFETY: the system hands the packet over.
    let location = unsafe { &*packet::location(irp) };
    let (major, minor) = (
        u32::from(location.MajorFunction),
        u32::from(location.MinorFunction),
    );
    let mut status = STATUS_SUCCESS;
    match major {
        IRP_MJ_PNP => {
            record!("bus gets {}", name(minor));
            if minor == IRP_MN_QUERY_INTERFACE {
                status = packet::status(irp);
            } else if FAILING.get() == Some(minor) {
                status = STATUS_UNSUCCESSFUL;
            }
        }
        IRP_MJ_POWER => {
            record!("bus gets SET_POWER to {}", Power::of(location));
            // SAFETY: the packet is the bus's.
            unsafe { PoStartNextPowerIrp(irp) };
        }
        IRP_MJ_CREATE => record!("bus gets CREATE"),
        IRP_MJ_CLEANUP => record!("bus gets CLEANUP"),
        IRP_MJ_CLOSE => record!("bus gets CLOSE"),
        IRP_MJ_DEVICE_CONTROL => record!("bus gets DEVICE_CONTROL"),
        _ => record!("bus gets major function {major}"),
    }
    packet::set_status(irp, status);
    // SAFETY: the packet is the bus's, which gives it up here.
    unsafe { IofCompleteRequest(irp, byte(IO_NO_INCREMENT).cast_signed()) };
    status
}
