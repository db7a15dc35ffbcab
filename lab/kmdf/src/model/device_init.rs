//! `WDFDEVICE_INIT`: the settings of a device before it exists.
//!
//! Rule (`fxdeviceinit.cpp`): the structure belongs to the framework, and is useless once
//! `WdfDeviceCreate` took it.

use alloc::{boxed::Box, vec::Vec};

use kernel_runtime::lock::Locked;
use kmdf_rules::object::Handle;
use wdk_sys::{
    PDEVICE_OBJECT, PFN_WDFDEVICE_WDM_IRP_PREPROCESS, PWDFDEVICE_INIT, WDF_FILEOBJECT_CONFIG,
    WDF_PNPPOWER_EVENT_CALLBACKS,
};

use crate::model::{context::Attributes, driver::Driver, objects::Reference};

/// A preprocess callback for one major function.
#[derive(Clone)]
pub(crate) struct Preprocess {
    pub(crate) callback: PFN_WDFDEVICE_WDM_IRP_PREPROCESS,
    pub(crate) major: u8,
    /// Minor functions; empty for all.
    pub(crate) minors: Vec<u8>,
}

/// Settings that a device keeps.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) pnp: WDF_PNPPOWER_EVENT_CALLBACKS,
    pub(crate) file: Option<WDF_FILEOBJECT_CONFIG>,
    pub(crate) file_attributes: Option<Attributes>,
    pub(crate) preprocess: Vec<Preprocess>,
    pub(crate) filter: bool,
}

/// A device that a driver is about to create.
pub(crate) struct Init {
    pub(crate) driver: Reference<Driver>,
    pub(crate) pdo: PDEVICE_OBJECT,
    pub(crate) settings: Settings,
    /// The device that `WdfDeviceCreate` created.
    pub(crate) device: Option<Handle>,
}

/// Addresses of the structures that exist, which tell a stale one.
static LIVE: Locked<Vec<usize>> = Locked::new(Vec::new());

/// Allocates the structure for a device above `pdo`.
pub(crate) fn allocate(driver: &Reference<Driver>, pdo: PDEVICE_OBJECT) -> PWDFDEVICE_INIT {
    let init = Box::new(Init {
        driver: driver.clone(),
        pdo,
        settings: Settings::default(),
        device: None,
    });
    let init: PWDFDEVICE_INIT = Box::into_raw(init).cast();
    LIVE.with(|live| live.push(init.addr()));
    init
}

/// Frees the structure after `EvtDriverDeviceAdd`, and returns the device that was created from it.
pub(crate) fn free(init: PWDFDEVICE_INIT) -> Option<Handle> {
    LIVE.with(|live| live.retain(|&other| other != init.addr()));
    // SAFETY: `allocate` made it, and it leaves the list of live ones only here.
    let init = unsafe { Box::from_raw(init.cast::<Init>()) };
    init.device
}

/// The structure behind a driver's pointer; `None` for a stale one.
pub(crate) fn get<'a>(init: PWDFDEVICE_INIT) -> Option<&'a mut Init> {
    let live = LIVE.with(|live| live.contains(&init.addr()));
    // SAFETY: the structure is live, and only the thread inside EvtDriverDeviceAdd uses it.
    live.then(|| unsafe { &mut *init.cast::<Init>() })
}
