//! Plug and Play and power requests to the PF's device stack, which Wine never sends.

use core::ptr;

use lab_control::stack::{Answer, Pnp, pnp, resources};
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MN_SET_POWER, NTSTATUS,
    STATUS_INVALID_PARAMETER, SYSTEM_POWER_STATE,
};

use crate::kernel::irp::{self, byte};
use crate::pci::Pci;

/// Sends a request of [`pnp`] to a device stack.
pub(crate) fn send(
    device: *mut DEVICE_OBJECT,
    pci: Option<&Pci>,
    request: &Pnp,
) -> Result<Answer, NTSTATUS> {
    let mut list = pci
        .filter(|_| request.argument != resources::NONE)
        .map(|pci| pci.resources(request.argument));
    let list = list
        .as_mut()
        .map_or(ptr::null_mut(), |list| ptr::from_mut(list).cast());
    if request.request > pnp::SET_SYSTEM_POWER {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let sent = irp::send(
        device,
        |_, location: &mut IO_STACK_LOCATION| match request.request {
            pnp::SET_SYSTEM_POWER => system_power(location, request.argument.cast_signed()),
            minor => {
                location.MajorFunction = byte(IRP_MJ_PNP);
                location.MinorFunction = byte(minor);
                if minor == pnp::START {
                    location.Parameters.StartDevice.AllocatedResources = list;
                    location.Parameters.StartDevice.AllocatedResourcesTranslated = list;
                }
            }
        },
    )?;
    let completion = sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
    Ok(Answer::without_output(
        completion.status.cast_unsigned(),
        completion.information,
    ))
}

fn system_power(location: &mut IO_STACK_LOCATION, state: SYSTEM_POWER_STATE) {
    location.MajorFunction = byte(IRP_MJ_POWER);
    location.MinorFunction = byte(IRP_MN_SET_POWER);
    // SAFETY: the parameters of a new request are zero, which is valid for each of their members.
    let power = unsafe { &mut location.Parameters.Power };
    power.Type = wdk_sys::_POWER_STATE_TYPE::SystemPowerState;
    power.State.SystemState = state;
}
