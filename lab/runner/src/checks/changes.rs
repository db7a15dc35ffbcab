//! `CHANGES`: what changed since a cookie, and requests that wait for a change; and the guest's wait
//! for blocks to read again.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{self as abi, Answer, operation, path, policy};
use pf_broker_client::{Access, Control as _, Vfs};

use super::ioctl::{Origin, expect, refused, request};
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::operations::{self, mark, transfer};
use crate::session::{Session, open_guest};
use crate::stack::Stack;
use crate::status;
use crate::trace::Lab;

pub(super) const CHECKS: &[Check] = &[
    ("CHANGES lists VFs and blocks in their order", listed),
    (
        "CHANGES lists what fits, and continues with the cookie",
        in_parts,
    ),
    ("CHANGES names its kinds, and no others", kinds),
    (
        "CHANGES refuses malformed cookies and accepts those of other starts",
        cookies,
    ),
    ("CHANGES pends until it is cancelled", cancelled),
    ("CHANGES ends with the handle that it came through", closed),
    ("CHANGES is woken by its kinds and by no other", by_kind),
    ("CHANGES reports a reset without what it wiped", by_reset),
    ("CHANGES reports attach and detach", by_attachment),
    (
        "a write at DISPATCH_LEVEL wakes a CHANGES, which completes at PASSIVE_LEVEL",
        by_raised_write,
    ),
    ("one write wakes each of many CHANGES once", many),
    (
        "programs that call CHANGES again at once delay no write",
        again_at_once,
    ),
    ("a program that waits is woken", program),
    (
        "a program in the guest that waits for changes is woken",
        guest,
    ),
];

const CHANGES: u32 = 0x0022_6434;
const VF: u16 = 3;

const WRITTEN: u16 = 1;
const MESSAGE: u16 = 2;
const RESET: u16 = 4;
const POWER: u16 = 8;
const PUBLISHED: u16 = 16;
const REFUSED: u16 = 32;
const ATTACHED: u16 = 64;
const DETACHED: u16 = 128;
const JOURNALED: u16 = 256;
const ALL: u16 = 511;

/// A flag of the request: do not wait.
const POLL: u16 = 1;

/// Bytes of a cookie, of the head of a reply, and of an entry.
const COOKIE: usize = 40;
const HEAD: usize = 48;
const ENTRY: usize = 16;

type Cookie = [u8; COOKIE];

const START: Cookie = [0; COOKIE];

/// A VF, kinds, a block, and a revision.
type Entry = (u16, u16, u32, u64);

/// A request for changes of `kinds` since `cookie`, with room for so many entries.
fn ask(kinds: u16, flags: u16, cookie: &Cookie, room: usize) -> abi::Request {
    let mut input = [0; HEAD];
    input[..2].copy_from_slice(&kinds.to_le_bytes());
    input[2..4].copy_from_slice(&flags.to_le_bytes());
    input[8..].copy_from_slice(cookie);
    let output = u32::try_from(HEAD + room * ENTRY).unwrap_or(u32::MAX);
    request(Origin::KERNEL, CHANGES, &input, output)
}

/// The reply of a request.
struct Reply {
    cookie: Cookie,
    more: bool,
    restarted: bool,
    entries: Vec<Entry>,
}

