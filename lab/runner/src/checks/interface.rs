//! The SR-IOV interface: layout, versions, and the results of each function.

use anyhow::{Context as _, Result, ensure};
use lab_control::stack::{self as abi, function, null, operation, path};
use pcivirt_abi::sriov;

use super::config::{UNTOUCHED, refused_untouched};
use super::ioctl::{Expected, Origin, expect, request};
use crate::check::{Check, fails, is};
use crate::cli::Mode;
use crate::operations::{block_0, call, performed, transfer};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "the interface has the documented size, version and functions",
        layout,
    ),
    (
        "every larger or newer request gets the existing version",
        newer,
    ),
    ("a request for less than the interface is refused", smaller),
    (
        "lengths outside of 1 to 128 and a NULL buffer are refused untouched",
        lengths,
    ),
    (
        "the guest's bus refuses what cannot be a block",
        guest_lengths,
    ),
    (
        "a VF that does not exist leaves every output defined",
        beyond,
    ),
    (
        "NULL for data or for the context is refused by every function",
        nothing,
    ),
    ("BAR 0 of each VF is a slice of its own", bars),
    ("power states are D0 to D3, and Wake is not for D0", power),
    ("a LUID is the same by function and by request", luid),
    (
        "references that are released too often change nothing",
        unbalanced,
    ),
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
    // The second structure by its size, by its version and by both; then sizes and versions that do
    // not exist yet.
    for (size, version) in [(144, 1), (120, 2), (144, 2), (128, 3), (u16::MAX, u16::MAX)] {
        let connected = session.connect(size, version)?;
        let got = (connected.size, connected.version, connected.pointers);
        ensure!(
            got == (120, 1, 0x3FFF),
            "a request for {size} bytes, version {version} gets {got:?}"
        );
    }
    session.attach(abi::policy::ACCEPT, Mode::EachVf)?;
    Ok(())
}

fn smaller(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    for (size, version) in [(119, 1), (112, 1), (40, 1), (0, 1), (119, 2), (120, 0)] {
        let refused = session.connect(size, version);
        // KMDF passes such a query down, so the status is a query's initial one.
        fails(&refused, status::NOT_SUPPORTED)
            .with_context(|| format!("{size} bytes, version {version}"))?;
    }
    again(session)
}

fn lengths(session: &mut Session) -> Result<()> {
    for operation in [operation::READ, operation::WRITE] {
        for length in [0, 129, 256, u32::MAX] {
            let got = performed(session, &transfer(operation, 0, 0, length))?;
            is(
                &format!("length {length}"),
                got,
                status::INVALID_BUFFER_SIZE,
            )?;
        }
        for length in [1, 127, 128] {
            let mut nowhere = transfer(operation, 0, 0, length);
            nowhere.path = path::NULL_BUFFER;
            let got = performed(session, &nowhere)?;
            is("a NULL buffer", got, status::INVALID_BUFFER_SIZE)?;
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

/// Calls a function that returns no status for a VF that does not exist: every value that it
/// returns is all ones, and nothing after the values is written.
fn tells_none(session: &Session, call: &abi::Call) -> Result<()> {
    let data = session.stack.call(call)?.data;
    ensure!(
        data[..4] == [0xFF; 4] && data[4..].iter().all(|&byte| byte == UNTOUCHED),
        "function {} of VF {} gives {data:02x?}",
        call.function,
        call.vf
    );
    Ok(())
}

fn beyond(session: &mut Session) -> Result<()> {
    for vf in [session.vfs, 0xFF, 0xFFFE, 0xFFFF] {
        for function in [
            function::GET_VENDOR_AND_DEVICE,
            function::GET_DEVICE_LOCATION,
        ] {
            tells_none(session, &call(function, vf, 0, 0))?;
        }
        for (function, offset, length) in [
            (function::READ_CONFIG, 0, 4),
            (function::WRITE_CONFIG, 4, 2),
            (function::RESET_VF, 0, 0),
            (function::GET_RESOURCE_FOR_BAR, 0, 0),
            (function::SET_VF_POWER_STATE, 4, 0),
        ] {
            let call = call(function, vf, offset, length);
            refused_untouched(session, &call, status::INVALID_PARAMETER)?;
        }
    }
    Ok(())
}

fn nothing(session: &mut Session) -> Result<()> {
    let with = |what: u16, function: u32, offset: u32, length: u32| abi::Call {
        null: what,
        ..call(function, 0, offset, length)
    };
    for (function, offset, length) in [
        (function::READ_CONFIG, 0, 4),
        (function::WRITE_CONFIG, 4, 2),
        (function::QUERY_PROBED_BARS, 0, 0),
        (function::GET_RESOURCE_FOR_BAR, 0, 0),
        (function::QUERY_LUID, 0, 0),
    ] {
        for what in [null::DATA, null::CONTEXT] {
            let call = with(what, function, offset, length);
            refused_untouched(session, &call, status::INVALID_PARAMETER)?;
        }
    }
    for (function, offset) in [(function::RESET_VF, 0), (function::SET_VF_POWER_STATE, 4)] {
        let call = with(null::CONTEXT, function, offset, 0);
        refused_untouched(session, &call, status::INVALID_PARAMETER)?;
    }
    // These return no status: they do not write to NULL, and find no VF without a context.
    for function in [
        function::GET_VENDOR_AND_DEVICE,
        function::GET_DEVICE_LOCATION,
    ] {
        session.stack.call(&with(null::DATA, function, 0, 0))?;
        tells_none(session, &with(null::CONTEXT, function, 0, 0))?;
    }
    for function in [function::REFERENCE, function::DEREFERENCE] {
        session.stack.call(&with(null::CONTEXT, function, 0, 0))?;
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
    // BAR 1 is the upper half of BAR 0, and the device uses none after BAR 2.
    for (bar, expected) in [
        (1, status::NOT_SUPPORTED),
        (3, status::NOT_SUPPORTED),
        (5, status::NOT_SUPPORTED),
        (6, status::INVALID_PARAMETER),
        (0xFFFF, status::INVALID_PARAMETER),
    ] {
        let none = call(function::GET_RESOURCE_FOR_BAR, 0, bar, 0);
        refused_untouched(session, &none, expected)?;
    }
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

fn luid(session: &mut Session) -> Result<()> {
    let called = session.stack.call(&call(function::QUERY_LUID, 0, 0, 0))?;
    is("QueryLuid", called.status, status::SUCCESS)?;
    let ask = request(Origin::KERNEL, sriov::IOCTL_PROXY_QUERY_LUID, &[], 8);
    let served = Expected::Answer(status::SUCCESS, 8);
    let answer = expect(session, "PROXY_QUERY_LUID", &ask, served)?;
    ensure!(answer.output[..8] == called.data[..8], "the LUIDs differ");
    Ok(())
}

fn unbalanced(session: &mut Session) -> Result<()> {
    // The first releases the stack's reference, the others release none.
    for _ in 0..3 {
        session.stack.call(&call(function::DEREFERENCE, 0, 0, 0))?;
    }
    let read = block_0(session, 0);
    // The reference that the stack releases when it detaches.
    session.stack.call(&call(function::REFERENCE, 0, 0, 0))?;
    read.map(|_| ())
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
