//! Device objects: creation, the WDM devices behind them, and their end.
//!
//! Rules (`fxdevicekm.cpp`, `fxdeviceapi.cpp`): a function device is attached above its physical
//! device when it is created; the default I/O type is buffered; the device object goes after the
//! remove packet was passed down.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, pnp::Machine, power_policy::Policy};
use wdk_sys::{
    _WDF_POWER_DEVICE_STATE::WdfPowerDeviceD3Final,
    DEVICE_OBJECT, DO_DEVICE_INITIALIZING, DO_POWER_PAGABLE, DRIVER_OBJECT, NTSTATUS,
    PDEVICE_OBJECT, PWDF_DEVICE_PNP_CAPABILITIES, PWDF_DEVICE_POWER_CAPABILITIES,
    PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDFDEVICE_INIT, UNICODE_STRING,
    WDF_DEVICE_FAILED_ACTION, WDF_DEVICE_PNP_STATE, WDF_POWER_DEVICE_STATE, WDFDEVICE, WDFDRIVER,
    WDFIOTARGET, WDFQUEUE,
    ntddk::{IoAttachDeviceToDeviceStack, IoCreateDevice, IoDeleteDevice, IoDetachDevice},
};

use crate::{
    argument::{In, Out},
    body::Body,
    call::{Call, pointer},
    context::{Attributes, Parent},
    init::{self, Init},
    interface::{DeviceInterface, QueryInterface},
    report::note,
    shortage, status, string, target,
    world::{self, Reference},
};

/// A `WDFDEVICE`.
pub(crate) struct Device {
    pub(crate) driver: Handle,
    pub(crate) fdo: PDEVICE_OBJECT,
    pub(crate) pdo: PDEVICE_OBJECT,
    /// The next lower device object; null for a control device.
    pub(crate) lower: PDEVICE_OBJECT,
    pub(crate) settings: Settings,
    pub(crate) machine: Locked<Machine>,
    pub(crate) policy: Locked<Policy>,
    /// System power packets that are being answered with device power packets.
    pub(crate) power_requests: Locked<u32>,
    /// Where the device is, or comes from when it enters D0.
    pub(crate) power: Locked<WDF_POWER_DEVICE_STATE>,
    /// A thread moves the device between power states.
    pub(crate) moving: Locked<bool>,
    pub(crate) queues: Locked<Queues>,
    pub(crate) files: Locked<BTreeMap<usize, Handle>>,
    /// WDM file objects whose end the driver was told before the system said so.
    pub(crate) closed_early: Locked<Vec<usize>>,
    /// Packets about files that are being handled.
    pub(crate) file_packets: Locked<u32>,
    pub(crate) interfaces: Locked<Vec<DeviceInterface>>,
    pub(crate) query_interfaces: Locked<Vec<QueryInterface>>,
    pub(crate) resources: Locked<Option<(Handle, Handle)>>,
    pub(crate) target: Locked<Option<Handle>>,
    pub(crate) failed: Locked<bool>,
}

impl Device {
    /// The system's driver object.
    pub(crate) fn driver_object(&self) -> *mut DRIVER_OBJECT {
        // SAFETY: the device object exists as long as the framework device.
        unsafe { (*self.fdo).DriverObject }
    }
}

/// What the init structure said, as far as it matters later.
pub(crate) struct Settings {
    pub(crate) pnp: wdk_sys::WDF_PNPPOWER_EVENT_CALLBACKS,
    pub(crate) file: Option<wdk_sys::WDF_FILEOBJECT_CONFIG>,
    pub(crate) file_attributes: Option<Attributes>,
    pub(crate) request_attributes: Option<Attributes>,
    pub(crate) preprocess: Vec<init::Preprocess>,
    pub(crate) in_caller_context: wdk_sys::PFN_WDF_IO_IN_CALLER_CONTEXT,
    pub(crate) filter: bool,
    pub(crate) exclusive: bool,
    pub(crate) passive: bool,
}

