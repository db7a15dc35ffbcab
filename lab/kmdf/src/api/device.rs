//! `WdfDevice…` (`fxdeviceapi.cpp`).

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PDEVICE_OBJECT, PIRP, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDFDEVICE_INIT,
    WDFDEVICE, WDFIOTARGET,
};

use crate::{
    api::{
        attributes::{self, Parent},
        call::Call,
        device_init,
    },
    kernel::{
        argument::{In, Out},
        handle::pointer,
        irp::Irp,
        report::log,
        status,
    },
    model::{
        device::{self, Device},
        dispatch, io_target, low_resources,
    },
};

/// `WdfDeviceCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    init_pointer: *mut PWDFDEVICE_INIT,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFDEVICE,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceCreate", Level::Passive);
    // SAFETY: the driver guarantees its pointers.
    let init = unsafe { In::new(init_pointer) }.required(call.function, "DeviceInit");
    // SAFETY: as above.
    let attributes = unsafe { In::new(attributes) };
    let attributes = match attributes::read(&call, attributes, Parent::Fixed) {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    // SAFETY: as above.
    let output = unsafe { Out::new(output) }.required(call.function, "Device");
    let init = device_init::get(&call, init);
    let created = low_resources::count(call.function)
        .and_then(|()| device::create(init, attributes.as_ref()));
    let handle = match created {
        Ok(handle) => handle,
        Err(status) => return status,
    };
    // SAFETY: the driver's variable, which the framework clears.
    unsafe { Out::new(init_pointer) }.set(ptr::null_mut());
    output.set(pointer(handle));
    log!("device {handle} created");
    status::SUCCESS
}

/// `WdfDeviceGetIoTarget`.
pub(crate) unsafe extern "C" fn get_io_target(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
) -> WDFIOTARGET {
    let call = Call::enter("WdfDeviceGetIoTarget", Level::Dispatch);
    io_target::of_device(&call.object(device)).map_or(ptr::null_mut(), pointer)
}

/// `WdfDeviceWdmGetAttachedDevice`: the next lower device object.
pub(crate) unsafe extern "C" fn get_attached(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
) -> PDEVICE_OBJECT {
    let call = Call::enter("WdfDeviceWdmGetAttachedDevice", Level::Dispatch);
    call.object::<Device, _>(device).lower
}

/// `WdfDeviceWdmGetPhysicalDevice`.
pub(crate) unsafe extern "C" fn get_physical(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
) -> PDEVICE_OBJECT {
    let call = Call::enter("WdfDeviceWdmGetPhysicalDevice", Level::Dispatch);
    call.object::<Device, _>(device).pdo
}

/// `WdfDeviceWdmDispatchPreprocessedIrp`.
///
/// Rule (public page of the function): the driver calls `IoSkipCurrentIrpStackLocation` or
/// `IoCopyCurrentIrpStackLocationToNext` first.
pub(crate) unsafe extern "C" fn dispatch_preprocessed(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    irp: PIRP,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceWdmDispatchPreprocessedIrp", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver passes the packet that its preprocess callback received.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        call.bad_parameter("Irp", "is NULL", 0)
    };
    irp.set_next();
    if irp.device() != device.fdo {
        call.wrong_state(
            device.handle(),
            "got a packet whose stack location is not its own; IoSkipCurrentIrpStackLocation comes first",
        );
    }
    dispatch::route(&device, irp)
}
