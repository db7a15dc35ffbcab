//! Replies about the driver and its VFs that change nothing: identity, blocks, counters, journal.

use block_broker::{Entry, JOURNAL_LENGTH, block_info, padded_name};
use pf_broker_abi as abi;
use pf_state::status::{self, NtStatus};

use crate::{
    os::request::{Output, require_zero},
    pci::Location,
    pf::{Pf, status_of},
    vfs::VfSet,
};

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
        name: padded_name(device.name),
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

/// The bytes from an offset on, as many as fit.
pub(super) fn table(
    vfs: &VfSet,
    request: abi::TableRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    let bytes = vfs.broker.table().as_bytes();
    let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
    let rest = bytes.get(offset..).unwrap_or_default();
    let part = rest.get(..output.room()).unwrap_or(rest);
    if output.push(part) {
        Ok(())
    } else {
        Err(status::BUFFER_TOO_SMALL)
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

/// Where a VF is.
pub(super) fn location(
    pf: &Pf,
    vfs: &VfSet,
    request: abi::VfRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    vfs.broker.status(request.vf).map_err(status_of)?;
    let hardware = pf.powered().ok();
    let Location {
        segment,
        bus,
        function,
    } = hardware
        .and_then(|hardware| hardware.location(request.vf))
        .unwrap_or(Location::NONE);
    output.push_structure(&abi::LocationReply {
        segment,
        bus,
        function,
    })
}

/// The counters of a VF.
pub(crate) fn of_vf(vfs: &VfSet, vf: u16) -> Result<abi::StatsReply, NtStatus> {
    vfs.broker.stats_reply(vf).map_err(status_of)
}

pub(super) fn block_stats(
    vfs: &VfSet,
    request: abi::BlockRequest,
    output: &mut Output<'_>,
) -> Result<(), NtStatus> {
    require_zero(request.reserved)?;
    let reply = vfs
        .broker
        .block_stats_reply(request.vf, request.block)
        .map_err(status_of)?;
    output.push_structure(&reply)
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
    let mut entries = [Entry::UNUSED; JOURNAL_LENGTH];
    let excerpt = vfs
        .broker
        .journal(request.vf, request.after, &mut entries)
        .map_err(status_of)?;
    for entry in entries.iter().take(excerpt.entries) {
        if output.room() < size_of::<abi::JournalEntry>() {
            break;
        }
        output.push_structure(&entry.reply())?;
    }
    Ok(())
}
