//! Removals of the PF: with a query, and by surprise.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{Answer, fault, function, operation, pnp, policy};
use pf_broker_abi::ChangesCookie;
use zerocopy::IntoBytes as _;

use super::ioctl::{Origin, request};
use crate::check::{Check, is};
use crate::operations::{block_0, call, mark, performed, transfer};
use crate::session::Session;
use crate::stack::{Failed, Stack};
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    ("a held interface vetoes a query-remove", query_remove),
    (
        "a removal against everything ends, and later calls are refused",
        pulled,
    ),
    (
        "a PF that comes back with its VFs on starts with empty blocks",
        back,
    ),
    (
        "a PF that is removed and still answers has its VFs turned off",
        stays,
    ),
    (
        "a surprise removal during a power-down ends both",
        beside_power_down,
    ),
    (
        "a surprise removal ends a restart that waits for the stack",
        beside_restart,
    ),
    (
        "a surprise removal ends a query-stop that waits for the stack",
        beside_query_stop,
    ),
];

fn query_remove(session: &mut Session) -> Result<()> {
    let got = session.stack.pnp(pnp::QUERY_REMOVE, 0)?;
    is("QUERY_REMOVE", got, status::DEVICE_BUSY)?;
    let got = session.stack.pnp(pnp::CANCEL_REMOVE, 0)?;
    is("CANCEL_REMOVE", got, status::SUCCESS)?;
    block_0(session, 0).map(|_| ())
}

/// Reads a VF until the device is removed; returns the number of successful reads.
fn read_to_the_end(vf: u16) -> Result<u64> {
    let stack = Stack::open()?;
    let transfers = [transfer(operation::READ, vf, 0, 128); 64];
    let mut served = 0;
    loop {
        for reply in stack.batch(&transfers)? {
            match reply.status {
                status::SUCCESS => served += 1,
                status::DEVICE_REMOVED => return Ok(served),
                other => return Err(anyhow!("a read answers 0x{other:08X}")),
            }
        }
    }
}

/// Requests that wait when the PF is removed, one of each kind: code, input, bytes of output.
const WAITING: &[(&str, u32, &[u8], u32)] = &[
    ("a waiting NOTIFICATION", 0x0022_6044, &[], 4),
    ("INVALIDATE_BLOCK for any VF", 0x0022_6054, &[], 16),
    ("INVALIDATE_BLOCK for VF 0", 0x0022_6054, &[0; 16], 16),
    ("MITIGATED_RANGE_UPDATE", 0x0022_6060, &[0; 2], 2),
];

/// Sends a request that waits from a thread with a handle of its own.
fn wait(&(_, code, input, output): &(&str, u32, &[u8], u32)) -> JoinHandle<Result<Answer>> {
    let mut ask = request(Origin::KERNEL, code, input, output);
    ask.milliseconds = 20_000;
    thread::spawn(move || Ok(Stack::open()?.request(&ask)?))
}

fn pulled(session: &mut Session) -> Result<()> {
    let readers: Vec<_> = (0..session.vfs)
        .map(|vf| thread::spawn(move || read_to_the_end(vf)))
        .collect();
    // For the next write after those that there were.
    let written = 1;
    let before = ChangesCookie::default();
    let seen = session.management()?.poll_changes(written, &before)?.cookie;
    let head: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
    let input = [&head, seen.as_bytes()].concat();
    let all = [WAITING, &[("CHANGES", 0x0022_6434, input.as_slice(), 64)]].concat();
    let waiting: Vec<_> = all.iter().map(wait).collect();
    thread::sleep(Duration::from_millis(200));
    session.pull_pf()?;
    ended_by_removal(session)?;
    for (waiting, (what, ..)) in waiting.into_iter().zip(&all) {
        let answer = waiting.join().map_err(|_| anyhow!("a thread panicked"))??;
        is(what, answer.status, status::DEVICE_REMOVED)?;
        ensure!(answer.information == 0, "{what} returns bytes");
    }
    for reader in readers {
        let served = reader.join().map_err(|_| anyhow!("a thread panicked"))??;
        ensure!(served > 0, "a VF was never served");
    }
    // The interface is still referenced: its functions can be called, and return that status.
    for operation in [operation::READ, operation::WRITE] {
        let got = performed(session, &transfer(operation, 0, 0, 128))?;
        is("a call after the removal", got, status::DEVICE_REMOVED)?;
    }
    gone(session)?;
    session.pull_guests()?;
    session.stack.disconnect()?;
    Ok(())
}

