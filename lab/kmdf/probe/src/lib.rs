//! A driver without hardware that plays one scenario inside `DriverEntry`.
//!
//! The string value `Scenario` below the service's `Parameters` key names it. Scenarios of
//! `breach` break one rule each, and the double must end the run with that rule's sentence.
//! Scenarios of `conduct` keep the rules and check what the framework promises; the first promise
//! that does not hold is written to the value `Broken`. The others play with a Plug and Play device
//! of the probe above a bus of its own; what was called, and in which order, is written to the value
//! `Calls`. The scenario's name is written to `Finished` at the end.
#![no_std]

mod breach;
mod bus;
mod conduct;
mod device;
mod files;
mod framework;
mod interfaces;
mod levels;
mod misuse;
mod once;
mod order;
mod overlap;
mod packet;
mod queues;
mod record;
mod values;

use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, STATUS_SUCCESS, WDF_DRIVER_CONFIG, WDFDRIVER,
};

use framework::{Framework, Promise, size};

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Where the framework enters the driver.
///
/// # Safety
/// The arguments are those that the kernel gives a driver's entry point.
// SAFETY: the kernel looks for no other `DriverEntry` in this image.
#[unsafe(export_name = "DriverEntry")]
pub unsafe extern "system" fn driver_entry(
    driver: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: size::<WDF_DRIVER_CONFIG>(),
        EvtDriverDeviceAdd: Some(device::device_add),
        EvtDriverUnload: Some(unload),
        ..Default::default()
    };
    // SAFETY: the arguments of the entry point.
    let framework = match unsafe { Framework::create(driver, registry_path, &mut config) } {
        Ok(framework) => framework,
        Err(status) => return status,
    };
    let mut name = [0; 48];
    let length = framework.scenario(&mut name);
    let scenario = name.get(..length).unwrap_or_default();
    framework.forget(&["Calls", "Broken", "Finished"]);
    let played = breach::play(&framework, scenario)
        || misuse::play(&framework, scenario)
        || order::play(&framework, scenario)
        || overlap::play(&framework, scenario)
        || queues::play(&framework, scenario)
        || files::play(&framework, scenario)
        || interfaces::play(&framework, scenario)
        || levels::play(&framework, scenario);
    if !played && let Err(Promise(promise)) = conduct::play(&framework, scenario) {
        framework.note("Broken", promise);
    }
    record::finish(|calls| framework.note_characters("Calls", calls));
    framework.note(
        "Finished",
        core::str::from_utf8(scenario).unwrap_or_default(),
    );
    STATUS_SUCCESS
}

unsafe extern "C" fn unload(_driver: WDFDRIVER) {}
