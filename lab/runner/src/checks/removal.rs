//! The PF goes: asked, and unasked.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{function, operation, pnp};

use super::{Check, block_0, call, is, mark, performed, status, transfer};
use crate::session::Session;
use crate::stack::Stack;

pub(super) const CHECKS: &[Check] = &[
    ("a held interface vetoes a query-remove", query_remove),
    (
        "a removal against everything ends, and later calls are refused",
        pulled,
    ),
    ("a PF that comes back starts with empty blocks", back),
];

fn query_remove(session: &mut Session) -> Result<()> {
    let got = session.stack.pnp(pnp::QUERY_REMOVE, 0)?;
    is("QUERY_REMOVE", got, status::DEVICE_BUSY)?;
    let got = session.stack.pnp(pnp::CANCEL_REMOVE, 0)?;
    is("CANCEL_REMOVE", got, status::SUCCESS)?;
    block_0(session, 0).map(|_| ())
}

/// Reads a VF until the device is gone; how often it was served before.
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

fn pulled(session: &mut Session) -> Result<()> {
    let readers: Vec<_> = (0..session.vfs)
        .map(|vf| thread::spawn(move || read_to_the_end(vf)))
        .collect();
    thread::sleep(Duration::from_millis(200));
    session.pull_pf()?;
    for reader in readers {
        let served = reader.join().map_err(|_| anyhow!("a thread panicked"))??;
        ensure!(served > 0, "a VF was never served");
    }
    // The interface is still referenced: its functions may be called, and say so.
    for operation in [operation::READ, operation::WRITE] {
        let got = performed(session, &transfer(operation, 0, 0, 128))?;
        is("a call after the removal", got, status::DEVICE_REMOVED)?;
    }
    let got = session
        .stack
        .call(&call(function::RESET_VF, 0, 0, 0))?
        .status;
    is("ResetVf after the removal", got, status::DEVICE_REMOVED)?;
    session.pull_guests()?;
    session.stack.disconnect()?;
    Ok(())
}

fn back(session: &mut Session) -> Result<()> {
    session.plug()?;
    ensure!(
        block_0(session, 0)?.iter().all(|&byte| byte == 0),
        "a block is left over"
    );
    mark(session, 0, 3)?;
    ensure!(block_0(session, 0)?[0] == 3, "a write is lost");
    Ok(())
}
