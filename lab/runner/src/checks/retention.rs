//! VFs after a sleep and a rebalance, in which they were off: the registers that their drivers had
//! set are restored, and every driver is notified to read the blocks that notify again.
//!
//! Offsets are those of the PCI double, as in the checks of configuration space.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lab_control::stack::{fault, function, policy};

use crate::check::{Check, is};
use crate::cli::Mode;
use crate::operations::call;
use crate::rebalance;
use crate::session::Session;
use crate::status;
use crate::trace::Lab;

pub(super) const CHECKS: &[Check] = &[
    (
        "registers that VFs' drivers have set are restored after a sleep",
        after_sleep,
    ),
    (
        "registers that VFs' drivers have set are restored after a rebalance",
        after_rebalance,
    ),
    (
        "registers that cannot be saved or restored are reported, and the PF goes on",
        lost,
    ),
    (
        "every VF is notified to read again after each power-up but the first",
        each_power_up_but_the_first_invalidates,
    ),
];

/// The VF whose driver has set nothing, and the one that is reset while it is off.
const IDLE: u16 = 2;
const RESET: u16 = 3;

/// Each register that a driver sets, with a value that depends on the VF: the message, what enables
/// messages, and bus mastering.
fn settings(vf: u16) -> [(u32, Vec<u8>); 7] {
    let [low, _] = vf.to_le_bytes();
    [
        (0x84, vec![0x04, 0x10 + low, 0xE0, 0xFE]),
        (0x88, vec![0x12, low, 0, 0]),
        (0x8C, vec![0x21, 0x43 + low]),
        (0x90, vec![0x55 ^ low, 0, 0, 0]),
        (0x82, vec![0x31, 0x00]),
        (0x72, vec![0x00, 0xC0]),
        (0x04, vec![0x04, 0x00]),
    ]
}

