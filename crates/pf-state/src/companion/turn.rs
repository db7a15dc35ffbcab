//! The turn of a VF: which call into the companion about the VF runs, and when a reset may go on.

use core::num::NonZeroUsize;

use pf_broker_abi::Refusal;

use crate::{
    atomic::{AtomicU64, AtomicUsize, Ordering},
    rebalance::Signal,
};

/// The thread that calls, such as the address of its kernel object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller(pub NonZeroUsize);

/// Why a call into the companion is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// No companion is ready.
    NotReady,
    /// A reset of the VF has begun since the operation arrived.
    Reset,
    /// The device is removed.
    Removed,
    /// The caller is inside a call of the same VF: it would wait for itself.
    Nested,
}

impl Unavailable {
    /// The refusal of an operation whose call cannot be made.
    #[must_use]
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::NotReady => Refusal::Companion,
            Self::Reset | Self::Nested => Refusal::State,
            Self::Removed => Refusal::Removed,
        }
    }
}

/// What runs in the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing.
    Idle,
    /// A call into the companion.
    Calling,
    /// The same, and a reset waits for it to return.
    ResetWaiting,
    /// A reset.
    Resetting,
}

/// The value of a turn's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    phase: Phase,
    removed: bool,
    /// Resets that have begun. It wraps after 2^61.
    resets: u64,
}

impl Word {
    const IDLE: Self = Self {
        phase: Phase::Idle,
        removed: false,
        resets: 0,
    };

    const fn bits(self) -> u64 {
        let phase = match self.phase {
            Phase::Idle => 0,
            Phase::Calling => 1,
            Phase::ResetWaiting => 2,
            Phase::Resetting => 3,
        };
        self.resets << 3 | (self.removed as u64) << 2 | phase
    }

    const fn of(bits: u64) -> Self {
        Self {
            phase: match bits & 0b11 {
                0 => Phase::Idle,
                1 => Phase::Calling,
                2 => Phase::ResetWaiting,
                _ => Phase::Resetting,
            },
            removed: bits & 0b100 != 0,
            resets: bits >> 3,
        }
    }

    const fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }
}

/// How an operation takes its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// For a tenant: refused once a reset has begun after this many.
    Tenant { resets: u64 },
    /// For the VF: waits until a reset is over.
    Vf,
}

/// The turn of one VF. Of the calls into the companion about the VF one runs at a time; the others
/// wait, in no order. `S` lets one waiter go for each time it is set.
#[derive(Debug)]
pub struct Turn<S> {
    word: AtomicU64,
    /// The [`Caller`] that has the turn, or zero. Only a comparison with the own one is meaningful.
    holder: AtomicUsize,
    signal: S,
}

/// The turn, given back when this is dropped.
#[derive(Debug)]
#[must_use = "the turn is given back as soon as this is dropped"]
pub struct TurnGuard<'t, S: Signal> {
    turn: &'t Turn<S>,
}

impl<S: Signal> Drop for TurnGuard<'_, S> {
    fn drop(&mut self) {
        self.turn.release();
    }
}

/// The turn of a reset, from the moment that it refuses other calls; given back when this is
/// dropped.
#[derive(Debug)]
#[must_use = "the reset ends as soon as this is dropped"]
pub struct ResetGuard<'t, S: Signal> {
    turn: &'t Turn<S>,
    caller: Caller,
}

impl<S: Signal> ResetGuard<'_, S> {
    /// Whether the call that ran when the reset began has returned.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.turn.word().phase == Phase::Resetting
    }

    /// The reset calls the companion: what the companion does inside that call is nested.
    pub(super) fn call(&self, call: impl FnOnce()) {
        self.turn
            .holder
            .store(self.caller.0.get(), Ordering::Relaxed);
        call();
        self.turn.holder.store(0, Ordering::Relaxed);
    }
}

impl<S: Signal> Drop for ResetGuard<'_, S> {
    fn drop(&mut self) {
        self.turn.update(|word| {
            Some(word.in_phase(match word.phase {
                // The reset was given up before the call returned.
                Phase::ResetWaiting => Phase::Calling,
                Phase::Idle | Phase::Calling | Phase::Resetting => Phase::Idle,
            }))
        });
        self.turn.signal.set();
    }
}

impl<S: Signal> Turn<S> {
    /// A turn that is free.
    pub fn new(signal: S) -> Self {
        Self {
            word: AtomicU64::new(Word::IDLE.bits()),
            holder: AtomicUsize::new(0),
            signal,
        }
    }