impl Reply {
    fn of(answer: &Answer) -> Result<Self> {
        let length = usize::try_from(answer.information)?;
        let bytes = answer
            .output
            .get(..length)
            .ok_or_else(|| anyhow!("CHANGES returns {length} bytes"))?;
        Self::parse(bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        ensure!(
            bytes.len() >= HEAD && bytes.len().is_multiple_of(ENTRY),
            "CHANGES returns {} bytes",
            bytes.len()
        );
        let (head, entries) = bytes.split_at(HEAD);
        let flags = u32::from_le_bytes(head[40..44].try_into()?);
        ensure!(
            flags < 4 && head[44..] == [0; 4],
            "CHANGES has the flags {flags:#x}"
        );
        let entries = entries
            .chunks_exact(ENTRY)
            .map(|entry| {
                Ok((
                    u16::from_le_bytes(entry[..2].try_into()?),
                    u16::from_le_bytes(entry[2..4].try_into()?),
                    u32::from_le_bytes(entry[4..8].try_into()?),
                    u64::from_le_bytes(entry[8..].try_into()?),
                ))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            cookie: head[..COOKIE].try_into()?,
            more: flags & 1 != 0,
            restarted: flags & 2 != 0,
            entries,
        })
    }
}

/// A reply that comes at once.
fn poll(session: &Session, kinds: u16, cookie: &Cookie, room: usize) -> Result<Reply> {
    let answer = session.stack.request(&ask(kinds, POLL, cookie, room))?;
    is("CHANGES", answer.status, status::SUCCESS)?;
    ensure!(answer.spoiled == 0, "the buffer behind CHANGES was changed");
    Reply::of(&answer)
}

/// The cookie of a reader that has everything.
fn now(session: &Session) -> Result<Cookie> {
    let mut cookie = START;
    loop {
        let reply = poll(session, ALL, &cookie, 29)?;
        cookie = reply.cookie;
        if !reply.more {
            return Ok(cookie);
        }
    }
}

fn performed(session: &Session, operation: u8, vf: u16, block: u32, length: u32) -> Result<()> {
    session
        .stack
        .transfer(&transfer(operation, vf, block, length))?;
    Ok(())
}

/// A VF changes everything that it has.
fn change_all(session: &Session, vf: u16) -> Result<()> {
    mark(session, vf, 1)?;
    performed(session, operation::WRITE, vf, 1, 128)?;
    performed(session, operation::PUBLISH, vf, 0, 128)?;
    performed(session, operation::WRITE, vf, 0, 5)?;
    session
        .management()?
        .power(vf, pf_broker_abi::PowerState::D3)?;
    Ok(())
}

fn listed(session: &mut Session) -> Result<()> {
    let before = now(session)?;
    // The VF that comes last is changed first.
    for vf in [VF, 1] {
        change_all(session, vf)?;
    }
    let reply = poll(session, ALL, &before, 29)?;
    let places: Vec<_> = reply.entries.iter().map(|e| (e.0, e.1, e.2)).collect();
    let own = POWER | REFUSED | JOURNALED;
    let expected = [1, VF].map(|vf| [(vf, own, 0), (vf, WRITTEN | PUBLISHED, 0), (vf, MESSAGE, 1)]);
    ensure!(places == expected.concat(), "CHANGES lists {places:x?}");
    for &(vf, kinds, block, revision) in &reply.entries {
        let expected = if kinds & JOURNALED == 0 {
            session.management()?.block_stats(vf, block)?.revision
        } else {
            let journal = session.management()?.journal(vf, 0, 64)?;
            journal.last().map_or(0, |entry| entry.sequence)
        };
        ensure!(
            revision == expected,
            "VF {vf}, block {block}: revision {revision} instead of {expected}"
        );
    }
    let nothing = poll(session, ALL, &reply.cookie, 29)?;
    ensure!(nothing.entries.is_empty(), "a change is listed twice");
    let filtered = poll(session, MESSAGE, &before, 29)?;
    let places: Vec<_> = filtered.entries.iter().map(|e| (e.0, e.1, e.2)).collect();
    ensure!(
        places == [(1, MESSAGE, 1), (VF, MESSAGE, 1)],
        "CHANGES of messages lists {places:x?}"
    );
    for vf in [VF, 1] {
        session
            .management()?
            .power(vf, pf_broker_abi::PowerState::D0)?;
    }
    Ok(())
}

fn in_parts(session: &mut Session) -> Result<()> {
    let mut cookie = now(session)?;
    for vf in [0, VF] {
        mark(session, vf, 1)?;
        performed(session, operation::WRITE, vf, 1, 128)?;
    }
    let whole = poll(session, ALL, &cookie, 29)?.entries;
    ensure!(whole.len() == 6, "{whole:x?}");
    let mut parts = Vec::new();
    for part in 1..=whole.len() {
        let reply = poll(session, ALL, &cookie, 1)?;
        ensure!(
            reply.more == (part < whole.len()),
            "part {part}: more is {}",
            reply.more
        );
        parts.extend(reply.entries);
        cookie = reply.cookie;
        // A change meanwhile is reported, but does not move the list.
        mark(session, 0, 2)?;
    }
    let places = |entries: &[Entry]| -> Vec<_> { entries.iter().map(|e| (e.0, e.2)).collect() };
    ensure!(
        places(&parts) == places(&whole),
        "in parts {parts:x?} instead of {whole:x?}"
    );
    let later = poll(session, WRITTEN, &cookie, 29)?.entries;
    ensure!(places(&later) == [(0, 0)], "meanwhile {later:x?}");
    Ok(())
}

fn kinds(session: &mut Session) -> Result<()> {
    let bad = refused(status::INVALID_PARAMETER_1);
    for kinds in [0, 0x200, 0x201, 0x8000, u16::MAX] {
        let ask = ask(kinds, POLL, &START, 1);
        expect(session, "CHANGES of no kind", &ask, bad)?;
    }
    for kind in (0..9).map(|bit| 1 << bit) {
        let reply = poll(session, kind, &START, 29)?;
        let others = reply.entries.iter().any(|entry| entry.1 != kind);
        ensure!(!others, "kind {kind:#x}: {:x?}", reply.entries);
    }
    let bad = refused(status::INVALID_PARAMETER);
    for flags in [2, 3, 0x8000] {
        expect(session, "CHANGES", &ask(ALL, flags, &START, 1), bad)?;
    }
    let mut small = ask(ALL, POLL, &START, 1);
    small.output_length -= 1;
    let bad = refused(status::BUFFER_TOO_SMALL);
    expect(session, "CHANGES without room", &small, bad).map(|_| ())
}

/// A cookie with another number at this byte.
fn with(cookie: &Cookie, at: usize, number: u64, length: usize) -> Cookie {
    let mut changed = *cookie;
    changed[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
    changed
}

fn cookies(session: &mut Session) -> Result<()> {
    mark(session, VF, 1)?;
    let current = now(session)?;
    let since = u64::from_le_bytes(current[16..24].try_into()?);
    // A list that has begun: it continues at VF 4 of four, at a block that does not exist, or
    // before it began.
    let listing = with(&current, 24, since, 8);
    let vfs = u64::from(session.vfs);
    for cookie in [
        with(&listing, 32, vfs, 2),
        with(&listing, 32, 0xFFFF, 2),
        with(&listing, 36, 3, 4),
        with(&listing, 36, u64::from(u32::MAX), 4),
        with(&listing, 24, since - 1, 8),
        with(&current, 32, 1, 2),
        with(&current, 36, 1, 4),
    ] {
        let bad = refused(status::INVALID_PARAMETER_2);
        let ask = ask(ALL, POLL, &cookie, 1);
        expect(session, "CHANGES with a malformed cookie", &ask, bad)?;
    }
    let bad = refused(status::INVALID_PARAMETER);
    let reserved = ask(ALL, POLL, &with(&current, 34, 1, 2), 1);
    expect(session, "CHANGES with a reserved byte", &reserved, bad)?;
    let all = poll(session, WRITTEN, &START, 29)?;
    ensure!(!all.restarted, "zeros are the start");
    let future = since + (1 << 40);
    for cookie in [
        // Another start, with places that do not exist here, and the future.
        with(&current, 0, 1, 8),
        with(&with(&listing, 0, 1, 8), 32, 0xFFFF, 2),
        with(&current, 8, 1, 8),
        with(&current, 16, future, 8),
        with(&current, 24, future, 8),
    ] {
        let reply = poll(session, WRITTEN, &cookie, 29)?;
        ensure!(
            reply.restarted && reply.entries == all.entries,
            "a cookie of another start: {:x?}",
            reply.entries
        );
        // Nothing of this kind has ever happened, but the reader learns of the start.
        let mut ask = ask(DETACHED, 0, &cookie, 29);
        ask.milliseconds = 5_000;
        let answer = session.stack.request(&ask)?;
        ensure!(
            answer.pended == 0,
            "CHANGES with another start's cookie waits"
        );
        ensure!(Reply::of(&answer)?.restarted, "the start is not reported");
    }
    Ok(())
}

fn cancelled(session: &mut Session) -> Result<()> {
    for kinds in [WRITTEN, RESET, ALL] {
        let cookie = now(session)?;
        let answer = session.stack.request(&ask(kinds, 0, &cookie, 1))?;
        is("CHANGES", answer.status, status::CANCELLED)?;
        ensure!(
            answer.pended == 1 && answer.information == 0,
            "CHANGES does not wait"
        );
    }
    // They were cancelled, not lost: the next one is answered.
    let (cookie, waiting) = waiting(session, WRITTEN)?;
    mark(session, VF, 1)?;
    woken(waiting, &[(VF, WRITTEN, 0)])?;
    let reply = poll(session, WRITTEN, &cookie, 1)?;
    ensure!(reply.entries.len() == 1, "the change is kept for others");
    Ok(())
}

fn closed(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let mut ask = ask(WRITTEN, 0, &now(session)?, 1);
    ask.close = 1;
    let answer = session.stack.request(&ask)?;
    session.stack.disconnect()?;
    session.connect(120, 1)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    is("CHANGES", answer.status, status::CANCELLED)?;
    ensure!(answer.pended == 1, "CHANGES does not wait");
    Ok(())
}

/// A thread that waits with a handle of its own.
type Waiter = JoinHandle<Result<Answer>>;

fn waiter(kinds: u16, cookie: &Cookie) -> Waiter {
    let mut ask = ask(kinds, 0, cookie, 8);
    ask.milliseconds = 10_000;
    thread::spawn(move || Ok(Stack::open()?.request(&ask)?))
}

/// The same, after the wait has begun.
fn waiting(session: &Session, kinds: u16) -> Result<(Cookie, Waiter)> {
    let cookie = now(session)?;
    let waiting = waiter(kinds, &cookie);
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    Ok((cookie, waiting))
}

/// Fails unless the wait returns exactly these VFs, kinds and blocks.
fn woken(waiting: Waiter, expected: &[(u16, u16, u32)]) -> Result<Reply> {
    let answer = waiting.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("CHANGES", answer.status, status::SUCCESS)?;
    ensure!(answer.pended == 0, "CHANGES had to be cancelled");
    ensure!(answer.raised == 0, "CHANGES is answered at DISPATCH_LEVEL");
    ensure!(answer.spoiled == 0, "the buffer behind CHANGES was changed");
    let reply = Reply::of(&answer)?;
    let places: Vec<_> = reply.entries.iter().map(|e| (e.0, e.1, e.2)).collect();
    ensure!(places == expected, "CHANGES returns {places:x?}");
    Ok(reply)
}

fn by_kind(session: &mut Session) -> Result<()> {
    // A kind, and what happens: an operation on a block with a length, or a power state.
    let happenings = [
        (WRITTEN, operation::WRITE, 0, 128, 0),
        (MESSAGE, operation::WRITE, 1, 128, 1),
        (PUBLISHED, operation::PUBLISH, 0, 128, 0),
        (REFUSED, operation::WRITE, 0, 5, 0),
    ];
    for (kind, operation, block, length, listed) in happenings {
        let (_, one) = waiting(session, kind)?;
        let (_, other) = waiting(session, ALL & !kind & !JOURNALED)?;
        // What is no change at all.
        performed(session, operation::READ, VF, 0, 128)?;
        performed(session, operation, VF, block, length)?;
        woken(one, &[(VF, kind, listed)])?;
        ensure!(!other.is_finished(), "kind {kind:#x} wakes another kind");
        let d0 = pf_broker_abi::PowerState::D0;
        session.management()?.power(1, d0)?;
        woken(other, &[(1, POWER, 0)])?;
    }
    // The journal records an invalidation, which is no other change.
    let (_, journal) = waiting(session, JOURNALED)?;
    session.management()?.invalidate(Vfs::One(VF), 1)?;
    woken(journal, &[(VF, JOURNALED, 0)])?;
    Ok(())
}

fn by_reset(session: &mut Session) -> Result<()> {
    let before = now(session)?;
    change_all(session, VF)?;
    let (_, waiting_1) = waiting(session, RESET)?;
    let reset = operations::call(abi::function::RESET_VF, VF, 0, 0);
    is(
        "ResetVf",
        session.stack.call(&reset)?.status,
        status::SUCCESS,
    )?;
    woken(waiting_1, &[(VF, RESET, 0)])?;
    mark(session, VF, 1)?;
    let reply = poll(session, ALL & !JOURNALED, &before, 29)?;
    let places: Vec<_> = reply.entries.iter().map(|e| (e.0, e.1, e.2)).collect();
    ensure!(
        places == [(VF, RESET | REFUSED, 0), (VF, WRITTEN, 0)],
        "after a reset CHANGES lists {places:x?}"
    );
    let (_, waiting_2) = waiting(session, RESET)?;
    session.management()?.reset(VF)?;
    woken(waiting_2, &[(VF, RESET, 0)])?;
    Ok(())
}

fn by_attachment(session: &mut Session) -> Result<()> {
    let both = ATTACHED | DETACHED;
    let (before, detached) = waiting(session, both)?;
    session.stack.detach()?;
    let first = woken(detached, &[(0, DETACHED, 0)])?.entries[0].3;
    let attached = waiter(both, &now(session)?);
    thread::sleep(Duration::from_millis(50));
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    let second = woken(attached, &[(0, ATTACHED, 0)])?.entries[0].3;
    ensure!(second == first + 1, "{first} and {second} attachments");
    mark(session, 0, 1)?;
    let reply = poll(session, both | WRITTEN, &before, 29)?;
    let places: Vec<_> = reply.entries.iter().map(|e| (e.0, e.1, e.2)).collect();
    ensure!(
        places == [(0, both, 0), (0, WRITTEN, 0)],
        "the device comes first: {places:x?}"
    );
    // A refused attach, and one that is repeated, are none.
    let again = request(Origin::KERNEL, 0x0022_604C, &[], 0);
    session.stack.request(&again)?;
    let nothing = poll(session, both, &reply.cookie, 29)?;
    ensure!(nothing.entries.is_empty(), "a refused attach is reported");
    Ok(())
}

fn by_raised_write(session: &mut Session) -> Result<()> {
    for (kinds, block) in [(WRITTEN, 0), (JOURNALED, 0)] {
        let (_, waiting) = waiting(session, kinds)?;
        let mut write = transfer(operation::WRITE, VF, 0, 128);
        write.path = path::SRIOV_RAISED;
        is(
            "a write",
            operations::performed(session, &write)?,
            status::SUCCESS,
        )?;
        woken(waiting, &[(VF, kinds, block)])?;
    }
    Ok(())
}

fn many(session: &mut Session) -> Result<()> {
    let cookie = now(session)?;
    let kinds = [WRITTEN, JOURNALED, WRITTEN | RESET, RESET];
    let waiters: Vec<_> = kinds
        .into_iter()
        .cycle()
        .take(60)
        .map(|kinds| (kinds, waiter(kinds, &cookie)))
        .collect();
    thread::sleep(Duration::from_millis(500));
    let early = waiters.iter().filter(|(_, waiter)| waiter.is_finished());
    ensure!(early.count() == 0, "CHANGES does not wait");
    mark(session, VF, 1)?;
    let (resets, others): (Vec<_>, Vec<_>) =
        waiters.into_iter().partition(|(kinds, _)| *kinds == RESET);
    for (kinds, waiter) in others {
        woken(waiter, &[(VF, kinds & !RESET, 0)])?;
    }
    ensure!(
        resets.iter().all(|(_, waiter)| !waiter.is_finished()),
        "a write wakes a CHANGES for resets"
    );
    session.management()?.reset(1)?;
    for (_, waiter) in resets {
        woken(waiter, &[(1, RESET, 0)])?;
    }
    Ok(())
}

/// Two programs that wait again as soon as they are answered, while a VF writes.
fn again_at_once(session: &mut Session) -> Result<()> {
    const WRITES: u64 = 200;
    let before = now(session)?;
    let last = session.management()?.block_stats(VF, 0)?.revision + WRITES;
    let follow = move || -> Result<u64> {
        let stack = Stack::open()?;
        let (mut cookie, mut seen, mut answers) = (before, 0, 0);
        while seen < last {
            let mut ask = ask(WRITTEN, 0, &cookie, 8);
            ask.milliseconds = 5_000;
            let answer = stack.request(&ask)?;
            is("CHANGES", answer.status, status::SUCCESS)?;
            let reply = Reply::of(&answer)?;
            ensure!(reply.entries.len() == 1, "{:x?}", reply.entries);
            let revision = reply.entries[0].3;
            ensure!(revision >= seen, "revision {revision} after {seen}");
            (cookie, seen) = (reply.cookie, revision);
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
        // An answer for each write, and one more for each that came while a list was made.
        ensure!(
            answers <= 2 * WRITES + 2,
            "{answers} answers for {WRITES} writes"
        );
    }
    Ok(())
}

fn program(session: &mut Session) -> Result<()> {
    let cookie = now(session)?;
    let handle = session.open_management(Access::Look)?;
    let waiting = thread::spawn(move || {
        let mut output = [0; HEAD + ENTRY];
        let input = ask(WRITTEN, 0, &cookie, 1).input;
        let bytes = handle.control(CHANGES, &input[..HEAD], &mut output);
        (bytes, output)
    });
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "CHANGES does not wait");
    mark(session, VF, 2)?;
    let (bytes, output) = waiting.join().map_err(|_| anyhow!("a thread panicked"))?;
    ensure!(bytes == Ok(output.len()), "CHANGES gives {bytes:x?}");
    let revision = session.management()?.block_stats(VF, 0)?.revision;
    let entries = Reply::parse(&output)?.entries;
    ensure!(
        entries == [(VF, WRITTEN, 0, revision)],
        "CHANGES returns {entries:x?}"
    );
    Ok(())
}

fn guest(session: &mut Session) -> Result<()> {
    if session.guests.is_empty() {
        return Ok(());
    }
    // What earlier checks left for this guest would end the wait at once.
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
