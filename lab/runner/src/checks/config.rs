//! The configuration space of a VF: what is read, what may be written, and where the VF is. Offsets and
//! bits are written out here as the PCI Express Base Specification has them; where the capabilities
//! lie is the PCI double's choice.

use anyhow::{Result, ensure};
use lab_control::stack::{self as abi, fault, function};

use super::{Check, call, is, status};
use crate::session::Session;

pub(super) const CHECKS: &[Check] = &[
    ("vendor and device of a VF are synthesised", identifiers),
    ("each VF has the location that the bus gives it", location),
    (
        "configuration space is read whole and written by an allow-list",
        ranges,
    ),
    (
        "of the command and the MSI-X register the bits of a VF are written alone",
        masked,
    ),
    (
        "an error bit is cleared by writing one, and no other goes with it",
        cleared_by_one,
    ),
    ("a write over two registers reaches both", both),
    (
        "what the bus does not carry out is an error, and another VF is served",
        failing,
    ),
];

/// The VF of these checks.
const VF: u16 = 1;
const COMMAND: u32 = 0x04;
const STATUS: u32 = 0x06;
const DEVICE_STATUS: u32 = 0x4A;
const MSI_X_CONTROL: u32 = 0x72;

/// What a function leaves alone in its output reads as this.
pub(super) const UNTOUCHED: u8 = 0xA5;

/// Calls a function that has to be refused and to leave the caller's buffer alone.
pub(super) fn refused_untouched(session: &Session, call: &abi::Call, expected: u32) -> Result<()> {
    let what = format!(
        "function {} of VF {}, {:#x} bytes at {:#x}",
        call.function, call.vf, call.length, call.offset
    );
    let called = session.stack.call(call)?;
    is(&what, called.status, expected)?;
    let before = if call.function == function::WRITE_CONFIG {
        call.data
    } else {
        [UNTOUCHED; 64]
    };
    ensure!(called.data == before, "{what} changes the caller's buffer");
    Ok(())
}

fn read(session: &Session, vf: u16, offset: u32) -> Result<u16> {
    let read = session
        .stack
        .call(&call(function::READ_CONFIG, vf, offset, 2))?;
    is("ReadVfConfig", read.status, status::SUCCESS)?;
    Ok(u16::from_le_bytes([read.data[0], read.data[1]]))
}

fn write(session: &Session, offset: u32, bytes: &[u8]) -> Result<()> {
    let length = u32::try_from(bytes.len())?;
    let mut write = call(function::WRITE_CONFIG, VF, offset, length);
    write.data[..bytes.len()].copy_from_slice(bytes);
    let written = session.stack.call(&write)?;
    is("WriteVfConfig", written.status, status::SUCCESS)
}

/// Fails unless the register at `offset` reads as `expected`.
fn holds(session: &Session, offset: u32, expected: u16) -> Result<()> {
    let got = read(session, VF, offset)?;
    ensure!(
        got == expected,
        "the register at {offset:#x} holds {got:#06x} instead of {expected:#06x}"
    );
    Ok(())
}

fn identifiers(session: &mut Session) -> Result<()> {
    let called = session
        .stack
        .call(&call(function::GET_VENDOR_AND_DEVICE, 0, 0, 0))?;
    let [a, b, c, d, ..] = called.data;
    let (vendor, device) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    ensure!(
        vendor == session.bench.vendor_id,
        "vendor 0x{vendor:04X} by GetVendorAndDevice"
    );
    let expected = session.bench.device_id.wrapping_add(1);
    ensure!(
        device == expected,
        "device 0x{device:04X} by GetVendorAndDevice"
    );
    let read = session.stack.call(&call(function::READ_CONFIG, 0, 0, 4))?;
    is("ReadVfConfig", read.status, status::SUCCESS)?;
    ensure!(
        read.data[..4] == called.data[..4],
        "ReadVfConfig gives {:02x?}",
        &read.data[..4]
    );
    Ok(())
}

fn location(session: &mut Session) -> Result<()> {
    for vf in 0..session.vfs {
        let query = call(function::GET_DEVICE_LOCATION, vf, 0, 0);
        let data = session.stack.call(&query)?.data;
        // Segment, bus and function, as the PCI double has them.
        let expected = [2, 0, 3, u8::try_from(vf + 1)?];
        ensure!(
            data[..4] == expected && data[4..].iter().all(|&byte| byte == UNTOUCHED),
            "VF {vf} is at {data:02x?}"
        );
    }
    Ok(())
}

