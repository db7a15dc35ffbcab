//! Contention: writers, readers, publishers, resets and invalidations on the same VFs.
//!
//! Every image says who wrote it and when (`oracle`), so each read is judged by itself: whole, not
//! from before a reset that had ended, not older than what the writer had written. The blocks are
//! those of `tests/manifests/storm.toml`.

mod vf_state;
mod workers;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use lab_control::contention::{Contend, Contended};
use lab_control::stack::function;
use wdk_sys::{
    NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT, STATUS_NO_SUCH_DEVICE, STATUS_SUCCESS,
};
use zerocopy::FromZeros as _;

use crate::bus;
use crate::kernel::clock;
use crate::kernel::lock::Lock;
use crate::kernel::thread;
use crate::pci::Pci;
use crate::transfer;
use vf_state::VfState;
use workers::Worker;

/// How long the players may take to end, milliseconds. The longest call is a reset.
const PATIENCE: u32 = 30_000;

/// Where all of it happens.
struct Field {
    grounds: Vec<VfState>,
    /// The hardware, which knows when a VF is being reset.
    pci: Arc<Pci>,
    /// The PF will be removed.
    removal: bool,
    stop: AtomicBool,
    /// The first thing that was wrong.
    verdict: Lock<Option<Contended>>,
}

impl Field {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether something was wrong.
    fn is_decided(&self) -> bool {
        self.verdict.lock().is_some()
    }

    /// Ends it because of something that is wrong; the first thing counts.
    fn accuse(&self, verdict: Contended) {
        self.verdict.lock().get_or_insert(verdict);
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Sets every player on the VFs for a while.
pub(crate) fn contend(request: Contend) -> Result<Contended, NTSTATUS> {
    if request.vfs == 0 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let field = Arc::new(Field {
        grounds: (0..request.vfs).map(VfState::new).collect(),
        pci: bus::physical_function().ok_or(STATUS_NO_SUCH_DEVICE)?,
        removal: request.removal != 0,
        stop: AtomicBool::new(false),
        verdict: Lock::new(None),
    });
    for ground in &field.grounds {
        begin(ground.vf)?;
    }
    let mut threads = Vec::new();
    for index in 0..field.grounds.len() {
        for player in workers::EACH_VF {
            threads.push(set(&field, index, player)?);
        }
    }
    threads.push(set(&field, 0, workers::herald)?);
    clock::wait_until(request.milliseconds, || field.is_over());
    field.stop.store(true, Ordering::SeqCst);
    if !threads.iter().all(|thread| thread.join_within(PATIENCE)) {
        return Err(STATUS_IO_TIMEOUT);
    }
    let mut contended = field
        .verdict
        .lock()
        .take()
        .unwrap_or_else(Contended::new_zeroed);
    for ground in &field.grounds {
        ground.add_to(&mut contended);
    }
    Ok(contended)
}

/// Resets a VF, so that nothing is left of another contention.
fn begin(vf: u16) -> Result<(), NTSTATUS> {
    match transfer::called(function::RESET_VF, vf, 0) {
        STATUS_SUCCESS => Ok(()),
        status => Err(status),
    }
}

/// Sets a player on a VF.
fn set(field: &Arc<Field>, index: usize, player: Worker) -> Result<thread::Thread, NTSTATUS> {
    let mine = Arc::clone(field);
    let thread = thread::spawn(move || {
        if let Some(ground) = mine.grounds.get(index) {
            player(&mine, ground);
        }
    });
    if thread.is_err() {
        field.stop.store(true, Ordering::SeqCst);
    }
    thread
}
