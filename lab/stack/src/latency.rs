//! How long a VF waits for what host software makes of its write.

use alloc::vec::Vec;

use kernel_runtime::clock::{self, MILLISECOND};
use lab_control::latency::{Latencies, Latency, until};
use lab_control::stack::{Transfer, Transferred, operation, path};
use wdk_sys::{
    NTSTATUS, STATUS_DATA_ERROR, STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT, STATUS_SUCCESS,
};

use crate::pf_connection::invalidation_log;
use crate::transfer;

/// Where the second half of the block begins.
const HALF: usize = 64;
/// How long an answer may take.
const LIMIT: u64 = 5_000 * MILLISECOND;

/// Writes one block after the other.
pub(crate) fn measure(latency: &Latency) -> Result<Latencies, NTSTATUS> {
    let answered = match latency.until {
        until::RESPONSE => respond,
        until::NOTIFICATION => notify,
        _ => return Err(STATUS_INVALID_PARAMETER),
    };
    let mut times = Vec::new();
    for number in 1..=latency.count {
        let mut write = transfer(latency, operation::WRITE);
        write.data[..4].copy_from_slice(&number.to_le_bytes());
        times.push(answered(latency, &write)?);
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    Ok(Latencies {
        median: at(50).ok_or(STATUS_INVALID_PARAMETER)?,
        percentile_99: at(99).ok_or(STATUS_INVALID_PARAMETER)?,
    })
}

fn transfer(latency: &Latency, operation: u8) -> Transfer {
    Transfer {
        operation,
        path: path::SRIOV,
        vf: latency.vf,
        block: latency.block,
        length: 128,
        data: [0; 128],
    }
}

fn perform(transfer: &Transfer) -> Result<Transferred, NTSTATUS> {
    let result = transfer::perform(transfer);
    if result.status == STATUS_SUCCESS.cast_unsigned() {
        Ok(result)
    } else {
        Err(result.status.cast_signed())
    }
}

/// The time until the response is readable: it must be when the write returns.
fn respond(latency: &Latency, write: &Transfer) -> Result<u64, NTSTATUS> {
    let start = clock::now();
    perform(write)?;
    let read = perform(&transfer(latency, operation::READ))?;
    let time = clock::now().saturating_sub(start);
    let (request, response) = read.data.split_at(HALF);
    if request == response && request.get(..4) == write.data.get(..4) {
        Ok(time)
    } else {
        Err(STATUS_DATA_ERROR)
    }
}

/// The time until the stack is notified of the block. The thread only yields meanwhile: a sleep
/// would take a millisecond.
fn notify(latency: &Latency, write: &Transfer) -> Result<u64, NTSTATUS> {
    let bit = usize::try_from(latency.block).map_err(|_| STATUS_INVALID_PARAMETER)?;
    let before = invalidation_log::count(latency.vf, bit);
    let start = clock::now();
    perform(write)?;
    loop {
        let time = clock::now().saturating_sub(start);
        if invalidation_log::count(latency.vf, bit) != before {
            return Ok(time);
        }
        if time > LIMIT {
            return Err(STATUS_IO_TIMEOUT);
        }
        clock::sleep(0);
    }
}
