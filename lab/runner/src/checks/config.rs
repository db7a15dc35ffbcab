//! The configuration space of a VF: reads, writes that are allowed, and the VF's location. Offsets
//! and bits are written out here as in the PCI Express Base Specification. The PCI double chooses
//! the offsets of the capabilities.

use anyhow::{Result, ensure};
use lab_control::stack::{self as abi, fault, function};

use crate::check::{Check, is};
use crate::operations::{block_0, call, mark};
use crate::rebalance;
use crate::session::Session;
use crate::status;
use crate::trace::Lab;

pub(super) const CHECKS: &[Check] = &[
    ("vendor and device of a VF are synthesised", identifiers),
    ("each VF has the location that the bus gives it", location),
    (
        "a range of configuration space is inside of it or refused",
        ranges,
    ),
    (
        "a write to read-only registers succeeds and changes nothing",
        read_only,
    ),
    (
        "of the command and the MSI-X register the bits of a VF are written alone",
        masked,
    ),
    (
        "an error bit is cleared by writing one, and no other with it",
        cleared_by_one,
    ),
    ("a write over two registers reaches both", both),
    ("a driver programs the messages of its VF", messages),
    (
        "messages of 32 bits, without mask bits, are programmed as well",
        narrow_messages,
    ),
    (
        "a function level reset that a VF starts is the reset of ResetVf",
        own_reset,
    ),
    (
        "what the bus does not carry out is an error, and another VF is served",
        failing,
    ),
];

/// The VF of these checks.
const VF: u16 = 1;
const COMMAND: u32 = 0x04;
const STATUS: u32 = 0x06;
const DEVICE_CONTROL: u32 = 0x48;
const DEVICE_STATUS: u32 = 0x4A;
const MSI_X_CONTROL: u32 = 0x72;
const MSI: u32 = 0x80;

/// The value of output bytes that a function does not write.
pub(super) const UNTOUCHED: u8 = 0xA5;

/// Calls a function that has to end with a status and not to change the caller's buffer.
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
    // After the space, over its end, a length of zero, and sums that wrap to a small number.
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
            "ReadVfConfig writes after {length} bytes at {offset}"
        );
    }
    Ok(())
}

/// The first bytes of a VF's space, with all of its registers.
fn registers(session: &Session, vf: u16) -> Result<Vec<u8>> {
    let mut registers = Vec::new();
    for offset in [0, 64, 128, 192] {
        let read = call(function::READ_CONFIG, vf, offset, 64);
        let read = session.stack.call(&read)?;
        is("ReadVfConfig", read.status, status::SUCCESS)?;
        registers.extend_from_slice(&read.data);
    }
    Ok(registers)
}

fn read_only(session: &mut Session) -> Result<()> {
    let before = registers(session, VF)?;
    // Identifiers, everything from the class code to the first capability, capability headers, and
    // the bytes between and after the capabilities; the last one has the greatest length.
    for (offset, length) in [
        (0x00, 4),
        (0x08, 64 - 8),
        (0x40, 8),
        (0x4C, 0x70 - 0x4C),
        (0x70, 2),
        (0x74, 0x80 - 0x74),
        (MSI, 2),
        (MSI + 0x14, 4),
        (0x98, 4096 - 0x98),
    ] {
        let mut write = call(function::WRITE_CONFIG, VF, offset, length);
        write.data = [0xFF; 64];
        refused_untouched(session, &write, status::SUCCESS)?;
        let after = registers(session, VF)?;
        ensure!(
            after == before,
            "{length:#x} bytes at {offset:#x}: {after:02x?} instead of {before:02x?}"
        );
    }
    Ok(())
}

fn reset(session: &Session) -> Result<()> {
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)
}

/// Fails unless 32 bits read as `expected`.
fn holds_both(session: &Session, offset: u32, expected: u32) -> Result<()> {
    let [a, b, c, d] = expected.to_le_bytes();
    holds(session, offset, u16::from_le_bytes([a, b]))?;
    holds(session, offset + 2, u16::from_le_bytes([c, d]))
}

