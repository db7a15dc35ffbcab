//! Replies about the driver and its VFs that change nothing: identity, blocks, counters, journal.

use block_broker::{BlockStatus, Entry, Event, JOURNAL_LENGTH, Ticks};
use block_table::{Access, Block, Companion, Kind, ShortRead, WhenFull};
use pf_broker_abi as abi;
use pf_broker_abi::{Operation, Refusal};
use pf_state::status::{self, NtStatus};

use crate::{
    os::request::{Output, require_zero},
    pf::{Pf, status_of},
    vfs::VfSet,
};

/// A name in the fixed room that the interface has for it; names are shorter by construction.
fn padded(name: &str) -> [u8; abi::NAME_LENGTH] {
    let mut padded = [0; abi::NAME_LENGTH];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    padded
}

/// A component of the package's version.
const fn version(digits: &str) -> u16 {
    let digits = digits.as_bytes();
    let mut value = 0_u16;
    let mut at = 0;
    while at < digits.len() {
        value = value * 10 + (digits[at] - b'0') as u16;
        at += 1;
    }
    value
}

const DRIVER_VERSION: [u16; 3] = [
    version(env!("CARGO_PKG_VERSION_MAJOR")),
    version(env!("CARGO_PKG_VERSION_MINOR")),
    version(env!("CARGO_PKG_VERSION_PATCH")),
];

pub(super) fn query(pf: &Pf, vfs: &VfSet) -> abi::QueryReply {
    let table = vfs.broker.table();
    let device = table.device();
    let attached = pf.rebalance.lock().is_attached();
    abi::QueryReply {
        abi_version: abi::ABI_VERSION,
        table_crc: table.crc(),
        driver_version: DRIVER_VERSION,
        num_vfs: vfs.num_vfs,
        vendor_id: vfs.identity.vendor_id,
        device_id: vfs.identity.device_id,
        // A table has 1024 blocks at most.
        block_count: u16::try_from(table.block_count()).unwrap_or(u16::MAX),
        table_source: vfs.table_source.code(),
        attached: u8::from(attached),
        name: padded(device.name),
    }
}

pub(super) fn blocks(
    vfs: &VfSet,
    request: abi::BlocksRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    let first = usize::try_from(request.first).unwrap_or(usize::MAX);
    for (index, block) in vfs.broker.table().blocks().skip(first).enumerate() {
        if output.room() < size_of::<abi::BlockInfo>() && index != 0 {
            break;
        }
        output.push_structure(&block_info(&block))?;
    }
    Ok(())
}

fn block_info(block: &Block<'_>) -> abi::BlockInfo {
    // Lengths are at most 128 and depths at most 4096.
    let small = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    abi::BlockInfo {
        id: block.id(),
        kind: match block.kind() {
            Kind::Register => abi::BlockKind::Register,
            Kind::Stream => abi::BlockKind::Stream,
        }
        .code(),
        vf_access: match block.vf_access() {
            Access::ReadOnly => abi::VfAccess::ReadOnly,
            Access::WriteOnly => abi::VfAccess::WriteOnly,
            Access::ReadWrite => abi::VfAccess::ReadWrite,
        }
        .code(),
        notify: u8::from(block.notify()),
        prefix_reads: u8::from(matches!(block.short_read(), ShortRead::Prefix)),
        min_length: small(block.min_length()),
        max_length: small(block.max_length()),
        depth: small(block.depth()),
        drop_oldest: u8::from(matches!(block.when_full(), WhenFull::DropOldest)),
        companion: match block.companion() {
            Companion::None => abi::Companion::None,
            Companion::Write => abi::Companion::Write,
            Companion::Read => abi::Companion::Read,
            Companion::ReadWrite => abi::Companion::ReadWrite,
        }
        .code(),
        name: padded(block.name()),
    }
}

pub(super) fn stats(
    vfs: &VfSet,
    request: abi::VfRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    output.push_structure(&of_vf(vfs, request.vf)?)
}

/// The counters of a VF.
pub(crate) fn of_vf(vfs: &VfSet, vf: u16) -> Result<abi::StatsReply, NtStatus> {
    let vf = vfs.broker.status(vf).map_err(status_of)?;
    let (reason_count, refused) = by_reason(|reason| vf.counters.refused(reason));
    Ok(abi::StatsReply {
        reads: vf.counters.reads,
        writes: vf.counters.writes,
        publishes: vf.counters.publishes,
        withdrawn: vf.counters.withdrawn,
        dropped: vf.counters.dropped,
        resets: vf.counters.resets,
        floods: vf.counters.floods,
        pending: vf.pending,
        power: vf.power.code(),
        service: vf.service.code(),
        reserved: [0; 2],
        reason_count,
        refused,
    })
}

pub(super) fn host_refusals(vfs: &VfSet) -> abi::HostRefusalsReply {
    let (reason_count, refused) = by_reason(|reason| vfs.broker.host_refusals(reason));
    abi::HostRefusalsReply {
        reason_count,
        reserved: 0,
        refused,
    }
}

/// The number of refusal codes, and a count for each.
fn by_reason(count: impl Fn(Refusal) -> u64) -> (u32, [u64; abi::MAX_REASONS]) {
    let mut counts = [0; abi::MAX_REASONS];
    for reason in Refusal::ALL {
        if let Some(place) = counts.get_mut(reason.index()) {
            *place = count(reason);
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most MAX_REASONS")]
    let reason_count = Refusal::ALL.len() as u32;
    (reason_count, counts)
}

pub(super) fn block_stats(
    vfs: &VfSet,
    request: abi::BlockRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let BlockStatus {
        counters,
        queued,
        revision,
    } = vfs
        .broker
        .block_status(request.vf, request.block)
        .map_err(status_of)?;
    output.push_structure(&abi::BlockStatsReply {
        reads: counters.reads,
        writes: counters.writes,
        publishes: counters.publishes,
        refused: counters.refused,
        dropped: counters.dropped,
        queued: u64::from(queued),
        revision,
    })
}

pub(super) fn journal(
    vfs: &VfSet,
    request: abi::JournalRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    if output.room() < size_of::<abi::JournalEntry>() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let nothing = Entry {
        number: 0,
        at: Ticks(0),
        repeated: 0,
        event: Event {
            operation: Operation::Read,
            block: 0,
            length: 0,
            refusal: None,
            companion_status: 0,
        },
    };
    let mut entries = [nothing; JOURNAL_LENGTH];
    let excerpt = vfs
        .broker
        .journal(request.vf, request.after, &mut entries)
        .map_err(status_of)?;
    for entry in entries.iter().take(excerpt.entries) {
        if output.room() < size_of::<abi::JournalEntry>() {
            break;
        }
        output.push_structure(&abi::JournalEntry {
            sequence: entry.number,
            time: entry.at.0,
            block: entry.event.block,
            length: entry.event.length,
            status: entry.event.refusal.map_or(status::SUCCESS, status_of),
            repeated: entry.repeated,
            operation: entry.event.operation.code(),
            reserved: [0; 3],
            companion_status: entry.event.companion_status.cast_signed(),
        })?;
    }
    Ok(())
}
