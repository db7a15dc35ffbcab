//! What the workers of one contention share: when it ends, and the first violation.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use kernel_runtime::lock::Locked;
use lab_control::contention::Contended;

use crate::pci::Pci;

/// How long the workers may take to end, milliseconds. The longest call is a reset.
pub(super) const END_LIMIT: u32 = 30_000;

/// One contention.
pub(super) struct Run {
    /// The hardware, which knows when a VF is being reset.
    pub(super) pci: Arc<Pci>,
    /// The PF will be removed.
    pub(super) removal: bool,
    stop: AtomicBool,
    /// The first violation.
    violation: Locked<Option<Contended>>,
}

impl Run {
    pub(super) fn new(pci: Arc<Pci>, removal: bool) -> Self {
        Self {
            pci,
            removal,
            stop: AtomicBool::new(false),
            violation: Locked::new(None),
        }
    }

    /// Ends the contention.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether a violation was found.
    pub(super) fn has_failed(&self) -> bool {
        self.violation.lock().is_some()
    }

    /// Ends the contention with a violation; the first one counts.
    pub(super) fn fail(&self, violation: Contended) {
        self.violation.lock().get_or_insert(violation);
        self.stop();
    }

    /// The first violation.
    pub(super) fn take_violation(&self) -> Option<Contended> {
        self.violation.lock().take()
    }
}
