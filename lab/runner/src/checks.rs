//! Checks of the driver from outside, each named after the rule that it holds.

mod attach;
mod codes;
mod config;
mod drain;
mod faults;
mod interface;
mod ioctl;
mod levels;
mod management;
mod openers;
mod power;
mod rebalance;
mod removal;
mod replies;
mod requests;
mod retention;
mod turns;
mod waits;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use lab_control::stack as abi;

use crate::session::Session;
use crate::stack::Failed;

/// A check and the rule that it holds.
pub(crate) type Check = (&'static str, fn(&mut Session) -> Result<()>);

/// Every list, in the order in which they run; the last one pulls the PF out.
pub(crate) const ALL: &[&[Check]] = &[
    interface::CHECKS,
    levels::CHECKS,
    config::CHECKS,
    codes::CHECKS,
    requests::CHECKS,
    attach::CHECKS,
    turns::CHECKS,
    management::CHECKS,
    openers::CHECKS,
    replies::CHECKS,
    waits::CHECKS,
    drain::CHECKS,
    rebalance::CHECKS,
    power::CHECKS,
    retention::CHECKS,
    faults::CHECKS,
    removal::CHECKS,
];

/// What `--faults` plays.
pub(crate) const FAULTS: &[&[Check]] = &[rebalance::CHECKS, faults::CHECKS, removal::CHECKS];

/// NTSTATUS values that the checks expect.
pub(crate) mod status {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const DEVICE_BUSY: u32 = 0x8000_0011;
    pub(crate) const INFO_LENGTH_MISMATCH: u32 = 0xC000_0004;
    pub(crate) const INVALID_PARAMETER: u32 = 0xC000_000D;
    pub(crate) const INVALID_DEVICE_REQUEST: u32 = 0xC000_0010;
    pub(crate) const ACCESS_DENIED: u32 = 0xC000_0022;
    pub(crate) const BUFFER_TOO_SMALL: u32 = 0xC000_0023;
    pub(crate) const SHARING_VIOLATION: u32 = 0xC000_0043;
    pub(crate) const REVISION_MISMATCH: u32 = 0xC000_0059;
    pub(crate) const DEVICE_NOT_READY: u32 = 0xC000_00A3;
    pub(crate) const IO_TIMEOUT: u32 = 0xC000_00B5;
    pub(crate) const NOT_SUPPORTED: u32 = 0xC000_00BB;
    pub(crate) const CANCELLED: u32 = 0xC000_0120;
    pub(crate) const INVALID_DEVICE_STATE: u32 = 0xC000_0184;
    pub(crate) const IO_DEVICE_ERROR: u32 = 0xC000_0185;
    pub(crate) const INVALID_BUFFER_SIZE: u32 = 0xC000_0206;
    pub(crate) const NOT_FOUND: u32 = 0xC000_0225;
    pub(crate) const DEVICE_REMOVED: u32 = 0xC000_02B6;
}

/// Runs lists of checks and prints one line for each.
pub(crate) fn run(session: &mut Session, lists: &[&[Check]]) -> ExitCode {
    let mut failed = 0;
    for (name, check) in lists.iter().copied().flatten() {
        match begin(name).and_then(|()| check(session)) {
            Ok(()) => println!("{name} ... ok"),
            Err(error) => {
                failed += 1;
                println!("{name} ... FAILED: {error:#}");
            }
        }
    }
    ExitCode::from(u8::from(failed > 0))
}

/// Where the driver's events go, each a line.
const EVENTS: &str = r"C:\windows\etw-double.log";

/// Says between the events which check those behind belong to.
fn begin(name: &str) -> Result<()> {
    let mut events = OpenOptions::new().append(true).create(true).open(EVENTS)?;
    let line = format!("check {name}\n");
    events.write_all(line.as_bytes()).context(EVENTS)
}

/// Fails unless a status is the expected one.
pub(crate) fn is(what: &str, got: u32, expected: u32) -> Result<()> {
    ensure!(
        got == expected,
        "{what}: 0x{got:08X} instead of 0x{expected:08X}"
    );
    Ok(())
}

/// Fails unless a request of the doubles failed with the expected status.
pub(crate) fn fails<T>(result: &Result<T, Failed>, expected: u32) -> Result<()> {
    match result {
        Ok(_) => bail!("it succeeded instead of failing with 0x{expected:08X}"),
        Err(failed) => is(failed.what, failed.status, expected),
    }
}

/// One of the other functions of the interface, without data.
pub(crate) fn call(function: u32, vf: u16, offset: u32, length: u32) -> abi::Call {
    abi::Call {
        function,
        vf,
        null: abi::null::NOTHING,
        offset,
        length,
        data: [0; 64],
    }
}

/// A read or write of a block, straight to the callbacks.
pub(crate) fn transfer(operation: u8, vf: u16, block: u32, length: u32) -> abi::Transfer {
    abi::Transfer {
        operation,
        path: abi::path::SRIOV,
        vf,
        block,
        length,
        data: [0; lab_control::MAX_BLOCK_LENGTH],
    }
}

/// Performs a transfer, fails when a buffer was spoiled, and returns the status.
pub(crate) fn performed(session: &Session, transfer: &abi::Transfer) -> Result<u32> {
    let reply = session.stack.transfer(transfer)?;
    ensure!(
        reply.spoiled == 0,
        "a buffer was spoiled ({:#x}) by {transfer:?}",
        reply.spoiled
    );
    Ok(reply.status)
}

/// The bytes of block 0 as the VF reads them.
pub(crate) fn block_0(session: &Session, vf: u16) -> Result<Vec<u8>> {
    let reply = session
        .stack
        .transfer(&transfer(abi::operation::READ, vf, 0, 128))?;
    is("read block 0", reply.status, status::SUCCESS)?;
    Ok(reply.data.to_vec())
}

/// Writes a value to block 0 that nobody else writes: `mark` of tests/manifests/checks.toml.
pub(crate) fn mark(session: &Session, vf: u16, value: u8) -> Result<()> {
    let mut write = transfer(abi::operation::WRITE, vf, 0, 128);
    write.data[0] = value;
    is(
        "write block 0",
        performed(session, &write)?,
        status::SUCCESS,
    )
}
