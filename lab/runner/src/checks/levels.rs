//! Callers at `DISPATCH_LEVEL`: blocks by the functions of the interface, and by the VF driver. The
//! tables of control codes also have such callers.
//!
//! The level is the one that the KMDF double tracks. The double ends the run when a function is
//! called above the level that it allows. Each transfer says whether its callee was called, and
//! returned, at a raised level.

use anyhow::{Result, ensure};
use lab_control::stack::{Transfer, Transferred, operation, path};

use crate::check::{Check, is};
use crate::operations::{performed, transfer};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "block calls at DISPATCH_LEVEL are served and refused as at PASSIVE_LEVEL",
        block_calls,
    ),
    (
        "a driver of the guest reaches the blocks from DISPATCH_LEVEL",
        guest_driver,
    ),
];

const VF: u16 = 1;

fn on(path: u8, transfer: Transfer) -> Transfer {
    Transfer { path, ..transfer }
}

/// Performs a transfer by itself and in a batch, which the double carries out on threads of its own.
/// The driver must be called at the level that the path says, and return there.
fn leveled(session: &Session, transfer: &Transfer) -> Result<Transferred> {
    let alone = session.stack.transfer(transfer)?;
    let batch = session.stack.batch(&[*transfer; 2])?;
    let expected = u32::from(transfer.path == path::SRIOV_RAISED);
    for reply in batch.iter().chain([&alone]) {
        ensure!(
            (reply.raised, reply.status) == (expected, alone.status),
            "{transfer:?} ends with {reply:?}"
        );
    }
    Ok(alone)
}

/// Writes block 0 on one path and reads it on another.
fn written_on(session: &Session, write_on: u8, read_on: u8, value: u8) -> Result<()> {
    let mut write = on(write_on, transfer(operation::WRITE, VF, 0, 128));
    write.data[0] = value;
    let written = leveled(session, &write)?;
    is("a write", written.status, status::SUCCESS)?;
    let read = on(read_on, transfer(operation::READ, VF, 0, 128));
    let reply = leveled(session, &read)?;
    is("a read of it", reply.status, status::SUCCESS)?;
    ensure!(
        reply.spoiled == 0 && reply.data[0] == value,
        "{value} was written, and {} is read, spoiled {:#x}",
        reply.data[0],
        reply.spoiled
    );
    Ok(())
}

fn block_calls(session: &mut Session) -> Result<()> {
    written_on(session, path::SRIOV_RAISED, path::SRIOV, 5)?;
    written_on(session, path::SRIOV, path::SRIOV_RAISED, 6)?;
    for (vf, block, length) in [
        (VF, 0, 0),
        (VF, 0, 129),
        (VF, 0, 127),
        (VF, 2, 128),
        (VF, u32::MAX, 128),
        (session.vfs, 0, 128),
        (u16::MAX, 0, 128),
    ] {
        for operation in [operation::READ, operation::WRITE] {
            let refused = transfer(operation, vf, block, length);
            let expected = performed(session, &on(path::SRIOV, refused))?;
            let got = leveled(session, &on(path::SRIOV_RAISED, refused))?.status;
            let what = format!("block {block} of VF {vf} with {length} bytes");
            is(&what, got, expected)?;
            ensure!(got != status::SUCCESS, "{what} is served");
        }
    }
    Ok(())
}

fn guest_driver(session: &mut Session) -> Result<()> {
    if session.guests.is_empty() {
        return Ok(());
    }
    written_on(session, path::DRIVER_RAISED, path::SRIOV, 7)?;
    written_on(session, path::SRIOV, path::DRIVER_RAISED, 8)
}
