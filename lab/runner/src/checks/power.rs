//! The PF without power: its VFs and their blocks exist, and nothing reaches the hardware. Also the
//! power states of VFs, which the driver records.

use anyhow::{Result, ensure};
use lab_control::stack::{function, operation, pnp};

use crate::check::{Check, is};
use crate::operations::{block_0, call, mark, performed, transfer};
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "the power state that the stack sets is recorded for its VF",
        recorded,
    ),
    ("a VF in D3 is served", served),
    ("a reset returns a VF to D0", returned),
    (
        "while the PF sleeps blocks are served and the hardware is not touched",
        asleep,
    ),
    (
        "between stop and start blocks are served and the hardware is not touched",
        stopped,
    ),
];

const VF: u16 = 1;

fn set(session: &Session, vf: u16, state: u32, wake: u32) -> Result<()> {
    let set = call(function::SET_VF_POWER_STATE, vf, state, wake);
    let got = session.stack.call(&set)?.status;
    is(&format!("SetVfPowerState {state}"), got, status::SUCCESS)
}

fn states(session: &Session) -> Result<Vec<u8>> {
    (0..session.vfs)
        .map(|vf| Ok(session.management()?.stats(vf)?.power))
        .collect()
}

fn recorded(session: &mut Session) -> Result<()> {
    let mut expected = vec![0; session.vfs.into()];
    // DEVICE_POWER_STATE counts D0 as 1.
    for (state, wake) in [(4, 1), (3, 0), (2, 1), (1, 0)] {
        set(session, VF, state, wake)?;
        expected[usize::from(VF)] = u8::try_from(state - 1)?;
        let got = states(session)?;
        ensure!(got == expected, "the states are {got:?} after {state}");
    }
    // A refused value does not change the state.
    set(session, VF, 3, 0)?;
    for (state, wake) in [(0, 0), (5, 0), (1, 1), (u32::MAX, 0)] {
        let refused = call(function::SET_VF_POWER_STATE, VF, state, wake);
        let got = session.stack.call(&refused)?.status;
        is("a state that is none", got, status::INVALID_PARAMETER)?;
    }
    let got = states(session)?;
    set(session, VF, 1, 0)?;
    ensure!(
        got[usize::from(VF)] == 2,
        "a refused state is recorded: {got:?}"
    );
    Ok(())
}

fn served(session: &mut Session) -> Result<()> {
    set(session, VF, 4, 1)?;
    let marked = mark(session, VF, 4);
    let read = block_0(session, VF);
    set(session, VF, 1, 0)?;
    marked?;
    ensure!(read?[0] == 4, "a write in D3 is lost");
    Ok(())
}

fn returned(session: &mut Session) -> Result<()> {
    set(session, VF, 4, 1)?;
    set(session, 0, 3, 0)?;
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    let got = states(session)?;
    set(session, 0, 1, 0)?;
    ensure!(
        (got[usize::from(VF)], got[0]) == (0, 2),
        "the states are {got:?} after a reset of VF {VF}"
    );
    Ok(())
}

/// Calls that return the same values during a stop or a sleep: the sizes of the VFs' registers, as
/// the PCI double has them, and a VF's identifiers.
fn constants(session: &Session) -> Result<()> {
    let query = call(function::QUERY_PROBED_BARS, 0, 0, 0);
    let sizes = session.stack.call(&query)?;
    is("QueryProbedBars", sizes.status, status::SUCCESS)?;
    let expected: [u32; 6] = [0xFFFF_C00C, 0xFFFF_FFFF, 0xFFFF_F000, 0, 0, 0];
    let expected: Vec<u8> = expected.into_iter().flat_map(u32::to_le_bytes).collect();
    ensure!(
        sizes.data[..24] == expected,
        "QueryProbedBars returns {:02x?}",
        &sizes.data[..24]
    );
    let [vendor, device] = [
        session.bench.vendor_id,
        session.bench.device_id.wrapping_add(1),
    ]
    .map(u16::to_le_bytes);
    let expected = [vendor, device].concat();
    let query = call(function::GET_VENDOR_AND_DEVICE, VF, 0, 0);
    let got = session.stack.call(&query)?.data;
    ensure!(
        got[..4] == expected,
        "GetVendorAndDevice returns {:02x?}",
        &got[..4]
    );
    // A VF that does not exist does not exist in any power state.
    let query = call(function::GET_VENDOR_AND_DEVICE, session.vfs, 0, 0);
    let got = session.stack.call(&query)?.data;
    ensure!(
        got[..4] == [0xFF; 4],
        "GetVendorAndDevice of VF {} returns {:02x?}",
        session.vfs,
        &got[..4]
    );
    Ok(())
}

/// The answer of each function while the PF has no hardware.
fn unreachable(session: &Session) -> Result<()> {
    for (what, function, offset, length) in [
        ("ReadVfConfig", function::READ_CONFIG, 0, 4),
        ("WriteVfConfig", function::WRITE_CONFIG, 4, 2),
        ("GetResourceForBar", function::GET_RESOURCE_FOR_BAR, 0, 0),
    ] {
        let got = session.stack.call(&call(function, VF, offset, length))?;
        is(what, got.status, status::DEVICE_NOT_READY)?;
    }
    let query = call(function::GET_DEVICE_LOCATION, VF, 0, 0);
    let got = session.stack.call(&query)?.data;
    ensure!(
        got[..4] == [0xFF; 4],
        "GetDeviceLocation returns {:02x?}",
        &got[..4]
    );
    constants(session)?;
    let luid = session.stack.call(&call(function::QUERY_LUID, 0, 0, 0))?;
    is("QueryLuid", luid.status, status::SUCCESS)?;
    let read = performed(session, &transfer(operation::READ, VF, 0, 128))?;
    is("ReadVfConfigBlock", read, status::SUCCESS)?;
    // The VFs are off, and turning them on resets them; their blocks are wiped at once.
    mark(session, VF, 6)?;
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    ensure!(block_0(session, VF)?[0] == 0, "a reset without power wipes");
    mark(session, VF, 6)
}

fn asleep(session: &mut Session) -> Result<()> {
    session.stack.sleep()?;
    let enabled = session.stack.report()?.enabled_vfs;
    let checked = unreachable(session);
    session.stack.wake(session.vfs)?;
    checked?;
    ensure!(enabled == 0, "{enabled} VFs are on while the PF sleeps");
    ensure!(
        block_0(session, VF)?[0] == 6,
        "a write during the sleep is lost"
    );
    Ok(())
}

fn stopped(session: &mut Session) -> Result<()> {
    for request in [pnp::QUERY_STOP, pnp::STOP] {
        is("stop", session.stack.pnp(request, 0)?, status::SUCCESS)?;
    }
    let checked = unreachable(session);
    is("start", session.stack.pnp(pnp::START, 0)?, status::SUCCESS)?;
    checked?;
    ensure!(
        block_0(session, VF)?[0] == 6,
        "a write during the stop is lost"
    );
    Ok(())
}
