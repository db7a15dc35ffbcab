//! A story for people: several VFs, one of them hostile, a rebalance, a removal.

use std::process::ExitCode;

use anyhow::Result;
use block_trace::{Host as _, Operation};
use lab_control::stack::operation;

use crate::operations::{performed, transfer};
use crate::rebalance;
use crate::session::Session;
use crate::trace::Lab;

/// A sentence and the operations that show it. The blocks are those of blocks/mlx5-hv-vhca.toml.
type Scene = (&'static str, &'static [&'static str]);

const BEFORE: &[Scene] = &[
    (
        "VF 0's driver has loaded and reads the control block: nothing is asked of it yet.",
        &[r#"{"op":"read","vf":0,"block":0,"length":128}"#],
    ),
    (
        "The host asks VF 0 for statistics: control bit 0, command 10. The publish invalidates \
         block 0, and the guest hears of it once.",
        &[
            r#"{"op":"publish","vf":0,"block":0,"data":"00000000010000000a00…"}"#,
            r#"{"op":"take-invalidation","vf":0}"#,
            r#"{"op":"take-invalidation","vf":0}"#,
        ],
    ),
    (
        "VF 1 is hostile: it guesses blocks, lengths and other VFs. Everything is refused and \
         counted.",
        &[
            r#"{"op":"read","vf":1,"block":4294967295,"length":128}"#,
            r#"{"op":"write","vf":1,"block":0,"data":"ff"}"#,
            r#"{"op":"read","vf":1,"block":1,"length":128}"#,
            r#"{"op":"read","vf":65535,"block":0,"length":128}"#,
            r#"{"op":"stats","vf":1}"#,
        ],
    ),
    (
        "VF 0 noticed nothing: its statistics are as they were.",
        &[r#"{"op":"stats","vf":0}"#],
    ),
];

const AFTER: &[Scene] = &[(
    "The PF was rebalanced: stopped with the stack's consent and started again. What VF 0 was \
     asked is still there.",
    &[r#"{"op":"read","vf":0,"block":0,"length":128}"#],
)];

/// Tells the story.
pub(crate) fn tell(session: &mut Session) -> Result<ExitCode> {
    println!(
        "A PF {:04x}:{:04x} is plugged in with {} VFs; pf_broker.sys runs it, and the stack is attached.",
        session.bench.vendor_id, session.bench.device_id, session.vfs
    );
    act(session, BEFORE)?;
    rebalance::round(&session.stack)?;
    let report = session.stack.report()?;
    act(session, AFTER)?;
    println!(
        "  (the stack was notified of {} stop and {} restart)",
        report.query_stop_events, report.restart_events
    );
    println!("\nThe PF is pulled out while the stack still holds its interface.");
    session.pull_pf()?;
    let status = performed(session, &transfer(operation::READ, 0, 0, 128))?;
    println!("  read of VF 0 -> 0x{status:08X} (STATUS_DEVICE_REMOVED)");
    Ok(ExitCode::SUCCESS)
}

fn act(session: &Session, scenes: &[Scene]) -> Result<()> {
    let mut lab = Lab::new(session);
    for (sentence, operations) in scenes {
        println!("\n{sentence}");
        for line in *operations {
            let operation = Operation::parse(padded(line).as_bytes())?;
            let outcome = lab.perform(&operation)?;
            println!("  {line}");
            println!("    -> {}", shortened(&outcome.to_string()));
        }
    }
    Ok(())
}

/// A line with the zeros for which an ellipsis stands in the data of a block of 128 bytes.
fn padded(line: &str) -> String {
    let data = line.find(r#""data":""#).map_or(0, |place| place + 8);
    let written = line.find('…').map_or(0, |place| place - data);
    line.replace('…', &"0".repeat(256_usize.saturating_sub(written)))
}

/// A line without the zeros at the end of its data.
fn shortened(line: &str) -> String {
    match line.find("00000000000000000000") {
        Some(place) => format!("{}…\"}}", &line[..place]),
        None => line.to_owned(),
    }
}
