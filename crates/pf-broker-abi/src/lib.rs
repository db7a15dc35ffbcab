//! The management interface that driver and host tools share: a device interface class, IOCTL codes
//! and buffer layouts.
//!
//! The host's side of the conversation with the VFs (a PF engineer's agent, `pfbctl`, the lab's
//! runner) opens the device through [`INTERFACE_CLASS`] and sends these IOCTLs. From user mode only
//! SYSTEM and members of Administrators can open it, whatever the device's security descriptor says.
//! The interface has the reference string `management`, which is part of the path that Windows
//! gives for the class; through a handle that was opened by another path the IOCTLs are
//! `STATUS_ACCESS_DENIED` for user mode. Other drivers may send them with and without a file object.
//! The codes are buffered (`METHOD_BUFFERED`) and callable
//! from user mode and from other drivers at `PASSIVE_LEVEL`; integers are little endian.
//!
//! | IOCTL | input | output |
//! |---|---|---|
//! | [`IOCTL_QUERY`] | – | [`QueryReply`] |
//! | [`IOCTL_BLOCKS`] | [`BlocksRequest`] | as many [`BlockInfo`] as fit |
//! | [`IOCTL_STATS`] | [`VfRequest`] | [`StatsReply`] |
//! | [`IOCTL_BLOCK_STATS`] | [`BlockRequest`] | [`BlockStatsReply`] |
//! | [`IOCTL_READ`] | [`BlockRequest`] | [`ReadReply`], then the block's bytes; the length asked for is that of the output without the structure |
//! | [`IOCTL_PUBLISH`] | [`PublishRequest`], then the data | – |
//! | [`IOCTL_INVALIDATE`] | [`InvalidateRequest`] | – |
//! | [`IOCTL_DRAIN`] | [`BlockRequest`] | as many [`Message`] as fit and are there |
//! | [`IOCTL_RESET`] | [`VfRequest`] | – |
//! | [`IOCTL_POWER`] | [`PowerRequest`] | – |
//! | [`IOCTL_JOURNAL`] | [`JournalRequest`] | as many [`JournalEntry`] as fit and are there |
//! | [`IOCTL_WAIT`] | [`WaitRequest`] | [`WaitReply`], once something of the kinds asked for happened |
//! | [`IOCTL_HOST_REFUSALS`] | – | [`HostRefusalsReply`] |
//!
//! A request that the broker refuses completes with the NTSTATUS of its refusal (docs/refusals.md).
//! The shell's own answers: an input shorter or longer than its structure, or a reserved byte that
//! is not zero, is `STATUS_INVALID_PARAMETER`; an output that cannot hold the reply, or not one entry
//! of a list, is `STATUS_BUFFER_TOO_SMALL` and changes nothing; an unknown code is
//! `STATUS_INVALID_DEVICE_REQUEST`; a device that is going away answers `STATUS_DEVICE_REMOVED`.
//! A list that ends for lack of space goes on with the next request.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod numbers;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use numbers::{BlockKind, JournalOperation, PowerState, TableSource, VfAccess};

/// The device interface class, as the digits of its GUID's text form.
pub const INTERFACE_CLASS: u128 = 0xFE9E_9C19_F427_4FF9_AE4B_D3F3_D0BC_C141;

/// The version of this interface, in [`QueryReply::abi_version`]. It grows with every change that an
/// older tool would misread.
pub const ABI_VERSION: u32 = 2;

/// Scope of [`IOCTL_PUBLISH`] and [`IOCTL_INVALIDATE`]: the VF that the request names.
pub const SCOPE_VF: u16 = 0;
/// Scope of [`IOCTL_PUBLISH`] and [`IOCTL_INVALIDATE`]: every VF; `vf` is 0.
/// It is a field of its own because every VF index, 0xFFFF too, is one that a caller may try.
pub const SCOPE_ALL: u16 = 1;
/// Bytes of the largest block.
pub const MAX_BLOCK_LENGTH: usize = 128;
/// Bytes of a name, which is UTF-8 and padded with zeros.
pub const NAME_LENGTH: usize = 64;
/// Room for refusal reasons in [`StatsReply::refused`].
pub const MAX_REASONS: usize = 24;

const FILE_DEVICE_UNKNOWN: u32 = 0x22;
const FILE_READ_DATA: u32 = 1;
const FILE_WRITE_DATA: u32 = 2;

/// `CTL_CODE` of `wdm.h` for `METHOD_BUFFERED` and a handle opened for reading.
const fn looks(function: u32) -> u32 {
    (FILE_DEVICE_UNKNOWN << 16) | (FILE_READ_DATA << 14) | (function << 2)
}

