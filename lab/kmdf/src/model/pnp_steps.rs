//! The steps of a Plug and Play or power event: callbacks in order, and the undoing of a start that
//! fails.

use kmdf_rules::{
    level::Level,
    pnp::{Event, Step},
    violation::Violation,
};
use wdk_sys::{
    _WDF_POWER_DEVICE_STATE::{WdfPowerDeviceD0, WdfPowerDeviceD3Final},
    NTSTATUS, WDF_POWER_DEVICE_STATE,
};

use crate::{
    kernel::{
        handle::pointer,
        report::{log, stop},
        status,
    },
    model::{
        device::Device, objects::Reference, queue_power, resources, surprise_removal,
        threads::callback,
    },
};

/// Runs the steps of an event. `target` is the state that a device goes to when it leaves D0.
/// Except for queries, the caller is in a [power transition](crate::model::power_transition).
pub(crate) fn run(
    device: &Reference<Device>,
    event: Event,
    target: WDF_POWER_DEVICE_STATE,
) -> NTSTATUS {
    let steps = device.machine.with(|machine| machine.steps(event));
    log!("device {}: {event:?}", device.handle());
    for step in steps {
        let status = perform(device, step, target);
        if status::is_success(status) {
            device.machine.with(|machine| machine.did(step));
            continue;
        }
        log!(
            "device {}: {step:?} failed with {status:#010x}",
            device.handle()
        );
        match event {
            Event::QueryStop | Event::QueryRemove => return status,
            Event::Start | Event::Power(true) => {
                undo(device, step);
                return failure_of_start(step, status);
            }
            // A failure on the way out does not keep the device.
            _ => device.machine.with(|machine| machine.did(step)),
        }
    }
    if matches!(event, Event::Start | Event::Power(true)) {
        device.power.with(|power| *power = WdfPowerDeviceD0);
    }
    device.machine.with(|machine| machine.finished(event));
    status::SUCCESS
}

/// The final status of a start whose `step` failed. Callbacks of the power state machine report
/// none of their own (`PnpEventHardwareAvailablePowerPolicyFailed`).
const fn failure_of_start(step: Step, status: NTSTATUS) -> NTSTATUS {
    match step {
        Step::PrepareHardware | Step::EnableInterfaces => status,
        _ => status::DEVICE_POWER_FAILURE,
    }
}

fn undo(device: &Reference<Device>, failed: Step) {
    for step in device.machine.with(|machine| machine.failed(failed)) {
        perform(device, step, WdfPowerDeviceD3Final);
        device.machine.with(|machine| machine.did(step));
    }
}

fn perform(device: &Reference<Device>, step: Step, target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    match step {
        Step::EnableInterfaces => return device.enable_interfaces(),
        Step::DisableInterfaces => device.disable_interfaces(),
        Step::ResumeQueues => queue_power::resume(device),
        Step::HoldQueues => queue_power::hold(device),
        Step::PurgeManagedQueues => queue_power::purge(device, true),
        Step::PurgeOtherQueues => queue_power::purge(device, false),
        // `announce_surprise` did it before the transition.
        Step::SurpriseRemoval => {}
        _ => return call_driver(device, step, target),
    }
    status::SUCCESS
}

/// The first step of a surprise removal, outside of the power transition.
pub(crate) fn announce_surprise(device: &Reference<Device>) {
    let steps = device
        .machine
        .with(|machine| machine.steps(Event::SurpriseRemoval));
    if steps.contains(&Step::SurpriseRemoval) {
        call_driver(device, Step::SurpriseRemoval, WdfPowerDeviceD3Final);
    }
}

/// The result of a driver's callback, which may have none.
trait Outcome {
    fn status(self) -> NTSTATUS;
}

impl Outcome for NTSTATUS {
    fn status(self) -> NTSTATUS {
        self
    }
}

impl Outcome for () {
    fn status(self) -> NTSTATUS {
        status::SUCCESS
    }
}

/// Calls the driver's callback for a step, if it has one.
fn call_driver(device: &Reference<Device>, step: Step, target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    let before = device.power.with(|power| *power);
    macro_rules! call {
        ($field:ident $(, $argument:expr)*) => {
            device.settings.pnp.$field.map_or(status::SUCCESS, |event| {
                log!("device {}: {}", device.handle(), stringify!($field));
                let status = callback(stringify!($field), Level::Passive, || {
                    // SAFETY: the driver's callback with its device.
                    unsafe { event(pointer(device.handle()) $(, $argument)*) }
                })
                .status();
                if status == status::NOT_SUPPORTED && !step.accepts_not_supported() {
                    stop(&Violation::StatusNotAccepted {
                        callback: stringify!($field),
                    });
                }
                status
            })
        };
    }
    match step {
        Step::PrepareHardware => {
            let (raw, translated) = resources::lists(device);
            call!(EvtDevicePrepareHardware, pointer(raw), pointer(translated))
        }
        Step::ReleaseHardware => {
            let (_, translated) = resources::lists(device);
            let status = call!(EvtDeviceReleaseHardware, pointer(translated));
            resources::release(device);
            status
        }
        Step::D0Entry => call!(EvtDeviceD0Entry, before),
        Step::D0EntryPostInterruptsEnabled => call!(EvtDeviceD0EntryPostInterruptsEnabled, before),
        Step::D0ExitPreInterruptsDisabled => call!(EvtDeviceD0ExitPreInterruptsDisabled, target),
        Step::D0Exit => {
            let status = call!(EvtDeviceD0Exit, target);
            device.power.with(|power| *power = target);
            status
        }
        Step::SelfManagedIoInit => call!(EvtDeviceSelfManagedIoInit),
        Step::SelfManagedIoRestart => call!(EvtDeviceSelfManagedIoRestart),
        Step::SelfManagedIoSuspend => call!(EvtDeviceSelfManagedIoSuspend),
        Step::SelfManagedIoFlush => call!(EvtDeviceSelfManagedIoFlush),
        Step::SelfManagedIoCleanup => call!(EvtDeviceSelfManagedIoCleanup),
        Step::QueryStop => call!(EvtDeviceQueryStop),
        Step::QueryRemove => call!(EvtDeviceQueryRemove),
        Step::SurpriseRemoval => surprise_removal::inside(|| call!(EvtDeviceSurpriseRemoval)),
        // The others call no driver.
        _ => status::SUCCESS,
    }
}
