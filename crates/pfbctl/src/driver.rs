//! The commands that call a running driver, over its management interface.

mod allowed;
mod connection;
mod report;
mod watch;

use std::io::Write;
use std::time::Duration;

use pf_broker_abi as abi;
use pf_broker_client::{Control, Device, Vfs};

use crate::cli;
use crate::failure::Failure;
use allowed::{Request, Transfer, explain};
use connection::{Access, devices, open};
use watch::JOURNAL_ENTRIES;

/// `pfbctl list`.
pub(crate) fn list(out: &mut dyn Write) -> Result<(), Failure> {
    list_devices(devices()?, out, |path| {
        Ok(connection::open_path(path, Access::Look)?.query()?)
    })
}

/// Prints every device. One that does not answer does not keep the others from being printed.
fn list_devices(
    paths: Vec<String>,
    out: &mut dyn Write,
    query: impl Fn(&str) -> Result<abi::QueryReply, Failure>,
) -> Result<(), Failure> {
    let rows: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let reply = query(&path);
            (path, reply)
        })
        .collect();
    report::devices(out, &rows)?;
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
    if let Some(vf) = arguments.vf {
        return one_vf(&device, vf, out);
    }
    let vfs = 0..device.query()?.num_vfs;
    let all = vfs.map(|vf| Ok((vf, device.stats(vf)?)));
    report::every_vf(
        out,
        &all.collect::<Result<Vec<_>, pf_broker_client::Error>>()?,
    )?;
    report::host_refusals(out, &device.host_refusals()?)
}

fn one_vf<C: Control>(device: &Device<C>, vf: u16, out: &mut dyn Write) -> Result<(), Failure> {
    let stats = device
        .stats(vf)
        .map_err(|error| explain(device, about(vf), error))?;
    let blocks = device.blocks()?;
    let counted = blocks
        .iter()
        .map(|block| Ok((block, device.block_stats(vf, block.id)?)))
        .collect::<Result<Vec<_>, pf_broker_client::Error>>()?;
    report::one_vf(out, vf, &stats, &counted)
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
    let device = open(&arguments.selection, Access::Look)?;
    let (vf, block, length) = (arguments.vf, arguments.block, arguments.length as usize);
    let value = device.read(vf, block, length).map_err(|error| {
        explain(
            &device,
            about_block(vf, block, Transfer::Read(length)),
            error,
        )
    })?;
    report::bytes(out, &value.data)?;
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
    let device = open(&arguments.selection, Access::Change)?;
    let (block, data) = (arguments.block, &arguments.data.0);
    let request = Request {
        vf: one(arguments.vf),
        block: Some(block),
        transfer: Transfer::Write(data.len()),
    };
    match (arguments.vf, arguments.expect) {
        (Vfs::One(vf), Some(revision)) => device.publish_expecting(vf, block, revision, data),
        (vfs, _) => device.publish(vfs, block, data),
    }
    .map_err(|error| explain(&device, request, error))
}

/// `pfbctl invalidate`.
pub(crate) fn invalidate(arguments: &cli::Invalidate) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Change)?;
    let mask = arguments
        .blocks
        .iter()
        .fold(0, |mask, block| mask | 1 << block);
    let request = Request {
        vf: one(arguments.vf),
        ..Request::default()
    };
    device
        .invalidate(arguments.vf, mask)
        .map_err(|error| explain(&device, request, error))
}

/// `pfbctl drain`. Each message is one line of hexadecimal digits.
pub(crate) fn drain(arguments: &cli::Drain, out: &mut dyn Write) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Change)?;
    let (vf, block) = (arguments.vf, arguments.block);
    let messages = device
        .drain(vf, block, usize::from(arguments.most))
        .map_err(|error| explain(&device, about_block(vf, block, Transfer::Drain), error))?;
    for message in messages {
        writeln!(out, "{}", hex::encode(message))?;
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

/// `pfbctl journal`.
pub(crate) fn journal(arguments: &cli::Journal, out: &mut dyn Write) -> Result<(), Failure> {
    let device = open(&arguments.selection, Access::Look)?;
    let entries = device
        .journal(arguments.vf, arguments.after, JOURNAL_ENTRIES)
        .map_err(|error| explain(&device, about(arguments.vf), error))?;
    for entry in &entries {
        report::journal_line(out, arguments.vf, entry)?;
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
    watch::follow(open()?, arguments.vf, out, again, pause)
}

#[cfg(test)]
mod tests;
