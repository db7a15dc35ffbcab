//! Explains a refusal with the values that the driver would accept: its other replies have the
//! numbers.

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use pf_broker_client::{Control, Device, Error, name_text};

use crate::failure::Failure;
use crate::printable::printable;
use crate::style::listed;

/// The subject of a refused request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request {
    /// The VF that it named.
    pub(super) vf: Option<u16>,
    /// The block that it named.
    pub(super) block: Option<u32>,
    /// Its transfer.
    pub(super) transfer: Transfer,
}

/// The transfer of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Transfer {
    /// No bytes.
    #[default]
    Nothing,
    /// A read of this many bytes.
    Read(usize),
    /// A write of this many bytes.
    Write(usize),
    /// A drain.
    Drain,
}

/// The failure of a request, with the allowed values if the driver reports them. Otherwise the
/// refusal stays as it is.
pub(super) fn explain<C: Control>(device: &Device<C>, request: Request, error: Error) -> Failure {
    let allowed = match error.refusal() {
        Some(Refusal::Vf) => vfs(device, request),
        Some(Refusal::Block | Refusal::Invalidate) => blocks(device, request),
        Some(Refusal::Length) => lengths(device, request),
        Some(Refusal::Kind) => kind(device, request),
        _ => None,
    };
    match allowed {
        Some(allowed) => Failure::Refused {
            allowed,
            source: error,
        },
        None => Failure::Driver(error),
    }
}

fn vfs<C: Control>(device: &Device<C>, request: Request) -> Option<String> {
    let vf = request.vf?;
    let last = device.query().ok()?.num_vfs.checked_sub(1)?;
    Some(format!("VF {vf}: VFs are 0 to {last}"))
}

fn blocks<C: Control>(device: &Device<C>, request: Request) -> Option<String> {
    let blocks = device.blocks().ok()?;
    let Some(block) = request.block else {
        let below: Vec<String> = blocks
            .iter()
            .filter(|block| block.id < u64::BITS)
            .map(named)
            .collect();
        return Some(format!("blocks to invalidate are {}", listed(&below)));
    };
    let all: Vec<String> = blocks.iter().map(named).collect();
    Some(format!("block {block}: blocks are {}", listed(&all)))
}

fn lengths<C: Control>(device: &Device<C>, request: Request) -> Option<String> {
    let block = find(device, request)?;
    let name = named(&block);
    let (min, max) = (block.min_length, block.max_length);
    Some(match request.transfer {
        Transfer::Read(length) => {
            let least = if block.prefix_reads == 1 { 1 } else { max };
            format!(
                "block {name} is read with {least} to {} bytes, not {length}",
                abi::MAX_BLOCK_LENGTH
            )
        }
        Transfer::Write(length) if min == max => {
            format!("block {name} is written with {max} bytes, not {length}")
        }
        Transfer::Write(length) => {
            format!("block {name} is written with {min} to {max} bytes, not {length}")
        }
        Transfer::Nothing | Transfer::Drain => return None,
    })
}

fn kind<C: Control>(device: &Device<C>, request: Request) -> Option<String> {
    let block = find(device, request)?;
    let name = named(&block);
    Some(match request.transfer {
        Transfer::Drain => format!("block {name} is a register: `pfbctl read` shows it"),
        _ => format!("block {name} is a stream: `pfbctl drain` takes its messages"),
    })
}

fn find<C: Control>(device: &Device<C>, request: Request) -> Option<abi::BlockInfo> {
    let id = request.block?;
    device
        .blocks()
        .ok()?
        .into_iter()
        .find(|block| block.id == id)
}

/// A block's ID and name.
fn named(block: &abi::BlockInfo) -> String {
    format!("{} ({})", block.id, printable(&name_text(&block.name)))
}

#[cfg(test)]
mod tests;
