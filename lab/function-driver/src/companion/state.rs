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
        }
    }
}

/// How many calls run about each VF.
static ABOUT: [Value; VFS] = [const { Value::new() }; VFS];
/// The number of VFs with a counter of their own; beyond it, VFs share one.
const VFS: usize = 64;

/// A call of the driver above about a VF, or about the device. It is noted until this is dropped.
pub(crate) struct Inside(Option<usize>);

impl Inside {
    /// Notes a call.
    pub(crate) fn enter(vf: Option<u16>) -> Self {
        RECORD.inside.count();
        // SAFETY: the function has no preconditions.
        if unsafe { wdk_sys::ntddk::KeAreAllApcsDisabled() } != 0 {
            RECORD.raised.count();
        }
        let place = vf.map(|vf| usize::from(vf) % VFS);
        if let Some(place) = place
            && ABOUT[place].count() != 0
        {
            RECORD.overlapping.count();
        }
        Self(place)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            ABOUT[place].uncount();
        }
        RECORD.inside.uncount();
    }
}
