//! The functions that the companion calls, with every argument that they must refuse.

use anyhow::{Result, ensure};
use lab_control::companion::{BrokerCall, function, omitted};
use lab_control::stack::operation;

use super::scenario::{LOG, MAILBOX, VERSION, mailbox, ready, send};
use crate::check::{Check, is};
use crate::operations::{performed, transfer};
use crate::sample_companion::{SampleCompanion, by_companion};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    ("the companion's functions do what they say", served),
    (
        "the companion's functions refuse NULL, what does not exist, and wrong lengths",
        refused,
    ),
    (
        "above PASSIVE_LEVEL the companion reaches one VF, and neither all of them nor a reset",
        raised,
    ),
];

/// `STATUS_REVISION_MISMATCH`, the refusal `changed`.
const CHANGED: u32 = status::REVISION_MISMATCH;
/// `STATUS_INVALID_BUFFER_SIZE`, the refusal `length`.
const LENGTH: u32 = status::INVALID_BUFFER_SIZE;
const ALL: u16 = 1;

/// A call about VF 1.
const fn call(function: u32, block: u32, length: u32) -> BrokerCall {
    BrokerCall {
        function,
        vf: 1,
        scope: 0,
        block,
        length,
        omitted: 0,
        reserved: 0,
        value: 0,
        data: [0; lab_control::MAX_BLOCK_LENGTH],
    }
}

/// A publish without an expected revision.
fn publish(scope: u16, response: u8) -> BrokerCall {
    let mut publish = BrokerCall {
        scope,
        vf: u16::from(scope != ALL),
        omitted: omitted::NUMBER,
        ..call(function::PUBLISH, MAILBOX, 4)
    };
    publish.data[2] = response;
    publish
}

fn served(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let called = |call: &BrokerCall| companion.call(call);
    send(session, 1, 4, status::SUCCESS)?;
    let read = called(&call(function::READ, MAILBOX, 4))?;
    is("Read", read.status, status::SUCCESS)?;
    ensure!(
        read.data[..5] == [4, 0, 0, 0, 0xA5],
        "{:x?}",
        &read.data[..5]
    );
    let revision = session.management()?.read(1, MAILBOX, 4)?.revision;
    ensure!(read.value == revision, "revision {}", read.value);
    let expecting = |value| BrokerCall {
        value,
        omitted: 0,
        ..publish(0, 7)
    };
    is(
        "a stale publish",
        called(&expecting(revision + 1))?.status,
        CHANGED,
    )?;
    is("a publish", called(&expecting(revision))?.status, 0)?;
    ensure!(mailbox(session, 1)? == [4, 0, 7, 0]);
    is("a publish to all", called(&publish(ALL, 9))?.status, 0)?;
    ensure!(mailbox(session, 0)? == [0, 0, 9, 0] && mailbox(session, 1)? == [4, 0, 9, 0]);
    crate::trace::Lab::new(session).taken(1)?;
    let invalidate = BrokerCall {
        value: 1,
        ..call(function::INVALIDATE, 0, 0)
    };
    is("Invalidate", called(&invalidate)?.status, 0)?;
    ensure!(
        crate::trace::Lab::new(session).taken(1)? == 1,
        "no invalidation"
    );
    drained(session, &companion)?;
    let writes = session.management()?.stats(1)?.writes;
    let statistics = called(&call(function::STATISTICS, 0, 0))?;
    is("Statistics", statistics.status, 0)?;
    ensure!(statistics.value == writes, "{} writes", statistics.value);
    is("Reset", called(&call(function::RESET, 0, 0))?.status, 0)?;
    ensure!(mailbox(session, 1)? == [0; 4]);
    Ok(())
}

fn drained(session: &Session, companion: &SampleCompanion) -> Result<()> {
    for byte in [5, 6] {
        let mut message = transfer(operation::WRITE, 1, LOG, 2);
        message.data[0] = byte;
        is("a message", performed(session, &message)?, status::SUCCESS)?;
    }
    for (capacity, count, first) in [(0, 0, 0xA5), (1, 1, 5), (2, 1, 6), (2, 0, 0xA5)] {
        let drained = companion.call(&call(function::DRAIN, LOG, capacity))?;
        let got = (drained.status, drained.count, drained.data[0]);
        ensure!(got == (0, count, first), "Drain {capacity}: {got:x?}");
    }
    Ok(())
}

fn not_that_vf(call: BrokerCall) -> BrokerCall {
    BrokerCall { vf: 4, ..call }
}

fn without(omitted: u32, call: BrokerCall) -> BrokerCall {
    BrokerCall { omitted, ..call }
}

fn invalidate(scope: u16) -> BrokerCall {
    BrokerCall {
        value: 1,
        scope,
        ..call(function::INVALIDATE, 0, 0)
    }
}

