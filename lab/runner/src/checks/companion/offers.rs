//! What the function driver answers to the query, and what follows from it.

use anyhow::{Result, ensure};
use lab_control::companion::offer;
use lab_control::stack::operation;

use super::scenario::{COMPANION, COUNTER, VERSION, quiet, ready, record, send};
use crate::check::{Check, is};
use crate::operations::{performed, transfer};
use crate::rebalance;
use crate::sample_companion::{SampleCompanion, by_companion};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "a companion is called when it is ready, and what is not handed over is served before",
        becomes_ready,
    ),
    (
        "a device starts without a companion, and what is handed over is refused",
        refused_offers,
    ),
    (
        "a companion that declines is not called again, and its reference is given back",
        declines,
    ),
    (
        "a companion without the functions that are optional is one",
        least,
    ),
    (
        "a companion may be ready before its first call has returned",
        ready_at_once,
    ),
];

fn becomes_ready(session: &mut Session) -> Result<()> {
    let companion = quiet(session)?;
    send(session, 0, 1, COMPANION)?;
    let version = transfer(operation::READ, 0, VERSION, 4);
    is("block 0", performed(session, &version)?, status::SUCCESS)?;
    companion.set_ready(true).map_err(by_companion)?;
    send(session, 0, 1, status::SUCCESS)?;
    companion.set_ready(false).map_err(by_companion)?;
    send(session, 0, 2, COMPANION)?;
    let record = record(&companion)?;
    ensure!((record.writes, record.commits) == (1, 1), "{record:?}");
    Ok(())
}

/// Rebalances with another answer to the query. The companion that there was is detached.
fn with(session: &Session, answer: u32) -> Result<SampleCompanion> {
    let companion = ready(session)?;
    companion.set_offer(answer).map_err(by_companion)?;
    rebalance::round(&session.stack)?;
    Ok(companion)
}

/// Rebalances until there is a companion as it should be.
fn restore(session: &Session, companion: &SampleCompanion) -> Result<()> {
    companion.set_offer(offer::COMPLETE).map_err(by_companion)?;
    rebalance::round(&session.stack)?;
    companion.set_ready(true).map_err(by_companion)?;
    send(session, 0, 3, status::SUCCESS)?;
    let record = record(companion)?;
    ensure!((record.attaches, record.writes) == (1, 1), "{record:?}");
    Ok(())
}

fn refused_offers(session: &mut Session) -> Result<()> {
    for answer in [
        offer::NOTHING,
        offer::SIZE,
        offer::VERSION,
        offer::NO_REFERENCE,
        offer::NO_ATTACH,
        offer::NO_DETACH,
        offer::NO_VF_WRITE,
        offer::NO_VF_READ,
        offer::EMPTY,
    ] {
        let companion = with(session, answer)?;
        send(session, 0, 2, COMPANION)?;
        let read = transfer(operation::READ, 0, COUNTER, 4);
        is("a read", performed(session, &read)?, COMPANION)?;
        let ready = companion.set_ready(true);
        // The functions were released in the detach.
        ensure!(ready == Err(status::INVALID_DEVICE_STATE), "{ready:x?}");
        let record = companion.take_record().map_err(by_companion)?;
        let calls = (record.attaches, record.detaches, record.writes);
        ensure!(
            calls == (0, 1, 0) && record.references == 0,
            "answer {answer}: {record:?}"
        );
        restore(session, &companion)?;
    }
    Ok(())
}

fn declines(session: &mut Session) -> Result<()> {
    let companion = with(session, offer::DECLINES)?;
    send(session, 0, 2, COMPANION)?;
    session.management()?.reset(0)?;
    let record = companion.take_record().map_err(by_companion)?;
    let calls = (record.attaches, record.detaches, record.resets);
    ensure!(
        calls == (1, 1, 0) && record.references == 0,
        "after Attach has failed: {record:?}"
    );
    rebalance::round(&session.stack)?;
    let record = companion.take_record().map_err(by_companion)?;
    ensure!(record.detaches == 0, "it was never attached: {record:?}");
    restore(session, &companion)
}

fn least(session: &mut Session) -> Result<()> {
    let companion = with(session, offer::LEAST)?;
    companion.set_ready(true).map_err(by_companion)?;
    send(session, 0, 2, status::SUCCESS)?;
    session.management()?.reset(0)?;
    session
        .management()?
        .power(0, pf_broker_abi::PowerState::D3)?;
    let record = record(&companion)?;
    let calls = (record.writes, record.commits, record.resets, record.powers);
    ensure!(calls == (1, 0, 0, 0), "{record:?}");
    restore(session, &companion)
}

fn ready_at_once(session: &mut Session) -> Result<()> {
    let companion = with(session, offer::READY)?;
    send(session, 0, 2, status::SUCCESS)?;
    let record = record(&companion)?;
    ensure!((record.attaches, record.writes) == (1, 1), "{record:?}");
    restore(session, &companion)
}
