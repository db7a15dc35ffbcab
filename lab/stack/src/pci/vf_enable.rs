//! VF Enable of the PCI double, and the times after it (PCI Express Base Specification, section
//! 9.3.3.3.1): no request to a VF for 100 ms after it was set, no access to the SR-IOV capability
//! for a second after it was cleared. Each access that comes too early is counted and fails the
//! run.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use kernel_runtime::clock::{self, MILLISECOND};
use lab_control::stack::fault as kind;
use pcivirt_abi::config::{self, SriovControl};

use super::fault;
use super::registers::{SRIOV, put};

/// How long VFs that are late take to answer.
const LATE: u64 = 700 * MILLISECOND;

/// Accesses to a VF too soon after VF Enable was set.
static AFTER_ENABLE: AtomicU32 = AtomicU32::new(0);
/// Accesses to the capability too soon after VF Enable was cleared.
static AFTER_DISABLE: AtomicU32 = AtomicU32::new(0);

/// How often a VF was accessed too soon after VF Enable was set.
pub(crate) fn early_after_enable() -> u32 {
    AFTER_ENABLE.load(Ordering::SeqCst)
}

/// How often the capability was accessed too soon after VF Enable was cleared.
pub(crate) fn early_after_disable() -> u32 {
    AFTER_DISABLE.load(Ordering::SeqCst)
}

/// VF Enable and `NumVFs` of one PF.
pub(super) struct VfEnable {
    /// `NumVFs` while VF Enable is set, else 0.
    enabled: AtomicU32,
    /// When VF Enable was set; 0 before.
    set_at: AtomicU64,
    /// When VF Enable was cleared; 0 before.
    cleared_at: AtomicU64,
}

impl VfEnable {
    pub(super) fn new(enabled: u16) -> Self {
        Self {
            enabled: AtomicU32::new(enabled.into()),
            set_at: AtomicU64::new(0),
            cleared_at: AtomicU64::new(0),
        }
    }

    pub(super) fn enabled_vfs(&self) -> u32 {
        self.enabled.load(Ordering::SeqCst)
    }

    /// Sets VF Enable for so many VFs, or clears it for 0.
    pub(super) fn set(&self, vfs: u16) {
        let moment = if vfs == 0 {
            &self.cleared_at
        } else {
            &self.set_at
        };
        moment.store(clock::now(), Ordering::SeqCst);
        self.enabled.store(vfs.into(), Ordering::SeqCst);
    }

    /// Puts what the capability shows of the switch into the PF's configuration space.
    pub(super) fn show(&self, space: &mut [u8]) {
        let vfs = u16::try_from(self.enabled_vfs()).unwrap_or(u16::MAX);
        let is_on = |fault| vfs != 0 && !fault::is_on(fault, 0);
        let mut control = SriovControl::empty();
        control.set(SriovControl::VF_ENABLE, is_on(kind::NOT_ENABLED));
        control.set(SriovControl::VF_MEMORY_SPACE, is_on(kind::NO_MEMORY_SPACE));
        let less = u16::from(fault::is_on(kind::OTHER_NUM_VFS, 0));
        let vfs = vfs.saturating_sub(less).to_le_bytes();
        let control = control.bits().to_le_bytes();
        put(space, SRIOV + config::SRIOV_CONTROL, &control);
        put(space, SRIOV + config::SRIOV_NUM_VFS, &vfs);
    }

    /// Counts an access to the capability that comes too soon.
    pub(super) fn note_touch(&self) {
        if is_within(&self.cleared_at, 1000 * MILLISECOND) {
            AFTER_DISABLE.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Counts a request to a VF that comes too soon.
    pub(super) fn note_request(&self) {
        if is_within(&self.set_at, 100 * MILLISECOND) {
            AFTER_ENABLE.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whether a VF does not answer yet.
    pub(super) fn is_late(&self, vf: u16) -> bool {
        fault::is_on(kind::LATE_VF, vf) && is_within(&self.set_at, LATE)
    }
}

/// Whether so much time has not passed since a moment that there was.
fn is_within(moment: &AtomicU64, time: u64) -> bool {
    let moment = moment.load(Ordering::SeqCst);
    moment != 0 && clock::now().saturating_sub(moment) < time
}
