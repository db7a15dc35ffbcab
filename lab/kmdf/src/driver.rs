//! Driver objects: from binding to unload.
//!
//! Rules (`fxdriver.cpp`, `fxdriverkm.cpp`): `WdfDriverCreate` takes over `AddDevice`, unload and
//! every dispatch entry; a failed `EvtDriverDeviceAdd` undoes the device; `EvtDriverUnload` runs
//! before the driver object is cleaned up; the entry code is told to unbind behind it
//! (`fxdriverapi.cpp`). Stricter than life: nothing may survive the unload, and the unload comes after
//! the removal of the driver's devices, as Windows' Plug and Play manager has it.

use alloc::{format, vec::Vec};

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDEVICE_OBJECT, PDRIVER_OBJECT, PWDF_DRIVER_CONFIG,
    PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDF_DRIVER_CONFIG, WDFDRIVER, WDFSTRING,
};

use crate::{
    argument::{In, Out},
    bind,
    body::Body,
    call::{Call, callback, pointer},
    context::{Attributes, Parent},
    device, init, irp_dispatch,
    report::{note, stop},
    shortage, status, string,
    world::{self, Reference},
};

/// A `WDFDRIVER`.
pub(crate) struct Driver {
    pub(crate) object: PDRIVER_OBJECT,
    config: WDF_DRIVER_CONFIG,
    registry_path: Vec<u16>,
    /// Remove packets of the driver's devices that are being handled.
    pub(crate) removals: Locked<u32>,
}

impl Driver {
    /// The path of the service's registry key, without a zero at its end.
    pub(crate) fn service_key(&self) -> Vec<u16> {
        let end = self.registry_path.len().saturating_sub(1);
        self.registry_path.get(..end).unwrap_or_default().to_vec()
    }
}

/// Which framework driver a WDM driver object belongs to.
static DRIVERS: Locked<Vec<(usize, Handle)>> = Locked::new(Vec::new());

/// Set in `DriverInitFlags` by drivers without Plug and Play devices.
const NON_PNP_DRIVER: u32 = 1;
/// Set in `DriverInitFlags` by drivers that dispatch and unload themselves.
const NO_DISPATCH_OVERRIDE: u32 = 2;

/// `WdfDriverCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    object: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    config: PWDF_DRIVER_CONFIG,
    driver: *mut WDFDRIVER,
) -> NTSTATUS {
    let call = Call::enter("WdfDriverCreate", Level::Passive);
    // SAFETY: the driver vouches for what it passes, as it does to the framework.
    let config = unsafe { In::new(config) }.required(&call, "DriverConfig");
    // SAFETY: as above.
    let output = unsafe { Out::new(driver) };
    if config.Size as usize != size_of::<WDF_DRIVER_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.DriverInitFlags & NO_DISPATCH_OVERRIDE != 0 {
        call.bad_parameter(
            "DriverInitFlags",
            "asks for WdfDriverInitNoDispatchOverride, which the KMDF double does not have",
            u64::from(config.DriverInitFlags),
        );
    }
    // SAFETY: as above.
    let attributes = match Attributes::read(&call, unsafe { In::new(attributes) }, Parent::Fixed) {
        Ok(attributes) => attributes,
        Err(status) => return status,
    };
    // SAFETY: as above.
    let registry_path = unsafe { string::characters(registry_path) };
    let body = Body::Driver(Driver {
        object,
        config,
        registry_path,
        removals: Locked::default(),
    });
    let handle = match world::create(body, None, attributes.as_ref()) {
        Ok(handle) => handle,
        Err(status) => return status,
    };
    DRIVERS.with(|drivers| drivers.push((object.addr(), handle)));
    take_over(object, config.DriverInitFlags & NON_PNP_DRIVER == 0);
    // SAFETY: the globals that `WdfVersionBind` handed out.
    unsafe { (*globals).Driver = pointer(handle) };
    // The entry code unbinds behind the unload of a driver that has one.
    let unloads = config.DriverInitFlags & NON_PNP_DRIVER == 0 || config.EvtDriverUnload.is_some();
    // SAFETY: as above.
    unsafe { (*globals).DisplaceDriverUnload = u8::from(unloads) };
    output.set(pointer(handle));
    note!("driver {handle} created");
    status::SUCCESS
}

/// Fills the driver object's entries.
fn take_over(object: PDRIVER_OBJECT, plug_and_play: bool) {
    for index in 0..irp_dispatch::MAJOR_FUNCTIONS {
        // SAFETY: the driver object that the system passed to DriverEntry.
        unsafe { (*object).MajorFunction[index] = Some(irp_dispatch::dispatch) };
    }
    // SAFETY: as above.
    unsafe { (*object).DriverUnload = Some(unload) };
    if plug_and_play {
        // SAFETY: as above.
        let extension = unsafe { (*object).DriverExtension };
        // SAFETY: the system made the extension with the driver object.
        unsafe { (*extension).AddDevice = Some(add_device) };
    }
}

