//! A PF device stack's answers to `IRP_MN_QUERY_INTERFACE` for the SR-IOV interface, and to
//! `IOCTL_SRIOV_PROXY_QUERY_LUID`.

use alloc::boxed::Box;
use core::ptr;

use pcivirt_abi::sriov::{
    DeviceInterface, DeviceInterface2, GUID_SRIOV_DEVICE_INTERFACE_STANDARD, IOCTL_PROXY_QUERY_LUID,
};
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP,
    IRP_MN_QUERY_INTERFACE, NTSTATUS, STATUS_INVALID_PARAMETER,
};

use crate::kernel::irp::{self, byte};
use crate::kernel::status::checked;

/// Queries a device stack for the SR-IOV interface, which takes a reference to it.
pub(crate) fn query_interface(
    top: *mut DEVICE_OBJECT,
    size: u16,
    version: u16,
) -> Result<DeviceInterface, NTSTATUS> {
    let mut interface = Box::new(empty());
    let place = ptr::from_mut(&mut *interface);
    let guid = GUID_SRIOV_DEVICE_INTERFACE_STANDARD;
    let sent = irp::send(top, |_, location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(IRP_MJ_PNP);
        location.MinorFunction = byte(IRP_MN_QUERY_INTERFACE);
        // SAFETY: the parameters of a new request are zero, valid for each of their members.
        let query = unsafe { &mut location.Parameters.QueryInterface };
        query.InterfaceType = (&raw const guid).cast();
        query.Size = size;
        query.Version = version;
        query.Interface = place.cast();
    })?;
    let completion = sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
    checked(completion.status)?;
    Ok(interface.first)
}

/// Sends a device stack `IOCTL_SRIOV_PROXY_QUERY_LUID` without a file object, and returns its
/// status.
pub(crate) fn query_luid(top: *mut DEVICE_OBJECT) -> NTSTATUS {
    let mut luid = [0_u8; 8];
    let sent = irp::send(top, |request, location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(IRP_MJ_INTERNAL_DEVICE_CONTROL);
        request.AssociatedIrp.SystemBuffer = luid.as_mut_ptr().cast();
        irp::set_ioctl(location, IOCTL_PROXY_QUERY_LUID, (0, 8));
    });
    match sent.map(|sent| sent.wait(None)) {
        Ok(Some(completion)) => completion.status,
        Ok(None) => STATUS_INVALID_PARAMETER,
        Err(status) => status,
    }
}

/// An interface before a provider fills it, as long as its longest version.
pub(super) fn empty() -> DeviceInterface2 {
    // SAFETY: the structure consists of integers, raw pointers and optional functions, for all of
    // which zero is a value.
    unsafe { core::mem::zeroed() }
}

/// Which pointers of the interface are set, the context being bit 0.
pub(super) fn pointers(interface: &DeviceInterface) -> u32 {
    let set = [
        !interface.context.is_null(),
        interface.interface_reference.is_some(),
        interface.interface_dereference.is_some(),
        interface.read_vf_config.is_some(),
        interface.write_vf_config.is_some(),
        interface.read_vf_config_block.is_some(),
        interface.write_vf_config_block.is_some(),
        interface.query_probed_bars.is_some(),
        interface.get_vendor_and_device.is_some(),
        interface.get_device_location.is_some(),
        interface.reset_vf.is_some(),
        interface.set_vf_power_state.is_some(),
        interface.get_resource_for_bar.is_some(),
        interface.query_luid.is_some(),
    ];
    set.iter()
        .enumerate()
        .fold(0, |bits, (index, &set)| bits | u32::from(set) << index)
}
