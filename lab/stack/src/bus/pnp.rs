//! Plug and Play: which requests a child simply accepts, interfaces that it offers, and requests of
//! Plug and Play and power that the stack double sends because Wine never does.

use lab_control::stack::{Answer, Pnp, pnp, resources};
use pcivirt_abi::Guid;
use wdk_sys::{
    DEVICE_OBJECT, INTERFACE, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MJ_POWER,
    IRP_MN_CANCEL_REMOVE_DEVICE, IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE, IRP_MN_SET_POWER, IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE, NTSTATUS,
    STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS, SYSTEM_POWER_STATE,
};

use crate::kernel::irp;
use crate::pci::Pci;

/// `Parameters.QueryInterface` of a stack location.
pub(crate) type Query = wdk_sys::_IO_STACK_LOCATION__bindgen_ty_1__bindgen_ty_26;

/// Requests that a child accepts without doing anything.
pub(crate) fn is_pnp_success(minor: u32) -> bool {
    [
        IRP_MN_START_DEVICE,
        IRP_MN_QUERY_STOP_DEVICE,
        IRP_MN_STOP_DEVICE,
        IRP_MN_CANCEL_STOP_DEVICE,
        IRP_MN_QUERY_REMOVE_DEVICE,
        IRP_MN_CANCEL_REMOVE_DEVICE,
    ]
    .contains(&minor)
}

/// Answers a query for one interface: `None` when it is about another.
pub(crate) fn offer<I: Copy>(
    query: &Query,
    wanted: &Guid,
    version: u16,
    interface: impl FnOnce() -> I,
) -> Option<NTSTATUS> {
    // SAFETY: the kernel's GUID has the same sixteen bytes, and the query names a valid one.
    let asked = unsafe { query.InterfaceType.cast::<Guid>().read_unaligned() };
    if asked != *wanted {
        return None;
    }
    // A bus that knows one version and no other: a driver that asks for another one shows.
    if usize::from(query.Size) < size_of::<I>() || query.Version != version {
        return Some(STATUS_NOT_SUPPORTED);
    }
    let destination: *mut INTERFACE = query.Interface;
    // SAFETY: the caller's structure has the size that it says, which is enough.
    unsafe { destination.cast::<I>().write_unaligned(interface()) };
    Some(STATUS_SUCCESS)
}

/// Sends a request of [`pnp`] to a device stack.
pub(crate) fn send(
    device: *mut DEVICE_OBJECT,
    pci: Option<&Pci>,
    request: &Pnp,
) -> Result<Answer, NTSTATUS> {
    let mut list = pci
        .filter(|_| request.argument != resources::NONE)
        .map(|pci| pci.resources(request.argument));
    let list = list.as_mut().map_or(core::ptr::null_mut(), |list| {
        core::ptr::from_mut(list).cast()
    });
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

fn byte(code: u32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn system_power(location: &mut IO_STACK_LOCATION, state: SYSTEM_POWER_STATE) {
    location.MajorFunction = byte(IRP_MJ_POWER);
    location.MinorFunction = byte(IRP_MN_SET_POWER);
    // SAFETY: the parameters of a new request are zero, which is valid for each of their members.
    let power = unsafe { &mut location.Parameters.Power };
    power.Type = wdk_sys::_POWER_STATE_TYPE::SystemPowerState;
    power.State.SystemState = state;
}
