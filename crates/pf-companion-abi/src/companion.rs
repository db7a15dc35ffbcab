//! What the companion offers.

use core::ffi::c_void;

use pcivirt_abi::{InterfaceReference, NtStatus};

#[cfg(doc)]
use crate::{GUID_PF_BROKER_COMPANION, SetReady, VERSION};
use crate::{assert_layout, broker::BrokerFunctions};

/// pf_broker attaches. The companion copies the structure at `broker`, which is valid during the
/// call; its functions may be called, from here on, until [`Release`](crate::Release). The companion
/// is not ready until it calls [`SetReady`], from here or later. No other call is made until this
/// one has returned. With a failure the companion declines: pf_broker makes no other call, not even
/// [`Detach`], and the companion must not call the functions, not even `Release`.
pub type Attach =
    unsafe extern "C" fn(context: *mut c_void, broker: *const BrokerFunctions) -> NtStatus;
/// pf_broker detaches: none of its calls is in flight, and none follows. Its functions fail with
/// `STATUS_DEVICE_REMOVED` from now on, and after a surprise removal before. The device is being
/// stopped or removed; after a stop another [`Attach`] may follow, and they work again.
pub type Detach = unsafe extern "C" fn(context: *mut c_void);

/// A VF's write to a block with `companion = "write"` or `"read-write"` has passed every rule, and
/// is not committed yet. `data` holds the whole block as it would be committed, `length` bytes, 1
/// to 128; it is valid during the call.
///
/// `STATUS_SUCCESS` accepts the write. Every other status declines it, those of the success
/// severity too; the VF's write then fails as `declined`. The call may publish, also to the same
/// block, drain and invalidate.
pub type VfWrite = unsafe extern "C" fn(
    context: *mut c_void,
    vf: u16,
    block: u32,
    data: *const u8,
    length: u32,
) -> NtStatus;
/// A VF reads a block with `companion = "read"` or `"read-write"`. `data` holds the whole block,
/// `length` bytes, 1 to 128; the companion changes the PF's bytes, and its changes to the VF's
/// bytes are ignored. The status is as for [`VfWrite`].
pub type VfRead = unsafe extern "C" fn(
    context: *mut c_void,
    vf: u16,
    block: u32,
    data: *mut u8,
    length: u32,
) -> NtStatus;
/// A write that [`VfWrite`] accepted was committed. A write that it accepted and that is not
/// followed by this call was refused, by a rule or a reset.
pub type VfCommitted = unsafe extern "C" fn(context: *mut c_void, vf: u16, block: u32);
/// The power state of a VF has changed to `state`, a [`PowerState`](pf_broker_abi::PowerState).
pub type VfPower = unsafe extern "C" fn(context: *mut c_void, vf: u16, state: u32);
/// A VF was reset: its blocks have their values of a reset, and its hardware was reset. The VF is
/// served again when this call has returned.
pub type VfReset = unsafe extern "C" fn(context: *mut c_void, vf: u16);

/// `PF_COMPANION_INTERFACE`, the answer to the query for [`GUID_PF_BROKER_COMPANION`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CompanionInterface {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`VERSION`].
    pub version: u16,
    /// `Context`: the first argument of every function below.
    pub context: *mut c_void,
    /// `InterfaceReference`, which the companion calls before it answers. Required.
    pub interface_reference: Option<InterfaceReference>,
    /// `InterfaceDereference`, which pf_broker calls after [`Detach`]. Required.
    pub interface_dereference: Option<InterfaceReference>,
    /// Required.
    pub attach: Option<Attach>,
    /// Required.
    pub detach: Option<Detach>,
    /// Required if a block of the manifest hands over its writes.
    pub vf_write: Option<VfWrite>,
    /// Required if a block of the manifest hands over its reads.
    pub vf_read: Option<VfRead>,
    /// Optional.
    pub vf_committed: Option<VfCommitted>,
    /// Optional.
    pub vf_power: Option<VfPower>,
    /// Optional.
    pub vf_reset: Option<VfReset>,
}
assert_layout!(
    CompanionInterface,
    size 88,
    size @ 0,
    version @ 2,
    context @ 8,
    interface_reference @ 16,
    interface_dereference @ 24,
    attach @ 32,
    detach @ 40,
    vf_write @ 48,
    vf_read @ 56,
    vf_committed @ 64,
    vf_power @ 72,
    vf_reset @ 80,
);
