//! Many operations of every VF at one time, each VF on a system thread of its own, while the PF is
//! rebalanced again and again, pulled out in the middle and plugged in again, while host software
//! follows the changes and a companion answers.
//!
//! Of each VF the operations of each life of the PF and their results are written as a trace,
//! `storm-LIFE-VF.jsonl` and `storm-LIFE-VF.results.jsonl`: the simulation of the operations must
//! give the results. A life begins with the manifest's defaults, as the simulation
//! does.

mod mix;
mod record;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack as abi;

use crate::exchanges::{Exchanged, Exchanges};
use crate::listeners::Listeners;
use crate::rebalance;
use crate::session::Session;
use crate::stack::Stack;
use crate::status;
use mix::Random;
use record::{Record, cut_in_the_middle};

/// Operations of one batch.
const BATCH: usize = 250;
/// Lives that end with a removal: in the first the PF is working when it comes, in the second about
/// to stop, in the third stopped.
const REMOVALS: u32 = 3;
/// The share of all operations that a life with a removal begins with; half of them or so are
/// played.
const SHARE: u32 = 5;

/// Plays the storm and writes the traces.
pub(crate) fn run(session: &mut Session, operations: u32, seed: u64) -> Result<ExitCode> {
    let mut sum = Sum::default();
    let mut left = vec![usize::try_from(operations)?; usize::from(session.vfs)];
    for life in 0..=REMOVALS {
        let removal = (life < REMOVALS).then_some(life);
        let counts = left.iter().map(|&left| match removal {
            Some(_) => (usize::try_from(operations / SHARE).unwrap_or(0)).min(left),
            None => left,
        });
        let storm = Storm {
            counts: counts.collect(),
            seed: seed.wrapping_add(u64::from(life) << 8),
            guests: !session.guests.is_empty(),
            removal,
        };
        let (records, played) = storm.play(session, &mut sum)?;
        for ((vf, record), left) in (0..).zip(records).zip(&mut left) {
            *left = left.saturating_sub(record.len());
            sum.operations += record.len();
            record.write(session, life, vf, removal.is_some())?;
        }
        if removal.is_some() {
            session.plug_again()?;
        }
        sum.exchanged += played.judge(session)?;
    }
    sum.judge(session.vfs)?;
    Ok(ExitCode::SUCCESS)
}

/// What happened in all lives.
#[derive(Default)]
struct Sum {
    operations: usize,
    rebalances: u32,
    resets: u32,
    most_at_once: u32,
    /// Replies to the listeners of the life without a removal.
    replies: u64,
    /// Writes that the companion accepted.
    exchanged: usize,
}

impl Sum {
    fn judge(&self, vfs: u16) -> Result<()> {
        println!(
            "{} operations of {vfs} VFs, {} at one time, {} rebalances, {} resets, {REMOVALS} removals, \
             {} replies to listeners, {} writes that the companion accepted",
            self.operations,
            self.most_at_once,
            self.rebalances,
            self.resets,
            self.replies,
            self.exchanged
        );
        ensure!(self.most_at_once >= 2, "no two calls overlapped");
        ensure!(self.rebalances > 0, "there was no rebalance");
        ensure!(self.resets > 0, "no reset reached the hardware");
        ensure!(self.replies > 0, "no listener got a reply");
        Ok(())
    }
}

/// One life of the PF.
struct Storm {
    /// Operations of each VF.
    counts: Vec<usize>,
    seed: u64,
    guests: bool,
    /// The requests of a rebalance after which the PF is pulled out; none if it stays.
    removal: Option<u32>,
}

/// What the threads of a life tell each other.
#[derive(Default)]
struct Progress {
    batches: AtomicUsize,
    /// The PF is where it is to be pulled out.
    placed: AtomicBool,
    done: AtomicBool,
}

impl Storm {
    /// Plays a life, whose PF is plugged in.
    fn play(&self, session: &mut Session, sum: &mut Sum) -> Result<(Vec<Record>, Exchanged)> {
        session.stack.report()?;
        if self.removal.is_some() {
            session.close_management();
        }
        let listeners = Listeners::start(session)?;
        let exchanges = Exchanges::start(session)?;
        let progress = Arc::new(Progress::default());
        let half;
        let shaking = {
            let progress = Arc::clone(&progress);
            let batches: usize = self.counts.iter().map(|count| count.div_ceil(BATCH)).sum();
            let removal = self.removal.map(|after| (after, batches / 2));
            half = removal.map(|(_, half)| half);
            thread::spawn(move || shake(&progress, removal))
        };
        let players: Vec<_> = (0..)
            .zip(&self.counts)
            .map(|(vf, &count)| {
                let progress = Arc::clone(&progress);
                let (random, guests) = (Random::new(self.seed, vf), self.guests);
                thread::spawn(move || play(vf, count, random, guests, half, &progress))
            })
            .collect();
        let mut records = Vec::new();
        for player in players {
            records.push(player.join().map_err(|_| anyhow!("a player panicked"))?);
        }
        progress.done.store(true, Ordering::SeqCst);
        sum.rebalances += shaking
            .join()
            .map_err(|_| anyhow!("the shaker panicked"))??;
        let played = if self.removal.is_some() {
            listeners.end_with_device()?;
            exchanges.end_with_device()?
        } else {
            let played = exchanges.end()?;
            sum.replies += listeners.end()?;
            played
        };
        let report = session.stack.report()?;
        sum.most_at_once = sum.most_at_once.max(report.calls_at_once);
        sum.resets += report.resets;
        let mut records: Vec<_> = records.into_iter().collect::<Result<_>>()?;
        if self.removal.is_some() {
            cut_in_the_middle(&mut records)?;
        }
        Ok((records, played))
    }
}

/// Rebalances until the players are done, or until it is time for the removal; how often.
fn shake(progress: &Progress, removal: Option<(u32, usize)>) -> Result<u32> {
    let stack = Stack::open()?;
    let mut rounds = 0;
    while !progress.done.load(Ordering::SeqCst) {
        if let Some((after, batches)) = removal
            && progress.batches.load(Ordering::SeqCst) >= batches
        {
            rebalance::part(&stack, usize::try_from(after)?)?;
            progress.placed.store(true, Ordering::SeqCst);
            stack.pull_pf()?;
            break;
        }
        rebalance::round(&stack)?;
        rounds += 1;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(rounds)
}

fn play(
    vf: u16,
    count: usize,
    mut random: Random,
    guests: bool,
    half: Option<usize>,
    progress: &Progress,
) -> Result<Record> {
    let stack = Stack::open()?;
    let operations: Vec<_> = (0..count).map(|_| random.operation(vf, guests)).collect();
    let mut results: Vec<abi::Transferred> = Vec::new();
    for batch in operations.chunks(BATCH) {
        // A stop takes longer than all operations, as VFs that are turned off have a second: the
        // rest is kept for the removal.
        while half.is_some_and(|half| progress.batches.load(Ordering::SeqCst) >= half)
            && !progress.placed.load(Ordering::SeqCst)
        {
            thread::sleep(Duration::from_millis(1));
        }
        let played = stack.batch(batch)?;
        progress.batches.fetch_add(1, Ordering::SeqCst);
        let removed = played
            .iter()
            .any(|result| result.status == status::DEVICE_REMOVED);
        results.extend(played);
        if removed {
            break;
        }
    }
    Ok(Record::new(operations, results))
}
