//! The Windows interfaces between a PF driver, the virtualization stack, the PCI bus driver and a
//! VF driver, as the public headers of the Windows Driver Kit (10.0.22621) declare them.
//!
//! | module | header | between |
//! |---|---|---|
//! | [`sriov`] | `pcivirt.h` | virtualization stack → PF driver |
//! | [`vpci`] | `vpci.h` | VF driver → virtual PCI bus of the guest |
//! | [`bus`] | `wdm.h`, `wdmguid.h` | PF driver → PCI bus driver |
//! | [`config`] | `wdm.h`, PCI Express Base Specification | registers in a function's configuration space |
//!
//! The bindings of `wdk-sys` hold neither `pcivirt.h` nor `vpci.h`, so the layouts are declared
//! here, once, for the driver and for the doubles of its neighbours in the lab. Each layout is held
//! to the offsets that a C compiler gives it on a 64-bit target by constant assertions: a mistake
//! is a build error. The names follow Rust's spelling; the documentation of each item gives the C
//! name.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod bus;
pub mod config;
pub mod sriov;
pub mod vpci;

use core::ffi::c_void;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `NTSTATUS` of `ntdef.h`: negative values are errors.
pub type NtStatus = i32;

/// `GUID` of `guiddef.h`, 16 bytes: three little-endian integers and eight bytes in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Guid {
    /// `Data1`
    pub data1: u32,
    /// `Data2`
    pub data2: u16,
    /// `Data3`
    pub data3: u16,
    /// `Data4`
    pub data4: [u8; 8],
}

impl Guid {
    /// The GUID whose text form has these hexadecimal digits, in the order in which they are read:
    /// `{12345678-9abc-def0-0123-456789abcdef}` is `0x12345678_9abc_def0_0123_456789abcdef`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each cast takes the low bits of a value shifted down to its place"
    )]
    pub const fn from_u128(digits: u128) -> Self {
        Self {
            data1: (digits >> 96) as u32,
            data2: (digits >> 80) as u16,
            data3: (digits >> 64) as u16,
            data4: (digits as u64).to_be_bytes(),
        }
    }
}

/// `LUID` of `ntdef.h`: an identifier that is unique until the system restarts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Luid {
    /// `LowPart`
    pub low_part: u32,
    /// `HighPart`
    pub high_part: i32,
}

/// `PINTERFACE_REFERENCE` and `PINTERFACE_DEREFERENCE` of `wdm.h`: take or give back one reference
/// to an interface that `IRP_MN_QUERY_INTERFACE` returned. Callable up to `DISPATCH_LEVEL`.
pub type InterfaceReference = unsafe extern "C" fn(context: *mut c_void);

/// How the I/O manager hands the buffers of a device control request over, the low two bits of a
/// control code (`METHOD_*` of `wdm.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `METHOD_BUFFERED`: one system buffer for input and output.
    Buffered = 0,
    /// `METHOD_NEITHER`: the caller's own addresses.
    Neither = 3,
}

/// `CTL_CODE` of `wdm.h`: device type, required access (`FILE_READ_DATA` 1, `FILE_WRITE_DATA` 2),
/// function number and buffer method packed into one control code.
#[must_use]
pub const fn control_code(device_type: u32, function: u32, method: Method, access: u32) -> u32 {
    (device_type << 16) | (access << 14) | (function << 2) | method as u32
}

/// `FILE_DEVICE_UNKNOWN` of `wdm.h`.
pub const FILE_DEVICE_UNKNOWN: u32 = 0x22;
/// `FILE_DEVICE_BUS_EXTENDER` of `wdm.h`, which `vpci.h` calls `FILE_DEVICE_VPCI`.
pub const FILE_DEVICE_BUS_EXTENDER: u32 = 0x2A;
/// `FILE_READ_DATA`, which has the value of `FILE_READ_ACCESS`.
pub const FILE_READ_DATA: u32 = 1;
/// `FILE_WRITE_DATA`, which has the value of `FILE_WRITE_ACCESS`.
pub const FILE_WRITE_DATA: u32 = 2;

/// `PCI_TYPE0_ADDRESSES` of `wdm.h`: base address registers of a type 0 configuration header.
pub const PCI_TYPE0_ADDRESSES: usize = 6;

/// Asserts at compile time the size of a type and the offset of each of its fields.
macro_rules! assert_layout {
    ($type:ty, size $size:literal, $($field:ident @ $offset:literal),+ $(,)?) => {
        const _: () = assert!(core::mem::size_of::<$type>() == $size, stringify!($type));
        $(const _: () = assert!(
            core::mem::offset_of!($type, $field) == $offset,
            concat!(stringify!($type), ".", stringify!($field))
        );)+
    };
}
use assert_layout;

assert_layout!(Guid, size 16, data1 @ 0, data2 @ 4, data3 @ 6, data4 @ 8);
assert_layout!(Luid, size 8, low_part @ 0, high_part @ 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_the_byte_order_of_its_text_form() {
        let guid = Guid::from_u128(0x937E_E9B6_0ED3_411C_982B_1F56_4AFB_ABD3);
        assert_eq!(
            guid.as_bytes(),
            [
                0xB6, 0xE9, 0x7E, 0x93, 0xD3, 0x0E, 0x1C, 0x41, 0x98, 0x2B, 0x1F, 0x56, 0x4A, 0xFB,
                0xAB, 0xD3
            ]
        );
    }
}