/// The queues of a device and where requests go.
#[derive(Default)]
pub(crate) struct Queues {
    pub(crate) all: Vec<Handle>,
    pub(crate) default: Option<Handle>,
    /// By `WDF_REQUEST_TYPE`.
    pub(crate) by_type: BTreeMap<i32, Handle>,
}

/// What the double keeps in the WDM device extension.
#[repr(C)]
struct Extension {
    mark: u64,
    handle: Handle,
}

/// Tells the double's device objects from others.
const MARK: u64 = u64::from_le_bytes(*b"WdfDevic");

/// The extension of a device object that exists.
fn extension(device: PDEVICE_OBJECT) -> *mut Extension {
    // SAFETY: callers pass device objects that exist.
    unsafe { (*device).DeviceExtension }.cast()
}

/// The framework device of a WDM device object; `None` for other drivers' and deleted ones.
pub(crate) fn of_wdm(device: PDEVICE_OBJECT) -> Option<Reference<Device>> {
    let extension = extension(device);
    if extension.is_null() {
        return None;
    }
    // SAFETY: the extension of every device object that the double creates is an `Extension`.
    let extension = unsafe { extension.read() };
    (extension.mark == MARK)
        .then(|| world::typed(extension.handle))
        .flatten()
}

/// `WdfDeviceCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    init_pointer: *mut PWDFDEVICE_INIT,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    device: *mut WDFDEVICE,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceCreate", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    let structure = unsafe { In::new(init_pointer) }.required(&call, "DeviceInit");
    // SAFETY: as above.
    let attributes = match Attributes::read(&call, unsafe { In::new(attributes) }, Parent::Fixed) {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    // SAFETY: as above.
    let output = unsafe { Out::new(device) }.required(&call, "Device");
    let settings = init::get(&call, structure);
    let built = shortage::pass(&call).and_then(|()| build(settings, attributes.as_ref()));
    let handle = match built {
        Ok(handle) => handle,
        Err(status) => return status,
    };
    if settings.pdo.is_null() {
        init::finish(structure);
    }
    // SAFETY: the driver's variable, which the framework clears.
    unsafe { Out::new(init_pointer) }.set(ptr::null_mut());
    output.set(pointer(handle));
    note!("device {handle} created");
    status::SUCCESS
}

fn build(init: &mut Init, attributes: Option<&Attributes>) -> Result<Handle, NTSTATUS> {
    let fdo = create_wdm(init)?;
    let lower = if init.pdo.is_null() {
        ptr::null_mut()
    } else {
        // SAFETY: both device objects exist.
        unsafe { IoAttachDeviceToDeviceStack(fdo, init.pdo) }
    };
    if lower.is_null() && !init.pdo.is_null() {
        // SAFETY: created above and attached to nothing.
        unsafe { IoDeleteDevice(fdo) };
        return Err(status::DELETE_PENDING);
    }
    let body = Body::Device(Device {
        driver: init.driver.handle(),
        fdo,
        pdo: init.pdo,
        lower,
        settings: Settings {
            pnp: init.pnp,
            file: init.file,
            file_attributes: init.file_attributes,
            request_attributes: init.request_attributes,
            preprocess: init.preprocess.clone(),
            in_caller_context: init.in_caller_context,
            filter: init.filter,
            exclusive: init.exclusive,
            passive: attributes.is_some_and(Attributes::is_passive),
        },
        machine: Locked::new(Machine::new()),
        policy: Locked::new(Policy::new(init.power_policy_owner.unwrap_or(!init.filter))),
        power_requests: Locked::default(),
        power: Locked::new(WdfPowerDeviceD3Final),
        moving: Locked::default(),
        queues: Locked::default(),
        files: Locked::default(),
        closed_early: Locked::default(),
        file_packets: Locked::default(),
        interfaces: Locked::default(),
        query_interfaces: Locked::default(),
        resources: Locked::default(),
        target: Locked::default(),
        failed: Locked::default(),
    });
    let created = world::create(body, Some(init.driver.handle()), attributes);
    let handle = created.inspect_err(|_| delete_wdm(fdo, lower))?;
    init.made = Some(handle);
    // SAFETY: the device object and its extension were made above.
    unsafe { extension(fdo).write(Extension { mark: MARK, handle }) };
    Ok(handle)
}