fn reset(session: &Session, vf: u16) -> Result<()> {
    let reset = session.stack.call(&call(function::RESET_VF, vf, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)
}

/// A VF's registers after its reset, then with its driver's settings.
fn begin(session: &Session, vf: u16) -> Result<()> {
    reset(session, vf)?;
    for (offset, bytes) in settings(vf) {
        let length = u32::try_from(bytes.len())?;
        let mut write = call(function::WRITE_CONFIG, vf, offset, length);
        write.data[..bytes.len()].copy_from_slice(&bytes);
        let written = session.stack.call(&write)?;
        is("WriteVfConfig", written.status, status::SUCCESS)?;
    }
    Ok(())
}

/// The part of a VF's configuration space with its registers, without its identifiers.
fn registers(session: &Session, vf: u16) -> Result<Vec<u8>> {
    let mut registers = Vec::new();
    for offset in [4, 64, 128] {
        let read = call(function::READ_CONFIG, vf, offset, 60);
        let read = session.stack.call(&read)?;
        is("ReadVfConfig", read.status, status::SUCCESS)?;
        registers.extend_from_slice(&read.data[..60]);
    }
    Ok(registers)
}

/// Turns the VFs off by `off`, resets one meanwhile, turns them on by `on`, and compares.
fn restored(
    session: &Session,
    off: fn(&Session) -> Result<()>,
    on: fn(&Session) -> Result<()>,
) -> Result<()> {
    for vf in [0, 1, RESET] {
        begin(session, vf)?;
    }
    reset(session, IDLE)?;
    forget(session)?;
    let before: Vec<_> = (0..session.vfs)
        .map(|vf| registers(session, vf))
        .collect::<Result<_>>()?;
    let idle = &before[usize::from(IDLE)];
    ensure!(
        before[0] != *idle && before[1] != before[0] && before[usize::from(RESET)] != *idle,
        "drivers set nothing"
    );
    off(session)?;
    let meanwhile = reset(session, RESET);
    on(session)?;
    meanwhile?;
    for vf in 0..session.vfs {
        let after = registers(session, vf)?;
        let expected = if vf == RESET {
            idle
        } else {
            &before[usize::from(vf)]
        };
        ensure!(
            after == *expected,
            "VF {vf} has {after:02x?} instead of {expected:02x?}"
        );
    }
    Ok(())
}

fn sleep(session: &Session) -> Result<()> {
    session.stack.sleep()
}

/// Gives the PF its power back, with the stack attached.
fn wake(session: &Session) -> Result<()> {
    awake(session)?;
    all_notified(session, "after a sleep")
}

/// Gives the PF its power back, and waits until it accepts calls: the system waits for no device.
fn awake(session: &Session) -> Result<()> {
    session.stack.wake(session.vfs)?;
    until("the PF accepts calls", || {
        let read = session.stack.call(&call(function::READ_CONFIG, 0, 4, 2))?;
        Ok(read.status == status::SUCCESS)
    })
}

/// Waits at most ten seconds.
pub(super) fn until(what: &str, ready: impl Fn() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !ready()? {
        ensure!(
            start.elapsed() < Duration::from_secs(10),
            "waited ten seconds until {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The bits of the manifest's blocks that notify: the first of the two.
const NOTIFYING: u64 = 1;

/// Takes each VF's invalidations, once they are those of every block that notifies and no others.
fn all_notified(session: &Session, when: &str) -> Result<()> {
    for vf in 0..session.vfs {
        until("each VF is notified to read again", || {
            let taken = Lab::new(session).taken(vf)?;
            ensure!(
                matches!(taken, 0 | NOTIFYING),
                "{when} VF {vf} gets {taken:#x}"
            );
            Ok(taken == NOTIFYING)
        })
        .with_context(|| format!("{when}, VF {vf}"))?;
    }
    none_told(session, when)
}

/// Fails if a VF has an invalidation.
fn none_told(session: &Session, when: &str) -> Result<()> {
    for vf in 0..session.vfs {
        let taken = Lab::new(session).taken(vf)?;
        ensure!(taken == 0, "{when} VF {vf} gets {taken:#x}");
    }
    Ok(())
}

/// Takes earlier invalidations of the VFs.
fn forget(session: &Session) -> Result<()> {
    for vf in 0..session.vfs {
        Lab::new(session).taken(vf)?;
    }
    Ok(())
}

fn after_sleep(session: &mut Session) -> Result<()> {
    restored(session, sleep, wake)
}

fn after_rebalance(session: &mut Session) -> Result<()> {
    let stop = |session: &Session| rebalance::part(&session.stack, 2);
    let start = |session: &Session| {
        rebalance::start(&session.stack)?;
        all_notified(session, "after a rebalance")
    };
    restored(session, stop, start)
}

fn lost(session: &mut Session) -> Result<()> {
    let stack = &session.stack;
    let broken = |vf: u16| u32::from(vf) + 1;
    reset(session, IDLE)?;
    let fresh = registers(session, IDLE)?;
    forget(session)?;
    // One register cannot be read before the VFs go off, the next one cannot be written after they
    // are on again.
    for (kind, while_awake) in [
        (fault::CONFIG_READ_FAILS, true),
        (fault::CONFIG_WRITE_FAILS, false),
    ] {
        for vf in [0, 1] {
            begin(session, vf)?;
        }
        let before = registers(session, 0)?;
        if while_awake {
            stack.fault(kind, broken(1))?;
        }
        let asleep = sleep(session);
        stack.fault(kind, if while_awake { 0 } else { broken(1) })?;
        asleep?;
        let awake = wake(session);
        stack.fault(kind, 0)?;
        awake?;
        ensure!(registers(session, 0)? == before, "VF 0 is not restored");
        ensure!(
            registers(session, 1)? == fresh,
            "VF 1 is not as after a reset"
        );
    }
    // A lost register value is not restored later.
    sleep(session)?;
    wake(session)?;
    ensure!(registers(session, 1)? == fresh, "VF 1 is restored later");
    Ok(())
}

fn each_power_up_but_the_first_invalidates(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    forget(session)?;
    sleep(session)?;
    none_told(session, "asleep")?;
    wake(session)?;
    rebalance::round(&session.stack)?;
    all_notified(session, "after a rebalance")?;
    // Without a stack it stays latched, and a reset of the VF clears it.
    session.stack.detach()?;
    sleep(session)?;
    awake(session)?;
    for vf in 0..session.vfs {
        until("the invalidation is latched", || {
            Ok(session.management()?.stats(vf)?.pending == NOTIFYING)
        })?;
    }
    reset(session, 1)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    for vf in 0..session.vfs {
        let expected = if vf == 1 { 0 } else { NOTIFYING };
        let taken = Lab::new(session).taken(vf)?;
        ensure!(taken == expected, "VF {vf} gets {taken:#x} later");
    }
    Ok(())
}