/// `CTL_CODE` of `wdm.h` for `METHOD_BUFFERED` and a handle opened for reading and writing.
const fn changes(function: u32) -> u32 {
    looks(function) | (FILE_WRITE_DATA << 14)
}

/// What the driver is and serves.
pub const IOCTL_QUERY: u32 = looks(0x900);
/// The blocks of the table in force.
pub const IOCTL_BLOCKS: u32 = looks(0x901);
/// Counters of a VF.
pub const IOCTL_STATS: u32 = looks(0x902);
/// Counters of one block of a VF.
pub const IOCTL_BLOCK_STATS: u32 = looks(0x903);
/// The committed value of a register block, whoever may write it, and the block's revision.
pub const IOCTL_READ: u32 = looks(0x904);
/// Writes the PF-owned bytes of a block, for one VF or for all. It never fails because of what a VF wrote: where the VF's
/// bytes and the publish break a rule together, the VF's return to their defaults. For one VF it may depend on the
/// block's revision.
pub const IOCTL_PUBLISH: u32 = changes(0x905);
/// Tells one VF or all to read blocks again.
pub const IOCTL_INVALIDATE: u32 = changes(0x906);
/// Takes messages out of a stream, oldest first. A reset that comes between two messages ends the list.
pub const IOCTL_DRAIN: u32 = changes(0x907);
/// Resets a VF, as the virtualization stack's `ResetVf` does.
pub const IOCTL_RESET: u32 = changes(0x908);
/// Sets the power state of a VF, as the virtualization stack's `SetVfPowerState` does.
pub const IOCTL_POWER: u32 = changes(0x909);
/// The last things that happened to a VF's blocks.
pub const IOCTL_JOURNAL: u32 = looks(0x90A);
/// Pends until something of the kinds asked for has happened since a given count.
pub const IOCTL_WAIT: u32 = looks(0x90B);

/// How often operations of the host side were refused, by reason.
pub const IOCTL_HOST_REFUSALS: u32 = looks(0x90C);

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

/// In front of the data of [`IOCTL_PUBLISH`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PublishRequest {
    /// The VF's index.
    pub vf: u16,
    /// [`SCOPE_VF`] or [`SCOPE_ALL`].
    pub scope: u16,
    /// The block's ID.
    pub block: u32,
    /// Zero, or [`PUBLISH_EXPECTS`], which goes with [`SCOPE_VF`] alone: each VF has revisions of its own.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// The revision that the block must have with [`PUBLISH_EXPECTS`], from [`ReadReply::revision`]; otherwise zero.
    pub expected: u64,
}

/// In front of the bytes in the output of [`IOCTL_READ`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReadReply {
    /// The block's revision: how often it was committed (by a write or by a publish) or reset since the device
    /// started. A reset of the VF counts for each of its blocks, also for one that keeps its value.
    pub revision: u64,
}

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

/// Input of [`IOCTL_POWER`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PowerRequest {
    /// The VF's index.
    pub vf: u16,
    /// One of [`PowerState`].
    pub state: u16,
}

/// Input of [`IOCTL_BLOCKS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlocksRequest {
    /// How many blocks of the table to skip.
    pub first: u32,
}

/// Input of [`IOCTL_JOURNAL`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct JournalRequest {
    /// The VF's index.
    pub vf: u16,
    /// Zero.
    pub reserved: [u16; 3],
    /// Only entries with a greater [`JournalEntry::sequence`] are returned, so also one that was returned
    /// before and has grown; 0 for all that are kept.
    pub after: u64,
}

/// A bit of [`WaitRequest::kinds`]: committed VF writes and finished VF resets, what a host agent acts
/// upon. Its count is [`QueryReply::changes`].
pub const WAIT_CHANGES: u32 = 1;
/// A bit of [`WaitRequest::kinds`]: every event that the journal of a VF records, so refusals,
/// publishes and repetitions too. Its count is the number of events, the sum of the last
/// [`JournalEntry::sequence`] of every VF. What a flood is refused beyond its first write is no event.
pub const WAIT_JOURNAL: u32 = 2;

/// Input of [`IOCTL_WAIT`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WaitRequest {
    /// The count that the caller has seen for these kinds. When the count is another one, a lower one
    /// too (the driver started anew), the request completes at once, otherwise with the next change.
    /// A caller that has seen none sends 0.
    pub seen: u64,
    /// What to wait for: [`WAIT_CHANGES`], [`WAIT_JOURNAL`] or both. No bit, or any other, is
    /// `STATUS_INVALID_PARAMETER`.
    pub kinds: u32,
    /// Zero.
    pub reserved: u32,
}