/// Calls that are refused, and the status of each.
type Refused = Vec<(&'static str, BrokerCall, u32)>;

const NULL: u32 = status::INVALID_PARAMETER;

fn refused_reads_and_drains() -> Refused {
    let read = call(function::READ, MAILBOX, 4);
    let drain = call(function::DRAIN, LOG, 1);
    let kind = status::INVALID_DEVICE_REQUEST;
    vec![
        ("Read into NULL", without(omitted::DATA, read), NULL),
        ("Read of a VF that does not exist", not_that_vf(read), NULL),
        (
            "Read of a block that does not exist",
            call(function::READ, 99, 4),
            status::NOT_FOUND,
        ),
        (
            "Read of too much",
            call(function::READ, MAILBOX, 129),
            LENGTH,
        ),
        ("Read of nothing", call(function::READ, MAILBOX, 0), LENGTH),
        ("Read of a stream", call(function::READ, LOG, 4), kind),
        ("Drain into NULL", without(omitted::DATA, drain), NULL),
        (
            "Drain without a count",
            without(omitted::NUMBER, drain),
            NULL,
        ),
        (
            "Drain of a register",
            call(function::DRAIN, VERSION, 1),
            kind,
        ),
        (
            "Drain of a VF that does not exist",
            not_that_vf(drain),
            NULL,
        ),
    ]
}

fn refused_publishes() -> Refused {
    let of_null = without(omitted::DATA | omitted::NUMBER, publish(0, 1));
    let long = BrokerCall {
        length: u32::MAX,
        ..publish(0, 1)
    };
    let empty = BrokerCall {
        length: 0,
        ..publish(0, 1)
    };
    let all_of_one = BrokerCall {
        vf: 1,
        ..publish(ALL, 1)
    };
    let expecting_of_all = without(0, publish(ALL, 1));
    vec![
        ("Publish of NULL", of_null, NULL),
        ("Publish of too much", long, LENGTH),
        ("Publish of nothing", empty, LENGTH),
        ("Publish to no scope", publish(2, 1), NULL),
        ("Publish to all with a VF", all_of_one, NULL),
        ("Publish to all with a revision", expecting_of_all, NULL),
        (
            "Publish to a VF that does not exist",
            not_that_vf(publish(0, 1)),
            NULL,
        ),
    ]
}

fn refused_others() -> Refused {
    let statistics = call(function::STATISTICS, 0, 0);
    let reset = call(function::RESET, 0, 0);
    vec![
        ("Invalidate of no scope", invalidate(7), NULL),
        (
            "Statistics into NULL",
            without(omitted::DATA, statistics),
            NULL,
        ),
        (
            "Statistics of a VF that does not exist",
            not_that_vf(statistics),
            NULL,
        ),
        (
            "Reset of a VF that does not exist",
            not_that_vf(reset),
            NULL,
        ),
    ]
}

fn refused(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let tables = [
        refused_reads_and_drains(),
        refused_publishes(),
        refused_others(),
    ];
    for (what, asked, expected) in tables.concat() {
        is(what, companion.call(&asked)?.status, expected)?;
    }
    let set_ready = BrokerCall {
        value: 1,
        ..call(function::SET_READY, 0, 0)
    };
    for asked in [
        call(function::READ, MAILBOX, 4),
        publish(0, 1),
        invalidate(0),
        call(function::DRAIN, LOG, 1),
        call(function::RESET, 0, 0),
        call(function::STATISTICS, 0, 0),
        set_ready,
    ] {
        let asked = without(asked.omitted | omitted::BROKER, asked);
        let what = format!("function {} of NULL", asked.function);
        is(&what, companion.call(&asked)?.status, NULL)?;
    }
    ensure!(
        mailbox(session, 1)? == [0; 4],
        "a refused call has an effect"
    );
    // It is still ready.
    send(session, 1, 1, status::SUCCESS)?;
    companion.take_record().map(drop).map_err(by_companion)
}

fn raised(session: &mut Session) -> Result<()> {
    ready(session)?;
    let ready = BrokerCall {
        value: 1,
        ..call(function::SET_READY, 0, 0)
    };
    for asked in [
        call(function::READ, MAILBOX, 4),
        publish(0, 3),
        BrokerCall {
            value: 1,
            ..call(function::INVALIDATE, 0, 0)
        },
        call(function::DRAIN, LOG, 1),
        call(function::STATISTICS, 0, 0),
        ready,
    ] {
        let what = format!("function {} at DISPATCH_LEVEL", asked.function);
        is(
            &what,
            SampleCompanion::call_at_dispatch(session, &asked)?,
            0,
        )?;
    }
    let all = BrokerCall {
        scope: ALL,
        vf: 0,
        value: 1,
        ..call(function::INVALIDATE, 0, 0)
    };
    for asked in [publish(ALL, 4), all, call(function::RESET, 0, 0)] {
        let what = format!("function {} at DISPATCH_LEVEL", asked.function);
        let got = SampleCompanion::call_at_dispatch(session, &asked)?;
        is(&what, got, status::INVALID_DEVICE_STATE)?;
    }
    ensure!(mailbox(session, 0)? == [0; 4] && mailbox(session, 1)? == [0, 0, 3, 0]);
    Ok(())
}
