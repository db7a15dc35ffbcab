//! Another driver of a guest. It sends the VF driver's control codes at `DISPATCH_LEVEL`, where a
//! driver may send a request but not wait for its end.

use lab_control::sample::{BY_IOCTL, IOCTL_READ, IOCTL_WRITE, ReadRequest, WriteRequest};
use lab_control::stack::Transfer;
use wdk_sys::ntddk::ObfDereferenceObject;
use wdk_sys::{
    DEVICE_OBJECT, IRP_MJ_DEVICE_CONTROL, NTSTATUS, STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE, STATUS_SUCCESS,
};
use zerocopy::IntoBytes as _;

use crate::bus::children;
use crate::kernel::irp::{self, Completion, byte};
use crate::kernel::level;

/// Reads or writes a block of a VF through its driver. A successful read fills the front of
/// `buffer`.
pub(crate) fn transfer(transfer: &Transfer, buffer: &mut [u8], writes: bool) -> NTSTATUS {
    let Some(top) = children::top_of_virtual_function(transfer.vf) else {
        return STATUS_NO_SUCH_DEVICE;
    };
    let result = if writes {
        write(top, transfer)
    } else {
        read(top, transfer, buffer)
    };
    // SAFETY: gives back the reference that was taken above.
    unsafe { ObfDereferenceObject(top.cast()) };
    result.err().unwrap_or(STATUS_SUCCESS)
}

fn read(top: *mut DEVICE_OBJECT, transfer: &Transfer, buffer: &mut [u8]) -> Result<(), NTSTATUS> {
    let request = ReadRequest {
        block: transfer.block,
        way: BY_IOCTL,
    };
    let input = request.as_bytes();
    // A buffered request has one buffer for both directions.
    let mut system = [0_u8; size_of::<WriteRequest>()];
    system[..input.len()].copy_from_slice(input);
    let lengths = (length_of(input), transfer.length);
    let completion = send(top, IOCTL_READ, &mut system, lengths)?;
    let returned = usize::try_from(completion.information).unwrap_or(usize::MAX);
    let (from, to) = (system.get(..returned), buffer.get_mut(..returned));
    let (from, to) = from.zip(to).ok_or(STATUS_INVALID_PARAMETER)?;
    to.copy_from_slice(from);
    Ok(())
}

fn write(top: *mut DEVICE_OBJECT, transfer: &Transfer) -> Result<(), NTSTATUS> {
    let mut request = WriteRequest {
        block: transfer.block,
        way: BY_IOCTL,
        length: transfer.length,
        data: transfer.data,
    };
    let system = request.as_mut_bytes();
    let lengths = (length_of(system), 0);
    send(top, IOCTL_WRITE, system, lengths).map(|_| ())
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Sends a request at `DISPATCH_LEVEL`, and waits for its end at `PASSIVE_LEVEL`.
fn send(
    top: *mut DEVICE_OBJECT,
    code: u32,
    system: &mut [u8],
    lengths: (u32, u32),
) -> Result<Completion, NTSTATUS> {
    if usize::try_from(lengths.1).map_or(true, |output| output > system.len()) {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let mut sent = Err(STATUS_INVALID_PARAMETER);
    level::at_dispatch(&mut || {
        sent = irp::send(top, |request, location| {
            location.MajorFunction = byte(IRP_MJ_DEVICE_CONTROL);
            request.AssociatedIrp.SystemBuffer = system.as_mut_ptr().cast();
            irp::set_ioctl(location, code, lengths);
        });
    });
    let completion = sent?.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
    if completion.status == STATUS_SUCCESS {
        Ok(completion)
    } else {
        Err(completion.status)
    }
}
