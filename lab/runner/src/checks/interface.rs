//! The SR-IOV interface: layout, versions, and what each function answers.

use anyhow::{Result, ensure};
use lab_control::stack::{self as abi, function, operation, path};
use pcivirt_abi::sriov;

use super::{Check, call, fails, is, performed, status, transfer};
use crate::cli::Mode;
use crate::session::Session;

pub(super) const CHECKS: &[Check] = &[
    (
        "the interface has the documented size, version and functions",
        layout,
    ),
    (
        "a larger and newer request gets the version that there is",
        newer,
    ),
    ("a request for less than the interface is refused", smaller),
    (
        "lengths beside 1 to 128 and a NULL buffer are refused untouched",
        lengths,
    ),
    (
        "the guest's bus refuses what cannot be a block",
        guest_lengths,
    ),
    ("vendor and device of a VF are synthesised", identifiers),
    (
        "a VF that does not exist leaves every output defined",
        beyond,
    ),
    ("BAR 0 of each VF is a slice of its own", bars),
    ("power states are D0 to D3, and Wake is not for D0", power),
    (
        "configuration space is read whole and written by an allow-list",
        config,
    ),
    ("a LUID is the same by function and by request", luid),
    ("calls of several threads overlap", overlap),
];

fn size_1() -> u16 {
    u16::try_from(size_of::<sriov::DeviceInterface>()).unwrap_or(0)
}

fn again(session: &Session) -> Result<()> {
    session.connect(size_1(), 1)?;
    session.attach(abi::policy::ACCEPT, Mode::EachVf)?;
    Ok(())
}

fn layout(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let connected = session.connect(size_1(), 1)?;
    session.attach(abi::policy::ACCEPT, Mode::EachVf)?;
    ensure!(connected.size == 120, "Size is {}", connected.size);
    ensure!(connected.version == 1, "Version is {}", connected.version);
    ensure!(
        connected.pointers == 0x3FFF,
        "pointers {:#x}",
        connected.pointers
    );
    Ok(())
}

fn newer(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let connected = session.connect(144, 2)?;
    session.attach(abi::policy::ACCEPT, Mode::EachVf)?;
    ensure!(connected.size == 120, "Size is {}", connected.size);
    ensure!(connected.version == 1, "Version is {}", connected.version);
    Ok(())
}

fn smaller(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let refused = session.connect(size_1() - 8, 1);
    again(session)?;
    // KMDF passes such a query down, so the status is the one that a query begins with.
    fails(&refused, status::NOT_SUPPORTED)
}

fn lengths(session: &mut Session) -> Result<()> {
    for operation in [operation::READ, operation::WRITE] {
        for length in [0, 129, 256, u32::MAX] {
            let got = performed(session, &transfer(operation, 0, 0, length))?;
            is(&format!("length {length}"), got, 0xC000_0206)?;
        }
        for length in [1, 127, 128] {
            let mut nowhere = transfer(operation, 0, 0, length);
            nowhere.path = path::NULL_BUFFER;
            let got = performed(session, &nowhere)?;
            ensure!(got & 0x8000_0000 != 0, "a NULL buffer gives 0x{got:08X}");
        }
    }
    Ok(())
}

