//! Binding: the exports that a driver's entry code calls before and after `DriverEntry`.
//!
//! Rules (`fxldr.h`, `fxlibrarycommon.cpp`): the client names the component, its version and its
//! function count, and in bind information of version 2 the least version that it runs on;
//! `kmdf_rules::version` decides. Since 1.15 the library sets the client's table pointer; each
//! client has its own globals until it unbinds, which its entry code does after the unload, or when
//! `DriverEntry` failed.
//!
//! The double is KMDF 1.33, or the minor version in the value `Version` of its registry key, with
//! the functions of that version and no others. It leaves out the sizes of structures that an older
//! framework reports to a newer client.

use alloc::{boxed::Box, string::String, vec::Vec};

use kmdf_rules::version::{self, Framework};
use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PVOID, PWDF_DRIVER_GLOBALS, ULONG,
    WDF_DRIVER_GLOBALS,
};

use crate::{
    function_table,
    kernel::{
        argument::{In, Out},
        counted_string, image_counters, registry_key,
        report::log,
        status,
    },
    model::driver,
};

/// `WDF_BIND_INFO`, version 1. In version 2 it is followed by [`BindInfo2`], and `size` counts
/// both.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BindInfo {
    size: ULONG,
    component: *const u16,
    major: ULONG,
    minor: ULONG,
    build: ULONG,
    function_count: ULONG,
    function_table: *mut PVOID,
    module: PVOID,
}

/// The part of `WDF_BIND_INFO2` after version 1: addresses of the client's variables.
#[repr(C)]
#[derive(Clone, Copy)]
struct BindInfo2 {
    minimum: *const ULONG,
    client_is_newer: *mut u8,
    function_count: *mut ULONG,
    structure_count: *mut ULONG,
    structures: *mut *const usize,
}

/// `sizeof(WDF_BIND_INFO)` and `sizeof(WDF_BIND_INFO2)`.
const SIZE_1: usize = size_of::<BindInfo>();
const SIZE_2: usize = SIZE_1 + size_of::<BindInfo2>();

/// The version that the double is.
fn framework() -> Framework {
    registry_key::setting("Version")
        .and_then(Framework::released)
        .unwrap_or(Framework::NEWEST)
}

/// A bound driver. Its globals come first: their address identifies it.
#[repr(C)]
struct Client {
    globals: WDF_DRIVER_GLOBALS,
    /// The load address of the driver's image.
    image: *const u8,
}

/// Binds a driver to the double.
///
/// # Safety
/// The caller is the entry code of a driver: `info` and `globals` are valid, and `info` stays so
/// until the driver unbinds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfVersionBind(
    driver: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
    info: *const BindInfo,
    globals: *mut PWDF_DRIVER_GLOBALS,
) -> NTSTATUS {
    let address = info;
    // SAFETY: the caller guarantees it.
    let Some(info) = (unsafe { In::new(info) }).optional() else {
        return status::INVALID_PARAMETER;
    };
    // SAFETY: the caller guarantees it.
    let name = service_name(&unsafe { counted_string::characters(registry_path) });
    let more = match info.size as usize {
        SIZE_1 => None,
        // SAFETY: the size says that the rest follows.
        SIZE_2 => unsafe { In::new(address.wrapping_add(1).cast::<BindInfo2>()) }.optional(),
        _ => {
            log!("{name} passes bind information of {} bytes", info.size);
            return status::INVALID_PARAMETER;
        }
    };
    let framework = framework();
    let client = version::Client {
        major: info.major,
        minor: info.minor,
        functions: info.function_count,
        // SAFETY: the caller guarantees it: the client's own variables.
        minimum: more.and_then(|more| unsafe { In::new(more.minimum) }.optional()),
    };
    let bound = match framework.bind(client) {
        Ok(bound) => bound,
        Err(refusal) => {
            log!(
                "{name} is refused by KMDF 1.{}: {refusal}; {client:?}",
                framework.minor
            );
            return status::INVALID_PARAMETER;
        }
    };
    // SAFETY: the system passed the driver object to the entry code.
    let image = unsafe { (*driver).DriverStart };
    let own = Box::into_raw(Box::new(Client {
        globals: make_globals(&name),
        image: image.cast_const().cast(),
    }));
    // SAFETY: the caller guarantees it: the address of the client's table pointer.
    unsafe { Out::new(info.function_table) }.set(function_table::table(framework));
    if let Some(more) = more {
        // SAFETY: the caller guarantees it: the client's own variables.
        unsafe { report_version(&more, bound) };
    }
    // SAFETY: the caller guarantees it.
    unsafe { Out::new(globals) }.set(own.cast());
    log!(
        "{name} bound to the KMDF double of version 1.{} as version {}.{}, with {} functions",
        framework.minor,
        info.major,
        info.minor,
        bound.functions
    );
    status::SUCCESS
}

