//! Prints the driver's replies as text.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use chrono::{Local, NaiveDate};
use comfy_table::{ColumnConstraint, Table};

use super::names::Names;
use super::reply::{Answer, Devices, Event, Present, Refused, Stats, VfInDetail, VfStats};
use crate::failure::Failure;
use crate::printable::{printable, printable_lines};
use crate::style::{BAD, FAINT, HEADING, counted, dense, table};

/// The column of a device's name, which wraps if it has to.
const NAME_OF_DEVICE: usize = 1;

/// The devices, numbered as `--device` takes them, each with its reply or its error.
pub(super) fn devices(out: &mut dyn Write, all: &Devices) -> Result<(), Failure> {
    if all.devices.is_empty() {
        writeln!(out, "no pf_broker device is present")?;
        return Ok(());
    }
    let mut rows = table([
        "", "device", "PF", "VFs", "blocks", "table", "stack", "driver",
    ]);
    for listed in &all.devices {
        let Answer::Present(device) = &listed.answer else {
            rows.add_row([listed.number.to_string(), "no answer".to_owned()]);
            continue;
        };
        rows.add_row([
            listed.number.to_string(),
            printable(&device.name).into_owned(),
            format!("{:04x}:{:04x}", device.vendor_id.0, device.device_id.0),
            device.vfs.to_string(),
            device.blocks.to_string(),
            format!("{:08x} {}", device.table_crc.0, device.table_source),
            if device.attached {
                "attached"
            } else {
                "detached"
            }
            .to_owned(),
            device.driver_version.clone(),
        ]);
    }
    dense(&mut rows, NAME_OF_DEVICE);
    writeln!(out, "{}", rows.trim_fmt())?;
    for listed in &all.devices {
        let (number, path) = (listed.number, printable(&listed.path));
        let at = match &listed.answer {
            Answer::Present(Present {
                first_vf_location: Some(first),
                last_vf_location: Some(last),
                ..
            }) => format!("\n   VFs at {first} to {last}"),
            _ => String::new(),
        };
        writeln!(out, "{FAINT}{number}: {path}{at}{FAINT:#}")?;
        if let Answer::Error { error } = &listed.answer {
            writeln!(out, "   {BAD}error{BAD:#}: {}", printable_lines(error))?;
        }
    }
    Ok(())
}

/// One row for each VF. The VF with the most refusals stands out.
pub(super) fn every_vf(out: &mut dyn Write, stats: &Stats) -> Result<(), Failure> {
    writeln!(out, "{}", table_of_vfs(&stats.vfs).trim_fmt())?;
    let most = stats.vfs.iter().map(|vf| vf.refused).max().unwrap_or(0);
    for vf in stats.vfs.iter().filter(|vf| most > 0 && vf.refused == most) {
        let (index, mostly) = (vf.vf, vf.mostly());
        writeln!(
            out,
            "{BAD}VF {index} was refused {most} times, most often for `{mostly}`{BAD:#}:\n\
             `pfbctl stats --vf {index}` and `pfbctl journal {index}` say more",
        )?;
    }
    let refused = Refused::total(&stats.host_refusals);
    if refused == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "{HEADING}Host{HEADING:#}: {} of host software or the virtualization stack refused,\n\
         charged to no VF",
        counted(usize::try_from(refused).unwrap_or(usize::MAX), "operation")
    )?;
    by_reason(out, &stats.host_refusals)
}

/// The column of a VF's state.
const STATE: usize = 1;