fn guest_lengths(session: &mut Session) -> Result<()> {
    for operation in [operation::READ, operation::WRITE] {
        for length in [0, 129, u32::MAX] {
            let mut guest = transfer(operation, 0, 0, length);
            guest.path = path::VPCI;
            let got = performed(session, &guest)?;
            is(&format!("length {length}"), got, status::INVALID_PARAMETER)?;
        }
    }
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

fn beyond(session: &mut Session) -> Result<()> {
    for vf in [session.vfs, 0xFFFE, 0xFFFF] {
        for (function, bytes) in [
            (function::GET_VENDOR_AND_DEVICE, 4),
            (function::GET_DEVICE_LOCATION, 4),
        ] {
            let called = session.stack.call(&call(function, vf, 0, 0))?;
            ensure!(
                !called.data[..bytes].contains(&0xA5),
                "function {function} of VF {vf} leaves {:02x?}",
                &called.data[..bytes]
            );
        }
        for function in [
            function::READ_CONFIG,
            function::WRITE_CONFIG,
            function::RESET_VF,
            function::GET_RESOURCE_FOR_BAR,
        ] {
            let called = session.stack.call(&call(function, vf, 0, 4))?;
            is(
                &format!("function {function} of VF {vf}"),
                called.status,
                status::INVALID_PARAMETER,
            )?;
        }
        let called = session
            .stack
            .call(&call(function::SET_VF_POWER_STATE, vf, 4, 0))?;
        is("SetVfPowerState", called.status, status::INVALID_PARAMETER)?;
    }
    Ok(())
}

fn bars(session: &mut Session) -> Result<()> {
    let mut starts = Vec::new();
    for vf in 0..session.vfs {
        let called = session
            .stack
            .call(&call(function::GET_RESOURCE_FOR_BAR, vf, 0, 0))?;
        is(&format!("BAR 0 of VF {vf}"), called.status, status::SUCCESS)?;
        let start = u64::from_le_bytes(called.data[4..12].try_into()?);
        let length = u32::from_le_bytes(called.data[12..16].try_into()?);
        ensure!(length == 0x4000, "BAR 0 of VF {vf} has {length:#x} bytes");
        starts.push(start);
    }
    for pair in starts.windows(2) {
        ensure!(pair[1] - pair[0] == 0x4000, "BARs start at {starts:#x?}");
    }
    let none = session
        .stack
        .call(&call(function::GET_RESOURCE_FOR_BAR, 0, 6, 0))?;
    ensure!(none.status != 0, "BAR 6 exists");
    let probed = session
        .stack
        .call(&call(function::QUERY_PROBED_BARS, 0, 0, 0))?;
    is("QueryProbedBars", probed.status, status::SUCCESS)?;
    let first = u32::from_le_bytes(probed.data[..4].try_into()?);
    ensure!(
        first == 0xFFFF_C00C,
        "QueryProbedBars gives {first:#010x} first"
    );
    Ok(())
}

fn power(session: &mut Session) -> Result<()> {
    for (state, wake, expected) in [
        (0, 0, status::INVALID_PARAMETER),
        (5, 0, status::INVALID_PARAMETER),
        (1, 1, status::INVALID_PARAMETER),
        (4, 0, status::SUCCESS),
        (1, 0, status::SUCCESS),
    ] {
        let called = session
            .stack
            .call(&call(function::SET_VF_POWER_STATE, 1, state, wake))?;
        is(
            &format!("state {state}, Wake {wake}"),
            called.status,
            expected,
        )?;
    }
    Ok(())
}

fn config(session: &mut Session) -> Result<()> {
    for (offset, length) in [(4095, 2), (4096, 1), (u32::MAX, 4)] {
        let called = session
            .stack
            .call(&call(function::READ_CONFIG, 0, offset, length))?;
        ensure!(
            called.status != 0,
            "{length} bytes at {offset:#x} can be read"
        );
    }
    // The vendor ID is no register that a guest may write.
    let mut write = call(function::WRITE_CONFIG, 0, 0, 2);
    write.data = [0x11; 64];
    session.stack.call(&write)?;
    identifiers(session)
}

fn luid(session: &mut Session) -> Result<()> {
    let called = session.stack.call(&call(function::QUERY_LUID, 0, 0, 0))?;
    is("QueryLuid", called.status, status::SUCCESS)?;
    let answer = session.stack.request(&super::requests::request(
        sriov::IOCTL_PROXY_QUERY_LUID,
        0,
        8,
    ))?;
    is("PROXY_QUERY_LUID", answer.status, status::SUCCESS)?;
    ensure!(
        answer.information == 8,
        "Information is {}",
        answer.information
    );
    ensure!(answer.output[..8] == called.data[..8], "the LUIDs differ");
    Ok(())
}

fn overlap(session: &mut Session) -> Result<()> {
    session.stack.report()?;
    session.stack.measure(&abi::Measure {
        transfer: transfer(operation::READ, 0, 0, 128),
        count: 50_000,
        threads: session.vfs.into(),
    })?;
    let most = session.stack.report()?.calls_at_once;
    ensure!(most >= 2, "at most {most} call ran at one time");
    Ok(())
}
