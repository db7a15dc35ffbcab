//! Many threads on the same VFs: what the runner asks for, and what the stack double saw.
//!
//! The blocks are those of `tests/manifests/storm.toml`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_BLOCK_LENGTH, code};

/// Sets writers, readers, publishers, resets and invalidations on the same VFs for a while: input
/// [`Contend`], output [`Contended`].
pub const IOCTL_CONTEND: u32 = code(0xA14);

/// Input of [`IOCTL_CONTEND`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Contend {
    /// How many VFs, from VF 0.
    pub vfs: u16,
    /// 1 if the PF will be removed meanwhile: calls may then be told so, and end with it.
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
    /// How many there are.
    pub const COUNT: usize = 8;
    /// What they are called.
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

/// What is wrong, in [`Contended::lie`].
pub mod lie {
    /// Nothing.
    pub const NONE: u32 = 0;
    /// A read returned a mix of several writes.
    pub const MIXED: u32 = 1;
    /// A read that began after a reset returned what had been written before it.
    pub const OUTLIVED_RESET: u32 = 2;
    /// A read returned something older than what the same writer had written before it began.
    pub const STALE: u32 = 3;
    /// A read returned what was refused when it was written.
    pub const REFUSED: u32 = 4;
    /// A read returned a blank block although somebody had written since the last reset.
    pub const LOST: u32 = 5;
    /// A message came out of order or twice.
    pub const OUT_OF_ORDER: u32 = 6;
    /// A call ended with a status that it must not end with here.
    pub const STATUS: u32 = 7;
    /// A call succeeded after another one was told that the device is gone.
    pub const SERVED_AFTER_REMOVAL: u32 = 8;
    /// Nobody was told of an invalidation.
    pub const UNHEARD: u32 = 9;
    /// The stack was told of an invalidation more often than it was raised.
    pub const TOLD_TWICE: u32 = 10;
    /// A VF's configuration space read as if no VF were there.
    pub const NO_VF: u32 = 11;
    /// A call was served while the VF was being reset.
    pub const DURING_RESET: u32 = 12;
    /// A call wrote where it must not, or left a byte alone that it must write.
    pub const SPOILED: u32 = 13;
    /// What they are called.
    pub const NAMES: [&str; 14] = [
        "nothing is wrong",
        "what was read is a mix of several writes",
        "what was read is from before a reset that had ended",
        "what was read is older than what the same writer had written",
        "what was read had been refused when it was written",
        "the block was blank although somebody had written since the last reset",
        "a message came out of order or twice",
        "the status is not one of those that the call may end with here",
        "the call succeeded although another one had been told that the device is gone",
        "the stack was not told of an invalidation",
        "the stack was told of an invalidation more often than it was raised",
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
    /// Calls of each kind that were refused, as they may be here.
    pub held_back: [u32; kind::COUNT],
    /// Bit `COUNT` * a + b: calls of the kinds a and b were under way on the same VF at one time.
    pub overlaps: u64,
    /// One of [`lie`]: the first thing that was wrong.
    pub lie: u32,
    /// The kind of the call that showed it.
    pub kind: u32,
    /// The VF.
    pub vf: u32,
    /// The block, where it is about one.
    pub block: u32,
    /// The status that the call ended with.
    pub status: u32,
    /// Who wrote what was read, where that can be told.
    pub writer: u32,
    /// Which of the writer's writes it was.
    pub number: u32,
    /// Zero.
    pub reserved: u32,
    /// What was read.
    pub data: [u8; MAX_BLOCK_LENGTH],
}
