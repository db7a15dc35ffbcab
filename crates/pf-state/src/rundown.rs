//! Rundown protection of what calls use, and references to the interface.
//!
//! A *reference* says that its holder may call later: it keeps memory alive, and that of an
//! interface's holder vetoes a query-remove. A *call in flight* uses the hardware now, which must not go away under it. A
//! [`Rundown`] counts calls and can be closed; [`References`] counts references and cannot.

use crate::atomic::{AtomicU32, AtomicU64, Ordering};

/// Closed: no call may enter.
const CLOSED: u32 = 1 << 31;
/// Closed, and its owner has not finished.
const OWNED: u32 = 1 << 30;
/// Closed for good: what it guards is gone.
const SHUT: u32 = 1 << 29;
/// The calls in flight.
const CALLS: u32 = SHUT - 1;

/// Admits calls while it is open and counts them; its closer can see when the last one has left.
///
/// Entering and leaving are lock free and callable at any IRQL.
#[derive(Debug)]
pub struct Rundown {
    word: AtomicU32,
}

/// The rundown is closed already and its owner has not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// The state of a rundown before it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It was open.
    Open,
    /// It was closed, and abandoned if it ever had an owner.
    Closed,
}

/// An admitted call; it leaves when this is dropped.
#[derive(Debug)]
#[must_use = "the call leaves as soon as this is dropped"]
pub struct RundownGuard<'g> {
    rundown: &'g Rundown,
}

impl Drop for RundownGuard<'_> {
    fn drop(&mut self) {
        // Release: what the call did happens before the owner of the closed rundown continues.
        self.rundown.word.fetch_sub(1, Ordering::Release);
    }
}

impl Rundown {
    /// An open rundown.
    #[must_use]
    pub fn open() -> Self {
        Self {
            word: AtomicU32::new(0),
        }
    }

    /// A closed rundown without an owner.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            word: AtomicU32::new(CLOSED),
        }
    }

    /// Admits a call, unless the rundown is closed.
    pub fn enter(&self) -> Option<RundownGuard<'_>> {
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                // Counting up to the neighbouring flag would shut the rundown by accident.
                (word & (CLOSED | SHUT) == 0 && word & CALLS < CALLS).then_some(word + 1)
            })
            .ok()
            .map(|_| RundownGuard { rundown: self })
    }

    /// Closes the rundown and makes the caller its owner: until [`reopen`](Self::reopen) or
    /// [`abandon`](Self::abandon) no other caller can close it. Calls in flight continue; see
    /// [`is_empty`](Self::is_empty). An abandoned rundown can be closed again; the result says
    /// which it was.
    ///
    /// # Errors
    /// [`Busy`] while it has an owner, and for ever once it is shut.
    pub fn close(&self) -> Result<Before, Busy> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                (word & (OWNED | SHUT) == 0).then_some(word | CLOSED | OWNED)
            })
            .map(|word| {
                if word & CLOSED == 0 {
                    Before::Open
                } else {
                    Before::Closed
                }
            })
            .map_err(|_| Busy)
    }

    /// Closes the rundown for good, even if it has an owner: that cannot reopen it.
    pub fn shut(&self) {
        self.word.fetch_or(SHUT, Ordering::AcqRel);
    }

    /// Whether the rundown is closed for good.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.word.load(Ordering::Acquire) & SHUT != 0
    }

    /// Whether no call is in flight. Once the rundown is closed this stays true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.word.load(Ordering::Acquire) & CALLS == 0
    }

    /// Whether calls may enter.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.word.load(Ordering::Acquire) & (CLOSED | SHUT) == 0
    }

    /// The owner has finished: calls may enter again.
    pub fn reopen(&self) {
        self.word.fetch_and(!(CLOSED | OWNED), Ordering::AcqRel);
    }

    /// The owner has finished: the rundown stays closed, and may be closed again.
    pub fn abandon(&self) {
        self.word.fetch_and(!OWNED, Ordering::AcqRel);
    }
}

/// The device that offers the interface exists.
const DEVICE: u64 = 1 << 63;
/// The bits of each kind of holder.
const HOLDERS: u64 = (1 << 31) - 1;

/// Who holds a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The virtualization stack, or another driver that was given the interface. It vetoes a
    /// query-remove: nothing informs it of a removal.
    Interface,
    /// A companion that was given the driver's functions. It is detached in a removal, so it vetoes
    /// none.
    Companion,
}

impl Holder {
    /// One reference of this holder.
    const fn one(self) -> u64 {
        match self {
            Self::Interface => 1,
            Self::Companion => 1 << 31,
        }
    }