fn ranges(session: &mut Session) -> Result<()> {
    // Behind the space, over its end, nothing at all, and sums that wrap to something small.
    for (offset, length) in [
        (4095, 2),
        (4096, 1),
        (4096, 0),
        (0, 0),
        (0, 4097),
        (u32::MAX, 1),
        (u32::MAX, 4),
        (u32::MAX - 3, 8),
        (4, u32::MAX - 3),
        (4, u32::MAX),
        (u32::MAX, u32::MAX),
    ] {
        for function in [function::READ_CONFIG, function::WRITE_CONFIG] {
            let call = call(function, 0, offset, length);
            refused_untouched(session, &call, status::INVALID_PARAMETER)?;
        }
    }
    for (offset, length) in [(0, 1), (61, 3), (4095, 1), (4032, 64)] {
        let read = call(function::READ_CONFIG, 0, offset, length);
        let read = session.stack.call(&read)?;
        is("ReadVfConfig", read.status, status::SUCCESS)?;
        let length = usize::try_from(length)?;
        ensure!(
            read.data[length..].iter().all(|&byte| byte == UNTOUCHED),
            "ReadVfConfig writes behind {length} bytes at {offset}"
        );
    }
    // Registers that no guest may write: a BAR, the IDs, and a function level reset.
    for (offset, length) in [(0x10, 4), (0, 2), (0x49, 1), (4, 64), (4, 65), (4, 4092)] {
        let mut write = call(function::WRITE_CONFIG, 0, offset, length);
        write.data = [0x11; 64];
        refused_untouched(session, &write, status::ACCESS_DENIED)?;
    }
    Ok(())
}

fn masked(session: &mut Session) -> Result<()> {
    // Bus Master Enable is a VF's own; the other bits are not, nor is the size of the MSI-X table.
    holds(session, COMMAND, 0)?;
    write(session, COMMAND, &[0xFF, 0xFF])?;
    holds(session, COMMAND, 0x0004)?;
    // The other half stays as it is.
    write(session, COMMAND + 1, &[0xFF])?;
    holds(session, COMMAND, 0x0004)?;
    write(session, COMMAND, &[0])?;
    holds(session, COMMAND, 0)?;

    holds(session, MSI_X_CONTROL, 0x0003)?;
    write(session, MSI_X_CONTROL, &[0xFF, 0xFF])?;
    holds(session, MSI_X_CONTROL, 0xC003)?;
    write(session, MSI_X_CONTROL + 1, &[0x80])?;
    holds(session, MSI_X_CONTROL, 0x8003)?;
    write(session, MSI_X_CONTROL, &[0, 0])?;
    holds(session, MSI_X_CONTROL, 0x0003)?;
    let other = read(session, 0, MSI_X_CONTROL)?;
    ensure!(other == 0x0003, "another VF's register holds {other:#06x}");
    Ok(())
}

fn cleared_by_one(session: &mut Session) -> Result<()> {
    // A reset brings the double's VF to where it has errors to report.
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    holds(session, STATUS, 0xC010)?;
    write(session, STATUS, &[0xFF, 0x40])?;
    holds(session, STATUS, 0x8010)?;
    write(session, STATUS, &[0, 0])?;
    holds(session, STATUS, 0x8010)?;
    write(session, STATUS + 1, &[0xFF])?;
    holds(session, STATUS, 0x0010)?;

    holds(session, DEVICE_STATUS, 0x0003)?;
    write(session, DEVICE_STATUS, &[0x02])?;
    holds(session, DEVICE_STATUS, 0x0001)?;
    write(session, DEVICE_STATUS, &[0xFF, 0xFF])?;
    holds(session, DEVICE_STATUS, 0)
}

fn both(session: &mut Session) -> Result<()> {
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    write(session, COMMAND, &[0x04, 0, 0, 0x80])?;
    holds(session, COMMAND, 0x0004)?;
    holds(session, STATUS, 0x4010)?;
    // A byte of each.
    write(session, COMMAND + 1, &[0xFF, 0xFF])?;
    holds(session, COMMAND, 0x0004)?;
    holds(session, STATUS, 0x4010)
}

fn failing(session: &mut Session) -> Result<()> {
    let stack = &session.stack;
    let broken = u32::from(VF) + 1;
    for (fault, function, offset) in [
        (fault::CONFIG_READ_FAILS, function::READ_CONFIG, COMMAND),
        (fault::CONFIG_READ_FAILS, function::WRITE_CONFIG, COMMAND),
        (fault::CONFIG_WRITE_FAILS, function::WRITE_CONFIG, COMMAND),
        (fault::CONFIG_WRITE_FAILS, function::WRITE_CONFIG, STATUS),
    ] {
        let access =
            |vf| Ok::<_, anyhow::Error>(stack.call(&call(function, vf, offset, 2))?.status);
        stack.fault(fault, broken)?;
        let (got, other) = (access(VF), access(0));
        stack.fault(fault, 0)?;
        is("the VF's access", got?, status::IO_DEVICE_ERROR)?;
        is("another VF's access", other?, status::SUCCESS)?;
        is("the next access", access(VF)?, status::SUCCESS)?;
    }
    Ok(())
}