    /// The signal.
    pub const fn signal(&self) -> &S {
        &self.signal
    }

    /// Waits for the turn, for an operation of the VF's tenant.
    ///
    /// # Errors
    /// [`Unavailable::Reset`] if a reset runs, waits, or begins before the turn is free;
    /// [`Unavailable::Removed`]; [`Unavailable::Nested`].
    pub fn acquire(&self, caller: Caller) -> Result<TurnGuard<'_, S>, Unavailable> {
        let Word { resets, .. } = self.word();
        self.wait(caller, Purpose::Tenant { resets })
    }

    /// Waits for the turn, also while the VF is reset.
    ///
    /// # Errors
    /// [`Unavailable::Removed`] and [`Unavailable::Nested`].
    pub fn acquire_after_resets(&self, caller: Caller) -> Result<TurnGuard<'_, S>, Unavailable> {
        self.wait(caller, Purpose::Vf)
    }

    /// Begins a reset: from here on calls of the tenant are refused. The reset may go on once
    /// [`ResetGuard::is_granted`].
    ///
    /// # Errors
    /// [`Unavailable::Nested`] inside a call of the same VF, and [`Unavailable::Reset`] if another
    /// reset runs or waits.
    pub fn begin_reset(&self, caller: Caller) -> Result<ResetGuard<'_, S>, Unavailable> {
        if self.is_held_by(caller) {
            return Err(Unavailable::Nested);
        }
        let begun = self.update(|word| {
            let phase = match word.phase {
                Phase::Idle => Phase::Resetting,
                Phase::Calling => Phase::ResetWaiting,
                Phase::ResetWaiting | Phase::Resetting => return None,
            };
            Some(Word {
                phase,
                resets: word.resets.wrapping_add(1),
                ..word
            })
        });
        if !begun {
            return Err(Unavailable::Reset);
        }
        // Waiting operations of the tenant leave at once, not only after the call.
        self.signal.set();
        Ok(ResetGuard { turn: self, caller })
    }

    /// The device is removed: from now on no operation gets the turn, and those that wait are
    /// refused. The call that runs continues.
    pub fn remove(&self) {
        self.update(|word| {
            Some(Word {
                removed: true,
                ..word
            })
        });
        self.signal.set();
    }

    fn wait(&self, caller: Caller, purpose: Purpose) -> Result<TurnGuard<'_, S>, Unavailable> {
        if self.is_held_by(caller) {
            return Err(Unavailable::Nested);
        }
        loop {
            if self.update(|word| decide(word, purpose).ok()?) {
                self.holder.store(caller.0.get(), Ordering::Relaxed);
                return Ok(TurnGuard { turn: self });
            }
            if let Err(unavailable) = decide(self.word(), purpose) {
                // This one may have been let go in place of another one.
                self.signal.set();
                return Err(unavailable);
            }
            self.signal.wait();
        }
    }

    fn release(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.update(|word| {
            Some(word.in_phase(match word.phase {
                Phase::ResetWaiting => Phase::Resetting,
                Phase::Idle | Phase::Calling | Phase::Resetting => Phase::Idle,
            }))
        });
        self.signal.set();
    }

    /// Only the caller itself stores its own value.
    fn is_held_by(&self, caller: Caller) -> bool {
        self.holder.load(Ordering::Relaxed) == caller.0.get()
    }

    fn word(&self) -> Word {
        Word::of(self.word.load(Ordering::Acquire))
    }

    /// Changes the word to what `next` returns; false if that is nothing.
    fn update(&self, next: impl Fn(Word) -> Option<Word>) -> bool {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |bits| {
                next(Word::of(bits)).map(Word::bits)
            })
            .is_ok()
    }
}

/// The word of an operation that takes its turn now; `None` if it has to wait.
fn decide(word: Word, purpose: Purpose) -> Result<Option<Word>, Unavailable> {
    if word.removed {
        return Err(Unavailable::Removed);
    }
    let for_tenant = match purpose {
        Purpose::Tenant { resets } if resets != word.resets => return Err(Unavailable::Reset),
        Purpose::Tenant { .. } => true,
        Purpose::Vf => false,
    };
    match word.phase {
        Phase::Idle => Ok(Some(word.in_phase(Phase::Calling))),
        Phase::ResetWaiting | Phase::Resetting if for_tenant => Err(Unavailable::Reset),
        Phase::Calling | Phase::ResetWaiting | Phase::Resetting => Ok(None),
    }
}

#[cfg(test)]
mod tests;
