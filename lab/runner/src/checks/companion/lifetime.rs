//! Attach and detach: rebalances, removals, and functions that are called or kept for too long.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lab_control::companion::{Answer, BrokerCall, function};
use lab_control::stack::{function as stack_function, pnp};

use super::scenario::{MAILBOX, beside, ready, record, request, send, statuses, until_inside};
use crate::check::{Check, is};
use crate::operations::call;
use crate::rebalance;
use crate::sample_companion::{SampleCompanion, by_companion};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "a rebalance detaches the companion and attaches it again, not ready",
        rebalanced,
    ),
    (
        "the companion's functions fail after the detach, and may be released later, once",
        late_calls,
    ),
    ("a stop waits for the call before it detaches", stop_waits),
    (
        "a companion that holds the functions vetoes no query-remove",
        no_veto,
    ),
    (
        "a surprise removal waits for the call, reports one that does not return, and refuses it",
        removed_inside,
    ),
];

/// Read of block 0 of VF 0, by the companion.
const READ: BrokerCall = BrokerCall {
    function: function::READ,
    vf: 0,
    scope: 0,
    block: 0,
    length: 4,
    omitted: 0,
    reserved: 0,
    value: 0,
    data: [0; lab_control::MAX_BLOCK_LENGTH],
};
const RELEASE: BrokerCall = BrokerCall {
    function: function::RELEASE,
    ..READ
};

fn slow(companion: &SampleCompanion, milliseconds: u32) -> Result<()> {
    let answer = Answer {
        milliseconds,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&answer).map_err(by_companion)
}

fn rebalanced(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    send(session, 0, 1, status::SUCCESS)?;
    rebalance::part(&session.stack, 2)?;
    send(session, 0, 2, super::scenario::COMPANION)?;
    let stopped = companion.take_record().map_err(by_companion)?;
    let seen = (stopped.detaches, stopped.attaches, stopped.references);
    ensure!(seen == (1, 0, 0), "while it is stopped: {stopped:?}");
    rebalance::start(&session.stack)?;
    send(session, 0, 2, super::scenario::COMPANION)?;
    companion.set_ready(true).map_err(by_companion)?;
    send(session, 0, 2, status::SUCCESS)?;
    let seen = record(&companion)?;
    let calls = (seen.attaches, seen.detaches, seen.writes);
    ensure!(calls == (1, 0, 1), "{seen:?}");
    Ok(())
}

fn late_calls(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    companion.keep_functions(true).map_err(by_companion)?;
    is("Read", companion.call(&READ)?.status, status::SUCCESS)?;
    rebalance::part(&session.stack, 2)?;
    for function in function::SET_READY..=function::STATISTICS {
        // With arguments that would be refused otherwise, too.
        for vf in [0, 99] {
            let late = BrokerCall {
                function,
                vf,
                length: 1,
                ..READ
            };
            let what = format!("function {function} after Detach");
            is(&what, companion.call(&late)?.status, status::DEVICE_REMOVED)?;
        }
    }
    is("Release", companion.call(&RELEASE)?.status, 0)?;
    let again = companion.call(&READ);
    ensure!(again.is_err(), "it has no functions any more");
    companion.keep_functions(false).map_err(by_companion)?;
    rebalance::start(&session.stack)?;
    is("Read", companion.call(&READ)?.status, status::SUCCESS)?;
    companion.take_record().map(drop).map_err(by_companion)
}

fn stop_waits(session: &mut Session) -> Result<()> {
    const TIME: u64 = 1_000;
    let companion = ready(session)?;
    slow(&companion, u32::try_from(TIME)?)?;
    let start = Instant::now();
    let write = beside(vec![request(0, 6)]);
    until_inside(&companion)?;
    rebalance::part(&session.stack, 2)?;
    let time = start.elapsed();
    ensure!(
        time >= Duration::from_millis(TIME),
        "the device has stopped beside the call: {time:?}"
    );
    // The VF keeps its blocks, so the write counts.
    ensure!(statuses(write)? == [status::SUCCESS]);
    let stopped = companion.take_record().map_err(by_companion)?;
    let seen = (stopped.detaches, stopped.commits, stopped.unattached);
    ensure!(seen == (1, 1, 0), "{stopped:?}");
    slow(&companion, 0)?;
    rebalance::start(&session.stack)
}

fn no_veto(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    // The stack's own reference would veto. Its connection stays.
    let reference = |function| session.stack.call(&call(function, 0, 0, 0));
    reference(stack_function::DEREFERENCE)?;
    let query = session.stack.pnp(pnp::QUERY_REMOVE, 0)?;
    let cancel = session.stack.pnp(pnp::CANCEL_REMOVE, 0)?;
    reference(stack_function::REFERENCE)?;
    is("QUERY_REMOVE", query, status::SUCCESS)?;
    is("CANCEL_REMOVE", cancel, status::SUCCESS)?;
    send(session, 0, 1, status::SUCCESS)?;
    record(&companion).map(drop)
}

fn removed_inside(session: &mut Session) -> Result<()> {
    const TIME: u64 = 7_000;
    let companion = ready(session)?;
    // The functions of the PF that is gone are released when there is another one.
    companion.keep_functions(true).map_err(by_companion)?;
    slow(&companion, u32::try_from(TIME)?)?;
    let start = Instant::now();
    let write = beside(vec![request(0, 6)]);
    until_inside(&companion)?;
    let waiting = beside(vec![request(0, 7)]);
    thread::sleep(Duration::from_millis(100));
    // The handle would keep the device.
    drop(companion);
    session.close_management();
    let pull = thread::spawn(|| Ok::<_, anyhow::Error>(Stack::open()?.pull_pf()?));
    ensure!(statuses(waiting)? == [status::DEVICE_REMOVED]);
    let refused = start.elapsed();
    ensure!(
        refused < Duration::from_millis(TIME),
        "a write that waits for its turn is refused after {refused:?}"
    );
    ensure!(statuses(write)? == [status::DEVICE_REMOVED]);
    pull.join().map_err(|_| anyhow!("a thread panicked"))??;
    let time = start.elapsed();
    ensure!(
        time >= Duration::from_millis(TIME),
        "the device is gone beside the call: {time:?}"
    );
    session.plug_again()?;
    let companion = SampleCompanion::open(session)?;
    companion.keep_functions(false).map_err(by_companion)?;
    let seen = record(&companion)?;
    let calls = (seen.attaches, seen.detaches, seen.commits, seen.inside);
    ensure!(calls == (1, 1, 0, 0), "{seen:?}");
    slow(&companion, 0)?;
    companion.set_ready(true).map_err(by_companion)?;
    send(session, 0, 1, status::SUCCESS)
}
