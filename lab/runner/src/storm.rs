//! Many operations of every VF at one time, each VF on a system thread of its own, while the PF is
//! rebalanced again and again.
//!
//! Of each VF the operations and their results are written as a trace, `storm-N.jsonl` and
//! `storm-N.results.jsonl`: whoever plays the operations in the simulation must get the results.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use block_trace::{Failure, Host, PowerState, Stats, Status, Target};
use lab_control::stack::{self as abi, operation, path, pnp};

use crate::checks::{status, transfer};
use crate::session::Session;
use crate::stack::Stack;
use crate::trace::{Lab, Trouble};

/// Operations of one batch.
const BATCH: usize = 250;

/// Plays the storm and writes the traces.
pub(crate) fn run(session: &mut Session, operations: u32, seed: u64) -> Result<ExitCode> {
    session.stack.report()?;
    let calm = Arc::new(AtomicBool::new(false));
    let shaking = {
        let calm = Arc::clone(&calm);
        thread::spawn(move || shake(&calm))
    };
    let guests = !session.guests.is_empty();
    let players: Vec<_> = (0..session.vfs)
        .map(|vf| thread::spawn(move || play(vf, operations, seed, guests)))
        .collect();
    let mut records = Vec::new();
    for player in players {
        records.push(player.join().map_err(|_| anyhow!("a player panicked"))??);
    }
    calm.store(true, Ordering::SeqCst);
    let rebalances = shaking
        .join()
        .map_err(|_| anyhow!("the shaker panicked"))??;
    let report = session.stack.report()?;
    for (vf, record) in records.into_iter().enumerate() {
        write_trace(session, u16::try_from(vf)?, record)?;
    }
    println!(
        "{} operations of {} VFs, {} at one time, {} rebalances, {} resets",
        u64::from(operations) * u64::from(session.vfs),
        session.vfs,
        report.calls_at_once,
        rebalances,
        report.resets
    );
    ensure!(report.calls_at_once >= 2, "no two calls overlapped");
    ensure!(rebalances > 0, "there was no rebalance");
    ensure!(report.resets > 0, "no reset reached the hardware");
    Ok(ExitCode::SUCCESS)
}

/// Rebalances until it is calm; how often.
fn shake(calm: &AtomicBool) -> Result<u32> {
    let stack = Stack::open()?;
    let mut rounds = 0;
    while !calm.load(Ordering::SeqCst) {
        for request in [pnp::QUERY_STOP, pnp::STOP, pnp::START] {
            let status = stack.pnp(request, 0)?;
            ensure!(
                status == 0,
                "request {request:#x} of a rebalance: 0x{status:08X}"
            );
        }
        rounds += 1;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(rounds)
}

/// What a VF did and how it ended.
struct Record {
    operations: Vec<abi::Transfer>,
    results: Vec<abi::Transferred>,
}

fn play(vf: u16, count: u32, seed: u64, guests: bool) -> Result<Record> {
    let stack = Stack::open()?;
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(vf) << 32) | 1);
    let operations: Vec<_> = (0..count).map(|_| random.operation(vf, guests)).collect();
    let mut results = Vec::new();
    for batch in operations.chunks(BATCH) {
        results.extend(stack.batch(batch)?);
    }
    Ok(Record {
        operations,
        results,
    })
}

/// The xorshift generator of Marsaglia, which is enough to vary operations.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[4]
    }

    fn length(&mut self) -> u32 {
        const OTHERS: [u32; 8] = [0, 1, 4, 64, 127, 129, 200, 128];
        if self.below(4) > 0 {
            128
        } else {
            OTHERS[usize::try_from(self.below(8)).unwrap_or(0)]
        }
    }

    fn operation(&mut self, vf: u16, guests: bool) -> abi::Transfer {
        let (operation, block) = match self.below(1_000) {
            0..350 => (operation::WRITE, 0),
            350..600 => (operation::READ, 0),
            600..800 => (operation::WRITE, 1),
            800..900 => (operation::PUBLISH, 0),
            900..998 => (operation::READ, 2 + u32::from(self.byte())),
            _ => (operation::RESET, 0),
        };
        let length = if operation == operation::PUBLISH {
            128
        } else {
            self.length()
        };
        let mut transfer = transfer(operation, vf, block, length);
        // Fields at the front of the control block; now and then a byte that is reserved.
        let filled = if block == 1 { 128 } else { 16 };
        for place in transfer.data.iter_mut().take(filled) {
            *place = self.byte();
        }
        if block == 1 {
            transfer.data[4..8].fill(0);
        }
        if self.below(10) == 0 {
            transfer.data[127] = 1;
        }
        let carried = (1..=128).contains(&length);
        if guests && carried && self.below(2) == 0 {
            transfer.path = path::VPCI;
        }
        transfer
    }
}

