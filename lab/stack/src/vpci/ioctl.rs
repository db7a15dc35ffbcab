//! `IOCTL_VPCI_READ_BLOCK`, `IOCTL_VPCI_WRITE_BLOCK` and `IOCTL_VPCI_INVALIDATE_BLOCK`, as
//! `IRP_MJ_INTERNAL_DEVICE_CONTROL` with `METHOD_NEITHER`.
//!
//! The documentation of `IOCTL_VPCI_INVALIDATE_BLOCK` leaves open which buffer receives the mask.
//! Here it is the output buffer, or the input buffer where there is no output buffer.

use alloc::sync::Arc;
use core::ffi::c_void;

use pcivirt_abi::vpci::{
    IOCTL_INVALIDATE_BLOCK, IOCTL_READ_BLOCK, IOCTL_WRITE_BLOCK, ReadBlockInput, WriteBlockHeader,
};
use wdk_sys::ntddk::IoReleaseCancelSpinLock;
use wdk_sys::{
    DEVICE_OBJECT, NTSTATUS, PIRP, STATUS_BUFFER_TOO_SMALL, STATUS_CANCELLED,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
};

use super::interface::check_length;
use super::virtual_function::VirtualFunction;
use crate::bus::device_object::{self, Kind};
use crate::kernel::irp;
use crate::pf_connection::call;

/// `IRP_MJ_INTERNAL_DEVICE_CONTROL`
pub(crate) unsafe extern "C" fn dispatch(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the caller hands the request over.
    let (request, location) = unsafe { irp::parts(irp) };
    let vf = match device_object::child(device).map(|child| &child.kind) {
        Some(Kind::VirtualFunction(vf)) => Arc::clone(vf),
        _ => {
            // SAFETY: the request is ours.
            return unsafe { irp::complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0) };
        }
    };
    // SAFETY: device control requests use this member.
    let parameters = unsafe { &location.Parameters.DeviceIoControl };
    let input = (parameters.Type3InputBuffer, parameters.InputBufferLength);
    let output = (request.UserBuffer, parameters.OutputBufferLength);
    let result = match parameters.IoControlCode {
        IOCTL_READ_BLOCK => read(&vf, input, output),
        IOCTL_WRITE_BLOCK => write(&vf, input),
        IOCTL_INVALIDATE_BLOCK => {
            let needed = 8;
            if input.1 >= needed || output.1 >= needed {
                return vf.pend(irp, location, cancel);
            }
            Err(STATUS_BUFFER_TOO_SMALL)
        }
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    };
    let (status, information) = match result {
        Ok(information) => (STATUS_SUCCESS, u64::from(information)),
        Err(status) => (status, 0),
    };
    // SAFETY: the request is ours.
    unsafe { irp::complete(irp, status, information) }
}

type Buffer = (*mut c_void, u32);

fn read(vf: &VirtualFunction, input: Buffer, output: Buffer) -> Result<u32, NTSTATUS> {
    if input.1 < 8 || input.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    // SAFETY: the input was checked to hold the structure.
    let request = unsafe { input.0.cast::<ReadBlockInput>().read_unaligned() };
    if output.1 < request.bytes_requested || output.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    check_length(request.bytes_requested)?;
    call::read_block(
        vf.index,
        request.block_id,
        output.0,
        request.bytes_requested,
    )?;
    Ok(request.bytes_requested)
}

fn write(vf: &VirtualFunction, input: Buffer) -> Result<u32, NTSTATUS> {
    if input.1 < 8 || input.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    // SAFETY: the input was checked to hold the header.
    let header = unsafe { input.0.cast::<WriteBlockHeader>().read_unaligned() };
    if u64::from(input.1) < 8 + u64::from(header.data_length) {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    check_length(header.data_length)?;
    // SAFETY: the data lies right behind the header, inside the input.
    let data = unsafe { input.0.byte_add(8) };
    call::write_block(vf.index, header.block_id, data, header.data_length)?;
    Ok(header.data_length)
}

/// The cancel routine of an invalidation request.
unsafe extern "C" fn cancel(device: *mut DEVICE_OBJECT, irp: PIRP) {
    // SAFETY: the kernel left the level of the cancel lock in the request.
    let level = unsafe { (*irp).CancelIrql };
    // SAFETY: the kernel holds the cancel lock for us.
    unsafe { IoReleaseCancelSpinLock(level) };
    if let Some(child) = device_object::child(device)
        && let Kind::VirtualFunction(vf) = &child.kind
    {
        vf.remove(irp);
    }
    // SAFETY: the cancel routine owns the request.
    unsafe { irp::complete(irp, STATUS_CANCELLED, 0) };
}
