//! Measures reads and writes of a block through each path.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use lab_control::sample;
use lab_control::stack::{self as abi, operation, path};
use pf_broker_client::Control as _;
use zerocopy::IntoBytes as _;

use crate::operations::transfer;
use crate::session::Session;

const KERNEL_COUNT: u32 = 200_000;
const USER_COUNT: u32 = 2_000;

/// Prints a table.
pub(crate) fn run(session: &Session) -> Result<ExitCode> {
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
    Ok(ExitCode::SUCCESS)
}