/// Output of [`IOCTL_WAIT`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WaitReply {
    /// The count of the kinds asked for since the device started: the sum of their counts, if there are
    /// several. It may be equal to [`WaitRequest::seen`], when the change that ended another caller's
    /// wait ends this one's too: there is nothing to look at then, and the next wait misses nothing.
    pub count: u64,
}

/// Output of [`IOCTL_QUERY`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct QueryReply {
    /// [`ABI_VERSION`] of the driver.
    pub abi_version: u32,
    /// CRC-32 of the block table in force.
    pub table_crc: u32,
    /// Major, minor and patch version of the driver.
    pub driver_version: [u16; 3],
    /// VFs that are served: indexes 0 to `num_vfs - 1`.
    pub num_vfs: u16,
    /// PCI vendor ID of the PF, from its configuration space.
    pub vendor_id: u16,
    /// PCI device ID of the PF, from its configuration space.
    pub device_id: u16,
    /// Blocks in the table.
    pub block_count: u16,
    /// Where the table comes from: one of [`TableSource`].
    pub table_source: u8,
    /// 1 while a virtualization stack is attached.
    pub attached: u8,
    /// Committed VF writes and finished VF resets since the device started: the count of
    /// [`WAIT_CHANGES`].
    pub changes: u64,
    /// The manifest's device name.
    pub name: [u8; NAME_LENGTH],
}

/// One block, in the output of [`IOCTL_BLOCKS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockInfo {
    /// The block's ID.
    pub id: u32,
    /// One of [`BlockKind`].
    pub kind: u8,
    /// What a VF may do: one of [`VfAccess`].
    pub vf_access: u8,
    /// 1 if a publish invalidates the block.
    pub notify: u8,
    /// 1 if a short read gets a prefix.
    pub prefix_reads: u8,
    /// Bytes of the shortest write.
    pub min_length: u16,
    /// Bytes of the block.
    pub max_length: u16,
    /// Messages kept for each VF; 0 for a register.
    pub depth: u16,
    /// 1 if a full stream drops its oldest message.
    pub drop_oldest: u8,
    /// Zero.
    pub reserved: u8,
    /// The block's name.
    pub name: [u8; NAME_LENGTH],
}

/// Output of [`IOCTL_STATS`]: counters since the device started, and the VF's state.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatsReply {
    /// Reads by the VF that were served.
    pub reads: u64,
    /// Writes by the VF that were committed.
    pub writes: u64,
    /// Publishes by the host that were committed.
    pub publishes: u64,
    /// Publishes, among those committed, that withdrew what the VF had written to the block.
    pub withdrawn: u64,
    /// Stream messages that were dropped for newer ones.
    pub dropped: u64,
    /// Resets of the VF.
    pub resets: u64,
    /// Floods: periods in which the VF wrote more than its limit allows.
    pub floods: u64,
    /// Invalidations that no request has taken yet.
    pub pending: u64,
    /// One of [`PowerState`].
    pub power: u8,
    /// 1 while the VF is served; 0 during a reset and after one that failed.
    pub open: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// Entries of `refused` in use.
    pub reason_count: u32,
    /// Refused reads and writes of the VF for each reason, in the order of docs/refusals.md.
    pub refused: [u64; MAX_REASONS],
}

/// Output of [`IOCTL_HOST_REFUSALS`]: operations of host software and of the virtualization stack that were refused
/// since the device started. No VF is charged with them.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HostRefusalsReply {
    /// Entries of `refused` in use.
    pub reason_count: u32,
    /// Zero.
    pub reserved: u32,
    /// Refusals for each reason, in the order of docs/refusals.md.
    pub refused: [u64; MAX_REASONS],
}

/// Output of [`IOCTL_BLOCK_STATS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockStatsReply {
    /// Reads by the VF that were served.
    pub reads: u64,
    /// Writes by the VF that were committed.
    pub writes: u64,
    /// Publishes by the host that were committed.
    pub publishes: u64,
    /// Reads and writes by the VF that were refused.
    pub refused: u64,
    /// Stream messages that were dropped for newer ones.
    pub dropped: u64,
    /// Stream messages that wait to be drained.
    pub queued: u64,
    /// The block's revision; see [`ReadReply::revision`].
    pub revision: u64,
}

/// One message of a stream, in the output of [`IOCTL_DRAIN`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Message {
    /// Bytes of `data` that the VF sent.
    pub length: u32,
    /// The message, zero behind its length.
    pub data: [u8; MAX_BLOCK_LENGTH],
}

