//! Contention: many threads on the same VFs. The runner's request, and what the stack double found.
//!
//! The blocks are those of `tests/manifests/storm.toml`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_BLOCK_LENGTH, code};

/// Runs writers, readers, publishers, resets and invalidations on the same VFs for a while: input
/// [`Contend`], output [`Contended`].
pub const IOCTL_CONTEND: u32 = code(0xA14);

/// Input of [`IOCTL_CONTEND`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Contend {
    /// How many VFs, from VF 0.
    pub vfs: u16,
    /// 1 if the PF will be removed meanwhile: calls may then fail with `STATUS_DEVICE_REMOVED`.
    pub removal: u16,
    /// How long, in milliseconds.
    pub milliseconds: u32,
}

/// The kinds of calls, as indexes.
pub mod kind {
    /// `WriteVfConfigBlock`
    pub const WRITE: usize = 0;
    /// `ReadVfConfigBlock`
    pub const READ: usize = 1;
    /// `IOCTL_PUBLISH`
    pub const PUBLISH: usize = 2;
    /// `ResetVf`
    pub const RESET: usize = 3;
    /// `ReadVfConfig`
    pub const CONFIG: usize = 4;
    /// `IOCTL_INVALIDATE`
    pub const INVALIDATE: usize = 5;
    /// `IOCTL_READ`
    pub const HOST_READ: usize = 6;
    /// `IOCTL_DRAIN`
    pub const DRAIN: usize = 7;
    /// How many kinds there are.
    pub const COUNT: usize = 8;
    /// Their names.
    pub const NAMES: [&str; COUNT] = [
        "write",
        "read",
        "publish",
        "reset",
        "configuration read",
        "invalidation",
        "host read",
        "drain",
    ];
}

/// What a call broke, in [`Contended::violation`].
pub mod violation {
    /// Nothing.
    pub const NONE: u32 = 0;
    /// A read returned a mix of several writes.
    pub const MIXED: u32 = 1;
    /// A read that began after a reset returned a write from before it.
    pub const OUTLIVED_RESET: u32 = 2;
    /// A read returned an older write than one that the same writer had completed before it began.
    pub const STALE: u32 = 3;
    /// A read returned a write that had been refused.
    pub const REFUSED: u32 = 4;
    /// A read returned a blank block although a write since the last reset had been completed.
    pub const LOST: u32 = 5;
    /// A message came out of order or twice.
    pub const OUT_OF_ORDER: u32 = 6;
    /// A call ended with a status that it must not end with here.
    pub const STATUS: u32 = 7;
    /// A call succeeded after another one had failed with `STATUS_DEVICE_REMOVED`.
    pub const SERVED_AFTER_REMOVAL: u32 = 8;
    /// An invalidation was not delivered.
    pub const NOT_DELIVERED: u32 = 9;
    /// An invalidation was delivered more often than it was raised.
    pub const DELIVERED_TWICE: u32 = 10;
    /// A VF's configuration space read as if no VF were there.
    pub const NO_VF: u32 = 11;
    /// A call was served while the VF was being reset.
    pub const DURING_RESET: u32 = 12;
    /// A call wrote where it must not, or left a byte alone that it must write.
    pub const SPOILED: u32 = 13;
    /// Sentences for them.
    pub const NAMES: [&str; 14] = [
        "nothing is wrong",
        "the read returned a mix of several writes",
        "the read returned a write from before a reset that had ended",
        "the read returned an older write than one that the same writer had completed",
        "the read returned a write that had been refused",
        "the block was blank although a write since the last reset had been completed",
        "a message came out of order or twice",
        "the call may not end with this status here",
        "the call succeeded after another one had failed with STATUS_DEVICE_REMOVED",
        "an invalidation was not delivered to the stack",
        "an invalidation was delivered to the stack more often than it was raised",
        "the configuration space reads as if there were no VF",
        "the call was served while the VF was being reset",
        "the call wrote where it must not, or left a byte of its buffer alone",
    ];
}

/// Output of [`IOCTL_CONTEND`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Contended {
    /// Calls of each kind that succeeded.
    pub served: [u32; kind::COUNT],
    /// Calls of each kind that were refused, as is allowed here.
    pub held_back: [u32; kind::COUNT],
    /// Bit `COUNT` * a + b: calls of the kinds a and b were under way on the same VF at one time.
    pub overlaps: u64,
    /// One of [`violation`]: the first that was found.
    pub violation: u32,
    /// The kind of the call that found it.
    pub kind: u32,
    /// The VF.
    pub vf: u32,
    /// The block, where it is about one.
    pub block: u32,
    /// The status that the call ended with.
    pub status: u32,
    /// The writer of what was read, where that is known.
    pub writer: u32,
    /// The number of the writer's write.
    pub number: u32,
    /// Zero.
    pub reserved: u32,
    /// What was read.
    pub data: [u8; MAX_BLOCK_LENGTH],
}
