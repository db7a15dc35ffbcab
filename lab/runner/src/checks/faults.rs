//! Hardware that fails: resets of a VF that do not end well.

use anyhow::{Result, ensure};
use lab_control::stack::{fault, function, operation};

use crate::check::{Check, is};
use crate::operations::{block_0, call, mark, performed, transfer};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "a reset wipes what the VF wrote and resets the hardware once",
        works,
    ),
    (
        "a VF with transactions pending is reset after a while",
        pending,
    ),
    (
        "a VF whose reset cannot be started stays closed",
        unwritable,
    ),
    (
        "a VF that does not come back from its reset stays closed",
        lost,
    ),
];

const VF: u16 = 1;

fn reset(session: &Session) -> Result<u32> {
    Ok(session
        .stack
        .call(&call(function::RESET_VF, VF, 0, 0))?
        .status)
}

fn read(session: &Session, vf: u16) -> Result<u32> {
    performed(session, &transfer(operation::READ, vf, 0, 128))
}

fn works(session: &mut Session) -> Result<()> {
    mark(session, VF, 5)?;
    mark(session, 0, 6)?;
    let before = session.stack.report()?.resets;
    is("ResetVf", reset(session)?, status::SUCCESS)?;
    ensure!(
        session.stack.report()?.resets == before + 1,
        "no function level reset"
    );
    ensure!(
        block_0(session, VF)?[0] == 0,
        "a reset leaves what the VF wrote"
    );
    ensure!(block_0(session, 0)?[0] == 6, "a reset wipes another VF");
    Ok(())
}

fn pending(session: &mut Session) -> Result<()> {
    session
        .stack
        .fault(fault::TRANSACTIONS_PENDING, u32::from(VF) + 1)?;
    let got = reset(session)?;
    session.stack.fault(fault::TRANSACTIONS_PENDING, 0)?;
    is("ResetVf", got, status::SUCCESS)
}

fn fails_closed(session: &Session, fault: u32, expected: u32) -> Result<()> {
    mark(session, VF, 5)?;
    session.stack.fault(fault, u32::from(VF) + 1)?;
    let got = reset(session)?;
    let closed = read(session, VF)?;
    let other = read(session, 0)?;
    session.stack.fault(fault, 0)?;
    let still_closed = read(session, VF)?;
    let again = reset(session)?;
    is("ResetVf", got, expected)?;
    is("a read of the closed VF", closed, status::DEVICE_NOT_READY)?;
    is("a read of another VF", other, status::SUCCESS)?;
    is(
        "a read before the next reset",
        still_closed,
        status::DEVICE_NOT_READY,
    )?;
    is("the next reset", again, status::SUCCESS)?;
    ensure!(
        block_0(session, VF)?[0] == 0,
        "the next reset leaves what the VF wrote"
    );
    Ok(())
}

fn unwritable(session: &mut Session) -> Result<()> {
    fails_closed(session, fault::CONFIG_WRITE_FAILS, status::IO_DEVICE_ERROR)
}

fn lost(session: &mut Session) -> Result<()> {
    fails_closed(session, fault::LOST_AFTER_RESET, status::IO_TIMEOUT)
}