/// Reports to a client of version 2 how it is bound.
///
/// # Safety
/// The pointers are those of the client's variables.
unsafe fn report_version(more: &BindInfo2, bound: version::Bound) {
    // SAFETY: the caller guarantees it.
    unsafe { Out::new(more.client_is_newer) }.set(u8::from(bound.client_is_newer));
    // SAFETY: as above.
    unsafe { Out::new(more.function_count) }.set(bound.functions);
    if bound.client_is_newer {
        // SAFETY: as above.
        unsafe { Out::new(more.structure_count) }.set(0);
        // SAFETY: as above.
        unsafe { Out::new(more.structures) }.set(core::ptr::null());
    }
}

fn make_globals(name: &str) -> WDF_DRIVER_GLOBALS {
    let mut globals = WDF_DRIVER_GLOBALS {
        DriverTag: u32::from_le_bytes(*b"Wdfd"),
        ..Default::default()
    };
    let room = globals.DriverName.len() - 1;
    for (to, from) in globals.DriverName.iter_mut().take(room).zip(name.bytes()) {
        *to = from.cast_signed();
    }
    globals
}

fn driver_name(globals: &WDF_DRIVER_GLOBALS) -> String {
    let characters = globals.DriverName.iter().map(|&c| c.cast_unsigned());
    characters.take_while(|&c| c != 0).map(char::from).collect()
}

/// The last part of a service's registry path.
fn service_name(path: &[u16]) -> String {
    let characters: Vec<u16> = path
        .rsplit(|&character| character == u16::from(b'\\'))
        .next()
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|&character| character != 0)
        .collect();
    String::from_utf16_lossy(&characters)
}

/// Unbinds a driver: after its unload, or when its `DriverEntry` failed.
///
/// # Safety
/// `globals` come from [`WdfVersionBind`], and nothing uses them any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfVersionUnbind(
    _registry_path: PCUNICODE_STRING,
    _info: *const BindInfo,
    globals: PWDF_DRIVER_GLOBALS,
) -> NTSTATUS {
    if globals.is_null() {
        return status::SUCCESS;
    }
    if let Some(driver) = driver::of_globals(globals) {
        driver::delete(driver);
    }
    // SAFETY: the caller guarantees it: made by `WdfVersionBind`, used no more.
    let client = unsafe { Box::from_raw(globals.cast::<Client>()) };
    log!("{} unbound", driver_name(&client.globals));
    // SAFETY: the driver's own entry code is calling, so its image is loaded.
    unsafe { image_counters::write_counters(client.image) };
    status::SUCCESS
}

/// Class extensions are not part of the double.
///
/// # Safety
/// None; nothing is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfVersionBindClass(
    _info: PVOID,
    _globals: PWDF_DRIVER_GLOBALS,
    _class: PVOID,
) -> NTSTATUS {
    log!("WdfVersionBindClass: the KMDF double has no class extensions");
    status::NOT_SUPPORTED
}

/// As [`WdfVersionBindClass`].
///
/// # Safety
/// None; nothing is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn WdfVersionUnbindClass(
    _info: PVOID,
    _globals: PWDF_DRIVER_GLOBALS,
    _class: PVOID,
) {
}
