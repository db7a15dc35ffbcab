//! `WdfDriver…` (`fxdriverapi.cpp`, `fxdriver.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PWDF_DRIVER_CONFIG, PWDF_DRIVER_GLOBALS,
    PWDF_OBJECT_ATTRIBUTES, PWSTR, WDF_DRIVER_CONFIG, WDFDRIVER,
};

use crate::{
    api::{
        attributes::{self, Parent},
        call::Call,
    },
    kernel::{
        argument::{In, Out},
        counted_string,
        handle::pointer,
        report::log,
        status,
    },
    model::{
        dispatch,
        driver::{self, Driver},
    },
};

/// `WdfDriverCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    object: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    config: PWDF_DRIVER_CONFIG,
    output: *mut WDFDRIVER,
) -> NTSTATUS {
    let call = Call::enter("WdfDriverCreate", Level::Passive);
    // SAFETY: the driver guarantees its pointers, as it does to the framework.
    let config = unsafe { In::new(config) }.required(call.function, "DriverConfig");
    // SAFETY: as above.
    let output = unsafe { Out::new(output) };
    if config.Size as usize != size_of::<WDF_DRIVER_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.DriverInitFlags != 0 {
        call.bad_parameter(
            "DriverInitFlags",
            "are not 0, which the KMDF double does not have",
            u64::from(config.DriverInitFlags),
        );
    }
    // SAFETY: as above.
    let attributes = unsafe { In::new(attributes) };
    // SAFETY: as above.
    let registry_path = unsafe { counted_string::characters(registry_path) };
    let created = attributes::read(&call, attributes, Parent::Fixed)
        .and_then(|attributes| driver::create(object, config, registry_path, attributes.as_ref()));
    let handle = match created {
        Ok(driver) => driver.handle(),
        Err(status) => return status,
    };
    dispatch::take_over(object);
    // SAFETY: the globals that `WdfVersionBind` gave to the driver.
    unsafe { (*globals).Driver = pointer(handle) };
    // With this flag the driver's entry code unbinds after the unload.
    // SAFETY: as above.
    unsafe { (*globals).DisplaceDriverUnload = 1 };
    output.set(pointer(handle));
    log!("driver {handle} created");
    status::SUCCESS
}

/// `WdfDriverGetRegistryPath`: the path of the service's key, which ends with a zero and lives as
/// long as the driver.
pub(crate) unsafe extern "C" fn get_registry_path(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
) -> PWSTR {
    let call = Call::enter("WdfDriverGetRegistryPath", Level::Passive);
    call.object::<Driver, _>(driver).registry_path()
}
