//! The outputs of the IOCTLs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;
use crate::refusal::MAX_REASONS;
#[cfg(doc)]
use crate::{
    ABI_VERSION, BlockKind, Companion, IOCTL_BLOCK_STATS, IOCTL_BLOCKS, IOCTL_CLOCK, IOCTL_DRAIN,
    IOCTL_HOST_REFUSALS, IOCTL_JOURNAL, IOCTL_LOCATION, IOCTL_QUERY, IOCTL_READ, IOCTL_STATS,
    Operation, PowerState, Refusal, Service, TableSource, VfAccess,
};

/// Bytes of the largest block.
pub const MAX_BLOCK_LENGTH: usize = 128;
/// Bytes of a name, which is UTF-8 padded with zeros.
pub const NAME_LENGTH: usize = 64;

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
    /// Number of VFs; their indexes are 0 to `num_vfs - 1`.
    pub num_vfs: u16,
    /// PCI vendor ID of the PF, from its configuration space.
    pub vendor_id: u16,
    /// PCI device ID of the PF, from its configuration space.
    pub device_id: u16,
    /// Blocks in the table.
    pub block_count: u16,
    /// Where the table comes from, a [`TableSource`].
    pub table_source: u8,
    /// 1 while a virtualization stack is attached.
    pub attached: u8,
    /// The manifest's device name.
    pub name: [u8; NAME_LENGTH],
}
assert_layout!(
    QueryReply,
    size 88,
    abi_version @ 0,
    table_crc @ 4,
    driver_version @ 8,
    num_vfs @ 14,
    vendor_id @ 16,
    device_id @ 18,
    block_count @ 20,
    table_source @ 22,
    attached @ 23,
    name @ 24,
);

/// One block, in the output of [`IOCTL_BLOCKS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockInfo {
    /// The block's ID.
    pub id: u32,
    /// A [`BlockKind`].
    pub kind: u8,
    /// What a VF may do, a [`VfAccess`].
    pub vf_access: u8,
    /// 1 if a publish invalidates the block.
    pub notify: u8,
    /// 1 if a read shorter than the block returns its first bytes.
    pub prefix_reads: u8,
    /// Bytes of the shortest write.
    pub min_length: u16,
    /// Bytes of the block.
    pub max_length: u16,
    /// Messages that the stream keeps for each VF; 0 for a register.
    pub depth: u16,
    /// 1 if a full stream drops its oldest message.
    pub drop_oldest: u8,
    /// Which operations of a VF the companion driver handles, a [`Companion`].
    pub companion: u8,
    /// The block's name.
    pub name: [u8; NAME_LENGTH],
}
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
    companion @ 15,
    name @ 16,
);

/// Output of [`IOCTL_STATS`]: counters since the device started, and the VF's state.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StatsReply {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed.
    pub writes: u64,
    /// Publishes that were committed.
    pub publishes: u64,
    /// Publishes, among those committed, that withdrew what the VF had written to the block.
    pub withdrawn: u64,
    /// Stream messages that were dropped for newer ones.
    pub dropped: u64,
    /// Resets of the VF that have begun.
    pub resets: u64,
    /// Floods: periods in which the VF wrote faster than its limit allows.
    pub floods: u64,
    /// Invalidations not yet delivered; bit n stands for block n.
    pub pending: u64,
    /// A [`PowerState`].
    pub power: u8,
    /// Whether the VF is served, a [`Service`].
    pub service: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// Number of codes that the driver counts, from 0 on.
    pub reason_count: u32,
    /// Refused reads and writes of the VF, indexed by [`Refusal::index`].
    pub refused: [u64; MAX_REASONS],
}
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
    service @ 65,
    reason_count @ 68,
    refused @ 72,
);