fn messages(session: &mut Session) -> Result<()> {
    reset(session)?;
    // Eight vectors, 64-bit addresses, mask bits.
    holds(session, MSI + 2, 0x0186)?;
    write(session, MSI + 4, &0xFEE0_1004_u32.to_le_bytes())?;
    write(session, MSI + 8, &0x0000_0012_u32.to_le_bytes())?;
    // No register follows the data.
    write(session, MSI + 0xC, &0xFFFF_4321_u32.to_le_bytes())?;
    write(session, MSI + 0x10, &[0xFF; 8])?;
    write(session, MSI + 2, &[0x21, 0])?;
    for (offset, expected) in [
        (4, 0xFEE0_1004),
        (8, 0x12),
        (0xC, 0x4321),
        (0x10, 0xFF),
        (0x14, 0),
    ] {
        holds_both(session, MSI + offset, expected)?;
    }
    holds(session, MSI + 2, 0x01A7)?;
    // All in one write: of the header and of Message Control only the driver's bits are written,
    // and no more vectors than the VF has.
    let mut all = [0xFF; 24];
    all[4..8].copy_from_slice(&0xFEE0_2000_u32.to_le_bytes());
    write(session, MSI, &all)?;
    holds(session, MSI, 0x0005)?;
    holds(session, MSI + 2, 0x01B7)?;
    holds_both(session, MSI + 4, 0xFEE0_2000)?;
    let other = read(session, 0, MSI + 4)?;
    ensure!(
        other == 0,
        "another VF's message address holds {other:#06x}"
    );
    // A tenant's settings do not reach the next one.
    reset(session)?;
    holds(session, MSI + 2, 0x0186)?;
    holds_both(session, MSI + 4, 0)
}

fn narrow_messages(session: &mut Session) -> Result<()> {
    session.stack.fault(fault::NARROW_MSI, 1)?;
    rebalance::round(&session.stack)?;
    let programmed = (|| {
        holds(session, MSI + 2, 0x0006)?;
        write(session, MSI, &[0xFF; 24])?;
        holds(session, MSI + 2, 0x0037)?;
        holds_both(session, MSI + 4, 0xFFFF_FFFC)?;
        holds_both(session, MSI + 8, 0x0000_FFFF)?;
        // Neither a mask nor an upper half of the address.
        holds_both(session, MSI + 0xC, 0)?;
        holds_both(session, MSI + 0x10, 0)
    })();
    session.stack.fault(fault::NARROW_MSI, 0)?;
    rebalance::round(&session.stack)?;
    // The rebalances invalidate blocks; later checks count what they raise themselves.
    for vf in 0..session.vfs {
        Lab::new(session).taken(vf)?;
    }
    programmed
}

fn own_reset(session: &mut Session) -> Result<()> {
    // Only Device Control, half of it, and all registers from Command on in a write of several
    // parts, in which every 64th byte is that half.
    let bit = [0, 0x80];
    for (offset, length, data) in [
        (DEVICE_CONTROL, 2, &bit[..]),
        (DEVICE_CONTROL + 1, 1, &bit[1..]),
        (COMMAND, 0x100, &[0, 0, 0, 0, 0, 0x80]),
    ] {
        mark(session, VF, 7)?;
        mark(session, 0, 8)?;
        write(session, COMMAND, &[0x04, 0])?;
        write(session, MSI_X_CONTROL, &[0, 0x80])?;
        let (hardware, blocks) = (
            session.stack.report()?.resets,
            session.management()?.stats(VF)?.resets,
        );
        let mut start = call(function::WRITE_CONFIG, VF, offset, length);
        start.data[..data.len()].copy_from_slice(data);
        refused_untouched(session, &start, status::SUCCESS)?;
        let what = format!("the reset by {length:#x} bytes at {offset:#x}");
        let resets = session.stack.report()?.resets - hardware;
        ensure!(resets == 1, "{what} starts {resets} resets of the hardware");
        let resets = session.management()?.stats(VF)?.resets - blocks;
        ensure!(resets == 1, "{what} counts as {resets} resets");
        let block = block_0(session, VF)?[0];
        ensure!(block == 0, "{what} leaves {block} in the VF's block");
        let block = block_0(session, 0)?[0];
        ensure!(block == 8, "{what} wipes another VF's block");
        holds(session, COMMAND, 0)?;
        holds(session, MSI_X_CONTROL, 0x0003)?;
    }
    // Without the bit Device Control is not written, and nothing is reset.
    let before = session.stack.report()?.resets;
    write(session, DEVICE_CONTROL, &[0xFF, 0x7F])?;
    holds(session, DEVICE_CONTROL, 0)?;
    let resets = session.stack.report()?.resets - before;
    ensure!(resets == 0, "other bits of Device Control start a reset");
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
    // After a reset the double's VF has errors to report.
    reset(session)?;
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
    reset(session)?;
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
