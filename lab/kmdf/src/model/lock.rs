//! Spin locks.

use core::sync::atomic::{AtomicBool, Ordering};

use kmdf_rules::{
    object::{Handle, Kind},
    violation::Violation,
};
use wdk_sys::ntddk::ZwYieldExecution;

use crate::{
    kernel::report::stop,
    model::{objects::Body, threads::is_held},
};

/// A `WDFSPINLOCK`.
#[derive(Default)]
pub(crate) struct SpinLock(AtomicBool);

impl Body for SpinLock {
    const KIND: Kind = Kind::SpinLock;

    fn dispose(&self, handle: Handle) {
        if is_held(handle) {
            stop(&Violation::LockDeletedWhileHeld { lock: handle });
        }
    }
}

impl SpinLock {
    /// Waits for the lock and takes it. A waiting thread yields: under Wine the holder can lose its
    /// processor.
    pub(crate) fn acquire(&self) {
        while self
            .0
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: gives the processor away, nothing else.
            let _ = unsafe { ZwYieldExecution() };
        }
    }

    /// Gives the lock back.
    pub(crate) fn release(&self) {
        self.0.store(false, Ordering::Release);
    }
}