/// Every pending request ends with `STATUS_DEVICE_REMOVED`, and so do queries for the interface.
fn ended_by_removal(session: &Session) -> Result<()> {
    let start = Instant::now();
    loop {
        let report = session.stack.report()?;
        let ended = report.open_requests == 0 && report.removed_requests > 0;
        if ended || start.elapsed() > Duration::from_secs(5) {
            ensure!(
                ended && report.refused_requests == 0,
                "of the requests that waited {} ended with STATUS_DEVICE_REMOVED, {} with another status such as {:#010x}, and {} have not ended",
                report.removed_requests,
                report.refused_requests,
                report.refused_status,
                report.open_requests,
            );
            is(
                "a query for the interface during the removal",
                report.late_query_status,
                status::DEVICE_REMOVED,
            )?;
            return is(
                "a control request during the removal",
                report.late_request_status,
                status::DEVICE_REMOVED,
            );
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Every other function of the interface, which is still referenced.
fn gone(session: &Session) -> Result<()> {
    for (what, function, offset, length) in [
        ("ReadVfConfig", function::READ_CONFIG, 0, 4),
        ("WriteVfConfig", function::WRITE_CONFIG, 4, 2),
        ("QueryProbedBars", function::QUERY_PROBED_BARS, 0, 0),
        ("ResetVf", function::RESET_VF, 0, 0),
        ("SetVfPowerState", function::SET_VF_POWER_STATE, 4, 0),
        ("GetResourceForBar", function::GET_RESOURCE_FOR_BAR, 0, 0),
        ("QueryLuid", function::QUERY_LUID, 0, 0),
    ] {
        let called = session.stack.call(&call(function, 0, offset, length))?;
        is(what, called.status, status::DEVICE_REMOVED)?;
    }
    for function in [
        function::GET_VENDOR_AND_DEVICE,
        function::GET_DEVICE_LOCATION,
    ] {
        let data = session.stack.call(&call(function, 0, 0, 0))?.data;
        ensure!(
            data[..4] == [0xFF; 4],
            "function {function} returns {:02x?}",
            &data[..4]
        );
    }
    Ok(())
}

fn back(session: &mut Session) -> Result<()> {
    // An earlier driver of the PF can have left its VFs on.
    session.stack.fault(fault::VFS_ON, 1)?;
    session.plug()?;
    session.stack.fault(fault::VFS_ON, 0)?;
    let enabled = session.stack.report()?.enabled_vfs;
    ensure!(
        enabled == u32::from(session.vfs),
        "{enabled} VFs are on instead of {}",
        session.vfs
    );
    ensure!(
        block_0(session, 0)?.iter().all(|&byte| byte == 0),
        "a block is left over"
    );
    // Only a later power-up invalidates the blocks.
    let taken = crate::trace::Lab::new(session).taken(0)?;
    ensure!(taken == 0, "the first start invalidates {taken:#x}");
    mark(session, 0, 3)?;
    ensure!(block_0(session, 0)?[0] == 3, "a write is lost");
    Ok(())
}

fn stays(session: &mut Session) -> Result<()> {
    session.stack.fault(fault::STAYS, 1)?;
    let pulled = session.pull_pf();
    session.stack.fault(fault::STAYS, 0)?;
    pulled?;
    session.plug_again()
}

/// Runs an operation on another thread with a handle of its own.
fn elsewhere(
    job: impl FnOnce(&Stack) -> std::result::Result<u32, Failed> + Send + 'static,
) -> JoinHandle<Result<u32>> {
    thread::spawn(move || Ok(job(&Stack::open()?)?))
}

fn ended(thread: JoinHandle<Result<u32>>) -> Result<u32> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}

/// A reset keeps the hardware busy, so `EvtDeviceD0Exit` waits when the surprise removal comes.
fn beside_power_down(session: &mut Session) -> Result<()> {
    session.stack.fault(fault::TRANSACTIONS_PENDING, 0xFFFF)?;
    let reset = elsewhere(|stack| Ok(stack.call(&call(function::RESET_VF, 1, 0, 0))?.status));
    thread::sleep(Duration::from_millis(20));
    let down = elsewhere(|stack| stack.pnp(pnp::SET_SYSTEM_POWER, 4));
    thread::sleep(Duration::from_millis(20));
    let waited = !down.is_finished();
    let pulled = session.pull_pf();
    let (reset, down) = (ended(reset), ended(down));
    session.stack.fault(fault::TRANSACTIONS_PENDING, 0)?;
    pulled?;
    is("S3", down?, status::SUCCESS)?;
    // The reset itself ended well; whether the VF is served again depends on the removal.
    let reset = reset?;
    ensure!(
        [status::SUCCESS, status::DEVICE_REMOVED].contains(&reset),
        "ResetVf: 0x{reset:08X}"
    );
    ensure!(waited, "the PF slept before it was removed");
    ended_by_removal(session)?;
    session.plug_again()
}

/// `EvtDeviceSelfManagedIoRestart` waits for the stack, and only `EvtDeviceSurpriseRemoval` can end
/// that wait: the removal's later callbacks wait for the power callbacks.
fn beside_restart(session: &mut Session) -> Result<()> {
    for request in [pnp::QUERY_STOP, pnp::STOP] {
        is("stop", session.stack.pnp(request, 0)?, status::SUCCESS)?;
    }
    session.stack.policy(policy::SILENCE)?;
    let start = elsewhere(|stack| stack.pnp(pnp::START, 0));
    let begin = Instant::now();
    while session.stack.report()?.restart_events == 0 {
        ensure!(
            begin.elapsed() < Duration::from_secs(10),
            "the stack is not notified of the restart"
        );
        thread::sleep(Duration::from_millis(2));
    }
    let waited = !start.is_finished();
    session.pull_pf()?;
    is("START", ended(start)?, status::SUCCESS)?;
    ensure!(waited, "START did not wait for the stack");
    session.plug_again()
}

fn beside_query_stop(session: &mut Session) -> Result<()> {
    session.stack.policy(policy::SILENCE)?;
    let stop = elsewhere(|stack| stack.pnp(pnp::QUERY_STOP, 0));
    thread::sleep(Duration::from_millis(100));
    let waited = !stop.is_finished();
    session.pull_pf()?;
    is("QUERY_STOP", ended(stop)?, status::DEVICE_REMOVED)?;
    ensure!(waited, "QUERY_STOP did not wait for the stack");
    session.plug_again()
}
