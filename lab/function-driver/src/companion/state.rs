//! What the runner has set, and what has happened. There is one PF, so there is one of each.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use kernel_runtime::lock::Locked;
use lab_control::companion::{Answer, CompanionRecord, Handed};
use pf_companion_abi::BrokerFunctions;

/// What the runner has set, and what the companion has to remember.
pub(crate) struct State {
    /// One of [`lab_control::companion::offer`].
    pub(crate) offer: u32,
    /// By block, and 0 for writes or 1 for reads. Operations without an answer are accepted.
    pub(crate) answers: BTreeMap<(u32, u32), Answer>,
    /// The writes since the runner took them last.
    pub(crate) handed: Vec<Handed>,
    /// The functions of the driver above, from `Attach` until they are released.
    pub(crate) broker: Option<BrokerFunctions>,
    /// Whether they are released later than in `Detach`.
    pub(crate) keeps_functions: bool,
}

/// The state.
pub(crate) static STATE: Locked<State> = Locked::new(State {
    offer: 0,
    answers: BTreeMap::new(),
    handed: Vec::new(),
    broker: None,
    keeps_functions: false,
});

/// A value of the record.
pub(crate) struct Value(AtomicU32);

impl Value {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Adds one; the value before.
    pub(crate) fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::AcqRel)
    }

    /// Subtracts one.
    pub(crate) fn uncount(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Replaces the value.
    pub(crate) fn set(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }

    /// The value.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// A value for each field of [`CompanionRecord`].
pub(crate) struct Record {
    pub(crate) references: Value,
    pub(crate) inside: Value,
    pub(crate) attaches: Value,
    pub(crate) detaches: Value,
    pub(crate) writes: Value,
    pub(crate) reads: Value,
    pub(crate) commits: Value,
    pub(crate) powers: Value,
    pub(crate) power: Value,
    pub(crate) resets: Value,
    pub(crate) raised: Value,
    pub(crate) overlapping: Value,
    pub(crate) unattached: Value,
    pub(crate) own_reset: Value,
    pub(crate) next_reset: Value,
    pub(crate) unpublished: Value,
}

/// The record.
pub(crate) static RECORD: Record = Record {
    references: Value::new(),
    inside: Value::new(),
    attaches: Value::new(),
    detaches: Value::new(),
    writes: Value::new(),
    reads: Value::new(),
    commits: Value::new(),
    powers: Value::new(),
    power: Value::new(),
    resets: Value::new(),
    raised: Value::new(),
    overlapping: Value::new(),
    unattached: Value::new(),
    own_reset: Value::new(),
    next_reset: Value::new(),
    unpublished: Value::new(),
};

impl Record {
    /// Takes the record, which begins anew but for what is counted up and down.
    pub(crate) fn take(&self) -> CompanionRecord {
        CompanionRecord {
            references: self.references.get(),
            inside: self.inside.get(),
            attaches: self.attaches.take(),
            detaches: self.detaches.take(),
            writes: self.writes.take(),
            reads: self.reads.take(),
            commits: self.commits.take(),
            powers: self.powers.take(),
            power: self.power.take(),
            resets: self.resets.take(),
            raised: self.raised.take(),
            overlapping: self.overlapping.take(),
            unattached: self.unattached.take(),
            own_reset: self.own_reset.take(),
            next_reset: self.next_reset.take(),
            unpublished: self.unpublished.take(),
        }
    }
}

/// Counters of one VF.
pub(crate) struct OfVf {
    /// Calls about it that run.
    inside: Value,
    /// `VfRead` since the driver was loaded.
    pub(crate) reads: Value,
    /// `VfReset` since the driver was loaded.
    pub(crate) resets: Value,
}

/// The counters of each VF.
static OF_VFS: [OfVf; VFS] = [const {
    OfVf {
        inside: Value::new(),
        reads: Value::new(),
        resets: Value::new(),
    }
}; VFS];
/// The number of VFs with counters of their own; beyond it, VFs share them.
const VFS: usize = 64;

/// The counters of a VF.
pub(crate) fn of_vf(vf: u16) -> &'static OfVf {
    &OF_VFS[usize::from(vf) % VFS]
}

/// A call of the driver above about a VF, or about the device. It is noted until this is dropped.
pub(crate) struct Inside(Option<u16>);

impl Inside {
    /// Notes a call.
    pub(crate) fn enter(vf: Option<u16>) -> Self {
        RECORD.inside.count();
        // SAFETY: the function has no preconditions.
        if unsafe { wdk_sys::ntddk::KeAreAllApcsDisabled() } != 0 {
            RECORD.raised.count();
        }
        if let Some(vf) = vf
            && of_vf(vf).inside.count() != 0
        {
            RECORD.overlapping.count();
        }
        Self(vf)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(vf) = self.0 {
            of_vf(vf).inside.uncount();
        }
        RECORD.inside.uncount();
    }
}