    /// The bits of all its references.
    const fn all(self) -> u64 {
        HOLDERS * self.one()
    }
}

/// Counts the references to an interface and to the functions for the companion, beside the hold of
/// the device that offers them.
///
/// The kinds are separate so that a holder that releases more than it took cannot release the
/// device's hold or that of the other kind: the object that is counted lives at least as long as
/// the device.
#[derive(Debug)]
pub struct References {
    word: AtomicU64,
}

/// A reference was released while none was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Whether the last hold was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the object is to be deleted after the last release"]
pub enum Released {
    /// The device or another holder still holds the object.
    NotLast,
    /// This was the last hold; no other call returns this.
    Last,
}

impl Released {
    const fn of(word: u64) -> Self {
        if word == 0 { Self::Last } else { Self::NotLast }
    }
}

impl References {
    /// The device exists, and nothing else holds a reference.
    #[must_use]
    pub fn of_device() -> Self {
        Self {
            word: AtomicU64::new(DEVICE),
        }
    }

    /// Adds one. A count that would overflow stays where it is, so that nothing is freed early.
    pub fn take(&self, holder: Holder) {
        let _ = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                (word & holder.all() < holder.all()).then_some(word + holder.one())
            });
    }

    /// Releases one.
    ///
    /// # Errors
    /// [`Unbalanced`] when there is none of this holder; nothing changes.
    pub fn release(&self, holder: Holder) -> Result<Released, Unbalanced> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                (word & holder.all() > 0).then(|| word - holder.one())
            })
            .map(|before| Released::of(before - holder.one()))
            .map_err(|_| Unbalanced)
    }

    /// The device is gone for good. Only the first call has an effect.
    pub fn device_gone(&self) -> Released {
        let before = self.word.fetch_and(!DEVICE, Ordering::AcqRel);
        if before & DEVICE == 0 {
            return Released::NotLast;
        }
        Released::of(before & !DEVICE)
    }

    /// Whether there is a reference of this holder.
    #[must_use]
    pub fn are_held(&self, holder: Holder) -> bool {
        self.word.load(Ordering::Acquire) & holder.all() != 0
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
    fn a_closed_rundown_admits_no_call_and_keeps_those_inside() {
        let rundown = Rundown::open();
        let inside = rundown.enter().expect("open");
        rundown.close().expect("it has no owner");
        assert!(rundown.enter().is_none());
        assert!(!rundown.is_empty());
        drop(inside);
        assert!(rundown.is_empty());
        rundown.reopen();
        assert!(rundown.enter().is_some());
    }

    #[test]
    fn only_one_owner_at_a_time_and_an_abandoned_rundown_stays_closed_but_can_be_taken() {
        let rundown = Rundown::open();
        rundown.close().expect("it has no owner");
        assert_eq!(rundown.close(), Err(Busy));
        rundown.abandon();
        assert!(!rundown.is_open() && rundown.enter().is_none());
        rundown.close().expect("abandoned");
        rundown.reopen();
        assert!(rundown.is_open());
    }

    #[test]
    fn a_rundown_that_is_shut_stays_shut() {
        for rundown in [Rundown::open(), Rundown::closed()] {
            rundown.shut();
            assert!(rundown.enter().is_none() && rundown.is_shut());
            assert_eq!(rundown.close(), Err(Busy));
        }
        let rundown = Rundown::open();
        rundown.close().expect("it has no owner");
        rundown.shut();
        rundown.reopen();
        assert!(
            !rundown.is_open() && rundown.enter().is_none(),
            "its owner cannot open it again"
        );
    }

    /// The state of a rundown, in plain words.
    #[derive(Clone, Copy)]
    struct Words {
        closed: bool,
        owned: bool,
        shut: bool,
        calls: usize,
    }

    /// Plays one event on the rundown and on the words, and compares what can be seen.
    fn play<'g>(
        event: usize,
        rundown: &'g Rundown,
        inside: &mut Vec<RundownGuard<'g>>,
        words: &mut Words,
    ) {
        match event {
            0 => {
                let admitted = !words.closed && !words.shut;
                words.calls += usize::from(admitted);
                let pass = rundown.enter();
                assert_eq!(pass.is_some(), admitted);
                inside.extend(pass);
            }
            1 => {
                words.calls = words.calls.saturating_sub(1);
                drop(inside.pop());
            }
            2 => {
                let free = !words.owned && !words.shut;
                let before = if words.closed {
                    Before::Closed
                } else {
                    Before::Open
                };
                assert_eq!(rundown.close(), free.then_some(before).ok_or(Busy));
                words.closed |= free;
                words.owned |= free;
            }
            // Only an owner opens again or gives up.
            3 if words.owned => {
                rundown.reopen();
                (words.closed, words.owned) = (false, false);
            }
            4 if words.owned => {
                rundown.abandon();
                words.owned = false;
            }
            5 => {
                rundown.shut();
                words.shut = true;
            }
            _ => {}
        }
        assert_eq!(rundown.is_empty(), words.calls == 0);
        assert_eq!(rundown.is_open(), !words.closed && !words.shut);
        assert_eq!(rundown.is_shut(), words.shut);
    }

    #[test]
    fn every_order_of_six_events_leaves_the_rundown_as_its_words_say() {
        const EVENTS: usize = 6;
        const LENGTH: u32 = 6;
        for order in 0..EVENTS.pow(LENGTH) {
            for open in [true, false] {
                let rundown = if open {
                    Rundown::open()
                } else {
                    Rundown::closed()
                };
                let mut inside = Vec::new();
                let mut words = Words {
                    closed: !open,
                    owned: false,
                    shut: false,
                    calls: 0,
                };
                let mut rest = order;
                for _ in 0..LENGTH {
                    play(rest % EVENTS, &rundown, &mut inside, &mut words);
                    rest /= EVENTS;
                }
            }
        }
    }

    #[test]
    fn the_count_of_calls_never_reaches_the_flags() {
        let rundown = Rundown {
            word: AtomicU32::new(CALLS),
        };
        assert!(rundown.enter().is_none(), "full");
        assert!(rundown.is_open());
    }

    #[test]
    fn nobody_is_inside_once_the_closed_rundown_is_empty() {
        let rundown = Rundown::open();
        let hardware = AtomicBool::new(true);
        let calls = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(_pass) = rundown.enter() {
                        assert!(hardware.load(Ordering::Relaxed), "called without hardware");
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while calls.load(Ordering::Relaxed) < 1000 {
                thread::yield_now();
            }
            rundown.close().expect("it has no owner");
            while !rundown.is_empty() {
                thread::yield_now();
            }
            hardware.store(false, Ordering::Relaxed);
        });
    }

    const HELD_BY: [Holder; 2] = [Holder::Interface, Holder::Companion];

    /// Plays one event on the references and on their plain words: whether the device is there, and
    /// how many references each kind of holder has.
    fn hold(event: usize, references: &References, device: &mut bool, holders: &mut [u32; 2]) {
        let left = |device: bool, holders: [u32; 2]| match (device, holders) {
            (false, [0, 0]) => Released::Last,
            _ => Released::NotLast,
        };
        match event {
            0 | 1 => {
                references.take(HELD_BY[event]);
                holders[event] += 1;
            }
            2 | 3 => {
                let expected = match holders[event - 2].checked_sub(1) {
                    None => Err(Unbalanced),
                    Some(fewer) => {
                        holders[event - 2] = fewer;
                        Ok(left(*device, *holders))
                    }
                };
                assert_eq!(references.release(HELD_BY[event - 2]), expected);
            }
            _ if *device => {
                *device = false;
                assert_eq!(references.device_gone(), left(false, *holders));
            }
            _ => assert_eq!(references.device_gone(), Released::NotLast, "told once"),
        }
        let held = HELD_BY.map(|holder| references.are_held(holder));
        assert_eq!(held, holders.map(|count| count > 0));
    }

    #[test]
    fn in_every_order_the_last_hold_and_no_other_is_told_and_the_device_keeps_its_own() {
        const EVENTS: usize = 5;
        const LENGTH: u32 = 7;
        for order in 0..EVENTS.pow(LENGTH) {
            let references = References::of_device();
            let (mut device, mut holders) = (true, [0, 0]);
            let mut rest = order;
            for _ in 0..LENGTH {
                hold(rest % EVENTS, &references, &mut device, &mut holders);
                rest /= EVENTS;
                if !device && holders == [0, 0] {
                    // Whatever was counted here is deleted by now.
                    break;
                }
            }
        }
    }

    #[test]
    fn a_count_of_references_never_reaches_the_bits_of_another() {
        for (holder, other) in [
            (Holder::Interface, Holder::Companion),
            (Holder::Companion, Holder::Interface),
        ] {
            let full = References {
                word: AtomicU64::new(holder.all()),
            };
            full.take(holder);
            assert_eq!(full.word.load(Ordering::Relaxed), holder.all());
            assert!(!full.are_held(other));
            assert_eq!(holder.all() & (other.all() | DEVICE), 0);
        }
    }
}
