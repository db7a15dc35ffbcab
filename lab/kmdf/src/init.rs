//! `WDFDEVICE_INIT`: what a driver wants of a device before it exists.
//!
//! Rule (`fxdeviceinit.cpp`): the structure belongs to the framework until `WdfDeviceCreate` takes
//! it, and is useless afterwards.

use alloc::{boxed::Box, vec, vec::Vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    _WDF_DEVICE_IO_TYPE::{WdfDeviceIoBuffered, WdfDeviceIoDirect},
    BOOLEAN, FILE_DEVICE_UNKNOWN, GUID, NTSTATUS, PCUNICODE_STRING, PDEVICE_OBJECT,
    PFN_WDF_IO_IN_CALLER_CONTEXT, PFN_WDFDEVICE_WDM_IRP_PREPROCESS, PUCHAR, PWDF_DRIVER_GLOBALS,
    PWDF_FILEOBJECT_CONFIG, PWDF_IO_TYPE_CONFIG, PWDF_OBJECT_ATTRIBUTES,
    PWDF_PNPPOWER_EVENT_CALLBACKS, PWDF_POWER_POLICY_EVENT_CALLBACKS, PWDF_REMOVE_LOCK_OPTIONS,
    PWDFDEVICE_INIT, WDF_DEVICE_IO_TYPE, WDF_FILEOBJECT_CONFIG, WDF_PNPPOWER_EVENT_CALLBACKS,
    WDF_RELEASE_HARDWARE_ORDER_ON_FAILURE, WDFDRIVER,
};

use crate::{
    argument::In,
    call::Call,
    context::{Attributes, Parent},
    driver::Driver,
    file, shortage, string,
    world::Reference,
};

/// A preprocess callback for one major function.
#[derive(Clone)]
pub(crate) struct Preprocess {
    pub(crate) callback: PFN_WDFDEVICE_WDM_IRP_PREPROCESS,
    pub(crate) major: u8,
    /// Minor functions; empty for all.
    pub(crate) minors: Vec<u8>,
}

/// The settings of a future device.
pub(crate) struct Init {
    pub(crate) driver: Reference<Driver>,
    pub(crate) pdo: PDEVICE_OBJECT,
    pub(crate) pnp: WDF_PNPPOWER_EVENT_CALLBACKS,
    pub(crate) file: Option<WDF_FILEOBJECT_CONFIG>,
    pub(crate) file_attributes: Option<Attributes>,
    pub(crate) request_attributes: Option<Attributes>,
    pub(crate) preprocess: Vec<Preprocess>,
    pub(crate) in_caller_context: PFN_WDF_IO_IN_CALLER_CONTEXT,
    pub(crate) io_type: WDF_DEVICE_IO_TYPE,
    pub(crate) device_type: u32,
    pub(crate) characteristics: u32,
    pub(crate) exclusive: bool,
    pub(crate) filter: bool,
    /// What the driver said of power policy, if anything.
    pub(crate) power_policy_owner: Option<bool>,
    pub(crate) name: Vec<u16>,
    /// The device that `WdfDeviceCreate` made of it.
    pub(crate) made: Option<Handle>,
}

/// The structures that exist, so that a stale one is noticed.
static LIVE: Locked<Vec<usize>> = Locked::new(Vec::new());

/// Makes the structure for a device above `pdo`; null for a control device.
pub(crate) fn create(driver: &Reference<Driver>, pdo: PDEVICE_OBJECT) -> PWDFDEVICE_INIT {
    let init = Box::new(Init {
        driver: driver.clone(),
        pdo,
        pnp: WDF_PNPPOWER_EVENT_CALLBACKS::default(),
        file: None,
        file_attributes: None,
        request_attributes: None,
        preprocess: vec![],
        in_caller_context: None,
        io_type: WdfDeviceIoBuffered,
        device_type: FILE_DEVICE_UNKNOWN,
        characteristics: 0,
        exclusive: false,
        filter: false,
        power_policy_owner: None,
        name: vec![],
        made: None,
    });
    let init: PWDFDEVICE_INIT = Box::into_raw(init).cast();
    LIVE.with(|live| live.push(init.addr()));
    init
}

/// `EvtDriverDeviceAdd` returned: frees the structure, and tells which device was made of it.
pub(crate) fn finish(init: PWDFDEVICE_INIT) -> Option<Handle> {
    LIVE.with(|live| live.retain(|&other| other != init.addr()));
    // SAFETY: `create` made it, and it leaves the list of live ones only here.
    let init = unsafe { Box::from_raw(init.cast::<Init>()) };
    init.made
}

/// The settings behind a driver's pointer; a stale one stops the run.
pub(crate) fn get<'a>(call: &Call, init: PWDFDEVICE_INIT) -> &'a mut Init {
    if !LIVE.with(|live| live.contains(&init.addr())) {
        call.bad_parameter(
            "DeviceInit",
            "is no live WDFDEVICE_INIT",
            init.addr() as u64,
        );
    }
    // SAFETY: the structure is live, and only the thread inside EvtDriverDeviceAdd uses it.
    let settings = unsafe { &mut *init.cast::<Init>() };
    if settings.made.is_some() {
        call.bad_parameter(
            "DeviceInit",
            "belongs to a device that WdfDeviceCreate made already",
            init.addr() as u64,
        );
    }
    settings
}

