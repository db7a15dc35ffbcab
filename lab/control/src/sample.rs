//! The control codes of the sample VF driver: how a program in the guest reaches the block channel.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_BLOCK_LENGTH, code};

/// The device interface class of the sample VF driver, as the digits of its GUID's text form.
pub const INTERFACE_CLASS: u128 = 0x5D8A_0E3C_7F44_4B7B_9C59_2F8E_6A1D_B304;

/// Reads a block: input [`ReadRequest`], output the block's bytes, as many as the buffer has.
pub const IOCTL_READ: u32 = code(0xB00);
/// Writes a block: input [`WriteRequest`], no output.
pub const IOCTL_WRITE: u32 = code(0xB01);
/// Takes what was invalidated since the last time: no input, output [`Changes`].
pub const IOCTL_TAKE_CHANGES: u32 = code(0xB02);
/// Pends until a block was invalidated, then takes it: no input, output [`Changes`].
pub const IOCTL_WAIT_CHANGES: u32 = code(0xB03);

/// Use `ReadVfConfigBlock` and `WriteVfConfigBlock` of `VPCI_INTERFACE_STANDARD`.
pub const BY_CALL: u32 = 0;
/// Use `IOCTL_VPCI_READ_BLOCK` and `IOCTL_VPCI_WRITE_BLOCK`.
pub const BY_IOCTL: u32 = 1;

/// Input of [`IOCTL_READ`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReadRequest {
    /// The block's ID.
    pub block: u32,
    /// [`BY_CALL`] or [`BY_IOCTL`].
    pub way: u32,
}

/// Input of [`IOCTL_WRITE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WriteRequest {
    /// The block's ID.
    pub block: u32,
    /// [`BY_CALL`] or [`BY_IOCTL`].
    pub way: u32,
    /// Bytes of `data` to write.
    pub length: u32,
    /// The bytes, and whatever behind `length`.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// Output of [`IOCTL_TAKE_CHANGES`] and [`IOCTL_WAIT_CHANGES`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Changes {
    /// Bit n: block n is to be read again.
    pub mask: u64,
}