fn create_wdm(init: &Init) -> Result<PDEVICE_OBJECT, NTSTATUS> {
    let mut name = string::unicode(&init.name);
    let name = if init.name.is_empty() {
        ptr::null_mut()
    } else {
        &raw mut name
    };
    let mut fdo: PDEVICE_OBJECT = ptr::null_mut();
    // SAFETY: the name lives until the call returns, and the driver object as long as the driver.
    let status = unsafe {
        IoCreateDevice(
            init.driver.object,
            crate::argument::size::<Extension>(),
            name.cast::<UNICODE_STRING>(),
            init.device_type,
            init.characteristics,
            u8::from(init.exclusive),
            &raw mut fdo,
        )
    };
    if !status::is_success(status) {
        return Err(status);
    }
    // SAFETY: the device object was created above.
    unsafe { (*fdo).Flags |= init::io_flags(init.io_type) | DO_POWER_PAGABLE };
    Ok(fdo)
}

fn delete_wdm(fdo: PDEVICE_OBJECT, lower: PDEVICE_OBJECT) {
    if !lower.is_null() {
        // SAFETY: the function device was attached above `lower`.
        unsafe { IoDetachDevice(lower) };
    }
    // SAFETY: nobody uses the device object any more.
    unsafe { IoDeleteDevice(fdo) };
}

/// `EvtDriverDeviceAdd` succeeded: the device may receive packets.
pub(crate) fn added(handle: Handle) {
    if let Some(device) = world::typed::<Device>(handle) {
        finish_initializing(device.fdo);
    }
}

fn finish_initializing(fdo: *mut DEVICE_OBJECT) {
    // SAFETY: the device object exists as long as the framework device.
    unsafe { (*fdo).Flags &= !DO_DEVICE_INITIALIZING };
}

/// Whether a Plug and Play device of this driver exists.
pub(crate) fn is_any_of(driver: Handle) -> bool {
    world::census()
        .into_iter()
        .filter_map(|(handle, _)| world::typed::<Device>(handle))
        .any(|device| device.driver == driver && !device.pdo.is_null())
}

/// `EvtDriverDeviceAdd` failed after it had created the device.
pub(crate) fn undo(handle: Handle) {
    if let Some(device) = world::typed::<Device>(handle) {
        end(&device, "EvtDriverDeviceAdd failed", || ());
    }
}

/// Deletes the framework device with everything below it, then the device object. `between` passes
/// the remove packet down, after the cleanup callbacks and before the device's destroy callbacks.
pub(crate) fn end(device: &Reference<Device>, why: &'static str, between: impl FnOnce()) {
    let (fdo, lower) = (device.fdo, device.lower);
    let lingering = world::delete_around(why, device.handle(), between);
    let nobody = Extension {
        mark: 0,
        handle: Handle(0),
    };
    // SAFETY: the device object still exists; later packets find no framework device.
    unsafe { extension(fdo).write(nobody) };
    delete_wdm(fdo, lower);
    note!("device {} removed", device.handle());
    world::no_references_left(why, &lingering);
}

/// `WdfControlFinishInitializing`.
pub(crate) unsafe extern "C" fn control_finish_initializing(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
) {
    let call = Call::enter("WdfControlFinishInitializing", Level::Dispatch);
    finish_initializing(call.object::<Device, _>(device).fdo);
}

