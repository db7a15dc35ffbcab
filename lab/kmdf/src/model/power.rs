//! Power packets.
//!
//! Rules (`fdopower.cpp`): a device packet for D0 is handled after the lower drivers, one for a
//! lower state before them. The power policy owner answers a system packet with a device packet
//! that it requests: a packet for S0 ends before that device packet, one for a lower state after it
//! (`_SystemPowerS0Completion`, `_SystemPowerSxCompletion`). Wine has no `PoRequestPowerIrp`, so
//! the double sends the device packet itself, to the top of the device stack.

use kmdf_rules::{
    pnp::Event,
    power_policy::{Policy, Target},
};
use wdk_sys::{
    _DEVICE_POWER_STATE::{PowerDeviceD0, PowerDeviceD3},
    _POWER_STATE_TYPE::{DevicePowerState, SystemPowerState},
    _SYSTEM_POWER_STATE::PowerSystemWorking,
    DEVICE_POWER_STATE, IO_STACK_LOCATION, IRP_MJ_POWER, IRP_MN_QUERY_POWER, IRP_MN_SET_POWER,
    NTSTATUS,
    ntddk::{
        IoGetAttachedDeviceReference, ObfDereferenceObject, PoCallDriver, PoStartNextPowerIrp,
    },
};

use crate::{
    kernel::{
        irp::{Irp, byte},
        report::log,
        status,
    },
    model::{
        device::Device, objects::Reference, pnp_steps::run, power_transition::PowerTransition,
        threads::enforce,
    },
};

/// `IRP_MJ_POWER`.
pub(crate) fn dispatch(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let location = irp.parameters();
    // SAFETY: every member of the union is plain data, and the major function is power.
    let power = unsafe { location.Parameters.Power };
    match u32::from(location.MinorFunction) {
        IRP_MN_QUERY_POWER => {
            irp.set_status(status::SUCCESS);
            pass_down(device, irp)
        }
        IRP_MN_SET_POWER if power.Type == SystemPowerState => {
            // SAFETY: the type says that the union holds a system state.
            let state = unsafe { power.State.SystemState };
            set_system_power(device, irp, state == PowerSystemWorking)
        }
        IRP_MN_SET_POWER => {
            // SAFETY: the type says that the union holds a device state.
            let state = unsafe { power.State.DeviceState };
            set_device_power(device, irp, state)
        }
        _ => pass_down(device, irp),
    }
}

fn set_device_power(device: &Reference<Device>, irp: Irp, state: DEVICE_POWER_STATE) -> NTSTATUS {
    enforce(
        device
            .policy
            .with(|policy| policy.device_packet(device.handle())),
    );
    let _transition = PowerTransition::begin(device);
    if state == PowerDeviceD0 {
        irp.pass_down_synchronously(device.lower);
        // A device that cannot return waits for its removal; the packet succeeds all the same
        // (`PowerReleasePendingDeviceIrp`).
        run(device, Event::Power(true), state);
        start_next(irp);
        return irp.finish(status::SUCCESS);
    }
    run(device, Event::Power(false), state);
    irp.set_status(status::SUCCESS);
    pass_down(device, irp)
}

/// The system goes to sleep, or works again.
fn set_system_power(device: &Reference<Device>, irp: Irp, working: bool) -> NTSTATUS {
    if !device.policy.with(|policy| policy.is_owner()) {
        return pass_down(device, irp);
    }
    irp.pass_down_synchronously(device.lower);
    let state = device.machine.with(|machine| machine.state());
    let target = device
        .policy
        .with(|policy| policy.system_packet(working, state));
    device.power_requests.with(|count| *count += 1);
    let end = || {
        start_next(irp);
        irp.finish(status::SUCCESS)
    };
    // The system does not wait for its devices when it resumes.
    let ended = working.then(end);
    match target {
        Some(Target::D0) => request(device, PowerDeviceD0),
        Some(Target::D3) => request(device, PowerDeviceD3),
        None => {}
    }
    let status = ended.unwrap_or_else(end);
    device.power_requests.with(|count| *count -= 1);
    status
}

/// `PoRequestPowerIrp`: sends a device power packet to the top of the stack, and waits for its end.
fn request(device: &Reference<Device>, state: DEVICE_POWER_STATE) {
    // SAFETY: the physical device exists as long as the device above it.
    let top = unsafe { IoGetAttachedDeviceReference(device.pdo) };
    if let Some(irp) = Irp::allocate(top) {
        let mut location = IO_STACK_LOCATION {
            MajorFunction: byte(IRP_MJ_POWER),
            MinorFunction: byte(IRP_MN_SET_POWER),
            ..Default::default()
        };
        location.Parameters.Power.Type = DevicePowerState;
        location.Parameters.Power.State.DeviceState = state;
        irp.set_status(status::NOT_SUPPORTED);
        irp.set_next_location(location);
        irp.send_synchronously(top);
        irp.free();
    } else {
        device.policy.with(Policy::not_sent);
        log!("device {}: no packet for its power", device.handle());
    }
    // SAFETY: gives back the reference that was taken above.
    unsafe { ObfDereferenceObject(top.cast()) };
}

fn start_next(irp: Irp) {
    // SAFETY: the packet is owned by this driver.
    unsafe { PoStartNextPowerIrp(irp.raw()) };
}

fn pass_down(device: &Device, irp: Irp) -> NTSTATUS {
    start_next(irp);
    irp.skip();
    // SAFETY: the packet is at the next lower driver's location.
    unsafe { PoCallDriver(device.lower, irp.raw()) }
}
