//! The limits of blocks/accelerator.toml on the running image: 2000 writes a second, 64 at once.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use lab_control::stack::{Transfer, operation, path};
use pf_broker_abi::Refusal;

use crate::check::{Check, is};
use crate::operations::{performed, transfer};
use crate::session::Session;
use crate::status;

pub(crate) const CHECKS: &[Check] = &[
    (
        "a flood is refused, another VF is served meanwhile, and a pause ends it",
        flood,
    ),
    ("a flood by the guest's bus is refused alike", by_vpci),
];

const BURST: usize = 64;
/// Writes of a flood: far more than its own time lets the limit recover.
const FLOOD: usize = 2_000;
/// `STATUS_QUOTA_EXCEEDED`
const LIMIT: u32 = 0xC000_0044;
/// The stream of the manifest.
const TELEMETRY: u32 = 70;

/// A message that the manifest allows; `time` has to grow with each of a VF's.
fn message(vf: u16, time: u64) -> Transfer {
    let mut message = transfer(operation::WRITE, vf, TELEMETRY, 24);
    message.data[..8].copy_from_slice(&time.to_le_bytes());
    message.data[9] = 1;
    message
}

fn flood(session: &mut Session) -> Result<()> {
    let before = session.management()?.stats(0)?;
    let flood: Vec<_> = (1..).map(|time| message(0, time)).take(FLOOD).collect();
    let replies = session.stack.batch(&flood)?;
    // While VF 0 has nothing left, VF 1 has everything.
    let last = performed(session, &message(0, 10_000))?;
    let other = performed(session, &message(1, 1))?;
    is("a write of the other VF", other, status::SUCCESS)?;
    let (burst, rest) = replies.split_at(BURST);
    for (index, reply) in burst.iter().enumerate() {
        is(&format!("write {index}"), reply.status, status::SUCCESS)?;
    }
    let refused = rest.iter().filter(|reply| reply.status == LIMIT).count();
    let served = rest.iter().filter(|reply| reply.status == 0).count();
    ensure!(
        refused + served == rest.len() && refused > served,
        "behind the burst {refused} writes are refused and {served} served"
    );
    ensure!(
        [LIMIT, status::SUCCESS].contains(&last),
        "the next write gives 0x{last:08X}"
    );
    let after = session.management()?.stats(0)?;
    let counted = after.refused[Refusal::Limit.index()] - before.refused[Refusal::Limit.index()];
    let expected = u64::try_from(refused)? + u64::from(last == LIMIT);
    ensure!(
        counted == expected,
        "{counted} refusals are counted instead of {expected}"
    );
    ensure!(after.floods > before.floods, "no flood is counted");
    let none = session.management()?.stats(1)?.refused[Refusal::Limit.index()];
    ensure!(none == 0, "{none} writes of the other VF were refused");
    thread::sleep(Duration::from_secs(1));
    let burst: Vec<_> = (20_000..)
        .map(|time| message(0, time))
        .take(BURST)
        .collect();
    for reply in session.stack.batch(&burst)? {
        is("a write after a second", reply.status, status::SUCCESS)?;
    }
    Ok(())
}

fn by_vpci(session: &mut Session) -> Result<()> {
    if session.guests.is_empty() {
        return Ok(());
    }
    let by_vpci = |time| Transfer {
        path: path::VPCI,
        ..message(1, time)
    };
    let flood: Vec<_> = (100..).map(by_vpci).take(FLOOD).collect();
    let replies = session.stack.batch(&flood)?;
    let refused = replies.iter().filter(|reply| reply.status == LIMIT).count();
    let served = replies.iter().filter(|reply| reply.status == 0).count();
    ensure!(
        served >= BURST && refused > 0 && served + refused == FLOOD,
        "{served} writes are served and {refused} refused of {FLOOD}"
    );
    Ok(())
}
