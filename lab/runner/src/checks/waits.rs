//! Requests that wait until something happens: the host's `WAIT`, and the guest's wait for changes.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{self as abi, Answer, operation, policy};
use pf_broker_client::{Access, Control as _, Vfs};

use super::ask::{Expected, Origin, expect, refused, request};
use super::{Check, is, mark, status, transfer};
use crate::cli::Mode;
use crate::session::{Session, open_guest};
use crate::stack::Stack;
use crate::trace::Lab;

pub(super) const CHECKS: &[Check] = &[
    ("WAIT pends until it is cancelled", cancelled),
    ("WAIT ends with the handle that it came through", closed),
    (
        "WAIT is woken by a committed write and by no other",
        by_write,
    ),
    ("WAIT is woken by a reset of either side", by_reset),
    ("a program that waits is woken", program),
    (
        "a program in the guest that waits for changes is woken",
        guest,
    ),
];

const WAIT: u32 = 0x0022_642C;
const VF: u16 = 3;

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

fn wait_for(seen: u64) -> abi::Request {
    request(Origin::KERNEL, WAIT, &seen.to_le_bytes(), 8)
}

fn cancelled(session: &mut Session) -> Result<()> {
    let seen = changes(session)?;
    for seen in [seen, seen + 1, u64::MAX] {
        expect(session, "WAIT", &wait_for(seen), Expected::Pends)?;
    }
    // It was cancelled, not lost: what is counted still wakes the next one.
    let now = Expected::Answer(status::SUCCESS, 8);
    let answer = expect(session, "WAIT", &wait_for(seen - 1), now)?;
    ensure!(
        answer.output[..8] == seen.to_le_bytes(),
        "WAIT tells {:02x?} instead of {seen}",
        &answer.output[..8]
    );
    Ok(())
}

fn closed(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let mut ask = wait_for(changes(session)?);
    ask.close = 1;
    let ended = expect(session, "WAIT", &ask, Expected::Pends);
    session.stack.disconnect()?;
    session.connect(120, 1)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    ended.map(|_| ())
}

/// A `WAIT` for the next change, from a thread with a handle of its own, that has begun to wait.
fn waiting(session: &Session) -> Result<(u64, JoinHandle<Result<Answer>>)> {
    let seen = changes(session)?;
    let mut ask = wait_for(seen);
    ask.milliseconds = 5_000;
    let waiting = thread::spawn(move || Ok(Stack::open()?.request(&ask)?));
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "WAIT does not wait");
    Ok((seen, waiting))
}

fn woken(seen: u64, waiting: JoinHandle<Result<Answer>>) -> Result<()> {
    let answer = waiting.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("WAIT", answer.status, status::SUCCESS)?;
    ensure!(answer.information == 8, "{} bytes", answer.information);
    let told = u64::from_le_bytes(answer.output[..8].try_into()?);
    ensure!(told == seen + 1, "WAIT tells {told} after {seen}");
    Ok(())
}

fn by_write(session: &mut Session) -> Result<()> {
    let (seen, waiting) = waiting(session)?;
    // What changes nothing wakes nobody: a refused write, a read, a publish.
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
    ensure!(!waiting.is_finished(), "WAIT is woken by nothing");
    mark(session, VF, 1)?;
    woken(seen, waiting)
}

fn by_reset(session: &mut Session) -> Result<()> {
    let (seen, waiting_1) = waiting(session)?;
    let reset = super::call(abi::function::RESET_VF, VF, 0, 0);
    is(
        "ResetVf",
        session.stack.call(&reset)?.status,
        status::SUCCESS,
    )?;
    woken(seen, waiting_1)?;
    let (seen, waiting_2) = waiting(session)?;
    session.management()?.reset(VF)?;
    woken(seen, waiting_2)
}

fn program(session: &mut Session) -> Result<()> {
    let seen = changes(session)?;
    let handle = session.open_management(Access::Look)?;
    let waiting = thread::spawn(move || {
        let mut output = [0; 8];
        let bytes = handle.control(WAIT, &seen.to_le_bytes(), &mut output);
        (bytes, u64::from_le_bytes(output))
    });
    thread::sleep(Duration::from_millis(50));
    ensure!(!waiting.is_finished(), "WAIT does not wait");
    mark(session, VF, 2)?;
    let (bytes, told) = waiting.join().map_err(|_| anyhow!("a thread panicked"))?;
    ensure!(bytes == Ok(8), "WAIT gives {bytes:x?}");
    ensure!(told == seen + 1, "WAIT tells {told} after {seen}");
    // One that is cancelled from the kernel gives no bytes.
    let ask = request(Origin::KERNEL, WAIT, &seen.to_le_bytes(), 7);
    let small = refused(status::BUFFER_TOO_SMALL);
    expect(session, "WAIT without room", &ask, small).map(|_| ())
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
    ensure!(mask == 1, "the guest is told {mask:#x}");
    Ok(())
}
