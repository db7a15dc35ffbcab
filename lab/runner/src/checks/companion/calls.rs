//! The calls into the companion: order, level, answers, resets and power.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab_control::companion::{Answer, action};
use lab_control::stack::{Transfer, function, operation, path};
use pf_broker_abi::PowerState;

use super::scenario::{
    COMPANION, COUNTER, DECLINED, LOG, MAILBOX, STATE, beside, mailbox, ready, record, request,
    send, statuses, until_inside,
};
use crate::check::{Check, is};
use crate::operations::{call, performed, transfer};
use crate::sample_companion::by_companion;
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "an answer that the companion publishes is readable when the VF's write returns",
        answered,
    ),
    (
        "only STATUS_SUCCESS accepts a write, and a write that is declined has no effect",
        declined,
    ),
    ("a read takes the bytes that the companion sets", read),
    (
        "operations above PASSIVE_LEVEL are refused and not handed over",
        raised,
    ),
    (
        "calls about a VF come one at a time and all of them",
        one_at_a_time,
    ),
    ("a slow call about a VF delays no other VF", slow),
    (
        "a reset inside a call is refused for the same VF and done for another one",
        nested_reset,
    ),
    (
        "a reset waits for the call, reports one that does not return, and nothing is committed",
        reset_waits,
    ),
    (
        "the companion is notified of each reset and power state",
        notified,
    ),
    (
        "a companion that is not ready any more finishes its call",
        not_ready_inside,
    ),
];

fn answered(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let mut answer = Answer {
        has_data: 1,
        length: 4,
        actions: action::INVALIDATE,
        ..Answer::accept(MAILBOX)
    };
    answer.data[2] = 42;
    companion.set_answer(&answer).map_err(by_companion)?;
    send(session, 1, 0x0101, status::SUCCESS)?;
    let read = transfer(operation::READ, 1, MAILBOX, 4);
    let reply = session.stack.transfer(&read)?;
    is("the read", reply.status, status::SUCCESS)?;
    ensure!(
        reply.data[..4] == [1, 1, 42, 0],
        "{:02x?}",
        &reply.data[..4]
    );
    ensure!(mailbox(session, 0)? == [0; 4], "VF 0 has its own");
    let taken = crate::trace::Lab::new(session).taken(1)?;
    ensure!(taken & 1 == 1, "the invalidation of block 0: {taken:#x}");
    // What the manifest forbids it cannot publish: the VF's write stands without it.
    answer.data[3] = 0xFF;
    companion.set_answer(&answer).map_err(by_companion)?;
    send(session, 1, 0x0202, status::SUCCESS)?;
    ensure!(mailbox(session, 1)? == [2, 2, 42, 0]);
    Ok(())
}

fn declined(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    send(session, 0, 7, status::SUCCESS)?;
    // STATUS_UNSUCCESSFUL, and three that are no failures.
    for answer in [0xC000_0001, 0x0000_0102, 0x0000_0103, 0x4000_0000] {
        let declining = Answer {
            status: answer,
            ..Answer::accept(MAILBOX)
        };
        companion.set_answer(&declining).map_err(by_companion)?;
        send(session, 0, 8, DECLINED)?;
        ensure!(mailbox(session, 0)? == [7, 0, 0, 0]);
    }
    let journal = session.management()?.journal(0, 0, 64)?;
    let noted = journal
        .iter()
        .any(|entry| entry.companion_status == 0x0000_0102);
    ensure!(noted, "the journal lacks the companion's status");
    let record = record(&companion)?;
    ensure!((record.writes, record.commits) == (5, 1), "{record:?}");
    Ok(())
}

fn read(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let mut answer = Answer {
        reads: 1,
        has_data: 1,
        length: 4,
        ..Answer::accept(COUNTER)
    };
    answer.data[..4].copy_from_slice(&[1, 2, 3, 4]);
    companion.set_answer(&answer).map_err(by_companion)?;
    for length in [4, 2] {
        let reply = session
            .stack
            .transfer(&transfer(operation::READ, 0, COUNTER, length))?;
        is("the read", reply.status, status::SUCCESS)?;
        ensure!(reply.spoiled == 0, "it spoiled the buffer");
        let length = usize::try_from(length)?;
        ensure!(reply.data[..length] == [1, 2, 3, 4][..length]);
    }
    answer.status = 0xC000_0001;
    companion.set_answer(&answer).map_err(by_companion)?;
    let read = transfer(operation::READ, 0, COUNTER, 4);
    is("a declined read", performed(session, &read)?, DECLINED)?;
    let record = record(&companion)?;
    ensure!((record.reads, record.commits) == (3, 0), "{record:?}");
    Ok(())
}

fn raised(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let operations = [
        request(0, 1),
        transfer(operation::READ, 0, COUNTER, 4),
        transfer(operation::READ, 0, MAILBOX, 4),
    ];
    let raised = operations.map(|operation| Transfer {
        path: path::SRIOV_RAISED,
        ..operation
    });
    let got = statuses(beside(raised.to_vec()))?;
    ensure!(got == [COMPANION; 3], "{got:x?}");
    let record = record(&companion)?;
    ensure!((record.writes, record.reads) == (0, 0), "{record:?}");
    Ok(())
}

