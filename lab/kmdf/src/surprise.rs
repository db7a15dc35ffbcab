//! What a driver must not do from `EvtDeviceSurpriseRemoval`.
//!
//! Rule (public page `NoCancelFromEvtSurpriseRemove`): it completes no request there, and
//! stops, drains or purges no queue, because the callback is not synchronized with the power-down
//! path. The rule is checked at compile time on Windows; the double holds it at run time.

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::{object::Handle, violation::Violation};

use crate::{
    call::{Call, thread_id},
    report::stop,
};

/// Threads that are inside the callback.
static INSIDE: Locked<Vec<usize>> = Locked::new(Vec::new());

/// Runs the callback.
pub(crate) fn inside<R>(callback: impl FnOnce() -> R) -> R {
    let me = thread_id();
    INSIDE.with(|threads| threads.push(me));
    let result = callback();
    INSIDE.with(|threads| threads.retain(|&other| other != me));
    result
}

/// Stops the run when the calling thread is inside the callback.
pub(crate) fn forbid(call: &Call, handle: Handle) {
    let me = thread_id();
    if INSIDE.with(|threads| threads.contains(&me)) {
        stop(&Violation::CalledInSurpriseRemoval {
            function: call.function(),
            handle,
        });
    }
}
