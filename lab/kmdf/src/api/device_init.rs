//! `WdfDeviceInit…` and `WdfFdoInit…` (`fxdeviceinitapi.cpp`, `fxfdoapi.cpp`).

use alloc::vec;
use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    DEVPROPTYPE, NTSTATUS, PDEVPROPTYPE, PFN_WDFDEVICE_WDM_IRP_PREPROCESS, PUCHAR, PULONG, PVOID,
    PWDF_DEVICE_PROPERTY_DATA, PWDF_DRIVER_GLOBALS, PWDF_FILEOBJECT_CONFIG, PWDF_OBJECT_ATTRIBUTES,
    PWDF_PNPPOWER_EVENT_CALLBACKS, PWDFDEVICE_INIT, WDF_DEVICE_PROPERTY_DATA,
    WDF_FILEOBJECT_CONFIG, WDF_PNPPOWER_EVENT_CALLBACKS,
};

use crate::{
    api::{
        attributes::{self, Parent},
        call::Call,
    },
    kernel::{
        argument::{In, Out},
        device_service, status,
    },
    model::{
        device_init::{self, Init, Preprocess},
        file, low_resources,
    },
};

/// The structure behind a driver's pointer; a stale one stops the run.
pub(crate) fn get<'a>(call: &Call, init: PWDFDEVICE_INIT) -> &'a mut Init {
    let value = init.addr() as u64;
    let Some(init) = device_init::get(init) else {
        call.bad_parameter("DeviceInit", "is no live WDFDEVICE_INIT", value)
    };
    if init.device.is_some() {
        call.bad_parameter(
            "DeviceInit",
            "belongs to a device that WdfDeviceCreate created already",
            value,
        );
    }
    init
}

/// `WdfDeviceInitSetPnpPowerEventCallbacks`.
pub(crate) unsafe extern "C" fn set_pnp_power_event_callbacks(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    callbacks: PWDF_PNPPOWER_EVENT_CALLBACKS,
) {
    const PARAMETER: &str = "PnpPowerEventCallbacks";
    let call = Call::enter("WdfDeviceInitSetPnpPowerEventCallbacks", Level::Passive);
    // SAFETY: the driver guarantees its pointers.
    let callbacks = unsafe { In::new(callbacks) }.required(call.function, PARAMETER);
    let size = size_of::<WDF_PNPPOWER_EVENT_CALLBACKS>();
    call.expect_size(PARAMETER, callbacks.Size, size);
    get(&call, init).settings.pnp = callbacks;
}

/// `WdfFdoInitSetFilter`.
pub(crate) unsafe extern "C" fn set_filter(_globals: PWDF_DRIVER_GLOBALS, init: PWDFDEVICE_INIT) {
    let call = Call::enter("WdfFdoInitSetFilter", Level::Passive);
    get(&call, init).settings.filter = true;
}

/// `WdfFdoInitQueryPropertyEx`, for `DEVPKEY_Device_Service` alone.
pub(crate) unsafe extern "C" fn query_property(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    property: PWDF_DEVICE_PROPERTY_DATA,
    length: u32,
    buffer: PVOID,
    required: PULONG,
    kind: PDEVPROPTYPE,
) -> NTSTATUS {
    const PARAMETER: &str = "DeviceProperty";
    /// `DEVPROP_TYPE_STRING`
    const STRING: DEVPROPTYPE = 0x12;
    let call = Call::enter("WdfFdoInitQueryPropertyEx", Level::Passive);
    let init = get(&call, init);
    // SAFETY: the driver guarantees its pointers.
    let property = unsafe { In::new(property.cast_const()) }.required(call.function, PARAMETER);
    call.expect_size(
        PARAMETER,
        property.Size,
        size_of::<WDF_DEVICE_PROPERTY_DATA>(),
    );
    // SAFETY: as above.
    let key = unsafe { In::new(property.PropertyKey) }.required(call.function, "PropertyKey");
    if !device_service::is_key(&key) {
        call.bad_parameter(
            "PropertyKey",
            "is one that the KMDF double does not have",
            u64::from(key.pid),
        );
    }
    if let Err(status) = low_resources::count(call.function) {
        return status;
    }
    let service = match device_service::of(init.pdo) {
        Ok(service) => service,
        Err(status) => return status,
    };
    // SAFETY: as above.
    unsafe { Out::new(required) }
        .required(call.function, "RequiredSize")
        .set(u32::try_from(service.len()).unwrap_or(u32::MAX));
    // SAFETY: as above.
    unsafe { Out::new(kind) }
        .required(call.function, "Type")
        .set(STRING);
    if service.len() > length as usize || buffer.is_null() {
        return status::BUFFER_TOO_SMALL;
    }
    // SAFETY: the driver's buffer has this length, which is enough.
    unsafe { ptr::copy_nonoverlapping(service.as_ptr(), buffer.cast(), service.len()) };
    status::SUCCESS
}

/// `WdfDeviceInitSetFileObjectConfig`.
pub(crate) unsafe extern "C" fn set_file_object_config(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    config: PWDF_FILEOBJECT_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
) {
    const PARAMETER: &str = "FileObjectConfig";
    let call = Call::enter("WdfDeviceInitSetFileObjectConfig", Level::Passive);
    // SAFETY: the driver guarantees its pointers.
    let config = unsafe { In::new(config) }.required(call.function, PARAMETER);
    call.expect_size(PARAMETER, config.Size, size_of::<WDF_FILEOBJECT_CONFIG>());
    if !file::is_class(config.FileObjectClass) {
        call.bad_parameter(
            "FileObjectClass",
            "is none that a driver may use",
            u64::from(config.FileObjectClass.cast_unsigned()),
        );
    }
    // SAFETY: as above.
    let attributes = unsafe { In::new(attributes) };
    let attributes = match attributes::read(&call, attributes, Parent::Fixed) {
        Ok(attributes) => attributes,
        Err(status) => call.bad_parameter(
            "Attributes",
            "are not valid for this object",
            u64::from(status.cast_unsigned()),
        ),
    };
    let settings = &mut get(&call, init).settings;
    settings.file = Some(config);
    settings.file_attributes = attributes;
}

/// `WdfDeviceInitAssignWdmIrpPreprocessCallback`.
pub(crate) unsafe extern "C" fn assign_preprocess_callback(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    callback: PFN_WDFDEVICE_WDM_IRP_PREPROCESS,
    major: u8,
    minors: PUCHAR,
    count: u32,
) -> NTSTATUS {
    let call = Call::enter(
        "WdfDeviceInitAssignWdmIrpPreprocessCallback",
        Level::Passive,
    );
    if callback.is_none() {
        call.bad_parameter("EvtDeviceWdmIrpPreprocess", "is NULL", 0);
    }
    if let Err(status) = low_resources::count(call.function) {
        return status;
    }
    let given = if minors.is_null() { 0 } else { count as usize };
    let mut list = vec![0_u8; given];
    // SAFETY: the driver passes an array of `count` minor functions.
    unsafe { ptr::copy_nonoverlapping(minors.cast_const(), list.as_mut_ptr(), given) };
    get(&call, init).settings.preprocess.push(Preprocess {
        callback,
        major,
        minors: list,
    });
    status::SUCCESS
}
