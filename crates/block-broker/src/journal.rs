//! The journal: the last events of one VF.

use pf_broker_abi::{Operation, Refusal};

use crate::Ticks;

/// How many entries are kept for each VF.
pub const JOURNAL_LENGTH: usize = 16;

/// An event of a VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The operation.
    pub operation: Operation,
    /// The block ID in the request; 0 if the operation names none.
    pub block: u32,
    /// The length in bytes in the request; 0 to 3 (D0 to D3) for [`Operation::SetPower`]; otherwise
    /// 0.
    pub length: u32,
    /// Why it was refused, or `None` if it succeeded. Only the first write of a flood is journaled;
    /// the others are counted.
    pub refusal: Option<Refusal>,
    /// The NTSTATUS with which the companion declined the operation, for [`Refusal::Declined`];
    /// otherwise 0.
    pub companion_status: u32,
    /// The offset in the block of what broke a rule of the manifest, if the fault is at one place.
    pub fault: Option<u8>,
}

impl Event {
    /// Whether it is the same event, but for the place of the fault.
    fn is_same(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.block == other.block
            && self.length == other.length
            && self.refusal == other.refusal
            && self.companion_status == other.companion_status
    }
}

/// One entry of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of the entry's last event. The events of a VF are numbered from 1, without gaps:
    /// an entry holds those from `number - repeated` to `number`.
    pub number: u64,
    /// The time of the event; of the first one if it was repeated.
    pub at: Ticks,
    /// How often the same event followed immediately.
    pub repeated: u32,
    /// The event; if it was repeated, with the place of the first one's fault.
    pub event: Event,
}

/// The result of [`Broker::journal`](crate::Broker::journal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// How many entries were written to the caller's buffer, the oldest first.
    pub entries: usize,
    /// How many of the events asked for are no longer kept.
    pub lost: u64,
}

/// The last [`JOURNAL_LENGTH`] entries. Newer entries overwrite older ones; the numbers show how
/// many events are missing.
#[derive(Debug)]
pub(crate) struct Journal {
    /// How many events were recorded: the number of the last one.
    events: u64,
    /// How many entries they occupied.
    entries: u64,
    slots: [Slot; JOURNAL_LENGTH],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The number of its last event.
    number: u64,
    at: Ticks,
    repeated: u32,
    event: Event,
}

impl Slot {
    /// The number of its first event.
    const fn first(&self) -> u64 {
        self.number.saturating_sub(self.repeated as u64)
    }
}

impl Journal {
    pub(crate) const EMPTY: Self = Self {
        events: 0,
        entries: 0,
        slots: [Slot {
            number: 0,
            at: Ticks(0),
            repeated: 0,
            event: Event {
                operation: Operation::Remove,
                block: 0,
                length: 0,
                refusal: None,
                companion_status: 0,
                fault: None,
            },
        }; JOURNAL_LENGTH],
    };

    /// How many events were recorded.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// Adds an event: it repeats the last entry if it is the same, but for the place of the fault,
    /// and the count has room. Otherwise it gets its own entry. A VF whose faults alternate does not
    /// displace the entries before.
    pub(crate) fn record(&mut self, event: Event, now: Ticks) {
        self.events = self.events.wrapping_add(1);
        let number = self.events;
        if self.entries > 0 {
            let last = self.slot_mut(self.entries.wrapping_sub(1));
            if let (true, Some(repeated)) =
                (last.event.is_same(&event), last.repeated.checked_add(1))
            {
                last.number = number;
                last.repeated = repeated;
                return;
            }
        }
        *self.slot_mut(self.entries) = Slot {
            number,
            at: now,
            repeated: 0,
            event,
        };
        self.entries = self.entries.wrapping_add(1);
    }

