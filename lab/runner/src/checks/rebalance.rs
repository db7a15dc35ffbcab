//! Stop, restart and power of the PF, with a stack that accepts, vetoes, does not answer or
//! detaches.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{self as abi, pnp, policy, resources};

use super::retention::until;
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::operations::{self, block_0, mark};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "a rebalance with an attached stack delivers both events once",
        accepted,
    ),
    ("a rebalance without a stack sends no event", alone),
    ("a rebalance may move the memory of the VFs", moved),
    (
        "a veto refuses the stop, and the cancelled stop is reported",
        vetoed,
    ),
    ("a stop waits until the stack answers", silent),
    (
        "a stack that closes its handle does not hold the stop",
        closed,
    ),
    ("a stack that detaches does not hold the stop", detached),
    (
        "an ATTACH during a rebalance waits for its end",
        attach_during,
    ),
    (
        "blocks and latched invalidations survive the PF's sleep",
        sleep,
    ),
];

fn send(session: &Session, request: u32, expected: u32) -> Result<()> {
    let got = session.stack.pnp(request, 0)?;
    is(
        &format!("Plug and Play request {request:#x}"),
        got,
        expected,
    )
}

fn fresh(session: &Session, policy: u32) -> Result<()> {
    session.stack.detach()?;
    session.attach(policy, Mode::EachVf)?;
    Ok(())
}

/// Waits until the attached stack has got this number of events of each kind.
fn events(session: &Session, query_stop: u32, restart: u32) -> Result<()> {
    // A second delivery of an event would follow at once.
    thread::sleep(Duration::from_millis(20));
    let report = session.stack.report()?;
    ensure!(
        (report.query_stop_events, report.restart_events) == (query_stop, restart),
        "{} QueryStopDevice and {} Restart instead of {query_stop} and {restart}",
        report.query_stop_events,
        report.restart_events
    );
    Ok(())
}

fn rebalance(session: &Session) -> Result<()> {
    send(session, pnp::QUERY_STOP, status::SUCCESS)?;
    send(session, pnp::STOP, status::SUCCESS)?;
    send(session, pnp::START, status::SUCCESS)
}

fn accepted(session: &mut Session) -> Result<()> {
    fresh(session, policy::ACCEPT)?;
    mark(session, 0, 7)?;
    for round in 1..=3 {
        rebalance(session)?;
        events(session, round, round)?;
    }
    ensure!(block_0(session, 0)?[0] == 7, "a rebalance loses a block");
    let enabled = session.stack.report()?.enabled_vfs;
    ensure!(
        enabled == u32::from(session.vfs),
        "{enabled} VFs are enabled"
    );
    Ok(())
}

fn alone(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    rebalance(session)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    events(session, 0, 0)
}

fn moved(session: &mut Session) -> Result<()> {
    fresh(session, policy::ACCEPT)?;
    send(session, pnp::QUERY_STOP, status::SUCCESS)?;
    send(session, pnp::STOP, status::SUCCESS)?;
    let got = session.stack.pnp(pnp::START, resources::ALL_VFS)?;
    is("START with memory resources", got, status::SUCCESS)?;
    let bar = operations::call(abi::function::GET_RESOURCE_FOR_BAR, 1, 0, 0);
    is("BAR 0", session.stack.call(&bar)?.status, status::SUCCESS)
}

fn vetoed(session: &mut Session) -> Result<()> {
    fresh(session, policy::VETO)?;
    let got = session.stack.pnp(pnp::QUERY_STOP, 0)?;
    is("QUERY_STOP", got, status::DEVICE_BUSY)?;
    send(session, pnp::CANCEL_STOP, status::SUCCESS)?;
    events(session, 1, 1)?;
    let early = session.stack.report()?.restarts_before_cancel_stop;
    ensure!(
        early == 1,
        "the cancelled stop went on before the stack was notified"
    );
    block_0(session, 0).map(|_| ())
}

/// Sends a request from another thread with a handle of its own.
fn elsewhere(request: u32) -> thread::JoinHandle<Result<u32>> {
    thread::spawn(move || Ok(Stack::open()?.pnp(request, 0)?))
}

fn result(thread: thread::JoinHandle<Result<u32>>) -> Result<u32> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}

fn silent(session: &mut Session) -> Result<()> {
    fresh(session, policy::SILENCE)?;
    let stop = elsewhere(pnp::QUERY_STOP);
    thread::sleep(Duration::from_millis(150));
    ensure!(
        !stop.is_finished(),
        "QUERY_STOP did not wait for the answer"
    );
    block_0(session, 0)?;
    session.stack.policy(policy::ACCEPT)?;
    is("QUERY_STOP", result(stop)?, status::SUCCESS)?;
    send(session, pnp::CANCEL_STOP, status::SUCCESS)?;
    events(session, 1, 1)
}

fn goes(session: &Session, how: u32) -> Result<()> {
    fresh(session, how)?;
    send(session, pnp::QUERY_STOP, status::SUCCESS)?;
    send(session, pnp::STOP, status::SUCCESS)?;
    send(session, pnp::START, status::SUCCESS)?;
    session.stack.disconnect()?;
    session.connect(120, 1)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    events(session, 0, 0)
}

fn closed(session: &mut Session) -> Result<()> {
    goes(session, policy::CLOSE)
}

fn detached(session: &mut Session) -> Result<()> {
    goes(session, policy::DETACH)
}

fn attach_during(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    send(session, pnp::QUERY_STOP, status::SUCCESS)?;
    let vfs = session.vfs;
    let attach = thread::spawn(move || -> Result<u32> {
        let attach = abi::Attach {
            policy: policy::ACCEPT,
            mode: abi::mode::EACH_VF,
            vfs: vfs.into(),
        };
        Stack::open()?.attach(&attach)?;
        Ok(0)
    });
    thread::sleep(Duration::from_millis(150));
    let waited = !attach.is_finished();
    send(session, pnp::STOP, status::SUCCESS)?;
    send(session, pnp::START, status::SUCCESS)?;
    is("ATTACH", result(attach)?, status::SUCCESS)?;
    ensure!(waited, "ATTACH did not wait for the end of the rebalance");
    events(session, 0, 0)
}

fn sleep(session: &mut Session) -> Result<()> {
    fresh(session, policy::ACCEPT)?;
    mark(session, 1, 9)?;
    session.stack.detach()?;
    session
        .management()?
        .invalidate(pf_broker_client::Vfs::One(1), 2)?;
    session.stack.sleep()?;
    session.stack.wake(session.vfs)?;
    ensure!(block_0(session, 1)?[0] == 9, "sleep loses a block");
    // The power-up itself raises bit 0, whose block notifies.
    until("the power-up is latched", || {
        Ok(session.management()?.stats(1)?.pending & 1 != 0)
    })?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    let taken = crate::trace::Lab::new(session).taken(1)?;
    ensure!(taken == 3, "sleep loses an invalidation: {taken:#x}");
    Ok(())
}
