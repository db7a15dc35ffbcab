//! A trace in the flat form that the player in C reads: a line for each operation.

use block_trace::{Direction, Operation, Target};

/// Converts the lines of a trace.
pub(crate) fn flat(trace: &str) -> String {
    let lines = trace.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let operation = Operation::parse(line.as_bytes()).expect("a line of a trace");
            words(&operation) + "\n"
        })
        .collect()
}

fn words(operation: &Operation) -> String {
    let name = operation.name();
    match operation {
        Operation::Write { vf, block, data } => format!("{name} {vf} {block} {}", hex(data)),
        Operation::Read { vf, block, length } | Operation::HostRead { vf, block, length } => {
            format!("{name} {vf} {block} {length}")
        }
        Operation::Publish {
            vf,
            block,
            data,
            expect,
        } => {
            let expect = expect.map_or("-".to_owned(), |revision| revision.to_string());
            format!("{name} {} {block} {} {expect}", target(*vf), hex(data))
        }
        Operation::Invalidate { vf, mask } => format!("{name} {} {mask}", target(*vf)),
        Operation::TakeInvalidation { vf }
        | Operation::Reset { vf }
        | Operation::Acknowledge { vf }
        | Operation::Stats { vf } => format!("{name} {vf}"),
        Operation::Drain { vf, block } => format!("{name} {vf} {block}"),
        Operation::Power { vf, state } => format!("{name} {vf} {}", state.code()),
        Operation::Changes | Operation::Handed => name.to_owned(),
        Operation::Advance { milliseconds } => format!("{name} {milliseconds}"),
        Operation::Companion { ready } => format!("{name} {}", u8::from(*ready)),
        Operation::Answer {
            block,
            to,
            status,
            data,
        } => {
            let to = match to {
                Direction::Read => "read",
                Direction::Write => "write",
            };
            let has_data = if data.is_some() { "data" } else { "none" };
            let data = hex(data.as_deref().unwrap_or_default());
            format!("{name} {block} {to} {status} {has_data} {data}")
        }
    }
}

fn target(vf: Target) -> String {
    match vf {
        Target::Vf(vf) => vf.to_string(),
        Target::All => "all".to_owned(),
    }
}

fn hex(data: &[u8]) -> String {
    if data.is_empty() {
        "-".to_owned()
    } else {
        hex::encode(data)
    }
}
