//! References to the interface, and calls in flight.
//!
//! Two questions that look alike and are not. A *reference* says that somebody may call later: it
//! keeps memory alive and vetoes a query-remove. A *call in flight* says that somebody is inside
//! now: hardware must not go away under it. A [`Gate`] counts the second and can be closed;
//! [`References`] counts the first and cannot.

use core::sync::atomic::{AtomicU32, Ordering};

/// The gate is closed: no call may enter.
const CLOSED: u32 = 1 << 31;
/// Somebody works behind the closed gate.
const OWNED: u32 = 1 << 30;
/// The gate is closed for good: what it led to is gone.
const SHUT: u32 = 1 << 29;
/// The calls in flight.
const CALLS: u32 = SHUT - 1;

/// Lets calls in while it is open, counts them, and tells who closes it when the last one is out.
///
/// Entering and leaving are lock free and callable at any IRQL.
#[derive(Debug)]
pub struct Gate {
    word: AtomicU32,
}

/// The gate was closed already and its owner is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// A call that was let in; it leaves when this is dropped.
#[derive(Debug)]
#[must_use = "the call leaves as soon as this is dropped"]
pub struct Pass<'g> {
    gate: &'g Gate,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // Release: what the call did happens before the owner of the closed gate goes on.
        self.gate.word.fetch_sub(1, Ordering::Release);
    }
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            word: AtomicU32::new(0),
        }
    }

    /// A closed gate that nobody owns.
    #[must_use]
    pub const fn closed() -> Self {
        Self {
            word: AtomicU32::new(CLOSED),
        }
    }

    /// Lets a call in, unless the gate is closed.
    pub fn enter(&self) -> Option<Pass<'_>> {
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                // Counting up to the neighbouring flag would close the gate by accident.
                (word & (CLOSED | SHUT) == 0 && word & CALLS < CALLS).then_some(word + 1)
            })
            .ok()
            .map(|_| Pass { gate: self })
    }

    /// Closes the gate and takes it: until [`reopen`](Self::reopen) or [`abandon`](Self::abandon)
    /// nobody else can close it. Calls in flight go on; see [`is_empty`](Self::is_empty). A gate
    /// that was abandoned can be taken again.
    ///
    /// # Errors
    /// [`Busy`] while somebody owns it, and for ever once it is shut.
    pub fn close(&self) -> Result<(), Busy> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                (word & (OWNED | SHUT) == 0).then_some(word | CLOSED | OWNED)
            })
            .map(|_| ())
            .map_err(|_| Busy)
    }

    /// Closes the gate for good, whoever owns it: an owner that is done does not open it again.
    pub fn shut(&self) {
        self.word.fetch_or(SHUT, Ordering::AcqRel);
    }

    /// Whether the gate is closed for good.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.word.load(Ordering::Acquire) & SHUT != 0
    }

    /// Whether no call is in flight. Once the gate is closed this stays true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.word.load(Ordering::Acquire) & CALLS == 0
    }

    /// Whether calls may enter.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.word.load(Ordering::Acquire) & (CLOSED | SHUT) == 0
    }

    /// The owner is done: calls may enter again.
    pub fn reopen(&self) {
        self.word.fetch_and(!(CLOSED | OWNED), Ordering::AcqRel);
    }

    /// The owner gives up: the gate stays closed, and may be taken again.
    pub fn abandon(&self) {
        self.word.fetch_and(!OWNED, Ordering::AcqRel);
    }
}

/// Counts the references to an interface.
#[derive(Debug)]
pub struct References {
    count: AtomicU32,
}

/// A reference was given back that nobody had taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

impl References {
    /// The given number of references is held.
    #[must_use]
    pub const fn new(held: u32) -> Self {
        Self {
            count: AtomicU32::new(held),
        }
    }

