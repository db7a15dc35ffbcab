//! One call of a function of the SR-IOV interface that moves no block.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The other functions of the SR-IOV interface, in [`Call::function`].
pub mod function {
    /// `ReadVfConfig`: `vf`, `offset`, `length`; data comes back.
    pub const READ_CONFIG: u32 = 0;
    /// `WriteVfConfig`: `vf`, `offset`, `length`, `data`.
    pub const WRITE_CONFIG: u32 = 1;
    /// `QueryProbedBars`: six 32-bit values come back.
    pub const QUERY_PROBED_BARS: u32 = 2;
    /// `GetVendorAndDevice`: two 16-bit values come back.
    pub const GET_VENDOR_AND_DEVICE: u32 = 3;
    /// `GetDeviceLocation`: segment (16 bits), bus and function come back.
    pub const GET_DEVICE_LOCATION: u32 = 4;
    /// `ResetVf`: `vf`.
    pub const RESET_VF: u32 = 5;
    /// `SetVfPowerState`: `vf`, `offset` is the state, `length` is Wake.
    pub const SET_VF_POWER_STATE: u32 = 6;
    /// `GetResourceForBar`: `vf`, `offset` is the BAR's index; 20 bytes come back.
    pub const GET_RESOURCE_FOR_BAR: u32 = 7;
    /// `QueryLuid`: 8 bytes come back.
    pub const QUERY_LUID: u32 = 8;
    /// `InterfaceReference`.
    pub const REFERENCE: u32 = 9;
    /// `InterfaceDereference`.
    pub const DEREFERENCE: u32 = 10;
}

/// What may be NULL in a [`Call`].
pub mod null {
    /// Nothing.
    pub const NOTHING: u16 = 0;
    /// Every pointer to data.
    pub const DATA: u16 = 1;
    /// The context.
    pub const CONTEXT: u16 = 2;
}

/// Input of [`IOCTL_CALL`](super::IOCTL_CALL).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Call {
    /// One of [`function`].
    pub function: u32,
    /// The VF's index.
    pub vf: u16,
    /// What is passed as NULL, of [`null`].
    pub null: u16,
    /// See [`function`].
    pub offset: u32,
    /// See [`function`].
    pub length: u32,
    /// Bytes to pass, over and over in a longer write.
    pub data: [u8; 64],
}

/// Output of [`IOCTL_CALL`](super::IOCTL_CALL). What a callee did not write reads as 0xA5.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Called {
    /// The NTSTATUS; 0 of a function that returns nothing.
    pub status: u32,
    /// What came back.
    pub data: [u8; 64],
}
