//! The commands that call a running driver, over its management interface.

mod allowed;
mod clock;
mod connection;
mod filter;
mod metrics;
mod names;
mod play;
mod publishing;
mod reply;
mod report;
mod top;
mod watch;

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pf_broker_client::{Control, Device, Vfs};

use crate::cli;
use crate::codec;
use crate::failure::Failure;
use crate::json::{self, Bytes};
use allowed::{Request, Transfer, explain};
use clock::Clock;
use connection::{Access, open, selected};
use filter::Filter;
pub(crate) use metrics::metrics;
use names::Names;
pub(crate) use play::play;
use publishing::{Base, Content};
use reply::{BlockStats, Devices, Drained, Event, Journal, Message, Refused, Stats, Value};
use reply::{Location, Queried, VfInDetail, VfStats};
use report::Date;
pub(crate) use top::top;
use watch::{JOURNAL_ENTRIES, Printer, View};

/// `pfbctl list`.
pub(crate) fn list(arguments: &cli::List, out: &mut dyn Write) -> Result<(), Failure> {
    list_devices(
        selected(&arguments.selection)?,
        arguments.form.json,
        out,
        |path| queried(&connection::open_path(path, Access::Look)?),
    )
}

/// What `pfbctl list` shows of a device.
fn queried<C: Control>(device: &Device<C>) -> Result<Queried, Failure> {
    let query = device.query()?;
    let last = query.num_vfs.saturating_sub(1);
    let ends = [Location::of(device, 0)?, Location::of(device, last)?];
    Ok(Queried { query, ends })
}

/// Prints every device. One that does not answer does not keep the others from being printed.
fn list_devices(
    paths: Vec<String>,
    json: bool,
    out: &mut dyn Write,
    query: impl Fn(&str) -> Result<Queried, Failure>,
) -> Result<(), Failure> {
    let rows: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let reply = query(&path);
            (path, reply)
        })
        .collect();
    let devices = Devices::new(&rows);
    if json {
        json::document(out, &devices)?;
    } else {
        report::devices(out, &devices)?;
    }
    let failures = rows.iter().filter_map(|(_, reply)| reply.as_ref().err());
    let codes: Vec<u8> = failures.map(Failure::exit_code).collect();
    match codes.iter().max() {
        None => Ok(()),
        Some(&exit_code) => Err(Failure::Unanswered {
            devices: codes.len(),
            of: rows.len(),
            exit_code,
        }),
    }
}

/// `pfbctl stats`.
pub(crate) fn stats(arguments: &cli::Stats, out: &mut dyn Write) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Look)?;
    let json = arguments.form.json;
    match arguments.vf {
        Some(vf) => one_vf(&device, vf, json, out),
        None => every_vf(&device, json, out),
    }
}

fn every_vf<C: Control>(
    device: &Device<C>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let vfs = 0..device.query()?.num_vfs;
    let vfs = vfs.map(|vf| {
        let stats = VfStats::new(vf, &device.stats(vf)?);
        Ok(stats.at(Location::of(device, vf)?))
    });
    let stats = Stats {
        vfs: vfs.collect::<Result<_, pf_broker_client::Error>>()?,
        host_refusals: Refused::list(&device.host_refusals()?.refused),
    };
    if json {
        json::document(out, &stats)
    } else {
        report::every_vf(out, &stats)
    }
}

fn one_vf<C: Control>(
    device: &Device<C>,
    vf: u16,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let stats = device
        .stats(vf)
        .map_err(|error| explain(device, about(vf), error))?;
    let blocks = device.blocks()?;
    let blocks = blocks
        .iter()
        .map(|block| Ok(BlockStats::new(block, &device.block_stats(vf, block.id)?)));
    let detail = VfInDetail {
        stats: VfStats::new(vf, &stats).at(Location::of(device, vf)?),
        blocks: blocks.collect::<Result<_, pf_broker_client::Error>>()?,
    };
    if json {
        json::document(out, &detail)
    } else {
        report::one_vf(out, &detail)
    }
}

/// A request about a VF and none of its blocks.
fn about(vf: u16) -> Request {
    Request {
        vf: Some(vf),
        ..Request::default()
    }
}