    /// Takes one. A count that would overflow stays where it is, so that nothing is freed early.
    pub fn take(&self) {
        let _ = self
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                count.checked_add(1)
            });
    }

    /// Gives one back and says how many are left.
    ///
    /// # Errors
    /// [`Unbalanced`] when none is held; nothing changes.
    pub fn give_back(&self) -> Result<u32, Unbalanced> {
        self.count
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| {
                count.checked_sub(1)
            })
            .map(|before| before - 1)
            .map_err(|_| Unbalanced)
    }

    /// How many are held.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicUsize},
        thread,
    };

    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_in_and_keeps_those_inside() {
        let gate = Gate::open();
        let inside = gate.enter().expect("open");
        gate.close().expect("nobody owns it");
        assert!(gate.enter().is_none());
        assert!(!gate.is_empty());
        drop(inside);
        assert!(gate.is_empty());
        gate.reopen();
        assert!(gate.enter().is_some());
    }

    #[test]
    fn only_one_owner_at_a_time_and_an_abandoned_gate_stays_closed_but_can_be_taken() {
        let gate = Gate::open();
        gate.close().expect("nobody owns it");
        assert_eq!(gate.close(), Err(Busy));
        gate.abandon();
        assert!(!gate.is_open() && gate.enter().is_none());
        gate.close().expect("abandoned");
        gate.reopen();
        assert!(gate.is_open());
    }

    #[test]
    fn a_gate_that_is_shut_stays_shut_for_everybody() {
        for gate in [Gate::open(), Gate::closed()] {
            gate.shut();
            assert!(gate.enter().is_none() && gate.is_shut());
            assert_eq!(gate.close(), Err(Busy));
        }
        let gate = Gate::open();
        gate.close().expect("nobody owns it");
        gate.shut();
        gate.reopen();
        assert!(
            !gate.is_open() && gate.enter().is_none(),
            "its owner cannot open it again"
        );
    }

    /// What a gate is, in plain words.
    #[derive(Clone, Copy)]
    struct Words {
        closed: bool,
        owned: bool,
        shut: bool,
        calls: usize,
    }

    /// Plays one event on the gate and on the words, and compares what can be seen.
    fn play<'g>(event: usize, gate: &'g Gate, inside: &mut Vec<Pass<'g>>, words: &mut Words) {
        match event {
            0 => {
                let admitted = !words.closed && !words.shut;
                words.calls += usize::from(admitted);
                let pass = gate.enter();
                assert_eq!(pass.is_some(), admitted);
                inside.extend(pass);
            }
            1 => {
                words.calls = words.calls.saturating_sub(1);
                drop(inside.pop());
            }
            2 => {
                let free = !words.owned && !words.shut;
                assert_eq!(gate.close().is_ok(), free);
                words.closed |= free;
                words.owned |= free;
            }
            // Only an owner opens again or gives up.
            3 if words.owned => {
                gate.reopen();
                (words.closed, words.owned) = (false, false);
            }
            4 if words.owned => {
                gate.abandon();
                words.owned = false;
            }
            5 => {
                gate.shut();
                words.shut = true;
            }
            _ => {}
        }
        assert_eq!(gate.is_empty(), words.calls == 0);
        assert_eq!(gate.is_open(), !words.closed && !words.shut);
        assert_eq!(gate.is_shut(), words.shut);
    }

    #[test]
    fn every_order_of_six_events_leaves_the_gate_as_its_words_say() {
        const EVENTS: usize = 6;
        const LENGTH: u32 = 6;
        for order in 0..EVENTS.pow(LENGTH) {
            for open in [true, false] {
                let gate = if open { Gate::open() } else { Gate::closed() };
                let mut inside = Vec::new();
                let mut words = Words {
                    closed: !open,
                    owned: false,
                    shut: false,
                    calls: 0,
                };
                let mut rest = order;
                for _ in 0..LENGTH {
                    play(rest % EVENTS, &gate, &mut inside, &mut words);
                    rest /= EVENTS;
                }
            }
        }
    }

    #[test]
    fn the_count_of_calls_never_reaches_the_flags() {
        let gate = Gate {
            word: AtomicU32::new(CALLS),
        };
        assert!(gate.enter().is_none(), "full");
        assert!(gate.is_open());
    }

    #[test]
    fn nobody_is_inside_once_the_closed_gate_is_empty() {
        let gate = Gate::open();
        let hardware = AtomicBool::new(true);
        let calls = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(_pass) = gate.enter() {
                        assert!(hardware.load(Ordering::Relaxed), "called without hardware");
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while calls.load(Ordering::Relaxed) < 1000 {
                thread::yield_now();
            }
            gate.close().expect("nobody owns it");
            while !gate.is_empty() {
                thread::yield_now();
            }
            hardware.store(false, Ordering::Relaxed);
        });
    }

    #[test]
    fn references_never_go_below_zero_or_over_the_top() {
        let references = References::new(1);
        references.take();
        assert_eq!(references.give_back(), Ok(1));
        assert_eq!(references.give_back(), Ok(0));
        assert_eq!(references.give_back(), Err(Unbalanced));
        assert_eq!(references.held(), 0);
        let full = References::new(u32::MAX);
        full.take();
        assert_eq!(full.held(), u32::MAX);
    }
}
