//! What pf_broker offers to the companion.
//!
//! A function that the broker refuses returns the NTSTATUS of the
//! [`Refusal`](pf_broker_abi::Refusal), as an IOCTL of the management interface does. The driver
//! adds:
//!
//! | status | cause |
//! |---|---|
//! | `STATUS_INVALID_PARAMETER` | a NULL pointer that is not optional, or a scope that does not exist |
//! | `STATUS_INVALID_DEVICE_STATE` | a call above `PASSIVE_LEVEL` of what works there alone |
//! | `STATUS_DEVICE_REMOVED` | a call after [`Detach`](crate::Detach), of every function but [`Release`] |
//!
//! The memory that a pointer leads to may be pageable if the call is made at `PASSIVE_LEVEL`.

use core::ffi::c_void;

use pcivirt_abi::NtStatus;
use pf_broker_abi::{Message, StatsReply};

use crate::assert_layout;
#[cfg(doc)]
use crate::{Attach, VERSION};

/// Gives [`BrokerFunctions`] back, once for each [`Attach`]; the companion must not use those of
/// that call afterwards. Up to `DISPATCH_LEVEL`.
pub type Release = unsafe extern "C" fn(broker: *mut c_void);
/// Says whether the companion is ready, at any time, any number of times. While it is not, the
/// operations that it would handle are refused as `companion`. `ready` is a `BOOLEAN`. Up to
/// `DISPATCH_LEVEL`.
pub type SetReady = unsafe extern "C" fn(broker: *mut c_void, ready: u8) -> NtStatus;
/// Copies the first `length` bytes of a block, and its revision unless `revision` is NULL. The
/// lengths that are allowed are those of
/// [`IOCTL_READ`](pf_broker_abi::IOCTL_READ). Up to `DISPATCH_LEVEL`.
pub type Read = unsafe extern "C" fn(
    broker: *mut c_void,
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
    revision: *mut u64,
) -> NtStatus;
/// Publishes to a block of one VF (`scope` [`SCOPE_VF`](pf_broker_abi::SCOPE_VF), up to
/// `DISPATCH_LEVEL`) or of all ([`SCOPE_ALL`](pf_broker_abi::SCOPE_ALL), `vf` 0, at
/// `PASSIVE_LEVEL`). `expected` is NULL or the revision that the block must have; it is NULL for
/// all VFs.
pub type Publish = unsafe extern "C" fn(
    broker: *mut c_void,
    vf: u16,
    scope: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    expected: *const u64,
) -> NtStatus;
/// Invalidates the blocks of `mask` (bit n stands for block n) of one VF, up to `DISPATCH_LEVEL`,
/// or of all, at `PASSIVE_LEVEL`. `scope` is as for [`Publish`].
pub type Invalidate =
    unsafe extern "C" fn(broker: *mut c_void, vf: u16, scope: u16, mask: u64) -> NtStatus;
/// Takes the oldest messages of a stream, at most `capacity` of them, and sets `count` to their
/// number. Up to `DISPATCH_LEVEL`.
pub type Drain = unsafe extern "C" fn(
    broker: *mut c_void,
    vf: u16,
    block: u32,
    messages: *mut Message,
    capacity: u32,
    count: *mut u32,
) -> NtStatus;
/// Resets a VF and waits for it, at `PASSIVE_LEVEL`. Inside a call about the same VF it is refused
/// as `state`.
pub type Reset = unsafe extern "C" fn(broker: *mut c_void, vf: u16) -> NtStatus;
/// Reads the counters of a VF, as [`IOCTL_STATS`](pf_broker_abi::IOCTL_STATS) does. Up to
/// `DISPATCH_LEVEL`.
pub type Statistics =
    unsafe extern "C" fn(broker: *mut c_void, vf: u16, statistics: *mut StatsReply) -> NtStatus;

/// `PF_BROKER_FUNCTIONS`, the argument of [`Attach`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BrokerFunctions {
    /// `Size`: bytes of the structure.
    pub size: u16,
    /// `Version`: [`VERSION`].
    pub version: u16,
    /// `Broker`: the first argument of every function below.
    pub broker: *mut c_void,
    /// See [`Release`].
    pub release: Release,
    /// See [`SetReady`].
    pub set_ready: SetReady,
    /// See [`Read`].
    pub read: Read,
    /// See [`Publish`].
    pub publish: Publish,
    /// See [`Invalidate`].
    pub invalidate: Invalidate,
    /// See [`Drain`].
    pub drain: Drain,
    /// See [`Reset`].
    pub reset: Reset,
    /// See [`Statistics`].
    pub statistics: Statistics,
}
assert_layout!(
    BrokerFunctions,
    size 80,
    size @ 0,
    version @ 2,
    broker @ 8,
    release @ 16,
    set_ready @ 24,
    read @ 32,
    publish @ 40,
    invalidate @ 48,
    drain @ 56,
    reset @ 64,
    statistics @ 72,
);
