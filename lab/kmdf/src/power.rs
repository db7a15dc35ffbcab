//! Power packets of a function device.
//!
//! Rules (`fdopower.cpp`): a packet for D0 is handled after the lower drivers, one for a lower state
//! before them. System power packets are passed down: Wine has no `PoRequestPowerIrp`, so the double
//! cannot be a power policy owner, and the lab sends device power packets itself.

use kmdf_rules::pnp::Event;
use wdk_sys::{
    _DEVICE_POWER_STATE::PowerDeviceD0,
    _POWER_STATE_TYPE::DevicePowerState,
    IRP_MN_QUERY_POWER, IRP_MN_SET_POWER, NTSTATUS,
    ntddk::{PoCallDriver, PoStartNextPowerIrp},
};

use crate::{device::Device, irp::Irp, pnp, status, turn::Turn, world::Reference};

/// `IRP_MJ_POWER`.
pub(crate) fn dispatch(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let location = irp.parameters();
    // SAFETY: every member of the union is plain data, and the major function is power.
    let power = unsafe { location.Parameters.Power };
    let minor = u32::from(location.MinorFunction);
    if device.lower.is_null() {
        start_next(irp);
        return irp.finish(status::NOT_SUPPORTED);
    }
    if minor == IRP_MN_QUERY_POWER {
        irp.set_status(status::SUCCESS);
        return pass_down(device, irp);
    }
    if minor != IRP_MN_SET_POWER || power.Type != DevicePowerState {
        return pass_down(device, irp);
    }
    // SAFETY: the type says that the union holds a device state.
    let state = unsafe { power.State.DeviceState };
    let _turn = Turn::take(device);
    if state == PowerDeviceD0 {
        irp.pass_down_synchronously(device.lower);
        // A device that cannot return waits for its removal; the packet succeeds all the same
        // (`PowerReleasePendingDeviceIrp`).
        pnp::play(device, Event::Power(true), state);
        start_next(irp);
        return irp.finish(status::SUCCESS);
    }
    pnp::play(device, Event::Power(false), state);
    irp.set_status(status::SUCCESS);
    pass_down(device, irp)
}

fn start_next(irp: Irp) {
    // SAFETY: the packet is owned by this driver.
    unsafe { PoStartNextPowerIrp(irp.raw()) };
}

fn pass_down(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    start_next(irp);
    irp.skip();
    // SAFETY: the packet is at the next lower driver's location.
    unsafe { PoCallDriver(device.lower, irp.raw()) }
}
