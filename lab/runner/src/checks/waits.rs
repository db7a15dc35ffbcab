//! Requests that wait until something happens: the host's `WAIT`, and the guest's wait for changes.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{self as abi, Answer, operation, path, policy};
use pf_broker_client::{Access, Control as _, Vfs};

use super::ioctl::{Expected, Origin, expect, refused, request};
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::operations::{self, mark, transfer};
use crate::session::{Session, open_guest};
use crate::stack::Stack;
use crate::status;
use crate::trace::Lab;

pub(super) const CHECKS: &[Check] = &[
    ("WAIT pends until it is cancelled", cancelled),
    (
        "WAIT with any other count than the present one ends at once",
        other_counts,
    ),
    ("a WAIT is woken by its kinds, and by no others", kinds),
    ("WAIT ends with the handle that it came through", closed),
    (
        "WAIT for changes is woken by a committed write and by no other",
        by_write,
    ),
    (
        "WAIT for the journal is woken by each event that it records",
        by_event,
    ),
    (
        "a write at DISPATCH_LEVEL wakes a WAIT, which completes at PASSIVE_LEVEL",
        by_raised_write,
    ),
    ("WAIT is woken by a reset of either side", by_reset),
    ("one write wakes each of many WAITs once", many),
    (
        "programs that wait again at once delay no write",
        again_at_once,
    ),
    ("a program that waits is woken", program),
    (
        "a program in the guest that waits for changes is woken",
        guest,
    ),
];

const WAIT: u32 = 0x0022_642C;
const JOURNAL: u32 = 0x0022_6428;
const VF: u16 = 3;

/// The kinds of a `WAIT`.
const CHANGES: u32 = 1;
const EVENTS: u32 = 2;
const BOTH: u32 = 3;

/// The change count, at byte 24 of `QUERY`'s reply.
fn changes(session: &Session) -> Result<u64> {
    let ask = request(Origin::KERNEL, 0x0022_6400, &[], 96);
    let answer = expect(
        session,
        "QUERY",
        &ask,
        Expected::Answer(status::SUCCESS, 96),
    )?;
    Ok(u64::from_le_bytes(answer.output[24..32].try_into()?))
}

/// How many events the journals have recorded: the sum of the numbers of their last events, which
/// are at byte 0 of each entry of 40 bytes.
fn events(session: &Session) -> Result<u64> {
    let mut sum = 0;
    for vf in 0..session.vfs {
        let [low, high] = vf.to_le_bytes();
        let mut input = [0; 16];
        input[..2].copy_from_slice(&[low, high]);
        // Twelve entries fit into an answer, and sixteen are kept.
        let mut last = 0_u64;
        loop {
            input[8..].copy_from_slice(&last.to_le_bytes());
            let ask = request(Origin::KERNEL, JOURNAL, &input, 480);
            let answer = session.stack.request(&ask)?;
            is("JOURNAL", answer.status, status::SUCCESS)?;
            let length = usize::try_from(answer.information)?;
            let Some(entry) = answer.output[..length].chunks_exact(40).last() else {
                break;
            };
            last = u64::from_le_bytes(entry[..8].try_into()?);
        }
        sum += last;
    }
    Ok(sum)
}

/// The count of these kinds.
fn count(session: &Session, kinds: u32) -> Result<u64> {
    let of = |kind, count: fn(&Session) -> Result<u64>| {
        if kinds & kind == 0 {
            Ok(0)
        } else {
            count(session)
        }
    };
    Ok(of(CHANGES, changes)? + of(EVENTS, events)?)
}

fn wait_for(seen: u64, kinds: u32) -> abi::Request {
    let mut input = [0; 16];
    input[..8].copy_from_slice(&seen.to_le_bytes());
    input[8..12].copy_from_slice(&kinds.to_le_bytes());
    request(Origin::KERNEL, WAIT, &input, 8)
}

fn cancelled(session: &mut Session) -> Result<()> {
    for kinds in [CHANGES, EVENTS, BOTH] {
        let seen = count(session, kinds)?;
        expect(session, "WAIT", &wait_for(seen, kinds), Expected::Pends)?;
        // It was cancelled and has taken no change: a change still wakes the next one.
        tells(session, kinds, seen - 1, seen)?;
    }
    Ok(())
}

/// Fails unless a `WAIT` is answered at once with the present count.
fn tells(session: &Session, kinds: u32, seen: u64, present: u64) -> Result<()> {
    let now = Expected::Answer(status::SUCCESS, 8);
    let answer = expect(session, "WAIT", &wait_for(seen, kinds), now)?;
    ensure!(
        answer.output[..8] == present.to_le_bytes(),
        "WAIT returns {:02x?} instead of {present}",
        &answer.output[..8]
    );
    Ok(())
}

