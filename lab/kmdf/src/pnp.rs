//! Plug and Play packets of a function device.
//!
//! The order of callbacks is `kmdf_rules::pnp`. A start is handled on its way up and every other
//! packet on its way down, cancelled queries among them (`PnpFinishProcessingIrp` in
//! `pnpstatemachine.cpp`). Packets are handled on the calling thread: Wine does not wait for a Plug
//! and Play packet that stays pending.
//!
//! As the framework has a state machine for Plug and Play and another one for power, a query and
//! `EvtDeviceSurpriseRemoval` do not wait for a power packet that another thread handles; everything
//! else takes its [turn](crate::turn). Stricter than the framework, as the documentation promises no
//! order: `EvtDeviceSurpriseRemoval` does not wait for a query either.

use kmdf_rules::{
    level::Level,
    pnp::{Event, State, Step},
    violation::Violation,
};
use wdk_sys::{
    _WDF_DEVICE_PNP_STATE::{
        WdfDevStatePnpFailedWaitForRemove, WdfDevStatePnpInit, WdfDevStatePnpRemoved,
        WdfDevStatePnpStarted, WdfDevStatePnpStopped,
    },
    _WDF_POWER_DEVICE_STATE::{WdfPowerDeviceD0, WdfPowerDeviceD3Final},
    IRP_MN_CANCEL_REMOVE_DEVICE, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_QUERY_STOP_DEVICE, IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, NTSTATUS,
    WDF_DEVICE_PNP_STATE, WDF_POWER_DEVICE_STATE,
};

use crate::{
    call::{callback, pointer},
    device::{self, Device},
    driver::Driver,
    file, interface,
    irp::Irp,
    power, queue_power,
    report::{note, stop},
    resources, status, surprise,
    turn::Turn,
    world::{self, Reference},
};

/// `IRP_MJ_PNP`.
pub(crate) fn dispatch(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    if device.lower.is_null() {
        return irp.finish(status::NOT_SUPPORTED);
    }
    match u32::from(irp.parameters().MinorFunction) {
        IRP_MN_START_DEVICE => start(device, irp),
        IRP_MN_QUERY_STOP_DEVICE => query(device, irp, Event::QueryStop),
        IRP_MN_QUERY_REMOVE_DEVICE => query(device, irp, Event::QueryRemove),
        IRP_MN_CANCEL_STOP_DEVICE => down(device, irp, Event::CancelStop),
        IRP_MN_CANCEL_REMOVE_DEVICE => down(device, irp, Event::CancelRemove),
        IRP_MN_STOP_DEVICE => down(device, irp, Event::Stop),
        IRP_MN_SURPRISE_REMOVAL => {
            tell_of_surprise(device);
            down(device, irp, Event::SurpriseRemoval)
        }
        IRP_MN_REMOVE_DEVICE => remove(device, irp),
        IRP_MN_QUERY_INTERFACE => interface::query(device, irp),
        _ => irp.pass_down(device.lower),
    }
}

fn start(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let lower = irp.pass_down_synchronously(device.lower);
    if !status::is_success(lower) {
        irp.complete(0);
        return lower;
    }
    resources::assign(device, irp);
    let _turn = Turn::take(device);
    let status = play(device, Event::Start, WdfPowerDeviceD3Final);
    irp.finish(status)
}

/// A query goes down only when the driver agrees.
fn query(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    let status = play(device, event, WdfPowerDeviceD3Final);
    if !status::is_success(status) {
        return irp.finish(status);
    }
    irp.set_status(status::SUCCESS);
    irp.pass_down(device.lower)
}

fn down(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    let _turn = Turn::take(device);
    play(device, event, WdfPowerDeviceD3Final);
    irp.set_status(status::SUCCESS);
    irp.pass_down(device.lower)
}

