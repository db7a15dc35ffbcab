//! The decision over a publish to all VFs, which commits for all of them or for none.
//!
//! It is a two-phase commit without waiting. First the publish is *staged* in each VF in turn,
//! under that VF's lock and after all checks on that VF's image. When every VF has agreed, one
//! atomic step decides, and from that step on each VF shows the new value: whoever locks a VF with
//! a staged publish settles it first. Until then a VF that writes the same block checks that the
//! staged publish would still hold behind its write; if not, it aborts the publish rather than wait
//! for it.
//!
//! So no lock is ever held while another is taken, a VF is slowed by at most one check of its own,
//! and a publisher that is preempted between the phases holds nobody up. The alternative, to hold
//! the locks of up to 4096 VFs at once, would keep a processor at `DISPATCH_LEVEL` for hundreds of
//! microseconds.

use crate::Refusal;
use crate::sync::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const UNDECIDED: u8 = 1;
const COMMITTED: u8 = 2;
/// Codes from here on say aborted, and the place of the reason in [`Refusal::ALL`].
const ABORTED: u8 = 0x80;

/// Where a publish to all VFs stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Undecided,
    Committed,
    Aborted,
}

impl Decision {
    fn from_code(code: u8) -> Self {
        match code {
            UNDECIDED => Self::Undecided,
            COMMITTED => Self::Committed,
            _ => Self::Aborted,
        }
    }
}

/// The one publish to all VFs that may be under way.
#[derive(Debug)]
pub(crate) struct Publication(AtomicU8);

impl Publication {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(IDLE))
    }

    /// Begins a publish; one at a time, another is refused as [`Refusal::State`].
    pub(crate) fn begin(&self) -> Result<(), Refusal> {
        self.step(IDLE, UNDECIDED).map_err(|_| Refusal::State)
    }

    /// Commits for all VFs at once, unless one of them has aborted; then its reason is returned.
    pub(crate) fn commit(&self) -> Result<(), Refusal> {
        self.step(UNDECIDED, COMMITTED).map_err(|found| {
            let reason = usize::from(found.wrapping_sub(ABORTED));
            Refusal::ALL.get(reason).copied().unwrap_or(Refusal::State)
        })
    }

    /// Aborts for all VFs at once. `Ok` says that `reason` is the one that [`Publication::commit`]
    /// returns, so its giver is to count it; `Err` says what had been decided before.
    pub(crate) fn abort(&self, reason: Refusal) -> Result<(), Decision> {
        self.step(UNDECIDED, ABORTED | reason as u8)
            .map_err(Decision::from_code)
    }

    /// What a VF with a staged publish is to do with it.
    pub(crate) fn decision(&self) -> Decision {
        Decision::from_code(self.0.load(Ordering::Acquire))
    }

    /// Ends the publish; every VF must have settled.
    pub(crate) fn end(&self) {
        self.0.store(IDLE, Ordering::Release);
    }

    fn step(&self, from: u8, to: u8) -> Result<(), u8> {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
    }
}