fn other_counts(session: &mut Session) -> Result<()> {
    for kinds in [CHANGES, EVENTS, BOTH] {
        let present = count(session, kinds)?;
        // Those above it are counts of the driver's previous life.
        for seen in [0, present - 1, present + 1, present + 1000, u64::MAX] {
            tells(session, kinds, seen, present)?;
        }
    }
    Ok(())
}

fn kinds(session: &mut Session) -> Result<()> {
    let bad = refused(status::INVALID_PARAMETER);
    for kinds in [0, 4, 5, 8, 0x100, 1 << 31, u32::MAX] {
        expect(session, "WAIT for no kind", &wait_for(0, kinds), bad)?;
    }
    Ok(())
}

fn closed(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let mut ask = wait_for(changes(session)?, CHANGES);
    ask.close = 1;
    let ended = expect(session, "WAIT", &ask, Expected::Pends);
    session.stack.disconnect()?;
    session.connect(120, 1)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    ended.map(|_| ())
}

/// A thread that waits with a handle of its own.
type Waiter = JoinHandle<Result<Answer>>;

/// A `WAIT` for the next change of these kinds.
fn waiter(seen: u64, kinds: u32) -> Waiter {
    let mut ask = wait_for(seen, kinds);
    ask.milliseconds = 5_000;
    thread::spawn(move || Ok(Stack::open()?.request(&ask)?))
}

/// The same, after the wait has begun.
fn waiting(session: &Session, kinds: u32) -> Result<(u64, Waiter)> {
    let seen = count(session, kinds)?;
    let waiting = waiter(seen, kinds);
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "WAIT does not wait");
    Ok((seen, waiting))
}

/// Fails unless the wait returns exactly this number of changes.
fn woken(seen: u64, more: u64, waiting: Waiter) -> Result<()> {
    let answer = waiting.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("WAIT", answer.status, status::SUCCESS)?;
    ensure!(answer.pended == 0, "WAIT had to be cancelled");
    ensure!(answer.raised == 0, "WAIT is answered at DISPATCH_LEVEL");
    ensure!(answer.information == 8, "{} bytes", answer.information);
    let count = u64::from_le_bytes(answer.output[..8].try_into()?);
    ensure!(count == seen + more, "WAIT returns {count} after {seen}");
    Ok(())
}

fn by_write(session: &mut Session) -> Result<()> {
    let (seen, waiting) = waiting(session, CHANGES)?;
    // A refused write, a read and a publish change nothing for the VF, so no wait ends.
    for (operation, length) in [
        (operation::WRITE, 5),
        (operation::READ, 128),
        (operation::PUBLISH, 128),
    ] {
        session
            .stack
            .transfer(&transfer(operation, VF, 0, length))?;
    }
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "WAIT is woken without a change");
    mark(session, VF, 1)?;
    woken(seen, 1, waiting)
}

fn by_raised_write(session: &mut Session) -> Result<()> {
    for kinds in [CHANGES, EVENTS] {
        let (seen, waiting) = waiting(session, kinds)?;
        let mut write = transfer(operation::WRITE, VF, 0, 128);
        write.path = path::SRIOV_RAISED;
        is(
            "a write",
            operations::performed(session, &write)?,
            status::SUCCESS,
        )?;
        woken(seen, 1, waiting)?;
    }
    Ok(())
}

fn by_event(session: &mut Session) -> Result<()> {
    let (_, silent) = waiting(session, EVENTS)?;
    session
        .stack
        .transfer(&transfer(operation::READ, VF, 0, 128))?;
    thread::sleep(Duration::from_millis(50));
    ensure!(!silent.is_finished(), "WAIT is woken by a read");
    // A publish, a refused write, and the same once more, which the journal counts at its entry.
    for (operation, length) in [
        (operation::PUBLISH, 128),
        (operation::WRITE, 5),
        (operation::WRITE, 5),
        (operation::READ, 5),
    ] {
        let (seen, waiting) = waiting(session, EVENTS)?;
        session
            .stack
            .transfer(&transfer(operation, VF, 0, length))?;
        woken(seen, 1, waiting)?;
    }
    let (seen, waiting_1) = waiting(session, BOTH)?;
    mark(session, VF, 1)?;
    woken(seen, 2, waiting_1)?;
    silent.join().map_err(|_| anyhow!("a thread panicked"))??;
    Ok(())
}

