//! Invalidations of several VFs that compete for one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{Answer, fault, function, operation, policy};
use pf_broker_client::{Access, Device, Vfs};

use super::ioctl::{Expected, Origin, expect, request};
use crate::check::{Check, is};
use crate::cli::Mode;
use crate::operations::{call, performed, transfer};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "VFs with latched bits take turns at a request for any of them",
        turns,
    ),
    ("an invalidation storm of VF 0 does not starve VF 1", storm),
    ("a reset clears latched invalidations of its VF only", reset),
    (
        "invalidations for all VFs during a reset are delivered when the VF is served again",
        meanwhile,
    ),
];

/// One request without input: any VF's bits.
fn take(session: &Session) -> Result<u16> {
    let ask = request(Origin::KERNEL, 0x0022_6054, &[], 16);
    let served = Expected::Answer(status::SUCCESS, 16);
    let answer: Answer = expect(session, "INVALIDATE_BLOCK", &ask, served)?;
    Ok(u16::from_le_bytes(answer.output[..2].try_into()?))
}

fn latch(session: &Session, vf: u16) -> Result<()> {
    session.management()?.invalidate(Vfs::One(vf), 1)?;
    Ok(())
}

fn nothing_is_left(session: &Session) -> Result<()> {
    let ask = request(Origin::KERNEL, 0x0022_6054, &[], 16);
    expect(session, "INVALIDATE_BLOCK", &ask, Expected::Pends).map(|_| ())
}

fn turns(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    // A VF has new bits right after its turn. Still every VF must get its turn.
    (0..session.vfs).try_for_each(|vf| latch(session, vf))?;
    for round in 0..3 {
        let mut served = vec![false; session.vfs.into()];
        for _ in 0..session.vfs {
            let vf = take(session)?;
            let seen = served
                .get_mut(usize::from(vf))
                .ok_or_else(|| anyhow!("a reply for VF {vf}"))?;
            ensure!(!*seen, "round {round}: VF {vf} is served before its turn");
            *seen = true;
            latch(session, vf)?;
        }
    }
    (0..session.vfs).try_for_each(|_| take(session).map(|_| ()))?;
    nothing_is_left(session)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    Ok(())
}

fn storm(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    let calm = Arc::new(AtomicBool::new(false));
    let raised = Arc::new(AtomicUsize::new(0));
    let device = Device::new(session.open_management(Access::Change)?)?;
    let storm = {
        let (calm, raised) = (Arc::clone(&calm), Arc::clone(&raised));
        thread::spawn(move || -> Result<()> {
            while !calm.load(Ordering::SeqCst) {
                device.invalidate(Vfs::One(0), 1)?;
                raised.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    };
    let mut waits = Vec::new();
    // On a busy machine the storm's thread may be late.
    while waits.len() < 20 || raised.load(Ordering::SeqCst) < 20 {
        ensure!(
            waits.len() < 10_000,
            "{raised:?} invalidations are no storm"
        );
        latch(session, 1)?;
        let mut waited = 0;
        while take(session)? != 1 {
            waited += 1;
            if waited > 10 {
                break;
            }
        }
        waits.push(waited);
    }
    calm.store(true, Ordering::SeqCst);
    storm.join().map_err(|_| anyhow!("a thread panicked"))??;
    // Takes the storm's last invalidations, so that the next check starts without them.
    let rest = request(Origin::KERNEL, 0x0022_6054, &[], 16);
    while session.stack.request(&rest)?.status == status::SUCCESS {}
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    // One at a time, except for a bit that is raised between a request's arrival and its turn.
    ensure!(
        waits.iter().all(|&waited| waited < 10) && waits.iter().sum::<usize>() <= 2 * waits.len(),
        "VF 1 waits for {waits:?} requests of VF 0's"
    );
    Ok(())
}

fn reset(session: &mut Session) -> Result<()> {
    session.stack.detach()?;
    latch(session, 0)?;
    latch(session, 1)?;
    let reset = call(function::RESET_VF, 1, 0, 0);
    is(
        "ResetVf",
        session.stack.call(&reset)?.status,
        status::SUCCESS,
    )?;
    let pending = session.management()?.stats(1)?.pending;
    ensure!(
        pending == 0,
        "VF 1 has {pending:#x} pending after its reset"
    );
    let vf = take(session)?;
    ensure!(vf == 0, "VF {vf} is notified instead of VF 0");
    nothing_is_left(session)?;
    session.attach(policy::ACCEPT, Mode::EachVf)?;
    for vf in 0..session.vfs {
        let taken = crate::trace::Lab::new(session).taken(vf)?;
        ensure!(taken == 0, "VF {vf} gets {taken:#x} after the reset");
    }
    Ok(())
}

fn meanwhile(session: &mut Session) -> Result<()> {
    let slow = fault::TRANSACTIONS_PENDING;
    session.stack.fault(slow, 2)?;
    let reset = thread::spawn(|| -> Result<u32> {
        let reset = call(function::RESET_VF, 1, 0, 0);
        Ok(Stack::open()?.call(&reset)?.status)
    });
    let read = transfer(operation::READ, 1, 0, 128);
    while performed(session, &read)? == status::SUCCESS && !reset.is_finished() {}
    let under_way = performed(session, &read)?;
    session.management()?.invalidate(Vfs::All, 1)?;
    let still_under_way = !reset.is_finished();
    let ended = reset.join().map_err(|_| anyhow!("a thread panicked"))??;
    session.stack.fault(slow, 0)?;
    is("ResetVf", ended, status::SUCCESS)?;
    is(
        "a read during the reset",
        under_way,
        status::DEVICE_NOT_READY,
    )?;
    ensure!(
        still_under_way,
        "the reset was over too early to show anything"
    );
    for vf in 0..session.vfs {
        let taken = crate::trace::Lab::new(session).taken(vf)?;
        ensure!(taken == 1, "VF {vf} gets {taken:#x}");
    }
    Ok(())
}