/// A request about a block of a VF.
fn about_block(vf: u16, block: u32, transfer: Transfer) -> Request {
    Request {
        vf: Some(vf),
        block: Some(block),
        transfer,
    }
}

/// The VF that a request names.
fn one(vfs: Vfs) -> Option<u16> {
    match vfs {
        Vfs::One(vf) => Some(vf),
        Vfs::All => None,
    }
}

/// `pfbctl read`.
pub(crate) fn read(arguments: &cli::Read, out: &mut dyn Write) -> Result<(), Failure> {
    read_block(&open(&arguments.selection, Access::Look)?, arguments, out)
}

fn read_block<C: Control>(
    device: &Device<C>,
    arguments: &cli::Read,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = Names::of(device, arguments.contents.names.manifest.as_deref())?;
    let (vf, length) = (arguments.vf, arguments.length as usize);
    let block = names.block(&arguments.block)?;
    let value = device.read(vf, block, length).map_err(|error| {
        explain(
            device,
            about_block(vf, block, Transfer::Read(length)),
            error,
        )
    })?;
    let value = Value {
        vf,
        block,
        block_name: names.name(block).map(str::to_owned),
        decoded: names
            .decode(block, &value.data)
            .filter(|_| !arguments.contents.raw),
        revision: value.revision,
        data: Bytes(value.data),
    };
    if arguments.contents.form.json {
        return json::document(out, &value);
    }
    match &value.decoded {
        Some(decoded) => codec::print(decoded, out)?,
        None => report::bytes(out, &value.data.0)?,
    }
    writeln!(out, "revision {}", value.revision)?;
    Ok(())
}

/// `pfbctl publish`.
pub(crate) fn publish(arguments: &cli::Publish) -> Result<(), Failure> {
    if arguments.vf == Vfs::All && arguments.expect.is_some() {
        return Err(Failure::Argument {
            argument: "--expect",
            problem: "takes one VF: every VF has revisions of its own".to_owned(),
        });
    }
    let content = Content::parse(&arguments.content)?;
    publish_block(
        &open(&arguments.selection, Access::Change)?,
        arguments,
        content,
    )
}

fn publish_block<C: Control>(
    device: &Device<C>,
    arguments: &cli::Publish,
    content: Content,
) -> Result<(), Failure> {
    let names = Names::of(device, arguments.names.manifest.as_deref())?;
    let block = names.block(&arguments.block)?;
    let (data, expect) = match content {
        Content::Bytes(data) => (data, arguments.expect),
        Content::Fields(fields) => {
            let base = Base::read(device, &names, arguments.vf, block)?;
            let data = base.with(&names, block, &fields)?;
            (data, arguments.expect.or(base.revision))
        }
    };
    let request = Request {
        vf: one(arguments.vf),
        block: Some(block),
        transfer: Transfer::Write(data.len()),
    };
    match (arguments.vf, expect) {
        (Vfs::One(vf), Some(revision)) => device.publish_expecting(vf, block, revision, &data),
        (vfs, _) => device.publish(vfs, block, &data),
    }
    .map_err(|error| explain(device, request, error))
}

/// `pfbctl invalidate`.
pub(crate) fn invalidate(arguments: &cli::Invalidate) -> Result<(), Failure> {
    invalidate_blocks(&open(&arguments.selection, Access::Change)?, arguments)
}

fn invalidate_blocks<C: Control>(
    device: &Device<C>,
    arguments: &cli::Invalidate,
) -> Result<(), Failure> {
    let names = Names::of(device, arguments.names.manifest.as_deref())?;
    let mut mask = 0_u64;
    for text in &arguments.blocks {
        let block = names.block(text)?;
        mask |= 1_u64.checked_shl(block).ok_or_else(|| Failure::Argument {
            argument: "BLOCK",
            problem: format!("block {block}: only blocks with an ID below 64 are invalidated"),
        })?;
    }
    let request = Request {
        vf: one(arguments.vf),
        ..Request::default()
    };
    device
        .invalidate(arguments.vf, mask)
        .map_err(|error| explain(device, request, error))
}

/// `pfbctl drain`. Each message is one line: its fields, or hexadecimal digits.
pub(crate) fn drain(arguments: &cli::Drain, out: &mut dyn Write) -> Result<(), Failure> {
    drain_block(&open(&arguments.selection, Access::Change)?, arguments, out)
}

