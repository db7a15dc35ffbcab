//! One operation on a block, by a VF or by host software.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::MAX_BLOCK_LENGTH;

/// What a [`Transfer`] does, in [`Transfer::operation`].
pub mod operation {
    /// The VF reads a block.
    pub const READ: u8 = 0;
    /// The VF writes a block.
    pub const WRITE: u8 = 1;
    /// The stack waits for pending invalidations, resets the VF, and forgets the invalidations.
    pub const RESET: u8 = 2;
    /// The host publishes a block, by the management interface.
    pub const PUBLISH: u8 = 3;
    /// The host takes one message out of a stream, by the management interface.
    pub const DRAIN: u8 = 4;
    /// The host reads a block, by the management interface.
    pub const HOST_READ: u8 = 5;
    /// The host invalidates blocks, by the management interface; `data` begins with the mask.
    pub const INVALIDATE: u8 = 6;
    /// Waits until the PF driver has nothing more to tell of the VF, then takes what the stack was
    /// told since the last time or a reset: a mask comes back.
    pub const TAKE: u8 = 7;
    /// Sets the VF's power state, whose number `block` holds, 0 for D0: by the interface, or by the
    /// management interface where `path` is [`super::path::VPCI`].
    pub const POWER: u8 = 8;
}

/// Which way a read or a write goes, in [`Transfer::path`].
pub mod path {
    /// Straight to the callbacks of `SRIOV_DEVICE_INTERFACE_STANDARD`.
    pub const SRIOV: u8 = 0;
    /// By the functions of the guest's `VPCI_INTERFACE_STANDARD`.
    pub const VPCI: u8 = 1;
    /// Straight to the callbacks, with a NULL buffer.
    pub const NULL_BUFFER: u8 = 2;
    /// Straight to the callbacks, at `DISPATCH_LEVEL`.
    pub const SRIOV_RAISED: u8 = 3;
    /// To the VF driver, by a request that another driver of the guest sends at `DISPATCH_LEVEL`;
    /// on to the bus by IOCTL.
    pub const DRIVER_RAISED: u8 = 4;
}

/// What lies in the buffer before a read and behind the length: a callee that leaves it shows. A
/// block that begins with it looks left as it was.
pub const PATTERN: u8 = 0xA5;

/// One operation.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Transfer {
    /// One of [`operation`].
    pub operation: u8,
    /// One of [`path`].
    pub path: u8,
    /// The VF's index.
    pub vf: u16,
    /// The block's ID.
    pub block: u32,
    /// The length to pass, whatever `data` holds.
    pub length: u32,
    /// The bytes to write; the callee gets a buffer that starts with them.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Transferred {
    /// The NTSTATUS.
    pub status: u32,
    /// One or more of [`spoiled`]: what the callee did to the buffer that it must not.
    pub spoiled: u32,
    /// Bytes that came back.
    pub length: u32,
    /// 1 if the PF driver was called, and returned, above `PASSIVE_LEVEL`.
    pub raised: u32,
    /// What the buffer holds after a read that succeeded.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// Bits of [`Transferred::spoiled`].
pub mod spoiled {
    /// Bytes behind the length were changed.
    pub const BEHIND: u32 = 1;
    /// Bytes were changed by a read that failed, or by a write.
    pub const CHANGED: u32 = 2;
    /// Bytes within the length were left as they were by a read that succeeded.
    pub const LEFT: u32 = 4;
}
