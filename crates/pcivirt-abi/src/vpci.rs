//! `vpci.h`: what the virtual PCI bus driver of a guest offers to a VF driver.
//!
//! A VF driver calls the functions of [`Interface`] or sends the IOCTLs of this module down its own
//! stack as `IRP_MJ_INTERNAL_DEVICE_CONTROL`. Both reach the PF driver as block reads and writes.

use core::ffi::c_void;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    FILE_DEVICE_BUS_EXTENDER, FILE_READ_DATA, FILE_WRITE_DATA, Guid, InterfaceReference, Method,
    NtStatus, assert_layout, control_code,
};

/// `GUID_VPCI_INTERFACE_STANDARD`: `IRP_MN_QUERY_INTERFACE` with it gets an [`Interface`].
pub const GUID_VPCI_INTERFACE_STANDARD: Guid =
    Guid::from_u128(0x12E6_5E71_B651_4067_831A_1383_203C_B0CB);
/// `GUID_DEVINTERFACE_VPCI`: the device interface class of the virtual PCI bus.
pub const GUID_DEVINTERFACE_VPCI: Guid = Guid::from_u128(0x5786_3182_C948_4692_97E3_34B5_7662_A3E0);
/// `GUID_BUS_VPCI`: the bus type of the virtual PCI bus.
pub const GUID_BUS_VPCI: Guid = Guid::from_u128(0xC066_F39A_DE00_4667_8941_3368_ED5D_83B5);

/// The interface's version by convention; the documentation calls it driver-defined.
pub const INTERFACE_VERSION: u16 = 1;

const fn vpci_ioctl(function: u32) -> u32 {
    control_code(
        FILE_DEVICE_BUS_EXTENDER,
        function,
        Method::Neither,
        FILE_READ_DATA | FILE_WRITE_DATA,
    )
}

/// `IOCTL_VPCI_INVALIDATE_BLOCK`: pends until the PF invalidates blocks of this VF. The
/// documentation puts [`InvalidateBlockOutput`] at `Type3InputBuffer`; Information is 0.
pub const IOCTL_INVALIDATE_BLOCK: u32 = vpci_ioctl(1);
/// `IOCTL_VPCI_READ_BLOCK`: `Type3InputBuffer` is a [`ReadBlockInput`], `UserBuffer` takes the
/// data, whose length equals `BytesRequested`; Information is the number of bytes read.
pub const IOCTL_READ_BLOCK: u32 = vpci_ioctl(2);
/// `IOCTL_VPCI_WRITE_BLOCK`: `Type3InputBuffer` is a [`WriteBlockHeader`] with its data behind it;
/// the output length is 0 and Information is the number of bytes written.
pub const IOCTL_WRITE_BLOCK: u32 = vpci_ioctl(3);

/// `VPCI_READ_BLOCK_INPUT`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReadBlockInput {
    /// `BlockId`
    pub block_id: u32,
    /// `BytesRequested`
    pub bytes_requested: u32,
}
assert_layout!(ReadBlockInput, size 8, block_id @ 0, bytes_requested @ 4);

/// `VPCI_WRITE_BLOCK_INPUT` without its data, which begins at offset 8. The C structure declares
/// one byte of data and is 12 bytes long.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WriteBlockHeader {
    /// `BlockId`
    pub block_id: u32,
    /// `DataLength`: bytes that follow.
    pub data_length: u32,
}
assert_layout!(WriteBlockHeader, size 8, block_id @ 0, data_length @ 4);

/// `VPCI_INVALIDATE_BLOCK_OUTPUT`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct InvalidateBlockOutput {
    /// `BlockMask`: bit n set means that block n changed.
    pub block_mask: u64,
}
assert_layout!(InvalidateBlockOutput, size 8, block_mask @ 0);

/// `VPCI_READ_BLOCK` and `VPCI_WRITE_BLOCK`: move `length` bytes between `buffer` and a block.
/// Callable up to `APC_LEVEL`.
pub type TransferBlock = unsafe extern "C" fn(
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtStatus;

/// `VPCI_INTERFACE_STANDARD`. The write function comes first, unlike in the PF's interface.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Interface {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`INTERFACE_VERSION`].
    pub version: u16,
    /// `Context`: the first argument of every function below.
    pub context: *mut c_void,
    /// `InterfaceReference`
    pub interface_reference: Option<InterfaceReference>,
    /// `InterfaceDereference`
    pub interface_dereference: Option<InterfaceReference>,
    /// `WriteVfConfigBlock`
    pub write_vf_config_block: Option<TransferBlock>,
    /// `ReadVfConfigBlock`
    pub read_vf_config_block: Option<TransferBlock>,
    /// `SerialNumber`: unique for each VF, made by the virtualization stack.
    pub serial_number: u32,
}
assert_layout!(
    Interface,
    size 56,
    size @ 0,
    version @ 2,
    context @ 8,
    interface_reference @ 16,
    interface_dereference @ 24,
    write_vf_config_block @ 32,
    read_vf_config_block @ 40,
    serial_number @ 48,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ioctl_codes_have_the_values_that_the_header_computes() {
        assert_eq!(IOCTL_INVALIDATE_BLOCK, 0x002A_C007);
        assert_eq!(IOCTL_READ_BLOCK, 0x002A_C00B);
        assert_eq!(IOCTL_WRITE_BLOCK, 0x002A_C00F);
    }
}
