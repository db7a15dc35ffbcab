//! Contention: lets the stack double run writers, readers, publishers, resets and invalidations on
//! the same VFs while host software follows the changes and a companion answers, and reports the
//! first violation.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use lab_control::contention::{Contend, Contended, kind, violation};

use crate::exchanges::Exchanges;
use crate::listeners::Listeners;
use crate::rebalance;
use crate::session::Session;
use crate::stack::Stack;

/// How many VFs are contended.
const VFS: u16 = 2;
/// How long, while the PF is rebalanced, and before it is removed.
const REBALANCED: Duration = Duration::from_secs(5);
const REMOVED: Duration = Duration::from_secs(2);

/// Kinds of calls that must have overlapped on one VF.
const OVERLAPS: [(usize, usize); 12] = [
    (kind::WRITE, kind::WRITE),
    (kind::WRITE, kind::READ),
    (kind::WRITE, kind::PUBLISH),
    (kind::WRITE, kind::RESET),
    (kind::WRITE, kind::DRAIN),
    (kind::READ, kind::PUBLISH),
    (kind::READ, kind::RESET),
    (kind::HOST_READ, kind::WRITE),
    (kind::PUBLISH, kind::PUBLISH),
    (kind::PUBLISH, kind::RESET),
    (kind::CONFIG, kind::RESET),
    (kind::INVALIDATE, kind::PUBLISH),
];

/// Runs contention while the PF is rebalanced, then until it is removed. The end of the session
/// finds what that leaves.
pub(crate) fn run(session: &mut Session) -> Result<ExitCode> {
    let listeners = Listeners::start(session)?;
    let exchanges = Exchanges::start(session)?;
    let calm = Arc::new(AtomicBool::new(false));
    let shaking = {
        let calm = Arc::clone(&calm);
        thread::spawn(move || shake(&calm))
    };
    let contended = contend(&session.stack, REBALANCED, false);
    calm.store(true, Ordering::SeqCst);
    let rebalances = shaking
        .join()
        .map_err(|_| anyhow!("the shaker panicked"))??;
    let contended = contended?;
    println!("while the PF is rebalanced {rebalances} times:");
    tell(&contended);
    judge(&contended)?;
    let played = exchanges.end()?;
    println!("  {} replies to listeners", listeners.end()?);
    let accepted = played.judge(session)?;
    println!("  {accepted} writes that the companion accepted");

    let listeners = Listeners::start(session)?;
    let exchanges = Exchanges::start(session)?;
    session.close_management();
    let contending = thread::spawn(move || -> Result<Contended> {
        contend(&Stack::open()?, REMOVED.saturating_mul(10), true)
    });
    thread::sleep(REMOVED);
    session.pull_pf()?;
    let contended = contending
        .join()
        .map_err(|_| anyhow!("the contention panicked"))??;
    listeners.end_with_device()?;
    let played = exchanges.end_with_device()?;
    println!("until the PF is removed:");
    tell(&contended);
    honest(&contended)?;
    session.plug_again()?;
    let accepted = played.judge(session)?;
    println!("  {accepted} writes that the companion accepted");
    Ok(ExitCode::SUCCESS)
}

fn contend(stack: &Stack, time: Duration, removal: bool) -> Result<Contended> {
    Ok(stack.contend(Contend {
        vfs: VFS,
        removal: removal.into(),
        milliseconds: u32::try_from(time.as_millis())?,
    })?)
}

fn shake(calm: &AtomicBool) -> Result<u32> {
    let stack = Stack::open()?;
    let mut rounds = 0;
    while !calm.load(Ordering::SeqCst) {
        rebalance::round(&stack)?;
        rounds += 1;
        thread::sleep(Duration::from_millis(300));
    }
    Ok(rounds)
}

fn tell(contended: &Contended) {
    for (index, name) in kind::NAMES.iter().enumerate() {
        println!(
            "  {name}: {} served, {} held back or refused",
            contended.served[index], contended.held_back[index]
        );
    }
}

/// Fails on a violation.
fn honest(contended: &Contended) -> Result<()> {
    let name = |names: &[&'static str], index: u32| {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        names.get(index).copied().unwrap_or("unknown")
    };
    if contended.violation == violation::NONE {
        return Ok(());
    }
    let mut seen = String::new();
    if contended.writer != u32::MAX {
        let _ = write!(
            seen,
            "; writer {} write {}",
            contended.writer, contended.number
        );
    }
    if contended.data != [0; 128] {
        seen.push_str("; ");
        for byte in contended.data {
            let _ = write!(seen, "{byte:02x}");
        }
    }
    bail!(
        "VF {}, block {}, {}: {} (status 0x{:08X}{seen})",
        contended.vf,
        contended.block,
        name(&kind::NAMES, contended.kind),
        name(&violation::NAMES, contended.violation),
        contended.status,
    )
}

/// Fails on a violation, or when calls did not overlap.
fn judge(contended: &Contended) -> Result<()> {
    honest(contended)?;
    for (index, name) in kind::NAMES.iter().enumerate() {
        ensure!(contended.served[index] > 0, "{name}: none succeeded");
    }
    for (a, b) in OVERLAPS {
        ensure!(
            contended.overlaps >> (kind::COUNT * a + b) & 1 != 0,
            "{} and {} were never seen on a VF at one time",
            kind::NAMES[a],
            kind::NAMES[b]
        );
    }
    Ok(())
}
