//! The input and the output of [`IOCTL_CHANGES`](crate::IOCTL_CHANGES), with which host software
//! learns which blocks and VFs changed.
//!
//! A caller sends the cookie of the last reply, at first zeros, and gets everything that changed
//! since. A change is reported at least once: one that happens while a reply is collected may be
//! reported again by the next reply, with the same revision. Two changes of a block or VF between
//! two replies are one entry. The driver keeps nothing for a caller, so any number of callers may
//! have cookies of their own.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;
#[cfg(doc)]
use crate::{BlockStatsReply, IOCTL_CHANGES, JournalEntry};

/// Kind of a [`Change`] of a block: a VF's write to a register was committed.
pub const CHANGE_WRITTEN: u16 = 1 << 0;
/// Kind of a [`Change`] of a block: a VF's message was queued to a stream.
pub const CHANGE_MESSAGE: u16 = 1 << 1;
/// Kind of a [`Change`] of a VF: a reset has finished, and the VF is served again or, with the
/// manifest's `reset = "acknowledged"`, waits for [`IOCTL_ACKNOWLEDGE`](crate::IOCTL_ACKNOWLEDGE).
/// What changed before the reset is not reported any more; blocks in the same reply changed after
/// their wipe.
pub const CHANGE_RESET: u16 = 1 << 2;
/// Kind of a [`Change`] of a VF: its power state was set.
pub const CHANGE_POWER: u16 = 1 << 3;
/// Kind of a [`Change`] of a block: a publish was committed.
pub const CHANGE_PUBLISHED: u16 = 1 << 4;
/// Kind of a [`Change`] of a VF: its journal has recorded a refusal. Of a flood it records the
/// first refused write only.
pub const CHANGE_REFUSED: u16 = 1 << 5;
/// Kind of the [`Change`] of the device: a virtualization stack has attached.
pub const CHANGE_ATTACHED: u16 = 1 << 6;
/// Kind of the [`Change`] of the device: the virtualization stack has detached.
pub const CHANGE_DETACHED: u16 = 1 << 7;
/// Kind of a [`Change`] of a VF: its journal has recorded an event of any kind.
pub const CHANGE_JOURNALED: u16 = 1 << 8;

/// Flag of [`ChangesRequest`]: the request does not pend, and its reply may have no entry.
pub const CHANGES_POLL: u16 = 1 << 0;

/// Flag of [`ChangesReply`]: there are more entries than fit. The next request, with the cookie of
/// this reply, continues the list.
pub const CHANGES_MORE: u32 = 1 << 0;
/// Flag of [`ChangesReply`]: the cookie of the request is of another start of the device, or from
/// the future. The reply lists everything since this start, and the request does not pend.
pub const CHANGES_RESTARTED: u32 = 1 << 1;

/// What a caller has received of the changes of a device. Callers return it as they got it. Zeros,
/// the default, stand for the start of the device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ChangesCookie {
    /// Identifies a start of a device.
    pub start: [u64; 2],
    /// The caller has received every change up to this epoch.
    pub since: u64,
    /// The epoch in which an unfinished list was begun; 0 if there is none.
    pub upto: u64,
    /// The VF with which the list continues.
    pub vf: u16,
    /// Zero.
    pub reserved: u16,
    /// The entry of that VF with which the list continues: 0 for the VF itself, n for block n - 1
    /// of the table.
    pub entry: u32,
}
assert_layout!(
    ChangesCookie,
    size 40,
    start @ 0,
    since @ 16,
    upto @ 24,
    vf @ 32,
    reserved @ 34,
    entry @ 36,
);

/// Input of [`IOCTL_CHANGES`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChangesRequest {
    /// The kinds of changes to report, such as [`CHANGE_WRITTEN`]: one or more. No kind, or an
    /// unknown one, is `STATUS_INVALID_PARAMETER_1`.
    pub kinds: u16,
    /// Zero or [`CHANGES_POLL`].
    pub flags: u16,
    /// Zero.
    pub reserved: u32,
    /// The cookie of the last reply, or zeros. One of this start of the device that no reply can
    /// have had is `STATUS_INVALID_PARAMETER_2`.
    pub cookie: ChangesCookie,
}
assert_layout!(
    ChangesRequest,
    size 48,
    kinds @ 0,
    flags @ 2,
    reserved @ 4,
    cookie @ 8,
);

/// The head of the output of [`IOCTL_CHANGES`], followed by the entries. An output without room for
/// one entry is `STATUS_BUFFER_TOO_SMALL`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChangesReply {
    /// For the next request.
    pub cookie: ChangesCookie,
    /// [`CHANGES_MORE`] and [`CHANGES_RESTARTED`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}
assert_layout!(ChangesReply, size 48, cookie @ 0, flags @ 40, reserved @ 44);

/// One entry of the output of [`IOCTL_CHANGES`]: the device, a VF, or a block of a VF. The entry of
/// the device comes first. The others are ordered by VF; the VF itself comes before its blocks,
/// which have the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Change {
    /// The VF's index; 0 for the device.
    pub vf: u16,
    /// What changed, of the requested kinds. An entry has kinds of the device, of a VF or of a
    /// block only.
    pub kinds: u16,
    /// The block's ID; 0 for a VF and the device.
    pub block: u32,
    /// The block's revision, see [`BlockStatsReply::revision`]; for a VF the
    /// [`JournalEntry::sequence`] of the last change of these kinds; for the device how often a
    /// stack has attached and detached.
    pub revision: u64,
}
assert_layout!(Change, size 16, vf @ 0, kinds @ 2, block @ 4, revision @ 8);
