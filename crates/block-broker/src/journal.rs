//! The last events of one VF, for whoever wants to know what it did.

use crate::{Refusal, Ticks};

/// How many entries are kept for each VF.
pub const JOURNAL_LENGTH: usize = 16;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The VF read a block. Only refused reads are journaled: a VF that polls would push out all else.
    Read,
    /// The VF wrote a block.
    Write,
    /// The host's side published a block.
    Publish,
    /// The host's side invalidated blocks.
    Invalidate,
    /// The host's side took a message out of a stream. Only refused attempts are journaled.
    Drain,
    /// The VF was wiped and is served again.
    Reset,
    /// The power state of the VF was set.
    SetPower,
    /// The host's side read a block. Only refused reads are journaled.
    HostRead,
    /// Latched invalidations were taken. Only refused attempts are journaled.
    TakeInvalidation,
    /// A reset began: the VF is held back.
    BeginReset,
    /// A reset failed: the VF stays held back.
    FailReset,
    /// The device was removed.
    Remove,
}

/// Something of note that happened to a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What was tried.
    pub operation: Operation,
    /// The ID of the block as it was asked for; 0 where the operation names none.
    pub block: u32,
    /// The length in bytes as it was asked for; for [`Operation::SetPower`] 0 to 3, for D0 to D3;
    /// otherwise 0.
    pub length: u32,
    /// Why it was refused, or `None` if it was done. Of a flood only the first write beyond the
    /// limit is journaled, the others are counted.
    pub refusal: Option<Refusal>,
}

/// One entry of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Entries of a VF are numbered from 1, without gaps.
    pub number: u64,
    /// When it happened, for the first time if it was repeated.
    pub at: Ticks,
    /// How often the same happened again with nothing else in between; it stops at its maximum.
    pub repeated: u32,
    /// What happened.
    pub event: Event,
}

/// What [`Broker::journal`](crate::Broker::journal) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// How many entries were written to the caller's buffer, the oldest first.
    pub entries: usize,
    /// How many of the entries asked for are no longer kept.
    pub lost: u64,
}

/// The last [`JOURNAL_LENGTH`] events; older ones make room, and their number tells of them.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The number that the next entry gets.
    next: u64,
    slots: [Slot; JOURNAL_LENGTH],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    at: Ticks,
    repeated: u32,
    event: Event,
}

impl Journal {
    pub(crate) const EMPTY: Self = Self {
        next: 1,
        slots: [Slot {
            at: Ticks(0),
            repeated: 0,
            event: Event {
                operation: Operation::Remove,
                block: 0,
                length: 0,
                refusal: None,
            },
        }; JOURNAL_LENGTH],
    };

    /// Adds an event, or one more repetition of the last one if it is the same.
    pub(crate) fn record(&mut self, event: Event, now: Ticks) {
        if self.next > 1 {
            let last = self.slot_mut(self.next.wrapping_sub(1));
            if last.event == event {
                last.repeated = last.repeated.saturating_add(1);
                return;
            }
        }
        *self.slot_mut(self.next) = Slot {
            at: now,
            repeated: 0,
            event,
        };
        self.next = self.next.wrapping_add(1);
    }

