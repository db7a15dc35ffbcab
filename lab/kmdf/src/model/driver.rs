//! Driver objects.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::object::{Handle, Kind};
use wdk_sys::{NTSTATUS, PDRIVER_OBJECT, PWDF_DRIVER_GLOBALS, PWSTR, WDF_DRIVER_CONFIG};

use crate::{
    kernel::{argument::In, handle::number, report::log},
    model::{
        context::Attributes,
        objects::{self, Body, Reference},
    },
};

/// A `WDFDRIVER`.
pub(crate) struct Driver {
    pub(crate) object: PDRIVER_OBJECT,
    pub(crate) config: WDF_DRIVER_CONFIG,
    registry_path: Vec<u16>,
    /// Remove packets of the driver's devices that are being handled.
    pub(crate) removals: Locked<u32>,
}

impl Body for Driver {
    const KIND: Kind = Kind::Driver;
}

impl Driver {
    /// The path of the service's registry key, with a zero at its end.
    pub(crate) fn registry_path(&self) -> PWSTR {
        self.registry_path.as_ptr().cast_mut()
    }

    /// The path of the service's registry key, without a zero at its end.
    pub(crate) fn service_key(&self) -> Vec<u16> {
        let end = self.registry_path.len().saturating_sub(1);
        self.registry_path.get(..end).unwrap_or_default().to_vec()
    }
}

/// The framework driver of each WDM driver object, by address.
static DRIVERS: Locked<Vec<(usize, Handle)>> = Locked::new(Vec::new());

/// Creates the framework driver of `object`. `registry_path` is zero-terminated.
///
/// # Errors
/// Those of [`objects::create`].
pub(crate) fn create(
    object: PDRIVER_OBJECT,
    config: WDF_DRIVER_CONFIG,
    registry_path: Vec<u16>,
    attributes: Option<&Attributes>,
) -> Result<Reference<Driver>, NTSTATUS> {
    let body = Driver {
        object,
        config,
        registry_path,
        removals: Locked::default(),
    };
    let driver = objects::create(body, None, attributes)?;
    DRIVERS.with(|drivers| drivers.push((object.addr(), driver.handle())));
    Ok(driver)
}

/// The framework driver of a WDM driver object.
pub(crate) fn of_wdm(object: PDRIVER_OBJECT) -> Option<Reference<Driver>> {
    let handle = DRIVERS.with(|drivers| {
        drivers
            .iter()
            .find(|(address, _)| *address == object.addr())
            .map(|(_, handle)| *handle)
    });
    handle.and_then(objects::get)
}

/// The driver of these globals, the default parent of objects.
pub(crate) fn of_globals(globals: PWDF_DRIVER_GLOBALS) -> Option<Handle> {
    // SAFETY: drivers pass the globals that `WdfVersionBind` gave them.
    let globals = unsafe { In::new(globals.cast_const()) }.optional()?;
    (!globals.Driver.is_null()).then(|| number(globals.Driver))
}

/// Deletes the driver with everything below it: at its unload, or when it unbinds because its
/// `DriverEntry` failed.
pub(crate) fn delete(handle: Handle) {
    if objects::get::<Driver>(handle).is_some() {
        DRIVERS.with(|drivers| drivers.retain(|(_, other)| *other != handle));
        objects::delete("driver unload", handle);
        log!("driver {handle} unloaded");
    }
}