/// Gives recorded results to whoever plays the operations again.
struct Recorded(std::vec::IntoIter<abi::Transferred>);

impl Recorded {
    fn next(&mut self) -> Result<abi::Transferred, Failure<Trouble>> {
        let end = || Failure::Host(Trouble::Spoiled("there are too few results".to_owned()));
        let result = self.0.next().ok_or_else(end)?;
        if result.spoiled != 0 {
            let what = format!("a buffer was spoiled: {result:?}");
            return Err(Failure::Host(Trouble::Spoiled(what)));
        }
        if result.status == 0 {
            Ok(result)
        } else {
            Err(Failure::Refused(Status::new(result.status)))
        }
    }

    fn unexpected<T>() -> Result<T, Failure<Trouble>> {
        Err(Failure::Host(Trouble::Spoiled(
            "not part of a storm".to_owned(),
        )))
    }
}

impl Host for Recorded {
    type Error = Trouble;

    fn write(&mut self, _: u16, _: u32, _: &[u8]) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn read(&mut self, _: u16, _: u32, _: u32) -> Result<Vec<u8>, Failure<Trouble>> {
        let result = self.next()?;
        let length = usize::try_from(result.length).unwrap_or(0);
        Ok(result.data.get(..length).unwrap_or_default().to_vec())
    }

    fn publish(&mut self, _: Target, _: u32, _: &[u8]) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn reset(&mut self, _: u16) -> Result<(), Failure<Trouble>> {
        self.next().map(|_| ())
    }

    fn invalidate(&mut self, _: Target, _: u64) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn take_invalidation(&mut self, _: u16) -> Result<u64, Failure<Trouble>> {
        Self::unexpected()
    }

    fn drain(&mut self, _: u16, _: u32) -> Result<Vec<Vec<u8>>, Failure<Trouble>> {
        Self::unexpected()
    }

    fn power(&mut self, _: u16, _: PowerState) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }

    fn stats(&mut self, _: u16) -> Result<Stats, Failure<Trouble>> {
        Self::unexpected()
    }

    fn advance(&mut self, _: u32) -> Result<(), Failure<Trouble>> {
        Self::unexpected()
    }
}

/// Writes what a VF did as a trace, and after it what its blocks hold in the end.
///
/// A reset that came while the PF was stopped is left out: it is refused and changes nothing
/// (docs/contract.md), and the simulation knows no stopped PF.
fn write_trace(session: &Session, vf: u16, mut record: Record) -> Result<()> {
    let held_back = |(operation, result): (&abi::Transfer, &abi::Transferred)| {
        operation.operation == operation::RESET && result.status == status::DEVICE_NOT_READY
    };
    let kept: Vec<bool> = record
        .operations
        .iter()
        .zip(&record.results)
        .map(|pair| !held_back(pair))
        .collect();
    let mut keeps = kept.iter().copied();
    record.operations.retain(|_| keeps.next().unwrap_or(true));
    let mut keeps = kept.iter().copied();
    record.results.retain(|_| keeps.next().unwrap_or(true));
    let operations: String = record.operations.iter().map(line).collect();
    let mut results = Vec::new();
    let mut recorded = Recorded(record.results.into_iter());
    block_trace::play(operations.as_bytes(), &mut results, &mut recorded)?;
    let end = format!(
        "{{\"op\":\"read\",\"vf\":{vf},\"block\":0,\"length\":128}}\n\
         {{\"op\":\"drain\",\"vf\":{vf},\"block\":1}}\n"
    );
    block_trace::play(end.as_bytes(), &mut results, &mut Lab::new(session))?;
    let folder = &session.bench.drivers;
    std::fs::write(folder.join(format!("storm-{vf}.jsonl")), operations + &end)
        .context("write the operations")?;
    std::fs::write(folder.join(format!("storm-{vf}.results.jsonl")), results)
        .context("write the results")
}

/// An operation as a line of a trace.
fn line(transfer: &abi::Transfer) -> String {
    let abi::Transfer {
        vf, block, length, ..
    } = transfer;
    match transfer.operation {
        operation::READ => {
            format!("{{\"op\":\"read\",\"vf\":{vf},\"block\":{block},\"length\":{length}}}\n")
        }
        operation::RESET => format!("{{\"op\":\"reset\",\"vf\":{vf}}}\n"),
        other => {
            let name = if other == operation::WRITE {
                "write"
            } else {
                "publish"
            };
            let mut data = String::new();
            for index in 0..usize::try_from(*length).unwrap_or(0) {
                let byte = transfer.data.get(index).copied().unwrap_or(0);
                let _ = write!(data, "{byte:02x}");
            }
            format!("{{\"op\":\"{name}\",\"vf\":{vf},\"block\":{block},\"data\":\"{data}\"}}\n")
        }
    }
}
