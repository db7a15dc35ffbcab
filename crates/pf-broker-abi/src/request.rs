//! The inputs of the IOCTLs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;
#[cfg(doc)]
use crate::{
    IOCTL_ACKNOWLEDGE, IOCTL_BLOCK_STATS, IOCTL_BLOCKS, IOCTL_DRAIN, IOCTL_INVALIDATE,
    IOCTL_JOURNAL, IOCTL_POWER, IOCTL_PUBLISH, IOCTL_READ, IOCTL_RESET, IOCTL_STATS, IOCTL_TABLE,
    JournalEntry, PowerState, ReadReply, StatsReply,
};

/// Scope of [`IOCTL_PUBLISH`] and [`IOCTL_INVALIDATE`]: the VF that the request names.
pub const SCOPE_VF: u16 = 0;
/// Scope of [`IOCTL_PUBLISH`] and [`IOCTL_INVALIDATE`]: every VF; `vf` is 0. It is a field of its
/// own because no VF index can stand for all: a caller may try any of them, 0xFFFF too.
pub const SCOPE_ALL: u16 = 1;

/// Flag of [`PublishRequest`]: the block must have the revision `expected`.
pub const PUBLISH_EXPECTS: u32 = 1 << 0;

/// Names a VF: input of [`IOCTL_STATS`] and [`IOCTL_RESET`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VfRequest {
    /// The VF's index.
    pub vf: u16,
    /// Zero.
    pub reserved: u16,
}
assert_layout!(VfRequest, size 4, vf @ 0);

/// Input of [`IOCTL_ACKNOWLEDGE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AcknowledgeRequest {
    /// The VF's index.
    pub vf: u16,
    /// Zero.
    pub reserved: [u16; 3],
    /// The number of the reset: [`StatsReply::resets`], read before the VF's blocks were prepared.
    pub resets: u64,
}
assert_layout!(AcknowledgeRequest, size 16, vf @ 0, resets @ 8);

/// Names a block of a VF: input of [`IOCTL_BLOCK_STATS`], [`IOCTL_READ`] and [`IOCTL_DRAIN`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockRequest {
    /// The VF's index.
    pub vf: u16,
    /// Zero.
    pub reserved: u16,
    /// The block's ID.
    pub block: u32,
}
assert_layout!(BlockRequest, size 8, vf @ 0, block @ 4);

/// Input of [`IOCTL_PUBLISH`], followed by the data.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PublishRequest {
    /// The VF's index.
    pub vf: u16,
    /// [`SCOPE_VF`] or [`SCOPE_ALL`].
    pub scope: u16,
    /// The block's ID.
    pub block: u32,
    /// Zero or [`PUBLISH_EXPECTS`], which is valid only with [`SCOPE_VF`]: each VF has its own
    /// revisions.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// With [`PUBLISH_EXPECTS`] the revision that the block must have, from
    /// [`ReadReply::revision`]; otherwise zero.
    pub expected: u64,
}
assert_layout!(
    PublishRequest,
    size 24,
    vf @ 0,
    scope @ 2,
    block @ 4,
    flags @ 8,
    expected @ 16,
);

/// Input of [`IOCTL_INVALIDATE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct InvalidateRequest {
    /// The VF's index.
    pub vf: u16,
    /// [`SCOPE_VF`] or [`SCOPE_ALL`].
    pub scope: u16,
    /// Zero.
    pub reserved: [u16; 2],
    /// Bit n stands for block n.
    pub mask: u64,
}
assert_layout!(InvalidateRequest, size 16, vf @ 0, scope @ 2, mask @ 8);

/// Input of [`IOCTL_POWER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PowerRequest {
    /// The VF's index.
    pub vf: u16,
    /// One of [`PowerState`].
    pub state: u16,
}
assert_layout!(PowerRequest, size 4, vf @ 0, state @ 2);

/// Input of [`IOCTL_BLOCKS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlocksRequest {
    /// How many blocks of the table to skip.
    pub first: u32,
}
assert_layout!(BlocksRequest, size 4, first @ 0);

/// Input of [`IOCTL_JOURNAL`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct JournalRequest {
    /// The VF's index.
    pub vf: u16,
    /// Zero.
    pub reserved: [u16; 3],
    /// Return only entries with a greater [`JournalEntry::sequence`], which includes an entry that
    /// was returned before and has grown; 0 for all that are kept.
    pub after: u64,
}
assert_layout!(JournalRequest, size 16, vf @ 0, after @ 8);

/// Input of [`IOCTL_TABLE`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TableRequest {
    /// How many bytes of the table to skip. From the end of the table on there are no bytes.
    pub offset: u32,
}
assert_layout!(TableRequest, size 4, offset @ 0);
