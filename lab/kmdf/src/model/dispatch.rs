//! The routines in a driver object: packets, `AddDevice`, and the unload.
//!
//! Rules (`fxdriver.cpp`, `fxdriverkm.cpp`, `fxdevicekm.cpp`, `fxpkgio.cpp`,
//! `fxdefaultirphandler.cpp`): `WdfDriverCreate` takes over every routine; a failed
//! `EvtDriverDeviceAdd` undoes the device; `EvtDriverUnload` runs before the driver object is
//! cleaned up. A preprocess callback comes before everything else; Plug and Play, power, file and
//! I/O packets go to their files here; filters pass other packets down, and those for which their
//! default queue has no handler, and function drivers refuse them. A filter's
//! `EvtDriverDeviceAdd` that fails becomes a success: the filter leaves the stack. Stricter than the framework: the unload must come after the removal of the driver's
//! devices, which Windows' Plug and Play manager guarantees.

use kmdf_rules::{level::Level, violation::Violation};
use wdk_sys::{
    IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_MAXIMUM_FUNCTION, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ,
    IRP_MJ_SYSTEM_CONTROL, IRP_MJ_WRITE, NTSTATUS, PDEVICE_OBJECT, PDRIVER_OBJECT, PIRP,
};

use crate::{
    kernel::{
        device_alias,
        handle::pointer,
        irp::Irp,
        report::{log, stop},
        status,
    },
    model::{
        device::{self, Device},
        device_init,
        driver::{self, Driver},
        file::{self, FilePacket},
        low_resources,
        objects::{self, Reference},
        pnp, power,
        queue::{self, Queue},
        request,
        threads::callback,
    },
};

/// Fills the routines of a driver object.
pub(crate) fn take_over(object: PDRIVER_OBJECT) {
    for index in 0..=IRP_MJ_MAXIMUM_FUNCTION as usize {
        // SAFETY: the driver object that the system passed to DriverEntry.
        unsafe { (*object).MajorFunction[index] = Some(dispatch) };
    }
    // SAFETY: as above.
    unsafe { (*object).DriverUnload = Some(unload) };
    // SAFETY: as above.
    let extension = unsafe { (*object).DriverExtension };
    // SAFETY: the system created the extension with the driver object.
    unsafe { (*extension).AddDevice = Some(add_device) };
}

unsafe extern "C" fn add_device(object: PDRIVER_OBJECT, pdo: PDEVICE_OBJECT) -> NTSTATUS {
    let Some(driver) = driver::of_wdm(object) else {
        return status::INVALID_DEVICE_STATE;
    };
    let Some(event) = driver.config.EvtDriverDeviceAdd else {
        return status::SUCCESS;
    };
    low_resources::begin();
    let init = device_init::allocate(&driver, pdo);
    let status = callback("EvtDriverDeviceAdd", Level::Passive, || {
        // SAFETY: the driver's callback with its own handle and a fresh init structure.
        unsafe { event(pointer(driver.handle()), init) }
    });
    log!(
        "EvtDriverDeviceAdd of driver {}: {status:#010x}",
        driver.handle()
    );
    if let Some(device) = device_init::free(init).and_then(objects::get::<Device>) {
        if status::is_success(status) {
            device.finish_initializing();
        } else {
            let filter = device.settings.filter;
            device::delete(&device, "EvtDriverDeviceAdd failed", || ());
            if filter {
                return status::SUCCESS;
            }
        }
    }
    status
}

unsafe extern "C" fn unload(object: PDRIVER_OBJECT) {
    let Some(driver) = driver::of_wdm(object) else {
        return;
    };
    expect_no_device(&driver);
    if let Some(event) = driver.config.EvtDriverUnload {
        callback("EvtDriverUnload", Level::Passive, || {
            // SAFETY: the driver's callback with its own handle.
            unsafe { event(pointer(driver.handle())) }
        });
    }
    driver::delete(driver.handle());
}

/// Stops the run when a device of the driver is not removed, down to the end of its remove packet.
fn expect_no_device(driver: &Reference<Driver>) {
    let handle = driver.handle();
    let problem = if objects::any(|device: &Device| device.driver == handle) {
        "is unloaded while a device of it is not removed"
    } else if driver.removals.with(|count| *count > 0) {
        "is unloaded while a device of it is being removed"
    } else {
        return;
    };
    stop(&Violation::WrongState {
        function: "DriverUnload",
        handle,
        problem,
    });
}

/// The dispatch routine of every framework driver.
unsafe extern "C" fn dispatch(object: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the system passes a packet that this driver owns until it completes it.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        return status::INVALID_PARAMETER;
    };
    if let Some(status) = device_alias::pass_on(object, irp) {
        return status;
    }
    let Some(device) = device::of_wdm(object) else {
        return irp.finish(status::INVALID_DEVICE_STATE);
    };
    let _packet = FilePacket::of(&device, irp);
    if let Some(status) = file::end_early(&device, irp) {
        return status;
    }
    let location = irp.parameters();
    let preprocess = device.settings.preprocess.iter().find(|preprocess| {
        preprocess.major == location.MajorFunction
            && (preprocess.minors.is_empty() || preprocess.minors.contains(&location.MinorFunction))
    });
    if let Some(event) = preprocess.and_then(|preprocess| preprocess.callback) {
        return callback("EvtDeviceWdmIrpPreprocess", Level::Passive, || {
            // SAFETY: the driver's callback with its device and the packet.
            unsafe { event(pointer(device.handle()), irp.raw()) }
        });
    }
    route(&device, irp)
}

/// Handles a packet by its major function.
pub(crate) fn route(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    match u32::from(irp.parameters().MajorFunction) {
        IRP_MJ_PNP => pnp::dispatch(device, irp),
        IRP_MJ_POWER => power::dispatch(device, irp),
        IRP_MJ_CREATE => file::create(device, irp),
        IRP_MJ_CLEANUP => file::cleanup(device, irp),
        IRP_MJ_CLOSE => file::close(device, irp),
        IRP_MJ_READ | IRP_MJ_WRITE | IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            io(device, irp)
        }
        IRP_MJ_SYSTEM_CONTROL => irp.pass_down(device.lower),
        _ => refuse_or_pass(device, irp),
    }
}

/// A filter passes the packet down, any other driver refuses it.
fn refuse_or_pass(device: &Device, irp: Irp) -> NTSTATUS {
    if device.settings.filter {
        irp.pass_down(device.lower)
    } else {
        irp.finish(status::INVALID_DEVICE_REQUEST)
    }
}

/// Reads, writes and device controls.
fn io(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let location = irp.parameters();
    let default = device.queues.with(|queues| queues.default);
    let Some(queue) = default.and_then(objects::get::<Queue>) else {
        return refuse_or_pass(device, irp);
    };
    if device.settings.filter && !queue.handles(u32::from(location.MajorFunction)) {
        return irp.pass_down(device.lower);
    }
    let transfer = matches!(
        u32::from(location.MajorFunction),
        IRP_MJ_READ | IRP_MJ_WRITE
    );
    // SAFETY: every member of the union is plain data; reads and writes share this length.
    let length = unsafe { location.Parameters.Read.Length };
    if transfer && length == 0 && !queue.allows_zero_length() {
        irp.set_information(0);
        return irp.finish(status::SUCCESS);
    }
    let file = file::known(device, location.FileObject);
    match request::create(device.handle(), irp, file, None) {
        Ok(request) => {
            irp.mark_pending();
            queue::arrive(&queue, &request);
            status::PENDING
        }
        Err(status) => irp.finish(status),
    }
}
