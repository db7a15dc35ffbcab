//! References to the interface, and calls in flight.
//!
//! Two questions that look alike and are not. A *reference* says that somebody may call later: it
//! keeps memory alive and vetoes a query-remove. A *call in flight* says that somebody is inside
//! now: hardware must not go away under it. A [`Gate`] counts the second and can be closed;
//! [`References`] counts the first and cannot.

use crate::atomic::{AtomicU32, Ordering};

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
    pub fn open() -> Self {
        Self {
            word: AtomicU32::new(0),
        }
    }

    /// A closed gate that nobody owns.
    #[must_use]
    pub fn closed() -> Self {
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

/// The device that offers the interface is there.
const DEVICE: u32 = 1 << 31;
/// The references to the interface.
const HOLDERS: u32 = DEVICE - 1;

/// Counts the references to an interface, beside the hold of the device that offers it.
///
/// The two are kept apart so that a holder that gives back more than it took cannot take the
/// device's hold away: what is counted here lives at least as long as the device.
#[derive(Debug)]
pub struct References {
    word: AtomicU32,
}

/// A reference was given back while nobody held one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Who holds on after something was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what nobody holds is to be deleted"]
pub enum Left {
    /// The device or a holder of the interface.
    Somebody,
    /// Nobody: this was the last hold, and no other call says so.
    Nobody,
}

impl Left {
    const fn of(word: u32) -> Self {
        if word == 0 {
            Self::Nobody
        } else {
            Self::Somebody
        }
    }
}

impl References {
    /// The device is there, and nobody holds the interface.
    #[must_use]
    pub fn of_device() -> Self {
        Self {
            word: AtomicU32::new(DEVICE),
        }
    }

    /// Takes one. A count that would overflow stays where it is, so that nothing is freed early.
    pub fn take(&self) {
        let _ = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                (word & HOLDERS < HOLDERS).then_some(word + 1)
            });
    }

    /// Gives one back.
    ///
    /// # Errors
    /// [`Unbalanced`] when nobody holds the interface; nothing changes.
    pub fn give_back(&self) -> Result<Left, Unbalanced> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                (word & HOLDERS > 0).then_some(word - 1)
            })
            .map(|before| Left::of(before - 1))
            .map_err(|_| Unbalanced)
    }

    /// The device is gone for good. Only the first call counts.
    pub fn device_gone(&self) -> Left {
        let before = self.word.fetch_and(!DEVICE, Ordering::AcqRel);
        if before & DEVICE == 0 {
            return Left::Somebody;
        }
        Left::of(before & !DEVICE)
    }

    /// Whether anybody holds the interface.
    #[must_use]
    pub fn are_held(&self) -> bool {
        self.word.load(Ordering::Acquire) & HOLDERS != 0
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

    /// Plays one event on the references and on their plain words: whether the device is there, and
    /// how many hold the interface.
    fn hold(event: usize, references: &References, device: &mut bool, holders: &mut u32) {
        let left = |device: bool, holders: u32| match (device, holders) {
            (false, 0) => Left::Nobody,
            _ => Left::Somebody,
        };
        match event {
            0 => {
                references.take();
                *holders += 1;
            }
            1 if *holders == 0 => assert_eq!(references.give_back(), Err(Unbalanced)),
            1 => {
                *holders -= 1;
                assert_eq!(references.give_back(), Ok(left(*device, *holders)));
            }
            _ if *device => {
                *device = false;
                assert_eq!(references.device_gone(), left(false, *holders));
            }
            _ => assert_eq!(references.device_gone(), Left::Somebody, "told once"),
        }
        assert_eq!(references.are_held(), *holders > 0);
    }

    #[test]
    fn in_every_order_the_last_hold_and_no_other_is_told_and_the_device_keeps_its_own() {
        const EVENTS: usize = 3;
        const LENGTH: u32 = 8;
        for order in 0..EVENTS.pow(LENGTH) {
            let references = References::of_device();
            let (mut device, mut holders) = (true, 0);
            let mut rest = order;
            for _ in 0..LENGTH {
                hold(rest % EVENTS, &references, &mut device, &mut holders);
                rest /= EVENTS;
                if !device && holders == 0 {
                    // Whatever was counted here is deleted by now.
                    break;
                }
            }
        }
    }

    #[test]
    fn the_count_of_references_never_reaches_the_devices_flag() {
        let full = References {
            word: AtomicU32::new(HOLDERS),
        };
        full.take();
        assert_eq!(full.word.load(Ordering::Relaxed), HOLDERS);
    }
}