    /// Copies the kept entries numbered above `after`, as many as fit, the oldest first.
    pub(crate) fn excerpt(&self, after: u64, entries: &mut [Entry]) -> Excerpt {
        let wanted = after.saturating_add(1);
        let kept = self.next.saturating_sub(JOURNAL_LENGTH as u64).max(1);
        let mut copied = 0;
        for (number, entry) in (wanted.max(kept)..self.next).zip(entries.iter_mut()) {
            let Slot {
                at,
                repeated,
                event,
            } = *self.slot(number);
            *entry = Entry {
                number,
                at,
                repeated,
                event,
            };
            copied += 1;
        }
        Excerpt {
            entries: copied,
            lost: kept.saturating_sub(wanted),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below JOURNAL_LENGTH"
    )]
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % JOURNAL_LENGTH as u64) as usize]
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below JOURNAL_LENGTH"
    )]
    fn slot_mut(&mut self, number: u64) -> &mut Slot {
        &mut self.slots[(number % JOURNAL_LENGTH as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Event, Excerpt, JOURNAL_LENGTH, Journal, Operation};
    use crate::{Refusal, Ticks};

    const NOTHING: Entry = Entry {
        number: 0,
        at: Ticks(0),
        repeated: 0,
        event: RESET,
    };
    const RESET: Event = Event {
        operation: Operation::BeginReset,
        block: 0,
        length: 0,
        refusal: None,
    };

    fn refused(block: u32) -> Event {
        Event {
            operation: Operation::Write,
            block,
            length: 129,
            refusal: Some(Refusal::Length),
        }
    }

    #[test]
    fn entries_come_out_in_order_with_their_numbers_and_times() {
        let mut journal = Journal::EMPTY;
        journal.record(refused(1), Ticks(10));
        journal.record(RESET, Ticks(20));
        let mut entries = [NOTHING; 4];
        assert_eq!(
            journal.excerpt(0, &mut entries),
            Excerpt {
                entries: 2,
                lost: 0
            }
        );
        assert_eq!(
            entries[0],
            Entry {
                number: 1,
                at: Ticks(10),
                repeated: 0,
                event: refused(1)
            }
        );
        assert_eq!(
            entries[1],
            Entry {
                number: 2,
                at: Ticks(20),
                repeated: 0,
                event: RESET
            }
        );
        assert_eq!(entries[2], NOTHING);
        assert_eq!(
            journal.excerpt(1, &mut entries),
            Excerpt {
                entries: 1,
                lost: 0
            }
        );
        assert_eq!(entries[0].number, 2);
        assert_eq!(
            journal.excerpt(2, &mut entries),
            Excerpt {
                entries: 0,
                lost: 0
            }
        );
        assert_eq!(
            journal.excerpt(u64::MAX, &mut entries),
            Excerpt {
                entries: 0,
                lost: 0
            }
        );
    }

    /// What an unused place holds must not be taken for the event before the first.
    #[test]
    fn the_first_event_repeats_nothing() {
        let mut journal = Journal::EMPTY;
        let event = Event {
            operation: Operation::Remove,
            ..RESET
        };
        journal.record(event, Ticks(10));
        let mut entries = [NOTHING; 2];
        assert_eq!(journal.excerpt(0, &mut entries).entries, 1);
        assert_eq!((entries[0].number, entries[0].repeated), (1, 0));
    }

    #[test]
    fn the_same_event_again_is_counted_and_takes_no_room() {
        let mut journal = Journal::EMPTY;
        for time in 0..100 {
            journal.record(refused(1), Ticks(time));
        }
        journal.record(refused(2), Ticks(100));
        journal.record(refused(1), Ticks(101));
        let mut entries = [NOTHING; 4];
        assert_eq!(journal.excerpt(0, &mut entries).entries, 3);
        assert_eq!(
            entries[0],
            Entry {
                number: 1,
                at: Ticks(0),
                repeated: 99,
                event: refused(1)
            }
        );
        assert_eq!(
            entries[2],
            Entry {
                number: 3,
                at: Ticks(101),
                repeated: 0,
                event: refused(1)
            }
        );
    }

    #[test]
    fn what_no_longer_fits_is_counted_as_lost() {
        let mut journal = Journal::EMPTY;
        for block in 1..=100 {
            journal.record(refused(block), Ticks(u64::from(block)));
        }
        let mut entries = [NOTHING; 2 * JOURNAL_LENGTH];
        let lost = 100 - JOURNAL_LENGTH as u64;
        assert_eq!(
            journal.excerpt(0, &mut entries),
            Excerpt {
                entries: JOURNAL_LENGTH,
                lost
            }
        );
        assert_eq!(entries[0].number, lost + 1);
        assert_eq!(entries[JOURNAL_LENGTH - 1].event, refused(100));
        assert_eq!(journal.excerpt(50, &mut entries).lost, lost - 50);
        assert_eq!(journal.excerpt(lost, &mut entries).lost, 0);
        assert_eq!(
            journal.excerpt(98, &mut entries),
            Excerpt {
                entries: 2,
                lost: 0
            }
        );
    }
}