/// One entry of a VF's journal, in the output of [`IOCTL_JOURNAL`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct JournalEntry {
    /// The number of the entry's last event. The events of a VF are numbered from 1 without gaps, and
    /// the entry holds those from `sequence - repeated` to `sequence`: what is missing between two
    /// entries was overwritten.
    pub sequence: u64,
    /// Time since the system started in units of 100 ns, without the time that it slept.
    pub time: u64,
    /// The block's ID as the caller gave it.
    pub block: u32,
    /// Bytes as the caller gave them; for [`JournalOperation::Power`] one of [`PowerState`].
    pub length: u32,
    /// The NTSTATUS of the outcome.
    pub status: i32,
    /// How often the same thing happened again, right after and with the same outcome.
    pub repeated: u32,
    /// What was tried: one of [`JournalOperation`].
    pub operation: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// Asserts at compile time the size of a structure and the offset of each of the named fields.
macro_rules! assert_layout {
    ($type:ty, size $size:literal, $($field:ident @ $offset:literal),+ $(,)?) => {
        const _: () = assert!(core::mem::size_of::<$type>() == $size, stringify!($type));
        $(const _: () = assert!(
            core::mem::offset_of!($type, $field) == $offset,
            concat!(stringify!($type), ".", stringify!($field))
        );)+
    };
}
assert_layout!(VfRequest, size 4, vf @ 0);
assert_layout!(BlockRequest, size 8, vf @ 0, block @ 4);
assert_layout!(
    PublishRequest,
    size 24,
    vf @ 0,
    scope @ 2,
    block @ 4,
    flags @ 8,
    expected @ 16,
);
assert_layout!(ReadReply, size 8, revision @ 0);
assert_layout!(InvalidateRequest, size 16, vf @ 0, scope @ 2, mask @ 8);
assert_layout!(PowerRequest, size 4, vf @ 0, state @ 2);
assert_layout!(BlocksRequest, size 4, first @ 0);
assert_layout!(JournalRequest, size 16, vf @ 0, after @ 8);
assert_layout!(WaitRequest, size 16, seen @ 0, kinds @ 8, reserved @ 12);
assert_layout!(WaitReply, size 8, count @ 0);
assert_layout!(
    QueryReply,
    size 96,
    abi_version @ 0,
    table_crc @ 4,
    driver_version @ 8,
    num_vfs @ 14,
    vendor_id @ 16,
    device_id @ 18,
    block_count @ 20,
    table_source @ 22,
    attached @ 23,
    changes @ 24,
    name @ 32,
);
assert_layout!(
    BlockInfo,
    size 80,
    id @ 0,
    kind @ 4,
    vf_access @ 5,
    notify @ 6,
    prefix_reads @ 7,
    min_length @ 8,
    max_length @ 10,
    depth @ 12,
    drop_oldest @ 14,
    name @ 16,
);
assert_layout!(
    StatsReply,
    size 264,
    reads @ 0,
    writes @ 8,
    publishes @ 16,
    withdrawn @ 24,
    dropped @ 32,
    resets @ 40,
    floods @ 48,
    pending @ 56,
    power @ 64,
    open @ 65,
    reason_count @ 68,
    refused @ 72,
);
assert_layout!(HostRefusalsReply, size 200, reason_count @ 0, refused @ 8);
assert_layout!(
    BlockStatsReply,
    size 56,
    reads @ 0,
    writes @ 8,
    publishes @ 16,
    refused @ 24,
    dropped @ 32,
    queued @ 40,
    revision @ 48,
);
assert_layout!(Message, size 132, length @ 0, data @ 4);
assert_layout!(
    JournalEntry,
    size 40,
    sequence @ 0,
    time @ 8,
    block @ 16,
    length @ 20,
    status @ 24,
    repeated @ 28,
    operation @ 32,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_codes_are_buffered_and_ask_for_the_access_that_they_need() {
        let readers = [
            IOCTL_QUERY,
            IOCTL_BLOCKS,
            IOCTL_STATS,
            IOCTL_BLOCK_STATS,
            IOCTL_READ,
            IOCTL_JOURNAL,
            IOCTL_WAIT,
            IOCTL_HOST_REFUSALS,
        ];
        let writers = [
            IOCTL_PUBLISH,
            IOCTL_INVALIDATE,
            IOCTL_DRAIN,
            IOCTL_RESET,
            IOCTL_POWER,
        ];
        for (codes, access) in [(&readers[..], 1), (&writers[..], 3)] {
            for code in codes {
                assert_eq!(code & 3, 0, "{code:#010x} is buffered");
                assert_eq!((code >> 14) & 3, access, "{code:#010x}");
                assert_eq!(code >> 16, 0x22, "{code:#010x}");
            }
        }
        let mut all = [&readers[..], &writers[..]].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), readers.len() + writers.len());
    }
}