    /// Copies the kept entries whose last event is numbered above `after`, as many as fit, the
    /// oldest first.
    pub(crate) fn excerpt(&self, after: u64, entries: &mut [Entry]) -> Excerpt {
        let kept = self.entries.saturating_sub(JOURNAL_LENGTH as u64)..self.entries;
        let oldest = if kept.is_empty() {
            1
        } else {
            self.slot(kept.start).first()
        };
        let mut copied = 0;
        let wanted = kept
            .map(|place| self.slot(place))
            .filter(|slot| slot.number > after);
        for (entry, slot) in entries.iter_mut().zip(wanted) {
            let Slot {
                number,
                at,
                repeated,
                event,
            } = *slot;
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
            lost: oldest.saturating_sub(after.saturating_add(1)),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below JOURNAL_LENGTH"
    )]
    fn slot(&self, place: u64) -> &Slot {
        &self.slots[(place % JOURNAL_LENGTH as u64) as usize]
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below JOURNAL_LENGTH"
    )]
    fn slot_mut(&mut self, place: u64) -> &mut Slot {
        &mut self.slots[(place % JOURNAL_LENGTH as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use pf_broker_abi::{Operation, Refusal};

    use super::{Entry, Event, Excerpt, JOURNAL_LENGTH, Journal};
    use crate::Ticks;

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
        companion_status: 0,
        fault: None,
    };

    fn refused(block: u32) -> Event {
        Event {
            operation: Operation::Write,
            block,
            length: 129,
            refusal: Some(Refusal::Length),
            companion_status: 0,
            fault: None,
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

    /// The content of an unused slot must not count as the event before the first.
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
                number: 100,
                at: Ticks(0),
                repeated: 99,
                event: refused(1)
            }
        );
        assert_eq!(
            entries[2],
            Entry {
                number: 102,
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

    #[test]
    fn repetitions_of_an_entry_that_was_seen_are_new_events() {
        let mut journal = Journal::EMPTY;
        for time in 1..=3 {
            journal.record(refused(1), Ticks(time));
        }
        let mut entries = [NOTHING; 4];
        let none = Excerpt {
            entries: 0,
            lost: 0,
        };
        let one = Excerpt {
            entries: 1,
            lost: 0,
        };
        assert_eq!(journal.excerpt(3, &mut entries), none);
        journal.record(refused(1), Ticks(4));
        for after in 0..4 {
            assert_eq!(journal.excerpt(after, &mut entries), one, "after {after}");
            assert_eq!((entries[0].number, entries[0].repeated), (4, 3));
        }
        assert_eq!(journal.excerpt(4, &mut entries), none);
        assert_eq!(journal.events(), 4);
    }

    #[test]
    fn events_that_were_folded_are_counted_as_lost_one_by_one() {
        let mut journal = Journal::EMPTY;
        for time in 0..100 {
            journal.record(refused(0), Ticks(time));
        }
        for (block, _) in (1..).zip(0..JOURNAL_LENGTH) {
            journal.record(refused(block), Ticks(200));
        }
        let mut entries = [NOTHING; JOURNAL_LENGTH];
        assert_eq!(journal.excerpt(0, &mut entries).lost, 100);
        assert_eq!(entries[0].number, 101);
        assert_eq!(journal.excerpt(30, &mut entries).lost, 70);
        assert_eq!(journal.excerpt(100, &mut entries).lost, 0);
    }

    #[test]
    fn an_entry_that_can_count_no_further_is_followed_by_another() {
        let mut journal = Journal::EMPTY;
        journal.record(refused(1), Ticks(1));
        journal.slots[0].repeated = u32::MAX - 1;
        journal.slots[0].number = u64::from(u32::MAX);
        journal.events = u64::from(u32::MAX);
        journal.record(refused(1), Ticks(2));
        journal.record(refused(1), Ticks(3));
        let mut entries = [NOTHING; 2];
        assert_eq!(journal.excerpt(0, &mut entries).entries, 2);
        let last = u64::from(u32::MAX) + 2;
        assert_eq!(
            (entries[0].number, entries[0].repeated),
            (last - 1, u32::MAX)
        );
        assert_eq!((entries[1].number, entries[1].repeated), (last, 0));
    }
}
