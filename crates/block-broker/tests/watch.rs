//! Waiting for changes: which request is answered, when, and with which count.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use block_broker::{Arrival, Kinds, Waiters, Watch};

const BOTH: Kinds = Kinds::CHANGES.union(Kinds::JOURNAL);

/// Requests that wait, by number, and how each was answered.
#[derive(Default)]
struct Room {
    queues: RefCell<[VecDeque<usize>; 3]>,
    answered: RefCell<Vec<(usize, u64)>>,
    /// The count, which [`Watch::complete_due`] asks for.
    count: Cell<u64>,
}

fn place(kinds: Kinds) -> usize {
    Kinds::SETS.iter().position(|set| *set == kinds).unwrap()
}

impl Waiters for Room {
    type Request = usize;

    fn waiting(&self, kinds: Kinds) -> usize {
        self.queues.borrow()[place(kinds)].len()
    }

    fn next(&self, kinds: Kinds) -> Option<usize> {
        self.queues.borrow_mut()[place(kinds)].pop_front()
    }

    fn answer(&self, request: usize, count: u64) {
        self.answered.borrow_mut().push((request, count));
    }
}

impl Room {
    fn arrive(&self, watch: &Watch, request: usize, kinds: Kinds, seen: u64) -> Arrival<usize> {
        watch.begin_wait(
            request,
            kinds,
            seen,
            |_| self.count.get(),
            |request| {
                self.queues.borrow_mut()[place(kinds)].push_back(request);
            },
        )
    }

    fn serve(&self, watch: &Watch) -> Vec<(usize, u64)> {
        watch.complete_due(self, |_| self.count.get());
        self.answered.take()
    }
}

#[test]
fn bits_name_kinds_and_nothing_else_is_a_set() {
    assert_eq!(Kinds::from_bits(1), Some(Kinds::CHANGES));
    assert_eq!(Kinds::from_bits(2), Some(Kinds::JOURNAL));
    assert_eq!(Kinds::from_bits(3), Some(BOTH));
    for bits in [0, 4, 5, 7, 1 << 31, u32::MAX] {
        assert_eq!(Kinds::from_bits(bits), None);
    }
}

/// A count from before a restart of the driver may be higher than the current one.
#[test]
fn any_other_count_than_the_present_one_is_answered_at_once() {
    let (watch, room) = (Watch::new(), Room::default());
    room.count.set(5);
    for seen in [0, 4, 6, u64::MAX] {
        assert_eq!(room.arrive(&watch, 1, BOTH, seen), Arrival::Answer(1, 5));
    }
    assert_eq!(room.arrive(&watch, 1, BOTH, 5), Arrival::Waits);
    assert_eq!(room.waiting(BOTH), 1);
}

#[test]
fn a_change_is_for_those_who_wait_for_its_kind() {
    let (watch, room) = (Watch::new(), Room::default());
    assert!(!watch.mark_due(BOTH), "no request waits");
    for (request, kinds) in Kinds::SETS.into_iter().enumerate() {
        assert_eq!(room.arrive(&watch, request, kinds, 0), Arrival::Waits);
    }
    room.count.set(1);
    assert!(watch.mark_due(Kinds::JOURNAL));
    assert!(!watch.mark_due(Kinds::JOURNAL), "once is enough");
    assert_eq!(room.serve(&watch), [(1, 1), (2, 1)]);
    assert_eq!(room.serve(&watch), [], "nothing is due any more");
    assert_eq!(room.waiting(Kinds::CHANGES), 1);
    assert!(watch.mark_due(BOTH));
    assert_eq!(room.serve(&watch), [(0, 1)]);
}

/// Waiters that wait again as soon as they are answered, with the count that they got, do not keep
/// a caller busy. Otherwise a guest's write could loop for ever.
#[test]
fn waiters_that_return_at_once_are_served_once() {
    struct Eager<'r>(&'r Room, &'r Watch);
    impl Waiters for Eager<'_> {
        type Request = usize;
        fn waiting(&self, kinds: Kinds) -> usize {
            self.0.waiting(kinds)
        }
        fn next(&self, kinds: Kinds) -> Option<usize> {
            self.0.next(kinds)
        }
        fn answer(&self, request: usize, count: u64) {
            self.0.answer(request, count);
            assert!(self.0.answered.borrow().len() < 1000, "it never ends");
            assert_eq!(
                self.0.arrive(self.1, request, Kinds::CHANGES, count),
                Arrival::Waits
            );
        }
    }
    for waiters in [1, 2, 15, 16, 17, 40] {
        let (watch, room) = (Watch::new(), Room::default());
        for request in 0..waiters {
            assert_eq!(
                room.arrive(&watch, request, Kinds::CHANGES, 0),
                Arrival::Waits
            );
        }
        room.count.set(1);
        assert!(watch.mark_due(Kinds::CHANGES));
        watch.complete_due(&Eager(&room, &watch), |_| room.count.get());
        let answered: Vec<_> = (0..waiters).map(|request| (request, 1)).collect();
        assert_eq!(room.answered.take(), answered, "each once, in their order");
        assert_eq!(room.waiting(Kinds::CHANGES), waiters);
        assert!(watch.mark_due(Kinds::CHANGES), "they are announced anew");
    }
}

/// The sender of a request that arrives while others are answered may have seen a higher count than
/// theirs.
#[test]
fn an_answer_is_counted_behind_the_arrival_of_its_request() {
    let (watch, room) = (Watch::new(), Room::default());
    for request in 0..20 {
        assert_eq!(
            room.arrive(&watch, request, Kinds::CHANGES, 0),
            Arrival::Waits
        );
    }
    assert!(watch.mark_due(Kinds::CHANGES));
    watch.complete_due(&room, |_| {
        // Requests are cancelled, and younger ones take their place.
        let count = room.count.get() + 1;
        room.count.set(count);
        let mut queues = room.queues.borrow_mut();
        let cancelled = queues[0].pop_front().is_some();
        assert!(cancelled || count > 1);
        queues[0].push_back(100 + usize::try_from(count).unwrap());
        count
    });
    for (request, count) in room.answered.take() {
        let seen = u64::try_from(request.saturating_sub(100)).unwrap();
        assert!(
            request < 100 || count > seen,
            "request {request} is answered {count}"
        );
    }
}

#[test]
fn a_change_that_comes_while_a_request_is_queued_is_not_missed() {
    let (watch, room) = (Watch::new(), Room::default());
    let counts = Cell::new(0_u64);
    let arrival = watch.begin_wait(
        7,
        Kinds::JOURNAL,
        0,
        |_| counts.replace(counts.get() + 1),
        |request| room.queues.borrow_mut()[1].push_back(request),
    );
    assert_eq!(arrival, Arrival::Due);
    room.count.set(1);
    assert_eq!(room.serve(&watch), [(7, 1)]);
}
