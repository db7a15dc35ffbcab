//! What the numbers in the structures mean. Numbers are only ever added, and keep their meaning. A driver may know more
//! of them than its client: clients must report unknown codes as unknown.

#[cfg(doc)]
use crate::{BlockInfo, JournalEntry, PowerRequest, QueryReply, StatsReply};

/// Where a block table comes from, in [`QueryReply::table_source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TableSource {
    /// It is part of the driver.
    Embedded = 0,
    /// It is the registry value `BlockTable`.
    Registry = 1,
}

/// What a block holds, in [`BlockInfo::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockKind {
    /// The last committed value.
    Register = 0,
    /// A bounded queue of messages from VF to host.
    Stream = 1,
}

/// What a VF may do with a block, in [`BlockInfo::vf_access`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum VfAccess {
    /// Read it.
    ReadOnly = 1,
    /// Write it.
    WriteOnly = 2,
    /// Both.
    ReadWrite = 3,
}

/// A VF's power state, in [`PowerRequest::state`], [`StatsReply::power`] and the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PowerState {
    /// Fully on.
    D0 = 0,
    /// Light sleep.
    D1 = 1,
    /// Deeper sleep.
    D2 = 2,
    /// Off, as far as software is concerned.
    D3 = 3,
}

/// What a [`JournalEntry`] records, in [`JournalEntry::operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JournalOperation {
    /// The VF read a block.
    Read = 0,
    /// The VF wrote a block.
    Write = 1,
    /// The host published a block.
    Publish = 2,
    /// The host invalidated blocks.
    Invalidate = 3,
    /// The host took messages out of a stream.
    Drain = 4,
    /// The VF was reset.
    Reset = 5,
    /// The VF's power state changed.
    Power = 6,
    /// The host read a block.
    HostRead = 7,
    /// The virtualization stack took the VF's invalidations.
    TakeInvalidation = 8,
    /// A reset of the VF began: it is held back.
    BeginReset = 9,
    /// A reset of the VF failed: it stays closed.
    FailReset = 10,
    /// The device was removed.
    Remove = 11,
    /// The VF's part of a block returned to its defaults, because a publish did not hold together with
    /// it. The publish itself is the next entry.
    Withdraw = 12,
}
