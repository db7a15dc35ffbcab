//! The blocks of `tests/manifests/companion.toml`, and the steps that the checks share.

use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, ensure};
use lab_control::companion::{Answer, CompanionRecord, offer};
use lab_control::stack::{self as abi, operation};

use crate::check::is;
use crate::operations::{performed, transfer};
use crate::sample_companion::{SampleCompanion, by_companion, until};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

/// A register of which the VF writes two bytes and the companion the other two, by both ways.
pub(super) const MAILBOX: u32 = 7;
/// A register of four bytes that only the companion sets, before a read.
pub(super) const COUNTER: u32 = 8;
/// A stream of which the companion gets each message.
pub(super) const LOG: u32 = 6;
/// A register that the companion does not handle.
pub(super) const VERSION: u32 = 0;

/// `STATUS_DEVICE_NOT_CONNECTED`, the refusal `companion`.
pub(super) const COMPANION: u32 = status::DEVICE_NOT_CONNECTED;
/// `STATUS_REQUEST_ABORTED`, the refusal `declined`.
pub(super) const DECLINED: u32 = status::REQUEST_ABORTED;
/// `STATUS_DEVICE_NOT_READY`, the refusal `state`.
pub(super) const STATE: u32 = status::DEVICE_NOT_READY;

/// The companion, ready, with VFs and a record as at the start.
pub(super) fn ready(session: &Session) -> Result<SampleCompanion> {
    let companion = quiet(session)?;
    companion.set_ready(true).map_err(by_companion)?;
    Ok(companion)
}

/// The companion, not ready, with VFs and a record as at the start. It accepts what it gets.
pub(super) fn quiet(session: &Session) -> Result<SampleCompanion> {
    let companion = SampleCompanion::open(session)?;
    companion.set_offer(offer::COMPLETE).map_err(by_companion)?;
    for block in [MAILBOX, COUNTER, LOG] {
        for reads in [0, 1] {
            let answer = Answer {
                reads,
                ..Answer::accept(block)
            };
            companion.set_answer(&answer).map_err(by_companion)?;
        }
    }
    companion.set_ready(false).map_err(by_companion)?;
    for vf in 0..session.vfs {
        session.management()?.reset(vf)?;
    }
    companion.take_handed().map_err(by_companion)?;
    companion.take_record().map_err(by_companion)?;
    Ok(companion)
}

/// What has reached the companion since the last time. Whatever it was, no call came at a raised
/// level, beside another one about its VF, or while the companion was not attached.
pub(super) fn record(companion: &SampleCompanion) -> Result<CompanionRecord> {
    let record = companion.take_record().map_err(by_companion)?;
    ensure!(
        (record.raised, record.overlapping, record.unattached) == (0, 0, 0),
        "the companion was called where it must not be: {record:?}"
    );
    ensure!(record.references == 1, "references: {record:?}");
    Ok(record)
}

/// A VF's write of its bytes of the mailbox.
pub(super) fn request(vf: u16, number: u16) -> abi::Transfer {
    let mut write = transfer(operation::WRITE, vf, MAILBOX, 4);
    write.data[..2].copy_from_slice(&number.to_le_bytes());
    write
}

/// Sends a VF's request and expects its status.
pub(super) fn send(session: &Session, vf: u16, number: u16, expected: u32) -> Result<()> {
    let got = performed(session, &request(vf, number))?;
    is("a request", got, expected)
}

/// The value of the mailbox, for the host.
pub(super) fn mailbox(session: &Session, vf: u16) -> Result<Vec<u8>> {
    Ok(session.management()?.read(vf, MAILBOX, 4)?.data)
}

/// Sends transfers in a row from a thread of their own.
pub(super) fn beside(transfers: Vec<abi::Transfer>) -> JoinHandle<Result<Vec<u32>>> {
    thread::spawn(move || {
        let replies = Stack::open()?.batch(&transfers)?;
        let clean = replies.iter().all(|reply| reply.spoiled == 0);
        ensure!(clean, "a buffer was spoiled by {transfers:?}");
        Ok(replies.iter().map(|reply| reply.status).collect())
    })
}

/// The statuses of such transfers.
pub(super) fn statuses(thread: JoinHandle<Result<Vec<u32>>>) -> Result<Vec<u32>> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}

/// Waits until a call has entered the companion.
pub(super) fn until_inside(companion: &SampleCompanion) -> Result<()> {
    until(|| {
        let record = companion.take_record().map_err(by_companion)?;
        Ok(record.inside > 0)
    })
    .context("no call enters the companion")
}