/// The first step of a surprise removal, without a turn.
fn tell_of_surprise(device: &Reference<Device>) {
    let steps = device
        .machine
        .with(|machine| machine.steps(Event::SurpriseRemoval));
    if steps.contains(&Step::SurpriseRemoval) {
        call_driver(device, Step::SurpriseRemoval, WdfPowerDeviceD3Final);
    }
}

fn remove(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    power::settle(device);
    let driver = world::typed::<Driver>(device.driver);
    let count = |change: fn(&mut u32)| {
        if let Some(driver) = &driver {
            driver.removals.with(change);
        }
    };
    count(|removals| *removals += 1);
    file::close_all(device);
    let turn = Turn::take(device);
    play(device, Event::Remove, WdfPowerDeviceD3Final);
    drop(turn);
    irp.set_status(status::SUCCESS);
    let mut status = status::SUCCESS;
    device::end(device, "IRP_MN_REMOVE_DEVICE", || {
        status = irp.pass_down(device.lower);
    });
    count(|removals| *removals -= 1);
    status
}

/// Plays an event: calls the driver back in order, and undoes a start that fails. `target` is the
/// state that a device goes to when it leaves D0. But for queries the caller has the device's turn.
pub(crate) fn play(
    device: &Reference<Device>,
    event: Event,
    target: WDF_POWER_DEVICE_STATE,
) -> NTSTATUS {
    let steps = device.machine.with(|machine| machine.steps(event));
    note!("device {}: {event:?}", device.handle());
    for step in steps {
        let status = perform(device, step, target);
        if status::is_success(status) {
            device.machine.with(|machine| machine.did(step));
            continue;
        }
        note!(
            "device {}: {step:?} failed with {status:#010x}",
            device.handle()
        );
        match event {
            Event::QueryStop | Event::QueryRemove => return status,
            Event::Start | Event::Power(true) => {
                undo(device, step);
                return failure_of_start(step, status);
            }
            // What fails on the way out does not keep the device.
            _ => device.machine.with(|machine| machine.did(step)),
        }
    }
    if matches!(event, Event::Start | Event::Power(true)) {
        device.power.with(|power| *power = WdfPowerDeviceD0);
    }
    device.machine.with(|machine| machine.finished(event));
    status::SUCCESS
}

/// How a start ends whose `step` failed. What the power state machine calls reports no status of
/// its own (`PnpEventHardwareAvailablePowerPolicyFailed`).
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
        Step::EnableInterfaces => return interface::set_all(device, true),
        Step::DisableInterfaces => return interface::set_all(device, false),
        Step::ResumeQueues => queue_power::resume(device),
        Step::HoldQueues => queue_power::hold(device),
        Step::PurgeManagedQueues => queue_power::purge(device, true),
        Step::PurgeOtherQueues => queue_power::purge(device, false),
        // Done before this event had its turn.
        Step::SurpriseRemoval => {}
        _ => return call_driver(device, step, target),
    }
    status::SUCCESS
}

/// What a callback of the driver returns: a status, or nothing that could fail.
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

/// Calls the driver's callback for a step, when it has one.
fn call_driver(device: &Reference<Device>, step: Step, target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    let before = device.power.with(|power| *power);
    macro_rules! call {
        ($field:ident $(, $argument:expr)*) => {
            device.settings.pnp.$field.map_or(status::SUCCESS, |event| {
                note!("device {}: {}", device.handle(), stringify!($field));
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
        Step::SurpriseRemoval => surprise::inside(|| call!(EvtDeviceSurpriseRemoval)),
        // The rest is no callback.
        _ => status::SUCCESS,
    }
}

/// The public name of a state, as `WdfDeviceGetDevicePnpState` tells it.
pub(crate) const fn public_state(state: State) -> WDF_DEVICE_PNP_STATE {
    match state {
        State::Added => WdfDevStatePnpInit,
        State::Working | State::Sleeping => WdfDevStatePnpStarted,
        State::Stopped => WdfDevStatePnpStopped,
        State::Failed => WdfDevStatePnpFailedWaitForRemove,
        State::Removed => WdfDevStatePnpRemoved,
    }
}
