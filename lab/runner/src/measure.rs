//! Measures reads and writes of a block through each path, and how long a VF waits for what host
//! software makes of its write.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use lab_control::latency::{Latency, until};
use lab_control::sample;
use lab_control::stack::{self as abi, operation, path};
use pf_broker_abi::{CHANGE_WRITTEN, ChangesCookie};
use pf_broker_client::{
    Access, Cancel, Control as _, Device, Error, Handle, Limit, STATUS_CANCELLED, Vfs,
};
use zerocopy::IntoBytes as _;

use crate::cli::Position;
use crate::exchanges;
use crate::operations::transfer;
use crate::session::Session;

const KERNEL_COUNT: u32 = 200_000;
const USER_COUNT: u32 = 2_000;
const LATENCY_COUNT: u32 = 2_000;
/// The register of tests/manifests/storm.toml that VF and host write, and that notifies.
const SHARED: u32 = 0;

/// Prints the figures.
pub(crate) fn run(session: &Session) -> Result<ExitCode> {
    rates_of_drivers(session)?;
    rates_of_a_program(session)?;
    latency_of_an_agent(session)?;
    if session.bench.position == Position::UpperFilter {
        latency_of_a_companion(session)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rates_of_drivers(session: &Session) -> Result<()> {
    println!("128 bytes of block 0, operations a second");
    for (name, path) in [
        ("SRIOV callbacks", path::SRIOV),
        ("VPCI interface", path::VPCI),
    ] {
        for threads in [1, 2] {
            for (what, operation) in [("reads", operation::READ), ("writes", operation::WRITE)] {
                let mut transfer = transfer(operation, 0, 0, 128);
                transfer.path = path;
                let measured = session.stack.measure(&abi::Measure {
                    transfer,
                    count: KERNEL_COUNT,
                    threads,
                })?;
                let total = f64::from(KERNEL_COUNT * threads);
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let seconds = measured.time as f64 / 1e7;
                println!(
                    "{name}, {threads} thread(s), {what}: {:.0} ({} of {total} succeeded)",
                    total / seconds,
                    measured.succeeded
                );
            }
        }
    }
    Ok(())
}

fn rates_of_a_program(session: &Session) -> Result<()> {
    for (name, way) in [
        ("direct call", sample::BY_CALL),
        ("IOCTL", sample::BY_IOCTL),
    ] {
        let guest = session.guests.first().context("there is no guest")?;
        let start = Instant::now();
        for _ in 0..USER_COUNT {
            let request = sample::ReadRequest { block: 0, way };
            let mut data = [0; 128];
            guest
                .control(sample::IOCTL_READ, request.as_bytes(), &mut data)
                .map_err(|status| anyhow::anyhow!("the VF driver answers 0x{status:08X}"))?;
        }
        println!(
            "program in the guest, VF driver by {name}, reads: {:.0}",
            f64::from(USER_COUNT) / start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// An agent in user mode waits for changes, and publishes to the VF that has written.
fn latency_of_an_agent(session: &Session) -> Result<()> {
    let cancel = Arc::new(Cancel::new()?);
    let device = Device::new(session.open_management(Access::Change)?)?;
    let agent = {
        let cancel = Arc::clone(&cancel);
        thread::spawn(move || agent(&device, &cancel))
    };
    let measured = latency(session, until::NOTIFICATION, SHARED);
    cancel.cancel();
    let answered = agent.join().map_err(|_| anyhow!("the agent panicked"))??;
    println!(
        "VF's write, IOCTL_CHANGES, IOCTL_PUBLISH, notification: {}",
        measured?
    );
    println!("  the agent has published {answered} times");
    Ok(())
}

fn agent(device: &Device<Handle>, cancel: &Cancel) -> Result<u64> {
    let mut cookie = ChangesCookie::default();
    let mut answered = 0;
    loop {
        let limit = Limit {
            timeout: None,
            cancel: Some(cancel),
        };
        let changes = match device.changes_within(CHANGE_WRITTEN, &cookie, limit) {
            Err(Error::Status(STATUS_CANCELLED)) => return Ok(answered),
            changes => changes?,
        };
        cookie = changes.cookie;
        for change in changes
            .entries
            .iter()
            .filter(|change| change.block == SHARED)
        {
            device.publish(Vfs::One(change.vf), SHARED, &[0; 128])?;
            answered += 1;
        }
    }
}

/// The sample companion publishes its response inside the write.
fn latency_of_a_companion(session: &Session) -> Result<()> {
    exchanges::prepare(session)?;
    let measured = latency(session, until::RESPONSE, exchanges::EXCHANGE)?;
    println!("VF's write, companion, read of its response: {measured}");
    Ok(())
}

/// Measures a latency of VF 0; words for it.
fn latency(session: &Session, until: u16, block: u32) -> Result<String> {
    let measured = session.stack.latency(&Latency {
        vf: 0,
        until,
        block,
        count: LATENCY_COUNT,
    })?;
    let time = |units: u64| Duration::from_nanos(units.saturating_mul(100));
    Ok(format!(
        "median {:?}, 99th percentile {:?}, of {LATENCY_COUNT}",
        time(measured.median),
        time(measured.percentile_99)
    ))
}
