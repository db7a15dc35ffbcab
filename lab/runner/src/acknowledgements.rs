//! Acknowledgements of resets on the running image, with the blocks of the checks and the shortest
//! time limit, 1 ms. Wine's clock makes 10 s of it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lab_control::stack::{function, operation};
use pf_broker_abi::Service;
use pf_broker_client::Vfs;

use crate::check::{Check, is};
use crate::operations::{block_0, call, mark, performed, transfer};
use crate::session::Session;
use crate::status;
use crate::trace::Lab;

pub(crate) const CHECKS: &[Check] = &[
    (
        "a reset VF is closed until its reset is acknowledged",
        acknowledged,
    ),
    (
        "an acknowledgement of another reset, or of none, is refused",
        refused,
    ),
    (
        "a reset that the VF's driver starts needs no acknowledgement",
        own_reset,
    ),
    (
        "a VF that waits for an invalidation alone gets it after the time limit",
        time_limit,
    ),
    (
        "the time of each VF is its own, and a removal ends the wait",
        several,
    ),
];

const VF: u16 = 1;
/// Device Control of the VF's PCI Express capability, and its bit Initiate Function Level Reset.
const DEVICE_CONTROL: u32 = 0x48;
const INITIATE_RESET: [u8; 2] = [0, 0x80];
/// The length of the time limit on Wine's clock.
const TIME_LIMIT: Duration = Duration::from_secs(10);

fn service(session: &Session, vf: u16) -> Result<Option<Service>> {
    Ok(Service::from_code(session.management()?.stats(vf)?.service))
}

fn resets(session: &Session, vf: u16) -> Result<u64> {
    Ok(session.management()?.stats(vf)?.resets)
}

/// `ResetVf`
fn reset(session: &Session, vf: u16) -> Result<()> {
    let reset = session.stack.call(&call(function::RESET_VF, vf, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)
}

/// The VF's read and write of block 0.
fn guest(session: &Session, vf: u16, expected: u32) -> Result<()> {
    for operation in [operation::READ, operation::WRITE] {
        let status = performed(session, &transfer(operation, vf, 0, 128))?;
        is(
            &format!("operation {operation} of VF {vf}"),
            status,
            expected,
        )?;
    }
    Ok(())
}

/// Fails unless the VF waits for an acknowledgement and is closed.
fn waits(session: &Session, vf: u16) -> Result<()> {
    let service = service(session, vf)?;
    ensure!(
        service == Some(Service::Unacknowledged),
        "VF {vf} is {service:?} and does not wait"
    );
    guest(session, vf, status::DEVICE_NOT_READY)
}

fn acknowledged(session: &mut Session) -> Result<()> {
    mark(session, VF, 7)?;
    reset(session, VF)?;
    waits(session, VF)?;
    guest(session, 0, status::SUCCESS)?;
    Lab::new(session).taken(VF)?;
    let management = session.management()?;
    let left = management.read(VF, 0, 128)?;
    ensure!(left.data == [0; 128], "the reset leaves {:?}", left.data);
    let mut prepared = [0; 128];
    prepared[4] = 5;
    management.publish_expecting(VF, 0, left.revision, &prepared)?;
    management.invalidate(Vfs::One(VF), 2)?;
    ensure!(management.drain(VF, 1, 64)?.is_empty(), "a message is left");
    let pending = management.stats(VF)?.pending;
    ensure!(pending == 3, "{pending:#x} is pending instead of 0x3");
    let taken = Lab::new(session).taken(VF)?;
    ensure!(taken == 0, "the VF that waits gets {taken:#x}");
    let last = resets(session, VF)?;
    session.management()?.acknowledge(VF, last)?;
    let taken = Lab::new(session).taken(VF)?;
    ensure!(taken == 3, "the VF that is served gets {taken:#x}");
    ensure!(block_0(session, VF)? == prepared, "it reads another block");
    guest(session, VF, status::SUCCESS)
}

fn refused(session: &mut Session) -> Result<()> {
    let last = resets(session, VF)?;
    let acknowledge = |vf, resets| -> Result<u32> {
        let answer = session.management()?.acknowledge(vf, resets);
        match answer {
            Ok(()) => Ok(status::SUCCESS),
            Err(pf_broker_client::Error::Status(status)) => Ok(status),
            Err(error) => Err(error.into()),
        }
    };
    is("of none", acknowledge(VF, last)?, status::DEVICE_NOT_READY)?;
    reset(session, VF)?;
    let last = last + 1;
    for (vf, resets, expected) in [
        (VF, last - 1, status::REVISION_MISMATCH),
        (VF, last + 1, status::REVISION_MISMATCH),
        (0, 0, status::DEVICE_NOT_READY),
        (session.vfs, last, status::INVALID_PARAMETER),
        (u16::MAX, last, status::INVALID_PARAMETER),
    ] {
        is("an acknowledgement", acknowledge(vf, resets)?, expected)?;
        waits(session, VF)?;
    }
    reset(session, VF)?;
    let expected = status::REVISION_MISMATCH;
    is("of the tenant before", acknowledge(VF, last)?, expected)?;
    waits(session, VF)?;
    is("of the last", acknowledge(VF, last + 1)?, status::SUCCESS)?;
    guest(session, VF, status::SUCCESS)
}

fn own_reset(session: &mut Session) -> Result<()> {
    let start = || {
        let mut start = call(function::WRITE_CONFIG, VF, DEVICE_CONTROL, 2);
        start.data[..2].copy_from_slice(&INITIATE_RESET);
        is(
            "WriteVfConfig",
            session.stack.call(&start)?.status,
            status::SUCCESS,
        )
    };
    let before = resets(session, VF)?;
    start()?;
    ensure!(resets(session, VF)? == before + 1, "the VF was not reset");
    guest(session, VF, status::SUCCESS)?;
    // It does not end the wait for the acknowledgement of another one.
    reset(session, VF)?;
    start()?;
    waits(session, VF)?;
    session.management()?.acknowledge(VF, before + 3)?;
    guest(session, VF, status::SUCCESS)
}

/// Waits until the VF is served, without an operation on it.
fn served(session: &Session, vf: u16) -> Result<Duration> {
    let begun = Instant::now();
    while service(session, vf)? != Some(Service::Open) {
        ensure!(begun.elapsed() < TIME_LIMIT * 3, "VF {vf} is never served");
        thread::sleep(Duration::from_millis(10));
    }
    Ok(begun.elapsed())
}

fn time_limit(session: &mut Session) -> Result<()> {
    reset(session, VF)?;
    Lab::new(session).taken(VF)?;
    session.management()?.invalidate(Vfs::One(VF), 1)?;
    waits(session, VF)?;
    let waited = served(session, VF)?;
    ensure!(
        waited > TIME_LIMIT / 2,
        "VF {VF} is served after {waited:?} already"
    );
    let taken = Lab::new(session).taken(VF)?;
    ensure!(taken == 1, "the VF gets {taken:#x}");
    guest(session, VF, status::SUCCESS)
}

fn several(session: &mut Session) -> Result<()> {
    reset(session, 0)?;
    thread::sleep(TIME_LIMIT / 2);
    reset(session, VF)?;
    served(session, 0)?;
    waits(session, VF)?;
    served(session, VF)?;
    // The PF is removed while this VF waits.
    reset(session, 0)?;
    waits(session, 0)
}
