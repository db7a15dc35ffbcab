//! A driver without hardware that plays one scenario inside `DriverEntry`.
//!
//! The string value `Scenario` below the service's `Parameters` key names the scenario. There are
//! three kinds:
//! - `violations` and some of the others break one rule, and the double must end the run with that
//!   rule's sentence;
//! - `contract_checks` keep the rules and check what the framework promises; the first promise that
//!   is not kept is written to the value `Broken`;
//! - the others play with a function device of the probe above a bus of its own; callbacks and
//!   packets are written to the value `Calls`, in their order.
//!
//! The scenario's name is written to `Finished` at the end.
#![no_std]

mod bus;
mod contract_checks;
mod device;
mod files;
mod filters;
mod framework;
mod interfaces;
mod kernel_types;
mod levels;
mod once;
mod order;
mod overlap;
mod packet;
mod parameters;
mod promise;
mod queues;
mod record;
mod values;
mod violations;
mod wait;

use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, STATUS_SUCCESS, WDF_DRIVER_CONFIG, WDFDRIVER,
};

use framework::Framework;
use kernel_types::size;
use promise::Promise;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The driver's entry point.
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
    let parameters = &framework.parameters;
    let mut name = [0; 48];
    let length = parameters.scenario(&mut name);
    let scenario = name.get(..length).unwrap_or_default();
    parameters.delete(&["Calls", "Broken", "Finished"]);
    let played = [
        violations::play,
        order::play,
        overlap::play,
        queues::play,
        files::play,
        filters::play,
        interfaces::play,
        levels::play,
    ]
    .into_iter()
    .any(|play| play(&framework, scenario));
    if !played && let Err(Promise(promise)) = contract_checks::play(&framework, scenario) {
        parameters.write_text("Broken", promise);
    }
    record::finish(|calls| parameters.write_characters("Calls", calls));
    parameters.write_text(
        "Finished",
        core::str::from_utf8(scenario).unwrap_or_default(),
    );
    STATUS_SUCCESS
}

unsafe extern "C" fn unload(_driver: WDFDRIVER) {}
