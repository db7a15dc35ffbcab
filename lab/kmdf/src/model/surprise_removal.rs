//! Calls that a driver must not make from `EvtDeviceSurpriseRemoval`.
//!
//! Rule (public page `NoCancelFromEvtSurpriseRemove`): a driver completes no request there, because
//! the callback is not synchronized with the power-down path. On Windows, Static Driver Verifier
//! checks it; the double checks it at run time.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::{object::Handle, violation::Violation};

use crate::{kernel::report::stop, model::threads::thread_id};

/// Threads that are inside the callback.
static INSIDE: Locked<Vec<usize>> = Locked::new(Vec::new());

/// Runs `callback`, which calls `EvtDeviceSurpriseRemoval`.
pub(crate) fn inside<R>(callback: impl FnOnce() -> R) -> R {
    let me = thread_id();
    INSIDE.with(|threads| threads.push(me));
    let result = callback();
    INSIDE.with(|threads| threads.retain(|&other| other != me));
    result
}

/// Stops the run when the calling thread is inside the callback.
pub(crate) fn forbid(function: &'static str, handle: Handle) {
    let me = thread_id();
    if INSIDE.with(|threads| threads.contains(&me)) {
        stop(&Violation::CalledInSurpriseRemoval { function, handle });
    }
}
