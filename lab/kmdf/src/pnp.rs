//! Plug and Play packets of a function device.
//!
//! The order of callbacks is `kmdf_rules::pnp`; which packets are handled on the way down and which
//! on the way up is from `fxpkgfdo.cpp`. Packets are handled on the calling thread: Wine does not
//! wait for a Plug and Play packet that stays pending.

use alloc::vec::Vec;

use kmdf_rules::{
    level::Level,
    pnp::{Event, State, Step},
};
use wdk_sys::{
    _WDF_DEVICE_PNP_STATE::{
        WdfDevStatePnpFailedWaitForRemove, WdfDevStatePnpInit, WdfDevStatePnpRemoved,
        WdfDevStatePnpStarted, WdfDevStatePnpStopped,
    },
    _WDF_POWER_DEVICE_STATE::{WdfPowerDeviceD3, WdfPowerDeviceD3Final},
    IRP_MN_CANCEL_REMOVE_DEVICE, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_QUERY_STOP_DEVICE, IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, NTSTATUS,
    WDF_DEVICE_PNP_STATE, WDF_POWER_DEVICE_STATE,
};

use crate::{
    call::{callback, pointer},
    device::{self, Device},
    file, interface,
    irp::Irp,
    queue::{self, Queue},
    report::note,
    resources, status,
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
        IRP_MN_CANCEL_STOP_DEVICE => cancel(device, irp, Event::CancelStop),
        IRP_MN_CANCEL_REMOVE_DEVICE => cancel(device, irp, Event::CancelRemove),
        IRP_MN_STOP_DEVICE => down(device, irp, Event::Stop),
        IRP_MN_SURPRISE_REMOVAL => down(device, irp, Event::SurpriseRemoval),
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

/// A cancelled query reaches the lower drivers first.
fn cancel(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    irp.set_status(status::SUCCESS);
    irp.pass_down_synchronously(device.lower);
    play(device, event, WdfPowerDeviceD3Final);
    irp.finish(status::SUCCESS)
}

fn down(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    play(device, event, WdfPowerDeviceD3Final);
    irp.set_status(status::SUCCESS);
    irp.pass_down(device.lower)
}

fn remove(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    file::close_all(device);
    play(device, Event::Remove, WdfPowerDeviceD3Final);
    let lower = device.lower;
    irp.set_status(status::SUCCESS);
    let status = irp.pass_down(lower);
    device::end(device, "IRP_MN_REMOVE_DEVICE");
    status
}

/// Plays an event: calls the driver back in order, and undoes a start that fails.
pub(crate) fn play(
    device: &Reference<Device>,
    event: Event,
    power: WDF_POWER_DEVICE_STATE,
) -> NTSTATUS {
    let steps = device.machine.with(|machine| machine.steps(event));
    let removing = matches!(event, Event::SurpriseRemoval | Event::Remove);
    note!("device {}: {event:?}", device.handle());
    for step in steps {
        let status = perform(device, step, power, removing);
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
                return status;
            }
            // What fails on the way out does not keep the device.
            _ => device.machine.with(|machine| machine.did(step)),
        }
    }
    device.machine.with(|machine| machine.finished(event));
    status::SUCCESS
}

fn undo(device: &Reference<Device>, failed: Step) {
    for step in device.machine.with(|machine| machine.failed(failed)) {
        perform(device, step, WdfPowerDeviceD3Final, true);
        device.machine.with(|machine| machine.did(step));
    }
}

/// The previous or next power state that a D0 callback is told.
const fn other_power_state(device_power: WDF_POWER_DEVICE_STATE) -> WDF_POWER_DEVICE_STATE {
    if device_power == 0 {
        WdfPowerDeviceD3
    } else {
        device_power
    }
}

fn perform(
    device: &Reference<Device>,
    step: Step,
    power: WDF_POWER_DEVICE_STATE,
    removing: bool,
) -> NTSTATUS {
    let pnp = &device.settings.pnp;
    let handle = pointer(device.handle());
    let other = other_power_state(power);
    /// Calls a callback that takes the device and more, when there is one.
    macro_rules! call {
        ($field:ident $(, $argument:expr)*) => {
            match pnp.$field {
                None => status::SUCCESS,
                Some(event) => {
                    note!("device {}: {}", device.handle(), stringify!($field));
                    callback(stringify!($field), Level::Passive, || {
                        // SAFETY: the driver's callback with its device.
                        unsafe { event(handle $(, $argument)*) }
                    })
                }
            }
        };
    }
    /// As `call!`, for callbacks without a result.
    macro_rules! tell {
        ($field:ident) => {
            if let Some(event) = pnp.$field {
                note!("device {}: {}", device.handle(), stringify!($field));
                callback(stringify!($field), Level::Passive, || {
                    // SAFETY: the driver's callback with its device.
                    unsafe { event(handle) }
                });
            }
        };
    }
    match step {
        Step::PrepareHardware => {
            let (raw, translated) = resources::lists(device);
            return call!(EvtDevicePrepareHardware, pointer(raw), pointer(translated));
        }
        Step::ReleaseHardware => {
            let (_, translated) = resources::lists(device);
            let status = call!(EvtDeviceReleaseHardware, pointer(translated));
            resources::release(device);
            return status;
        }
        Step::D0Entry => return call!(EvtDeviceD0Entry, other),
        Step::D0EntryPostInterruptsEnabled => {
            return call!(EvtDeviceD0EntryPostInterruptsEnabled, other);
        }
        Step::D0ExitPreInterruptsDisabled => {
            return call!(EvtDeviceD0ExitPreInterruptsDisabled, other);
        }
        Step::D0Exit => return call!(EvtDeviceD0Exit, other),
        Step::SelfManagedIoInit => return call!(EvtDeviceSelfManagedIoInit),
        Step::SelfManagedIoRestart => return call!(EvtDeviceSelfManagedIoRestart),
        Step::SelfManagedIoSuspend => return call!(EvtDeviceSelfManagedIoSuspend),
        Step::QueryStop => return call!(EvtDeviceQueryStop),
        Step::QueryRemove => return call!(EvtDeviceQueryRemove),
        Step::SelfManagedIoFlush => tell!(EvtDeviceSelfManagedIoFlush),
        Step::SelfManagedIoCleanup => tell!(EvtDeviceSelfManagedIoCleanup),
        Step::SurpriseRemoval => tell!(EvtDeviceSurpriseRemoval),
        Step::EnableInterfaces => return interface::set_all(device, true),
        Step::DisableInterfaces => return interface::set_all(device, false),
        Step::ResumeQueues => each_queue(device, true, queue::resume),
        Step::HoldQueues => each_queue(device, true, |queue| queue::hold(queue, removing)),
        Step::PurgeManagedQueues => each_queue(device, true, queue::shut_down),
        Step::PurgeOtherQueues => each_queue(device, false, queue::shut_down),
    }
    status::SUCCESS
}

fn each_queue(device: &Reference<Device>, managed: bool, act: impl Fn(&Reference<Queue>)) {
    let queues: Vec<_> = device.queues.with(|queues| queues.all.clone());
    for queue in queues.into_iter().filter_map(world::typed::<Queue>) {
        if queue.state.with(|state| state.is_power_managed()) == managed {
            act(&queue);
        }
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
