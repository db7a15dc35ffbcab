//! Access to the management of the PF: the requests that each way to open it allows.

use anyhow::{Result, ensure};
use lab_control::stack as abi;
use pf_broker_client::{Access, Control as _, Handle};

use super::ioctl::{Expected, ORIGINS, Origin, expect, refused, request};
use super::management::CODES;
use crate::check::{Check, is};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "user mode manages the PF through its management interface alone",
        by_interface,
    ),
    ("the kernel manages the PF through any file", kernel),
    (
        "a program that opened the stack's interface gets the LUID and no block",
        program,
    ),
    (
        "only an administrator opens the management interface",
        administrator,
    ),
];

const QUERY: u32 = 0x0022_6400;
const QUERY_LUID: u32 = 0x0022_6064;

fn by_interface(session: &mut Session) -> Result<()> {
    let denied = refused(status::ACCESS_DENIED);
    for origin in ORIGINS.into_iter().filter(|origin| origin.user) {
        for code in &CODES {
            let mut ask = request(origin, code.number, code.input, code.output);
            for file in [abi::file::STACK, abi::file::NONE] {
                ask.file = file;
                expect(session, code.name, &ask, denied)?;
            }
            ask.file = abi::file::MANAGEMENT;
            expect(session, code.name, &ask, code.served())?;
        }
    }
    Ok(())
}

fn kernel(session: &mut Session) -> Result<()> {
    for code in &CODES {
        let mut ask = request(Origin::KERNEL, code.number, code.input, code.output);
        for file in [abi::file::STACK, abi::file::NONE, abi::file::MANAGEMENT] {
            ask.file = file;
            expect(session, code.name, &ask, code.served())?;
        }
    }
    Ok(())
}

/// Fails unless a handle is denied every management code and given the LUID.
fn manages_nothing(handle: &Handle, luid: bool) -> Result<()> {
    let readers = CODES.iter().filter(|code| (code.number >> 14) & 3 == 1);
    for code in readers {
        let mut output = vec![0; usize::try_from(code.output)?];
        let status = handle
            .control(code.number, code.input, &mut output)
            .err()
            .unwrap_or(status::SUCCESS);
        is(code.name, status, status::ACCESS_DENIED)?;
        ensure!(
            output.iter().all(|&byte| byte == 0),
            "{}: something came back",
            code.name
        );
    }
    if luid {
        let bytes = handle.control(QUERY_LUID, &[], &mut [0; 8]);
        ensure!(bytes == Ok(8), "the LUID: {bytes:x?}");
    }
    Ok(())
}

fn program(session: &mut Session) -> Result<()> {
    manages_nothing(&session.open_sriov()?, true)
}

fn administrator(session: &mut Session) -> Result<()> {
    session.stack.set_opener(false)?;
    let checked = as_somebody_else(session);
    session.stack.set_opener(true)?;
    checked?;
    let handle = session.open_management(Access::Look)?;
    let bytes = handle.control(QUERY, &[], &mut [0; 88]);
    ensure!(bytes == Ok(88), "an administrator is answered {bytes:x?}");
    Ok(())
}

fn as_somebody_else(session: &Session) -> Result<()> {
    // Under Wine the open still returns a handle, whose file does not exist for the driver.
    if let Ok(handle) = session.open_management(Access::Look) {
        manages_nothing(&handle, false)?;
    }
    manages_nothing(&session.open_sriov()?, true)?;
    // A handle that was opened before keeps its access.
    let ask = request(Origin::KERNEL, QUERY, &[], 88);
    let served = Expected::Answer(status::SUCCESS, 88);
    expect(session, "QUERY of the kernel", &ask, served)?;
    session.management()?.query()?;
    Ok(())
}
