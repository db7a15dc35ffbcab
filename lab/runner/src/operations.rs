//! Operations that checks and jobs share.

use anyhow::{Result, ensure};
use lab_control::stack as abi;

use crate::check::is;
use crate::session::Session;
use crate::status;

/// A call of one of the interface's functions, without data.
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

/// A read or write of a block, directly by the interface.
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

/// Performs a transfer and returns its status. Fails when the callee spoiled a buffer.
pub(crate) fn performed(session: &Session, transfer: &abi::Transfer) -> Result<u32> {
    let reply = session.stack.transfer(transfer)?;
    ensure!(
        reply.spoiled == 0,
        "a buffer was spoiled ({:#x}) by {transfer:?}",
        reply.spoiled
    );
    Ok(reply.status)
}

/// The bytes of block 0 that the VF reads.
pub(crate) fn block_0(session: &Session, vf: u16) -> Result<Vec<u8>> {
    let reply = session
        .stack
        .transfer(&transfer(abi::operation::READ, vf, 0, 128))?;
    is("read block 0", reply.status, status::SUCCESS)?;
    Ok(reply.data.to_vec())
}

/// Writes the field `mark` of block 0 of tests/manifests/checks.toml, which only the checks write.
pub(crate) fn mark(session: &Session, vf: u16, value: u8) -> Result<()> {
    let mut write = transfer(abi::operation::WRITE, vf, 0, 128);
    write.data[0] = value;
    is(
        "write block 0",
        performed(session, &write)?,
        status::SUCCESS,
    )
}