macro_rules! getter {
    ($name:ident, $function:literal, $result:ty, |$device:ident| $value:expr) => {
        #[doc = concat!("`", $function, "`.")]
        pub(crate) unsafe extern "C" fn $name(
            _globals: PWDF_DRIVER_GLOBALS,
            device: WDFDEVICE,
        ) -> $result {
            let call = Call::enter($function, Level::Dispatch);
            let $device = call.object::<Device, _>(device);
            $value
        }
    };
}

getter!(
    wdm_get_device_object,
    "WdfDeviceWdmGetDeviceObject",
    PDEVICE_OBJECT,
    |device| device.fdo
);
getter!(
    wdm_get_attached_device,
    "WdfDeviceWdmGetAttachedDevice",
    PDEVICE_OBJECT,
    |device| device.lower
);
getter!(
    wdm_get_physical_device,
    "WdfDeviceWdmGetPhysicalDevice",
    PDEVICE_OBJECT,
    |device| device.pdo
);
getter!(get_driver, "WdfDeviceGetDriver", WDFDRIVER, |device| {
    pointer(device.driver)
});
getter!(
    get_default_queue,
    "WdfDeviceGetDefaultQueue",
    WDFQUEUE,
    |device| {
        device
            .queues
            .with(|queues| queues.default)
            .map_or(ptr::null_mut(), pointer)
    }
);
getter!(
    get_io_target,
    "WdfDeviceGetIoTarget",
    WDFIOTARGET,
    |device| pointer(target::of_device(&device))
);
getter!(
    get_pnp_state,
    "WdfDeviceGetDevicePnpState",
    WDF_DEVICE_PNP_STATE,
    |device| crate::pnp::public_state(device.machine.with(|machine| machine.state()))
);

/// `WdfWdmDeviceGetWdfDeviceHandle`.
pub(crate) unsafe extern "C" fn wdm_get_handle(
    _globals: PWDF_DRIVER_GLOBALS,
    device: PDEVICE_OBJECT,
) -> WDFDEVICE {
    let call = Call::enter("WdfWdmDeviceGetWdfDeviceHandle", Level::Dispatch);
    match of_wdm(device) {
        Some(device) => pointer(device.handle()),
        None => call.bad_parameter(
            "DeviceObject",
            "belongs to no framework device",
            device.addr() as u64,
        ),
    }
}

/// `WdfDeviceSetFailed`: the device is reported as failed; the bus or the system removes it.
pub(crate) unsafe extern "C" fn set_failed(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    action: WDF_DEVICE_FAILED_ACTION,
) {
    let call = Call::enter("WdfDeviceSetFailed", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    device.failed.with(|failed| *failed = true);
    note!("device {} set failed, action {action}", device.handle());
}

/// `WdfDeviceSetPnpCapabilities`: the double answers no capability query itself.
pub(crate) unsafe extern "C" fn set_pnp_capabilities(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    _capabilities: PWDF_DEVICE_PNP_CAPABILITIES,
) {
    Call::enter("WdfDeviceSetPnpCapabilities", Level::Dispatch).object::<Device, _>(device);
}

/// `WdfDeviceSetPowerCapabilities`: as above.
pub(crate) unsafe extern "C" fn set_power_capabilities(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    _capabilities: PWDF_DEVICE_POWER_CAPABILITIES,
) {
    Call::enter("WdfDeviceSetPowerCapabilities", Level::Dispatch).object::<Device, _>(device);
}

/// `WdfDeviceConfigureRequestDispatching`.
pub(crate) unsafe extern "C" fn configure_request_dispatching(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    queue: WDFQUEUE,
    request_type: wdk_sys::WDF_REQUEST_TYPE,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceConfigureRequestDispatching", Level::Passive);
    let device = call.object::<Device, _>(device);
    let queue = call.object::<crate::queue::Queue, _>(queue);
    let taken = device.queues.with(|queues| {
        queues
            .by_type
            .insert(request_type, queue.handle())
            .is_some()
    });
    if taken {
        status::WDF_BUSY
    } else {
        status::SUCCESS
    }
}