/// Output of [`IOCTL_HOST_REFUSALS`]: operations of host software and of the virtualization stack
/// that were refused since the device started. They are not counted for any VF.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HostRefusalsReply {
    /// Number of codes that the driver counts, from 0 on.
    pub reason_count: u32,
    /// Zero.
    pub reserved: u32,
    /// Refusals, indexed by [`Refusal::index`].
    pub refused: [u64; MAX_REASONS],
}
assert_layout!(HostRefusalsReply, size 200, reason_count @ 0, refused @ 8);

/// Output of [`IOCTL_BLOCK_STATS`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BlockStatsReply {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed.
    pub writes: u64,
    /// Publishes that were committed.
    pub publishes: u64,
    /// Reads and writes of the VF that were refused.
    pub refused: u64,
    /// Stream messages that were dropped for newer ones.
    pub dropped: u64,
    /// Stream messages not yet drained.
    pub queued: u64,
    /// The block's revision; see [`ReadReply::revision`].
    pub revision: u64,
}
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

/// Output of [`IOCTL_READ`], followed by the block's bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReadReply {
    /// The block's revision: how often it was committed (by a write or a publish) or reset since
    /// the device started. A reset of the VF counts for each of its blocks, also for one that keeps
    /// its value.
    pub revision: u64,
}
assert_layout!(ReadReply, size 8, revision @ 0);

/// One message of a stream, in the output of [`IOCTL_DRAIN`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Message {
    /// Bytes of `data` that the VF sent.
    pub length: u32,
    /// The message, followed by zeros.
    pub data: [u8; MAX_BLOCK_LENGTH],
}
assert_layout!(Message, size 132, length @ 0, data @ 4);

/// One entry of a VF's journal, in the output of [`IOCTL_JOURNAL`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct JournalEntry {
    /// The number of the entry's last event. The events of a VF are numbered from 1 without gaps,
    /// and the entry holds those from `sequence - repeated` to `sequence`: events missing between
    /// two entries were overwritten.
    pub sequence: u64,
    /// Time since the system started, in units of 100 ns, without the time it slept.
    pub time: u64,
    /// The block's ID as the caller gave it.
    pub block: u32,
    /// Length in bytes as the caller gave it; for [`Operation::SetPower`] a [`PowerState`].
    pub length: u32,
    /// The NTSTATUS of the outcome.
    pub status: i32,
    /// How often the event repeated, without another event in between.
    pub repeated: u32,
    /// The operation, an [`Operation`].
    pub operation: u8,
    /// 1 plus the offset in the block of what broke a rule of the manifest, if the fault is at one
    /// place of the block; otherwise 0. Of repeated events it is that of the first.
    pub fault: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// The NTSTATUS with which the companion driver declined the operation, if `status` is that of
    /// [`Refusal::Declined`]; otherwise zero.
    pub companion_status: i32,
}
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
    fault @ 33,
    companion_status @ 36,
);

/// Output of [`IOCTL_CLOCK`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ClockReply {
    /// The present time, as in [`JournalEntry::time`]. It advances in steps of the system's clock
    /// interrupt, up to 15.6 ms.
    pub time: u64,
}
assert_layout!(ClockReply, size 8, time @ 0);

/// Output of [`IOCTL_LOCATION`]: what the PCI bus driver's `GetLocation` of
/// `PCI_VIRTUALIZATION_INTERFACE` (`wdm.h`) says. It may change when the bus is configured anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LocationReply {
    /// The PCI segment.
    pub segment: u16,
    /// The bus.
    pub bus: u8,
    /// The function number in 8 bits, as alternative routing IDs have it (PCI Express Base
    /// Specification, section 6.13): the device in the upper 5, the function in the lower 3.
    pub function: u8,
}
assert_layout!(LocationReply, size 4, segment @ 0, bus @ 2, function @ 3);

impl LocationReply {
    /// The answer where no location is known: while the PF is not in D0, and of a simulated device.
    pub const NONE: Self = Self {
        segment: u16::MAX,
        bus: u8::MAX,
        function: u8::MAX,
    };
}