fn by_reset(session: &mut Session) -> Result<()> {
    let (seen, waiting_1) = waiting(session, CHANGES)?;
    let reset = operations::call(abi::function::RESET_VF, VF, 0, 0);
    is(
        "ResetVf",
        session.stack.call(&reset)?.status,
        status::SUCCESS,
    )?;
    woken(seen, 1, waiting_1)?;
    let (seen, waiting_2) = waiting(session, CHANGES)?;
    session.management()?.reset(VF)?;
    woken(seen, 1, waiting_2)
}

/// More than the driver takes out of its queue at once, for each set of kinds.
fn many(session: &mut Session) -> Result<()> {
    let mut waiters = Vec::new();
    for kinds in [CHANGES, EVENTS, BOTH] {
        let seen = count(session, kinds)?;
        for _ in 0..20 {
            waiters.push((seen, u64::from(kinds.count_ones()), waiter(seen, kinds)));
        }
    }
    thread::sleep(Duration::from_millis(500));
    let early = waiters.iter().filter(|(_, _, waiter)| waiter.is_finished());
    ensure!(early.count() == 0, "WAIT does not wait");
    mark(session, VF, 1)?;
    for (seen, more, waiter) in waiters {
        woken(seen, more, waiter)?;
    }
    Ok(())
}

/// Two programs that wait again as soon as they are answered, while a VF writes.
fn again_at_once(session: &mut Session) -> Result<()> {
    const WRITES: u64 = 200;
    let first = changes(session)?;
    let last = first + WRITES;
    let follow = move || -> Result<u64> {
        let stack = Stack::open()?;
        let (mut seen, mut answers) = (first, 0);
        while seen < last {
            let mut ask = wait_for(seen, CHANGES);
            ask.milliseconds = 5_000;
            let answer = stack.request(&ask)?;
            is("WAIT", answer.status, status::SUCCESS)?;
            let count = u64::from_le_bytes(answer.output[..8].try_into()?);
            ensure!(count >= seen, "WAIT returns {count} after {seen}");
            seen = count;
            answers += 1;
        }
        Ok(answers)
    };
    let followers = [thread::spawn(follow), thread::spawn(follow)];
    for number in 0..WRITES {
        mark(session, VF, u8::from(number % 2 == 0))?;
    }
    for follower in followers {
        let answers = follower
            .join()
            .map_err(|_| anyhow!("a thread panicked"))??;
        // At most two answers for each write: it wakes a wait, or its count differs from the one
        // that the next wait starts with.
        ensure!(
            answers <= 2 * WRITES + 2,
            "{answers} answers for {WRITES} writes"
        );
    }
    Ok(())
}

fn program(session: &mut Session) -> Result<()> {
    let seen = changes(session)?;
    let handle = session.open_management(Access::Look)?;
    let waiting = thread::spawn(move || {
        let mut output = [0; 8];
        let input = wait_for(seen, CHANGES).input;
        let bytes = handle.control(WAIT, &input[..16], &mut output);
        (bytes, u64::from_le_bytes(output))
    });
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "WAIT does not wait");
    mark(session, VF, 2)?;
    let (bytes, count) = waiting.join().map_err(|_| anyhow!("a thread panicked"))?;
    ensure!(bytes == Ok(8), "WAIT gives {bytes:x?}");
    ensure!(count == seen + 1, "WAIT returns {count} after {seen}");
    // One that is cancelled from the kernel gives no bytes.
    let mut ask = wait_for(seen, CHANGES);
    ask.output_length = 7;
    let small = refused(status::BUFFER_TOO_SMALL);
    expect(session, "WAIT without room", &ask, small).map(|_| ())
}

fn guest(session: &mut Session) -> Result<()> {
    if session.guests.is_empty() {
        return Ok(());
    }
    // An invalidation of an earlier check would end the wait at once.
    Lab::new(session).taken(VF)?;
    let handle = open_guest(VF)?;
    let wait = move || {
        let mut output = [0; 8];
        let bytes = handle.control(lab_control::sample::IOCTL_WAIT_CHANGES, &[], &mut output);
        (bytes, u64::from_le_bytes(output))
    };
    let waiting = thread::spawn(wait);
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "the guest does not wait");
    session.management()?.invalidate(Vfs::One(VF), 1)?;
    let (bytes, mask) = waiting.join().map_err(|_| anyhow!("a thread panicked"))?;
    ensure!(bytes == Ok(8), "the guest's wait gives {bytes:x?}");
    ensure!(mask == 1, "the guest gets {mask:#x}");
    Ok(())
}
