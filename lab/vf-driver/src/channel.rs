//! Reading and writing a block. Both ways do the same; a driver needs one of them.
//!
//! - **By call**: `ReadVfConfigBlock` and `WriteVfConfigBlock` of `VPCI_INTERFACE_STANDARD`, up to
//!   `APC_LEVEL`. The call returns when the PF has answered.
//! - **By IOCTL**: `IOCTL_VPCI_READ_BLOCK` and `IOCTL_VPCI_WRITE_BLOCK` to the bus, which may also
//!   complete later: the way for a driver that must not wait. This driver waits, to show the
//!   buffers.
//!
//! A block has at most 128 bytes. A status other than success is the PF's refusal. The host decides
//! whether its value reaches the guest, so nothing here depends on it.

use core::ffi::c_void;
use core::ptr;

use lab_control::{MAX_BLOCK_LENGTH, sample};
use pcivirt_abi::vpci::{IOCTL_READ_BLOCK, IOCTL_WRITE_BLOCK, ReadBlockInput, WriteBlockHeader};
use wdk_sys::{
    NTSTATUS, STATUS_DEVICE_NOT_READY, STATUS_INVALID_PARAMETER, WDF_MEMORY_DESCRIPTOR, WDFDEVICE,
};
use zerocopy::IntoBytes as _;

use crate::context;
use crate::wdf::{self, ok};

fn length_of(buffer: &[u8]) -> u32 {
    u32::try_from(buffer.len()).unwrap_or(u32::MAX)
}

/// Reads as many bytes of a block as `destination` holds.
pub(crate) fn read(
    device: WDFDEVICE,
    block: u32,
    way: u32,
    destination: &mut [u8],
) -> Result<usize, NTSTATUS> {
    match way {
        sample::BY_CALL => {
            let interface = context::of(device).interface();
            let read = interface
                .read_vf_config_block
                .ok_or(STATUS_DEVICE_NOT_READY)?;
            let (place, length) = (destination.as_mut_ptr(), length_of(destination));
            // SAFETY: the interface is referenced, and the buffer has the length that is passed.
            ok(unsafe { read(interface.context, block, place.cast(), length) })?;
            Ok(destination.len())
        }
        sample::BY_IOCTL => {
            let mut input = ReadBlockInput {
                block_id: block,
                bytes_requested: length_of(destination),
            };
            send(
                device,
                IOCTL_READ_BLOCK,
                input.as_mut_bytes(),
                Some(destination),
            )
        }
        _ => Err(STATUS_INVALID_PARAMETER),
    }
}

/// Writes `source` to a block.
pub(crate) fn write(
    device: WDFDEVICE,
    block: u32,
    way: u32,
    source: &mut [u8],
) -> Result<(), NTSTATUS> {
    match way {
        sample::BY_CALL => {
            let interface = context::of(device).interface();
            let write = interface
                .write_vf_config_block
                .ok_or(STATUS_DEVICE_NOT_READY)?;
            let (place, length) = (source.as_mut_ptr(), length_of(source));
            // SAFETY: the interface is referenced, and the buffer has the length that is passed.
            ok(unsafe { write(interface.context, block, place.cast(), length) })
        }
        sample::BY_IOCTL => {
            // VPCI_WRITE_BLOCK_INPUT: the header, and the data right behind it.
            const HEADER: usize = size_of::<WriteBlockHeader>();
            let mut input = [0; HEADER + MAX_BLOCK_LENGTH];
            let header = WriteBlockHeader {
                block_id: block,
                data_length: length_of(source),
            };
            let end = HEADER + source.len();
            let (front, data) = input
                .get_mut(..end)
                .ok_or(STATUS_INVALID_PARAMETER)?
                .split_at_mut(HEADER);
            front.copy_from_slice(header.as_bytes());
            data.copy_from_slice(source);
            send(device, IOCTL_WRITE_BLOCK, &mut input[..end], None).map(|_| ())
        }
        _ => Err(STATUS_INVALID_PARAMETER),
    }
}

fn descriptor(buffer: &mut [u8]) -> WDF_MEMORY_DESCRIPTOR {
    let length = length_of(buffer);
    let mut descriptor = WDF_MEMORY_DESCRIPTOR {
        Type: wdk_sys::_WDF_MEMORY_DESCRIPTOR_TYPE::WdfMemoryDescriptorTypeBuffer,
        ..WDF_MEMORY_DESCRIPTOR::default()
    };
    descriptor.u.BufferType.Buffer = buffer.as_mut_ptr().cast::<c_void>();
    descriptor.u.BufferType.Length = length;
    descriptor
}

/// Sends an IOCTL to the bus, as `IRP_MJ_INTERNAL_DEVICE_CONTROL`, and waits. Returns how many
/// bytes came back.
fn send(
    device: WDFDEVICE,
    code: u32,
    input: &mut [u8],
    output: Option<&mut [u8]>,
) -> Result<usize, NTSTATUS> {
    // SAFETY: the device is live.
    let target = unsafe { wdf::call!(WdfDeviceGetIoTarget, device) };
    let mut input = descriptor(input);
    let mut output = output.map(descriptor);
    let output = output.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    let mut returned: u64 = 0;
    // SAFETY: the buffers outlive the call, which waits for the end of the request.
    ok(unsafe {
        wdf::call!(
            WdfIoTargetSendInternalIoctlSynchronously,
            target,
            ptr::null_mut(),
            code,
            &raw mut input,
            output,
            ptr::null_mut(),
            &raw mut returned
        )
    })?;
    Ok(usize::try_from(returned).unwrap_or(usize::MAX))
}
