//! Packets to the PF's device stack that Wine never sends: Plug and Play, power, reads, writes, WMI.

use core::ptr;

use lab_control::stack::{Answer, Pnp, pnp, resources};
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ, IRP_MJ_SYSTEM_CONTROL,
    IRP_MJ_WRITE, IRP_MN_SET_POWER, NTSTATUS, STATUS_INVALID_PARAMETER, SYSTEM_POWER_STATE,
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
    if request.request > pnp::SYSTEM_CONTROL {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let sent = irp::send(
        device,
        |_, location: &mut IO_STACK_LOCATION| match request.request {
            pnp::SET_SYSTEM_POWER => system_power(location, request.argument.cast_signed()),
            pnp::READ => transfer(location, IRP_MJ_READ, request.argument),
            pnp::WRITE => transfer(location, IRP_MJ_WRITE, request.argument),
            pnp::SYSTEM_CONTROL => {
                location.MajorFunction = byte(IRP_MJ_SYSTEM_CONTROL);
                location.MinorFunction = byte(request.argument);
            }
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

/// A read or a write of this many bytes.
fn transfer(location: &mut IO_STACK_LOCATION, major: u32, length: u32) {
    location.MajorFunction = byte(major);
    // The parameters of a new request are zero; reads and writes share the place of the length.
    location.Parameters.Read.Length = length;
}

fn system_power(location: &mut IO_STACK_LOCATION, state: SYSTEM_POWER_STATE) {
    location.MajorFunction = byte(IRP_MJ_POWER);
    location.MinorFunction = byte(IRP_MN_SET_POWER);
    // SAFETY: the parameters of a new request are zero, which is valid for each of their members.
    let power = unsafe { &mut location.Parameters.Power };
    power.Type = wdk_sys::_POWER_STATE_TYPE::SystemPowerState;
    power.State.SystemState = state;
}