fn one_at_a_time(session: &mut Session) -> Result<()> {
    const EACH: u16 = 5;
    let companion = ready(session)?;
    let slow = Answer {
        milliseconds: 5,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&slow).map_err(by_companion)?;
    let writes = |vf| (0..EACH).map(|number| request(vf, number)).collect();
    let threads = [0, 0, 0, 1, 1].map(|vf| beside(writes(vf)));
    for thread in threads {
        let all = statuses(thread)?;
        ensure!(all.iter().all(|status| *status == 0), "{all:x?}");
    }
    let record = record(&companion)?;
    let all = 5 * u32::from(EACH);
    ensure!((record.writes, record.commits) == (all, all), "{record:?}");
    let handed = companion.take_handed().map_err(by_companion)?;
    ensure!(handed.len() == usize::try_from(all)?);
    Ok(())
}

fn slow(session: &mut Session) -> Result<()> {
    const TIME: u32 = 2_000;
    let companion = ready(session)?;
    let slow = Answer {
        milliseconds: TIME,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&slow).map_err(by_companion)?;
    let start = Instant::now();
    let write = beside(vec![request(0, 1)]);
    until_inside(&companion)?;
    let message = transfer(operation::WRITE, 1, LOG, 4);
    is("VF 1", performed(session, &message)?, status::SUCCESS)?;
    let own = transfer(operation::READ, 0, super::scenario::VERSION, 4);
    is("VF 0", performed(session, &own)?, status::SUCCESS)?;
    let time = start.elapsed();
    ensure!(
        time < Duration::from_millis(TIME.into()),
        "others have waited {time:?}"
    );
    ensure!(statuses(write)? == [status::SUCCESS]);
    record(&companion).map(drop)
}

fn nested_reset(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let resetting = Answer {
        actions: action::RESET | action::RESET_NEXT,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&resetting).map_err(by_companion)?;
    let before = session.management()?.stats(1)?.resets;
    send(session, 0, 5, status::SUCCESS)?;
    let record = record(&companion)?;
    is("a reset of the same VF", record.own_reset, STATE)?;
    is("a reset of the next VF", record.next_reset, 0)?;
    ensure!(record.resets == 1, "{record:?}");
    ensure!(session.management()?.stats(1)?.resets == before + 1);
    ensure!(mailbox(session, 0)? == [5, 0, 0, 0], "the write stands");
    Ok(())
}

fn reset_waits(session: &mut Session) -> Result<()> {
    const TIME: u64 = 7_000;
    let companion = ready(session)?;
    let slow = Answer {
        milliseconds: u32::try_from(TIME)?,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&slow).map_err(by_companion)?;
    let start = Instant::now();
    let write = beside(vec![request(0, 9)]);
    until_inside(&companion)?;
    // Its turn never comes: the reset refuses it at once.
    let waiting = beside(vec![request(0, 10)]);
    thread::sleep(Duration::from_millis(100));
    let reset = session.stack.call(&call(function::RESET_VF, 0, 0, 0))?;
    is("the reset", reset.status, status::SUCCESS)?;
    let time = start.elapsed();
    ensure!(
        time >= Duration::from_millis(TIME),
        "the reset has not waited for the call: {time:?}"
    );
    ensure!(statuses(write)? == [STATE]);
    ensure!(statuses(waiting)? == [STATE]);
    ensure!(mailbox(session, 0)? == [0; 4], "it was committed");
    let after = record(&companion)?;
    ensure!((after.commits, after.resets) == (0, 1), "{after:?}");
    companion
        .set_answer(&Answer::accept(MAILBOX))
        .map_err(by_companion)?;
    send(session, 0, 11, status::SUCCESS)
}

fn notified(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    session.management()?.power(1, PowerState::D3)?;
    let seen = record(&companion)?;
    ensure!((seen.powers, seen.power) == (1, 3), "{seen:?}");
    // D2 by the interface of the stack, whose numbers begin with 1.
    let set = call(function::SET_VF_POWER_STATE, 1, 3, 0);
    is("the power state", session.stack.call(&set)?.status, 0)?;
    let seen = record(&companion)?;
    ensure!((seen.powers, seen.power) == (1, 2), "{seen:?}");
    session.management()?.reset(1)?;
    let seen = record(&companion)?;
    ensure!((seen.resets, seen.powers) == (1, 0), "{seen:?}");
    // Also while it is not ready: the VF may have another tenant.
    companion.set_ready(false).map_err(by_companion)?;
    session.management()?.reset(1)?;
    session.management()?.power(1, PowerState::D0)?;
    let seen = record(&companion)?;
    ensure!((seen.resets, seen.powers) == (1, 1), "{seen:?}");
    Ok(())
}

fn not_ready_inside(session: &mut Session) -> Result<()> {
    let companion = ready(session)?;
    let leaving = Answer {
        actions: action::NOT_READY,
        ..Answer::accept(MAILBOX)
    };
    companion.set_answer(&leaving).map_err(by_companion)?;
    send(session, 0, 3, status::SUCCESS)?;
    send(session, 0, 4, COMPANION)?;
    let record = record(&companion)?;
    ensure!((record.writes, record.commits) == (1, 1), "{record:?}");
    ensure!(mailbox(session, 0)? == [3, 0, 0, 0]);
    Ok(())
}