fn of_object(object: PDRIVER_OBJECT) -> Option<Reference<Driver>> {
    let handle = DRIVERS.with(|drivers| {
        drivers
            .iter()
            .find(|(address, _)| *address == object.addr())
            .map(|(_, handle)| *handle)
    });
    handle.and_then(world::typed)
}

unsafe extern "C" fn add_device(object: PDRIVER_OBJECT, pdo: PDEVICE_OBJECT) -> NTSTATUS {
    let Some(driver) = of_object(object) else {
        return status::INVALID_DEVICE_STATE;
    };
    let Some(event) = driver.config.EvtDriverDeviceAdd else {
        return status::SUCCESS;
    };
    shortage::begin();
    let init = init::create(&driver, pdo);
    let status = callback("EvtDriverDeviceAdd", Level::Passive, || {
        // SAFETY: the driver's callback with its own handle and a fresh init structure.
        unsafe { event(pointer(driver.handle()), init) }
    });
    note!(
        "EvtDriverDeviceAdd of driver {}: {status:#010x}",
        driver.handle()
    );
    let made = init::finish(init);
    match made {
        Some(device) if status::is_success(status) => device::added(device),
        Some(device) => device::undo(device),
        None => {}
    }
    status
}

unsafe extern "C" fn unload(object: PDRIVER_OBJECT) {
    let Some(driver) = of_object(object) else {
        return;
    };
    expect_no_device(&driver);
    if let Some(event) = driver.config.EvtDriverUnload {
        callback("EvtDriverUnload", Level::Passive, || {
            // SAFETY: the driver's callback with its own handle.
            unsafe { event(pointer(driver.handle())) }
        });
    }
    forget(&driver);
}

/// The system unloads a driver when all of its Plug and Play devices are removed, down to the end of
/// their remove packets. A control device is the driver's own to delete.
fn expect_no_device(driver: &Reference<Driver>) {
    let handle = driver.handle();
    let problem = if device::is_any_of(handle) {
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

/// Deletes the driver object; called at unload, and at unbind when `DriverEntry` failed.
fn forget(driver: &Reference<Driver>) {
    let handle = driver.handle();
    DRIVERS.with(|drivers| drivers.retain(|(_, other)| *other != handle));
    let lingering = world::delete("driver unload", handle);
    world::no_references_left("driver unload", &lingering);
    note!("driver {handle} unloaded");
}

/// The driver unbinds: whatever it created and did not unload goes.
pub(crate) fn unbind(handle: Handle) {
    if let Some(driver) = world::typed::<Driver>(handle) {
        forget(&driver);
    }
}

/// `WdfDriverGetRegistryPath`.
pub(crate) unsafe extern "C" fn get_registry_path(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
) -> *mut u16 {
    let call = Call::enter("WdfDriverGetRegistryPath", Level::Dispatch);
    // `string::characters` ends with a zero that the string's length does not count.
    call.object::<Driver, _>(driver)
        .registry_path
        .as_ptr()
        .cast_mut()
}

/// `WdfDriverWdmGetDriverObject`.
pub(crate) unsafe extern "C" fn wdm_get_driver_object(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
) -> PDRIVER_OBJECT {
    Call::enter("WdfDriverWdmGetDriverObject", Level::Dispatch)
        .object::<Driver, _>(driver)
        .object
}

/// `WdfDriverRetrieveVersionString`.
pub(crate) unsafe extern "C" fn retrieve_version_string(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
    version: WDFSTRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDriverRetrieveVersionString", Level::Passive);
    call.object::<Driver, _>(driver);
    call.object::<string::Text, _>(version)
        .set(&format!("KMDF double 1.{}", bind::framework().minor));
    status::SUCCESS
}

/// `WdfDriverIsVersionAvailable`: everything up to the version that the double stands for.
pub(crate) unsafe extern "C" fn is_version_available(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
    parameters: wdk_sys::PWDF_DRIVER_VERSION_AVAILABLE_PARAMS,
) -> u8 {
    let call = Call::enter("WdfDriverIsVersionAvailable", Level::Dispatch);
    call.object::<Driver, _>(driver);
    // SAFETY: the driver vouches for what it passes.
    let asked = unsafe { In::new(parameters) }.required(&call, "VersionAvailableParams");
    u8::from((asked.MajorVersion, asked.MinorVersion) <= (1, bind::framework().minor))
}
