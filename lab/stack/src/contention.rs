//! Contention: writers, readers, publishers, resets and invalidations on the same VFs.
//!
//! Every image identifies the write that it comes from ([`oracle`]), so each read is checked by
//! itself: it is whole, not from before a reset that had ended, not older than what the writer had
//! written. The blocks are those of `tests/manifests/storm.toml`.

mod run;
mod vf_state;
mod workers;

use alloc::sync::Arc;
use alloc::vec::Vec;

use kernel_runtime::clock;
use kernel_runtime::thread::{self, Thread};
use lab_control::contention::{Contend, Contended};
use lab_control::stack::function;
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT, STATUS_NO_SUCH_DEVICE};
use zerocopy::FromZeros as _;

use crate::bus;
use crate::kernel::status::checked;
use crate::pf_connection::call;
use run::{END_LIMIT, Run};
use vf_state::VfState;
use workers::{Shared, Worker};

/// Runs every worker on the VFs for a while.
pub(crate) fn contend(request: Contend) -> Result<Contended, NTSTATUS> {
    if request.vfs == 0 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let pci = bus::physical_function().ok_or(STATUS_NO_SUCH_DEVICE)?;
    let shared = Arc::new(Shared {
        run: Run::new(pci, request.removal != 0),
        vfs: (0..request.vfs).map(VfState::new).collect(),
    });
    for state in &shared.vfs {
        // Nothing may be left of an earlier contention.
        checked(call::call_without_data(function::RESET_VF, state.vf, 0))?;
    }
    let mut threads = Vec::new();
    for index in 0..shared.vfs.len() {
        for worker in workers::EACH_VF {
            threads.push(spawn(&shared, index, worker)?);
        }
    }
    threads.push(spawn(&shared, 0, workers::publish_to_all)?);
    clock::wait_until(request.milliseconds, || shared.run.is_over());
    shared.run.stop();
    if !threads.iter().all(|thread| thread.join_within(END_LIMIT)) {
        return Err(STATUS_IO_TIMEOUT);
    }
    let violation = shared.run.take_violation();
    let mut contended = violation.unwrap_or_else(Contended::new_zeroed);
    for state in &shared.vfs {
        state.add_to(&mut contended);
    }
    Ok(contended)
}

/// Runs a worker on a VF, on a thread of its own.
fn spawn(shared: &Arc<Shared>, index: usize, worker: Worker) -> Result<Thread, NTSTATUS> {
    let mine = Arc::clone(shared);
    let thread = thread::spawn(move || {
        if let Some(state) = mine.vfs.get(index) {
            worker(&mine, state);
        }
    });
    if thread.is_err() {
        shared.run.stop();
    }
    thread
}
