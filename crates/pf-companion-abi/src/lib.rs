//! The companion interface: how pf_broker as an upper filter and the vendor's function driver below
//! it, the *companion*, call each other.
//!
//! pf_broker sends `IRP_MN_QUERY_INTERFACE` for [`GUID_PF_BROKER_COMPANION`] to the device below in
//! its `EvtDevicePrepareHardware`, when the companion has prepared its own hardware. A KMDF driver
//! answers it with `WdfDeviceAddQueryInterface` and a filled [`CompanionInterface`]; it needs
//! neither an import nor a callback of its own. The order of the calls:
//!
//! | call | when |
//! |---|---|
//! | [`Attach`] | once after the query: the companion gets [`BrokerFunctions`] |
//! | [`SetReady`] | by the companion, when its hardware can handle operations; then at any time |
//! | [`VfWrite`], [`VfRead`] | while it is ready, for the blocks whose manifest has a `companion` key |
//! | [`VfCommitted`], [`VfPower`], [`VfReset`] | while it is attached |
//! | [`Detach`] | once, in pf_broker's `EvtDeviceReleaseHardware`, after every other call has returned |
//! | [`Release`] | by the companion, once, when it will not call a function any more |
//!
//! pf_broker makes every call at `PASSIVE_LEVEL` in an arbitrary thread, without a lock, and about
//! one VF only one at a time. Calls about different VFs run at the same time.
//!
//! All integers have the byte order and all structures the layout that a C compiler gives them on a
//! 64-bit Windows target. A change of a layout gets a GUID of its own.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod broker;
mod companion;

pub use broker::{
    BrokerFunctions, Drain, Invalidate, Publish, Read, Release, Reset, SetReady, Statistics,
};
pub use companion::{
    Attach, CompanionInterface, Detach, VfCommitted, VfPower, VfRead, VfReset, VfWrite,
};

use pcivirt_abi::Guid;

/// `GUID_PF_BROKER_COMPANION`: [`CompanionInterface`] of [`VERSION`].
pub const GUID_PF_BROKER_COMPANION: Guid =
    Guid::from_u128(0x9C4C_D177_76D2_438D_A4A5_15F3_C8A2_9BE9);

/// The version of both structures, in their `version`.
pub const VERSION: u16 = 1;

/// Asserts at compile time the size of a structure and the offset of each of its fields.
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