fn drain_block<C: Control>(
    device: &Device<C>,
    arguments: &cli::Drain,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = Names::of(device, arguments.contents.names.manifest.as_deref())?;
    let (vf, block) = (arguments.vf, names.block(&arguments.block)?);
    let messages = device
        .drain(vf, block, usize::from(arguments.most))
        .map_err(|error| explain(device, about_block(vf, block, Transfer::Drain), error))?;
    let messages = messages.into_iter().map(|data| Message {
        decoded: names
            .decode(block, &data)
            .filter(|_| !arguments.contents.raw),
        data: Bytes(data),
    });
    let drained = Drained {
        vf,
        block,
        block_name: names.name(block).map(str::to_owned),
        messages: messages.collect(),
    };
    if arguments.contents.form.json {
        return json::document(out, &drained);
    }
    for message in &drained.messages {
        match &message.decoded {
            Some(decoded) => writeln!(out, "{}", codec::in_one_line(decoded))?,
            None => writeln!(out, "{}", hex::encode(&message.data.0))?,
        }
    }
    Ok(())
}

/// `pfbctl reset`.
pub(crate) fn reset(arguments: &cli::Reset) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Change)?;
    device
        .reset(arguments.vf)
        .map_err(|error| explain(&device, about(arguments.vf), error))
}

/// `pfbctl acknowledge`.
pub(crate) fn acknowledge(arguments: &cli::Acknowledge) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Change)?;
    acknowledge_at(&device, arguments.vf, arguments.reset)
}

/// Acknowledges a reset: the one that is given, otherwise the VF's last one.
fn acknowledge_at<C: Control>(
    device: &Device<C>,
    vf: u16,
    reset: Option<u64>,
) -> Result<(), Failure> {
    let last = || device.stats(vf).map(|stats| stats.resets);
    reset
        .map_or_else(last, Ok)
        .and_then(|reset| device.acknowledge(vf, reset))
        .map_err(|error| explain(device, about(vf), error))
}

/// `pfbctl journal`.
pub(crate) fn journal(arguments: &cli::Journal, out: &mut dyn Write) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Look)?;
    journal_of(&device, arguments, Utc::now, out)
}

fn journal_of<C: Control>(
    device: &Device<C>,
    arguments: &cli::Journal,
    now: fn() -> DateTime<Utc>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = Names::of(device, arguments.names.manifest.as_deref())?;
    let vf = arguments.vf;
    let entries = device
        .journal(vf, arguments.after, JOURNAL_ENTRIES)
        .map_err(|error| explain(device, about(vf), error))?;
    let clock = Clock::of(device, now)?;
    let filter = Filter::new(&arguments.filter, &names)?;
    let events = entries
        .iter()
        .map(|entry| Event::new(entry, &names, clock))
        .filter(|event| filter.passes(event));
    let journal = Journal {
        vf,
        events: events.collect(),
    };
    if arguments.form.json {
        return json::document(out, &journal);
    }
    let mut date = Date::default();
    for event in &journal.events {
        date.note(out, event)?;
        report::journal_line(out, vf, event, &names)?;
    }
    Ok(())
}

/// How long `pfbctl watch` waits before it searches again for a device that has gone.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// `pfbctl watch`: until the user ends it.
pub(crate) fn watch(arguments: &cli::Watch, out: &mut dyn Write) -> Result<(), Failure> {
    let open = || open(&arguments.selection, Access::Look);
    let again = || match open() {
        Ok(device) => Ok(Some(device)),
        Err(failure) if failure.is_absence() => Ok(None),
        Err(failure) => Err(failure),
    };
    let pause = || std::thread::sleep(RETRY_INTERVAL);
    let device = open()?;
    let mut printer = Printer {
        out,
        json: arguments.form.json,
        view: View::default(),
        date: Date::default(),
    };
    let view = |device: &_| {
        let names = Names::of(device, arguments.names.manifest.as_deref())?;
        let filter = Filter::new(&arguments.filter, &names)?;
        Ok(View { names, filter })
    };
    watch::follow(device, arguments.vf, &mut printer, again, pause, view)
}

#[cfg(test)]
mod tests;