/// What most VFs have in columns, and what few have in words, so that a row fits into 80 columns.
pub(super) fn table_of_vfs(vfs: &[VfStats]) -> Table {
    let mut rows = table([
        "VF",
        "state",
        "reads",
        "writes",
        "publishes",
        "refused",
        "mostly",
        "also",
    ]);
    for vf in vfs {
        rows.add_row([
            vf.vf.to_string(),
            state(vf),
            vf.reads.to_string(),
            vf.writes.to_string(),
            vf.publishes.to_string(),
            vf.refused.to_string(),
            vf.mostly().to_owned(),
            seldom(vf),
        ]);
    }
    // Words wrap, numbers do not.
    let last = rows.column_count().saturating_sub(1);
    for (index, column) in rows.column_iter_mut().enumerate() {
        column.set_padding((1, 0));
        if index != STATE && index != last {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    rows
}

/// Counters that are zero for most VFs, if they are not.
fn seldom(vf: &VfStats) -> String {
    let counters = [
        (vf.withdrawn, "withdrawn"),
        (vf.dropped, "dropped"),
        (vf.floods, "floods"),
        (vf.resets, "resets"),
    ];
    let seen: Vec<String> = counters
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    seen.join(", ")
}

/// A VF in detail.
pub(super) fn one_vf(out: &mut dyn Write, detail: &VfInDetail) -> Result<(), Failure> {
    let vf = &detail.stats;
    let pending: Vec<String> = vf
        .pending_invalidations
        .iter()
        .map(u32::to_string)
        .collect();
    let pending = match &*pending {
        [] => "none".to_owned(),
        blocks => format!("of blocks {}", blocks.join(", ")),
    };
    let at = vf.location.as_ref();
    let at = at.map_or_else(String::new, |location| format!("at {location}, "));
    writeln!(
        out,
        "{HEADING}VF {}{HEADING:#}: {at}{}, {} resets, {} floods, {} requests withdrawn\n\
         invalidations not delivered: {pending}",
        vf.vf,
        state(vf),
        vf.resets,
        vf.floods,
        vf.withdrawn,
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
    for block in &detail.blocks {
        rows.add_row([
            block.id.to_string(),
            printable(&block.name).into_owned(),
            block.reads.to_string(),
            block.writes.to_string(),
            block.publishes.to_string(),
            block.refused.to_string(),
            block.waiting.to_string(),
            block.dropped.to_string(),
            block.revision.to_string(),
        ]);
    }
    dense(&mut rows, 0);
    writeln!(out, "{}", rows.trim_fmt())?;
    if vf.refused == 0 {
        writeln!(out, "nothing was refused")?;
        return Ok(());
    }
    by_reason(out, &vf.refusals)
}

/// One row for each reason with refusals.
fn by_reason(out: &mut dyn Write, refusals: &[Refused]) -> Result<(), Failure> {
    let mut rows = table(["refused", "reason", "status", "what was wrong"]);
    for refused in refusals {
        let status = refused.status.map(|status| format!("0x{:08X}", status.0));
        rows.add_row([
            refused.count.to_string(),
            refused.reason.clone(),
            status.unwrap_or_default(),
            refused.sentence.to_owned(),
        ]);
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

/// The local date of the last event that was printed.
#[derive(Debug, Default)]
pub(super) struct Date(Option<NaiveDate>);

impl Date {
    /// Prints the date of an event if it is another one than that of the event before.
    pub(super) fn note(&mut self, out: &mut dyn Write, event: &Event) -> Result<(), Failure> {
        let date = event
            .time
            .map(|time| time.0.with_timezone(&Local).date_naive());
        if let Some(date) = date.filter(|date| self.0 != Some(*date)) {
            self.0 = Some(date);
            note(out, &date.to_string())?;
        }
        Ok(())
    }
}

/// One journal entry, with its local time, or without that the time of the driver's clock.
pub(super) fn journal_line(
    out: &mut dyn Write,
    vf: u16,
    event: &Event,
    names: &Names,
) -> Result<(), Failure> {
    match event.time {
        Some(time) => {
            let time = time.0.with_timezone(&Local).format("%H:%M:%S%.3f");
            write!(out, "{FAINT}{time}{FAINT:#}  ")?;
        }
        None => write!(out, "{FAINT}{:>14}{FAINT:#}  ", Seconds(event.time_100ns))?,
    }
    outcome(out, vf, event, names)?;
    writeln!(out, "{FAINT}{}{FAINT:#}", times(event))?;
    Ok(())
}

/// The block of an event, by its ID if it has no name; empty for an event without a block.
pub(super) fn block_of(event: &Event) -> Cow<'_, str> {
    match (&event.block_name, event.block) {
        (Some(name), _) => printable(name),
        (None, Some(block)) => format!("block {block}").into(),
        (None, None) => Cow::default(),
    }
}

/// How often an event occurred, unless it was once.
pub(super) fn times(event: &Event) -> String {
    match event.repeated {
        0 => String::new(),
        more => format!("  ×{}", u64::from(more) + 1),
    }
}

/// Further repetitions of a journal entry, whose times are not recorded.
pub(super) fn more_of(
    out: &mut dyn Write,
    vf: u16,
    event: &Event,
    more: u64,
    names: &Names,
) -> Result<(), Failure> {
    let width = if event.time.is_some() { 12 } else { 14 };
    write!(out, "{:>width$}  ", "")?;
    outcome(out, vf, event, names)?;
    writeln!(out, "  {FAINT}{more} more{FAINT:#}")?;
    Ok(())
}

/// The operation and its result, in at most 80 columns with their time if names are short.
fn outcome(out: &mut dyn Write, vf: u16, event: &Event, names: &Names) -> Result<(), Failure> {
    write!(out, "VF {vf:<3} {:<12}", event.operation)?;
    if let Some(length) = event.length {
        let name = block_of(event);
        let width = names.width().max(UNNAMED);
        write!(out, " {name:<width$} {length:>3} bytes")?;
    }
    if let Some(power) = &event.power {
        write!(out, " {power}")?;
    }
    match (event.reason, event.companion_status) {
        (Some(reason), Some(status)) => write!(
            out,
            "  {BAD}refused: {reason} with 0x{:08X}{BAD:#}",
            status.0
        )?,
        (Some(reason), None) => {
            write!(out, "  {BAD}refused: {reason}{BAD:#}")?;
            match (event.fault_field.as_deref(), event.fault_offset) {
                // Most checksums have the name of their reason.
                (Some(field), _) if field == reason => {}
                (Some(field), _) => write!(out, " in {}", printable(field))?,
                (None, Some(offset)) => write!(out, " at byte {offset}")?,
                (None, None) => {}
            }
        }
        (None, _) if event.status.0 == 0 => {}
        (None, _) => write!(out, "  {BAD}0x{:08X}{BAD:#}", event.status.0)?,
    }
    Ok(())
}

/// The columns of a block without a name, such as `block 99`.
const UNNAMED: usize = 8;

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

/// The power state, and why the VF is not served, if so.
fn state(vf: &VfStats) -> String {
    let why = match (vf.served, vf.unacknowledged) {
        (true, _) => "",
        (false, false) => ", held back",
        (false, true) => ", waits for acknowledgement",
    };
    format!("{}{why}", vf.power)
}