fn expect_size(call: &Call, parameter: &'static str, given: u32, size: usize) {
    if given as usize != size {
        call.bad_parameter(parameter, "has the wrong Size", u64::from(given));
    }
}

/// `WdfControlDeviceInitAllocate`.
pub(crate) unsafe extern "C" fn control_allocate(
    _globals: PWDF_DRIVER_GLOBALS,
    driver: WDFDRIVER,
    _sddl: PCUNICODE_STRING,
) -> PWDFDEVICE_INIT {
    let call = Call::enter("WdfControlDeviceInitAllocate", Level::Passive);
    create(&call.object(driver), ptr::null_mut())
}

/// `WdfDeviceInitFree`.
pub(crate) unsafe extern "C" fn free(_globals: PWDF_DRIVER_GLOBALS, init: PWDFDEVICE_INIT) {
    let call = Call::enter("WdfDeviceInitFree", Level::Dispatch);
    get(&call, init);
    finish(init);
}

/// `WdfDeviceInitSetPnpPowerEventCallbacks`.
pub(crate) unsafe extern "C" fn set_pnp_power_event_callbacks(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    callbacks: PWDF_PNPPOWER_EVENT_CALLBACKS,
) {
    let call = Call::enter("WdfDeviceInitSetPnpPowerEventCallbacks", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    let callbacks = unsafe { In::new(callbacks) }.required(&call, "PnpPowerEventCallbacks");
    let size = size_of::<WDF_PNPPOWER_EVENT_CALLBACKS>();
    expect_size(&call, "PnpPowerEventCallbacks", callbacks.Size, size);
    get(&call, init).pnp = callbacks;
}

/// `WdfDeviceInitSetIoType`.
pub(crate) unsafe extern "C" fn set_io_type(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    io_type: WDF_DEVICE_IO_TYPE,
) {
    let call = Call::enter("WdfDeviceInitSetIoType", Level::Passive);
    get(&call, init).io_type = io_type;
}

/// `WdfDeviceInitSetIoTypeEx`.
pub(crate) unsafe extern "C" fn set_io_type_ex(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    config: PWDF_IO_TYPE_CONFIG,
) {
    let call = Call::enter("WdfDeviceInitSetIoTypeEx", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "IoTypeConfig");
    get(&call, init).io_type = config.ReadWriteIoType;
}

/// `WdfDeviceInitSetExclusive`.
pub(crate) unsafe extern "C" fn set_exclusive(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    exclusive: BOOLEAN,
) {
    let call = Call::enter("WdfDeviceInitSetExclusive", Level::Passive);
    get(&call, init).exclusive = exclusive != 0;
}

/// `WdfDeviceInitSetDeviceType`.
pub(crate) unsafe extern "C" fn set_device_type(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    device_type: u32,
) {
    let call = Call::enter("WdfDeviceInitSetDeviceType", Level::Passive);
    get(&call, init).device_type = device_type;
}

/// `WdfDeviceInitSetCharacteristics`.
pub(crate) unsafe extern "C" fn set_characteristics(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    characteristics: u32,
    or: BOOLEAN,
) {
    let call = Call::enter("WdfDeviceInitSetCharacteristics", Level::Passive);
    let init = get(&call, init);
    let kept = if or == 0 { 0 } else { init.characteristics };
    init.characteristics = kept | characteristics;
}

/// `WdfDeviceInitAssignName`.
pub(crate) unsafe extern "C" fn assign_name(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    name: PCUNICODE_STRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceInitAssignName", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    get(&call, init).name = unsafe { string::characters(name) };
    crate::status::SUCCESS
}

/// `WdfDeviceInitAssignSDDLString`: Wine has no security on device objects.
pub(crate) unsafe extern "C" fn assign_sddl(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    _sddl: PCUNICODE_STRING,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceInitAssignSDDLString", Level::Passive);
    get(&call, init);
    crate::status::SUCCESS
}

/// `WdfDeviceInitSetPowerPolicyOwnership`.
pub(crate) unsafe extern "C" fn set_power_policy_ownership(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    owner: BOOLEAN,
) {
    let call = Call::enter("WdfDeviceInitSetPowerPolicyOwnership", Level::Passive);
    get(&call, init).power_policy_owner = Some(owner != 0);
}

/// `WdfFdoInitSetFilter`.
pub(crate) unsafe extern "C" fn set_filter(_globals: PWDF_DRIVER_GLOBALS, init: PWDFDEVICE_INIT) {
    let call = Call::enter("WdfFdoInitSetFilter", Level::Passive);
    get(&call, init).filter = true;
}

/// `WdfFdoInitWdmGetPhysicalDevice`.
pub(crate) unsafe extern "C" fn wdm_get_physical_device(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
) -> PDEVICE_OBJECT {
    let call = Call::enter("WdfFdoInitWdmGetPhysicalDevice", Level::Passive);
    get(&call, init).pdo
}

/// `WdfDeviceInitSetFileObjectConfig`.
pub(crate) unsafe extern "C" fn set_file_object_config(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    config: PWDF_FILEOBJECT_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
) {
    let call = Call::enter("WdfDeviceInitSetFileObjectConfig", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "FileObjectConfig");
    expect_size(
        &call,
        "FileObjectConfig",
        config.Size,
        size_of::<WDF_FILEOBJECT_CONFIG>(),
    );
    if !file::is_class(config.FileObjectClass) {
        call.bad_parameter(
            "FileObjectClass",
            "is none that a driver may ask for",
            u64::from(config.FileObjectClass.cast_unsigned()),
        );
    }
    // SAFETY: as above.
    let attributes = read_attributes(&call, unsafe { In::new(attributes) });
    let init = get(&call, init);
    init.file = Some(config);
    init.file_attributes = attributes;
}

/// `WdfDeviceInitSetRequestAttributes`.
pub(crate) unsafe extern "C" fn set_request_attributes(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    attributes: PWDF_OBJECT_ATTRIBUTES,
) {
    let call = Call::enter("WdfDeviceInitSetRequestAttributes", Level::Passive);
    // SAFETY: the driver vouches for what it passes.
    get(&call, init).request_attributes = read_attributes(&call, unsafe { In::new(attributes) });
}

/// Attributes of objects that the framework makes itself; wrong ones bug-check.
fn read_attributes(
    call: &Call,
    attributes: In<wdk_sys::WDF_OBJECT_ATTRIBUTES>,
) -> Option<Attributes> {
    match Attributes::read(call, attributes, Parent::Fixed) {
        Ok(attributes) => attributes,
        Err(status) => call.bad_parameter(
            "Attributes",
            "are not valid for this object",
            u64::from(status.cast_unsigned()),
        ),
    }
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
    if let Err(status) = shortage::pass(&call) {
        return status;
    }
    let given = if minors.is_null() { 0 } else { count as usize };
    let mut list = vec![0_u8; given];
    // SAFETY: the driver passes an array of `count` minor functions.
    unsafe { ptr::copy_nonoverlapping(minors.cast_const(), list.as_mut_ptr(), given) };
    get(&call, init).preprocess.push(Preprocess {
        callback,
        major,
        minors: list,
    });
    crate::status::SUCCESS
}

/// `WdfDeviceInitSetIoInCallerContextCallback`.
pub(crate) unsafe extern "C" fn set_in_caller_context(
    _globals: PWDF_DRIVER_GLOBALS,
    init: PWDFDEVICE_INIT,
    callback: PFN_WDF_IO_IN_CALLER_CONTEXT,
) {
    let call = Call::enter("WdfDeviceInitSetIoInCallerContextCallback", Level::Passive);
    get(&call, init).in_caller_context = callback;
}

macro_rules! without_effect {
    ($($(#[$doc:meta])* $name:ident, $function:literal $(, $setting:ty)?;)*) => {
        $(
            $(#[$doc])*
            pub(crate) unsafe extern "C" fn $name(
                _globals: PWDF_DRIVER_GLOBALS,
                init: PWDFDEVICE_INIT,
                $(_setting: $setting,)?
            ) {
                get(&Call::enter($function, Level::Passive), init);
            }
        )*
    };
}

// Settings of what neither the double nor Wine has.
without_effect! {
    /// `WdfDeviceInitSetPowerPolicyEventCallbacks`: the double never arms a device for wake.
    set_power_policy_event_callbacks, "WdfDeviceInitSetPowerPolicyEventCallbacks", PWDF_POWER_POLICY_EVENT_CALLBACKS;
    /// `WdfDeviceInitSetDeviceClass`: it selects overrides of security settings, which Wine lacks.
    set_device_class, "WdfDeviceInitSetDeviceClass", *const GUID;
    /// `WdfDeviceInitSetRemoveLockOptions`: the double counts every packet anyway.
    set_remove_lock_options, "WdfDeviceInitSetRemoveLockOptions", PWDF_REMOVE_LOCK_OPTIONS;
    /// `WdfDeviceInitSetReleaseHardwareOrderOnFailure`: without child devices both orders are one.
    set_release_hardware_order, "WdfDeviceInitSetReleaseHardwareOrderOnFailure", WDF_RELEASE_HARDWARE_ORDER_ON_FAILURE;
    /// `WdfDeviceInitSetPowerPageable`: Wine does not page.
    set_power_pageable, "WdfDeviceInitSetPowerPageable";
    /// `WdfDeviceInitSetPowerNotPageable`: as above.
    set_power_not_pageable, "WdfDeviceInitSetPowerNotPageable";
}

/// The device object flags of an I/O type.
pub(crate) const fn io_flags(io_type: WDF_DEVICE_IO_TYPE) -> u32 {
    if io_type == WdfDeviceIoBuffered {
        wdk_sys::DO_BUFFERED_IO
    } else if io_type == WdfDeviceIoDirect {
        wdk_sys::DO_DIRECT_IO
    } else {
        0
    }
}
