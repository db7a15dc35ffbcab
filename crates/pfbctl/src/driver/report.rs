//! Formats the driver's replies.

use std::fmt;
use std::io::Write;

use pf_broker_abi as abi;
use pf_broker_abi::{Operation, Refusal};
use pf_broker_client::name_text;

use crate::failure::Failure;
use crate::printable::printable;
use crate::style::{BAD, FAINT, HEADING, counted, table};

/// The devices, numbered as `--device` takes them, each with its reply or its error.
pub(super) fn devices(
    out: &mut dyn Write,
    devices: &[(String, Result<abi::QueryReply, Failure>)],
) -> Result<(), Failure> {
    if devices.is_empty() {
        writeln!(out, "no pf_broker device is present")?;
        return Ok(());
    }
    let mut rows = table([
        "", "device", "PF", "VFs", "blocks", "table", "stack", "driver",
    ]);
    for (number, (_, reply)) in devices.iter().enumerate() {
        let Ok(query) = reply else {
            rows.add_row([number.to_string(), "no answer".to_owned()]);
            continue;
        };
        let [major, minor, patch] = query.driver_version;
        let source = match query.table_source {
            source if source == abi::TableSource::Embedded.code() => "embedded",
            source if source == abi::TableSource::Registry.code() => "registry",
            _ => "of unknown source",
        };
        rows.add_row([
            number.to_string(),
            name(&query.name),
            format!("{:04x}:{:04x}", query.vendor_id, query.device_id),
            query.num_vfs.to_string(),
            query.block_count.to_string(),
            format!("{:08x} {source}", query.table_crc),
            if query.attached == 0 {
                "detached"
            } else {
                "attached"
            }
            .to_owned(),
            format!("{major}.{minor}.{patch}"),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    for (number, (path, reply)) in devices.iter().enumerate() {
        writeln!(out, "{FAINT}{number}: {}{FAINT:#}", printable(path))?;
        if let Err(failure) = reply {
            writeln!(out, "   {BAD}error{BAD:#}: {}", failure.with_causes())?;
        }
    }
    Ok(())
}

/// A name from a driver's table, which may contain any characters.
fn name(name: &[u8; abi::NAME_LENGTH]) -> String {
    printable(&name_text(name)).into_owned()
}

/// One row for each VF. The VF with the most refusals stands out.
pub(super) fn every_vf(out: &mut dyn Write, vfs: &[(u16, abi::StatsReply)]) -> Result<(), Failure> {
    let most = vfs
        .iter()
        .map(|(_, stats)| refused(&stats.refused))
        .max()
        .unwrap_or(0);
    let mut rows = table([
        "VF",
        "state",
        "reads",
        "writes",
        "publishes",
        "withdrawn",
        "refused",
        "mostly",
        "dropped",
        "floods",
        "resets",
    ]);
    for (vf, stats) in vfs {
        rows.add_row([
            vf.to_string(),
            state(stats),
            stats.reads.to_string(),
            stats.writes.to_string(),
            stats.publishes.to_string(),
            stats.withdrawn.to_string(),
            refused(&stats.refused).to_string(),
            most_often(stats),
            stats.dropped.to_string(),
            stats.floods.to_string(),
            stats.resets.to_string(),
        ]);
    }
    // This many columns fit into a report with less space between them.
    for column in rows.column_iter_mut() {
        column.set_padding((1, 0));
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    for (vf, stats) in vfs
        .iter()
        .filter(|(_, stats)| most > 0 && refused(&stats.refused) == most)
    {
        writeln!(
            out,
            "{BAD}VF {vf} was refused {most} times, most often for `{}`{BAD:#}: \
             `pfbctl stats --vf {vf}` and `pfbctl journal {vf}` say more",
            most_often(stats),
        )?;
    }
    Ok(())
}

/// A VF in detail.
pub(super) fn one_vf(
    out: &mut dyn Write,
    vf: u16,
    stats: &abi::StatsReply,
    blocks: &[(&abi::BlockInfo, abi::BlockStatsReply)],
) -> Result<(), Failure> {
    writeln!(
        out,
        "{HEADING}VF {vf}{HEADING:#}: {}, {} resets, {} floods, {} requests withdrawn, \
         latched invalidations {:#x}",
        state(stats),
        stats.resets,
        stats.floods,
        stats.withdrawn,
        stats.pending
    )?;
    let mut rows = table([
        "ID",
        "block",
        "reads",
        "writes",
        "publishes",
        "refused",
        "waiting",
        "dropped",
        "revision",
    ]);
    for (block, counters) in blocks {
        rows.add_row([
            block.id.to_string(),
            name(&block.name),
            counters.reads.to_string(),
            counters.writes.to_string(),
            counters.publishes.to_string(),
            counters.refused.to_string(),
            counters.queued.to_string(),
            counters.dropped.to_string(),
            counters.revision.to_string(),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    if refused(&stats.refused) == 0 {
        writeln!(out, "nothing was refused")?;
        return Ok(());
    }
    by_reason(out, &stats.refused)
}

/// The refusals of host software and of the virtualization stack; nothing if there are none.
pub(super) fn host_refusals(
    out: &mut dyn Write,
    refusals: &abi::HostRefusalsReply,
) -> Result<(), Failure> {
    let all = refused(&refusals.refused);
    if all == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "{HEADING}Host{HEADING:#}: {} of host software or the virtualization stack refused, \
         charged to no VF",
        counted(usize::try_from(all).unwrap_or(usize::MAX), "operation")
    )?;
    by_reason(out, &refusals.refused)
}

/// One row for each reason with refusals.
fn by_reason(out: &mut dyn Write, refused: &[u64; abi::MAX_REASONS]) -> Result<(), Failure> {
    let mut rows = table(["refused", "reason", "status", "what was wrong"]);
    for (code, count) in (0..).zip(refused).filter(|&(_, count)| *count > 0) {
        let (status, sentence) = Refusal::from_code(code).map_or_else(
            || (String::new(), "The driver is newer than this tool."),
            |refusal| (format!("0x{:08X}", refusal.status()), refusal.sentence()),
        );
        rows.add_row([count.to_string(), reason(code), status, sentence.to_owned()]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    Ok(())
}

/// Bytes, 16 in a row, with their offset and their printable characters.
pub(super) fn bytes(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Failure> {
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let digits: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = chunk
            .iter()
            .map(|&byte| {
                if (b' '..=b'~').contains(&byte) {
                    char::from(byte)
                } else {
                    '.'
                }
            })
            .collect();
        let offset = row * 16;
        writeln!(
            out,
            "{FAINT}{offset:02x}{FAINT:#}  {:<47}  {FAINT}{text}{FAINT:#}",
            digits.join(" ")
        )?;
    }
    Ok(())
}

/// One journal entry.
pub(super) fn journal_line(
    out: &mut dyn Write,
    vf: u16,
    entry: &abi::JournalEntry,
) -> Result<(), Failure> {
    write!(out, "{FAINT}{:>14}{FAINT:#}  ", Seconds(entry.time))?;
    outcome(out, vf, entry)?;
    match entry.repeated {
        0 => writeln!(out)?,
        more => writeln!(out, "  {FAINT}and {more} times more{FAINT:#}")?,
    }
    Ok(())
}

/// Further repetitions of a journal entry, whose times are not recorded.
pub(super) fn more_of(
    out: &mut dyn Write,
    vf: u16,
    entry: &abi::JournalEntry,
    more: u64,
) -> Result<(), Failure> {
    write!(out, "{:>14}  ", "")?;
    outcome(out, vf, entry)?;
    let times = if more == 1 { "time" } else { "times" };
    writeln!(out, "  {FAINT}{more} more {times}{FAINT:#}")?;
    Ok(())
}

/// The operation and its result.
fn outcome(out: &mut dyn Write, vf: u16, entry: &abi::JournalEntry) -> Result<(), Failure> {
    let (name, about_a_block) = operation(entry.operation);
    write!(out, "VF {vf:<4} {name:<12}")?;
    if about_a_block {
        write!(out, " block {:<4} {:>3} bytes", entry.block, entry.length)?;
    }
    let status = entry.status.cast_unsigned();
    match Refusal::from_status(status) {
        Some(Refusal::Declined) => write!(
            out,
            "  {BAD}refused: {} with 0x{:08X}{BAD:#}",
            Refusal::Declined.reason(),
            entry.companion_status
        )?,
        Some(refusal) => write!(out, "  {BAD}refused: {}{BAD:#}", refusal.reason())?,
        None if status == 0 => {}
        None => write!(out, "  {BAD}0x{status:08X}{BAD:#}")?,
    }
    Ok(())
}

/// A line between the entries.
pub(super) fn note(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    writeln!(out, "{FAINT}{text}{FAINT:#}")?;
    Ok(())
}

/// A time in units of 100 ns as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!(
            "{}.{:07}",
            self.0 / 10_000_000,
            self.0 % 10_000_000
        ))
    }
}

/// The power state, and whether the VF is held back.
fn state(stats: &abi::StatsReply) -> String {
    let held = if stats.open == 0 { ", held back" } else { "" };
    format!("D{}{held}", stats.power)
}

fn refused(counts: &[u64; abi::MAX_REASONS]) -> u64 {
    counts
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// The most frequent reason of a VF's refusals, or nothing.
fn most_often(stats: &abi::StatsReply) -> String {
    (0..)
        .zip(stats.refused)
        .filter(|&(_, count)| count > 0)
        .max_by_key(|&(_, count)| count)
        .map_or_else(String::new, |(code, _)| reason(code))
}

/// The word for a refusal code; a newer driver may have codes that this tool does not know.
fn reason(code: u8) -> String {
    Refusal::from_code(code).map_or_else(
        || format!("code {code}"),
        |refusal| refusal.reason().to_owned(),
    )
}

/// Every operation of the journal, and whether it concerns a block.
const OPERATIONS: [(Operation, &str, bool); Operation::ALL.len()] = [
    (Operation::Read, "read", true),
    (Operation::Write, "write", true),
    (Operation::Publish, "publish", true),
    (Operation::Invalidate, "invalidate", false),
    (Operation::Drain, "drain", true),
    (Operation::Reset, "reset", false),
    (Operation::SetPower, "power", false),
    (Operation::HostRead, "host read", true),
    (Operation::TakeInvalidation, "notified", false),
    (Operation::BeginReset, "hold back", false),
    (Operation::FailReset, "reset failed", false),
    (Operation::Remove, "removed", false),
    (Operation::Withdraw, "withdraw", true),
];

/// The name of a journal operation, and whether it concerns a block.
pub(super) fn operation(number: u8) -> (&'static str, bool) {
    OPERATIONS
        .iter()
        .find(|(operation, ..)| operation.code() == number)
        .map_or(("unknown", true), |&(_, name, about_a_block)| {
            (name, about_a_block)
        })
}
