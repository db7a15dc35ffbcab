//! The stack's requests in unusual orders: without a file object, a notification before the attach,
//! a detach without an attach.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{self as abi, Answer, pnp, policy};

use super::ioctl::{Expected, Origin, expect, refused, request};
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    ("a DETACH without an attach succeeds", detach),
    (
        "an ATTACH without a file object lasts until a DETACH",
        without_file,
    ),
    (
        "a NOTIFICATION before the attach gets the next event, once",
        early_notification,
    ),
    (
        "with an attached stack an event that was not delivered cannot be answered",
        event_not_delivered,
    ),
];

const NOTIFICATION: u32 = 0x0022_6044;
const EVENT_COMPLETE: u32 = 0x0022_6048;
const ATTACH: u32 = 0x0022_604C;
const DETACH: u32 = 0x0022_6050;
const DONE: Expected = Expected::Answer(status::SUCCESS, 0);

/// Sends a code without a buffer, from the kernel, through a file object or without one.
fn bare(session: &Session, code: u32, file: bool, expected: Expected) -> Result<()> {
    let mut ask = request(Origin::KERNEL, code, &[], 0);
    ask.file = if file {
        abi::file::STACK
    } else {
        abi::file::NONE
    };
    expect(session, &format!("code 0x{code:08X}"), &ask, expected).map(|_| ())
}

/// Attaches the session's own stack again.
fn restore(session: &Session) -> Result<()> {
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    Ok(())
}

fn detach(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    for file in [true, false, true] {
        bare(session, DETACH, file, DONE)?;
    }
    restore(session)
}

fn without_file(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    bare(session, ATTACH, false, DONE)?;
    let held = refused(status::SHARING_VIOLATION);
    bare(session, ATTACH, false, held)?;
    bare(session, ATTACH, true, held)?;
    // No handle is the attached one, so closing one detaches no stack.
    session.stack.disconnect()?;
    session.connect(120, 1)?;
    bare(session, ATTACH, true, held)?;
    bare(session, DETACH, false, DONE)?;
    bare(session, ATTACH, true, DONE)?;
    bare(session, DETACH, true, DONE)?;
    restore(session)
}

/// Sends a notification from a thread with a handle of its own, and cancels it after a while.
fn notification(milliseconds: u32) -> JoinHandle<Result<Answer>> {
    let mut ask = request(Origin::KERNEL, NOTIFICATION, &[], 4);
    ask.milliseconds = milliseconds;
    let sent = thread::spawn(move || Ok(Stack::open()?.request(&ask)?));
    thread::sleep(Duration::from_millis(30));
    sent
}

/// The event that a notification is completed with.
fn delivered_event(notification: JoinHandle<Result<Answer>>) -> Result<u32> {
    let answer = notification
        .join()
        .map_err(|_| anyhow!("a thread panicked"))??;
    is("NOTIFICATION", answer.status, status::SUCCESS)?;
    ensure!(answer.information == 4, "{} bytes", answer.information);
    Ok(u32::from_le_bytes(answer.output[..4].try_into()?))
}

/// Sends a Plug and Play request from a thread with a handle of its own.
fn elsewhere(request: u32) -> JoinHandle<Result<u32>> {
    thread::spawn(move || Ok(Stack::open()?.pnp(request, 0)?))
}

fn answer(session: &Session, answer: u32) -> Result<()> {
    let ask = request(Origin::KERNEL, EVENT_COMPLETE, &answer.to_le_bytes(), 0);
    expect(session, "EVENT_COMPLETE", &ask, DONE)?;
    let again = refused(status::INVALID_DEVICE_STATE);
    expect(session, "a second EVENT_COMPLETE", &ask, again).map(|_| ())
}

fn early_notification(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let early = notification(10_000);
    bare(session, ATTACH, true, DONE)?;
    ensure!(!early.is_finished(), "a notification without an event");
    let stop = elsewhere(pnp::QUERY_STOP);
    let event = delivered_event(early)?;
    ensure!(event == 0, "event {event} instead of QueryStopDevice");
    // The next one is there before the answer, and the same event must not come again.
    let next = notification(10_000);
    ensure!(!next.is_finished(), "an event is sent twice");
    answer(session, status::SUCCESS)?;
    let stop = stop.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("QUERY_STOP", stop, status::SUCCESS)?;
    let cancel = elsewhere(pnp::CANCEL_STOP);
    let event = delivered_event(next)?;
    ensure!(event == 1, "event {event} instead of Restart");
    answer(session, status::SUCCESS)?;
    let cancel = cancel.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("CANCEL_STOP", cancel, status::SUCCESS)?;
    // A request that waits at a detach continues to wait: its sender cancels it.
    let kept = notification(300);
    bare(session, DETACH, true, DONE)?;
    thread::sleep(Duration::from_millis(20));
    let waits = !kept.is_finished();
    let ended = kept.join().map_err(|_| anyhow!("a thread panicked"))??;
    restore(session)?;
    ensure!(waits, "a DETACH ends a notification");
    is(
        "the cancelled notification",
        ended.status,
        status::CANCELLED,
    )
}

fn event_not_delivered(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    bare(session, ATTACH, true, DONE)?;
    let stop = elsewhere(pnp::QUERY_STOP);
    thread::sleep(Duration::from_millis(50));
    let ask: abi::Request = request(Origin::KERNEL, EVENT_COMPLETE, &[0; 4], 0);
    let early = refused(status::INVALID_DEVICE_STATE);
    let early = expect(session, "EVENT_COMPLETE", &ask, early);
    ensure!(!stop.is_finished(), "QUERY_STOP did not wait");
    // The detach ends the wait, as the contract says.
    bare(session, DETACH, true, DONE)?;
    let stop = stop.join().map_err(|_| anyhow!("a thread panicked"))??;
    is("QUERY_STOP", stop, status::SUCCESS)?;
    let cancel = session.stack.pnp(pnp::CANCEL_STOP, 0)?;
    is("CANCEL_STOP", cancel, status::SUCCESS)?;
    restore(session)?;
    early.map(|_| ())
}
