//! Waiting for changes: who is answered, when, and with what.

mod shell;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use block_broker::{Arrival, BlockSlot, Broker, Kinds, Vf, VfCell, Waiters, Watch};
use block_table::Table;
use pf_broker_abi::Refusal;
use shell::{CONTOSO, Calls, NOW, compile};

/// A VF that notes what the broker says that happened to it.
struct Noting {
    vf: RefCell<Vf<'static>>,
    happened: Cell<Kinds>,
}

impl VfCell for Noting {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.vf.borrow_mut())
    }

    fn happened(&self, kinds: Kinds) {
        assert!(
            self.vf.try_borrow_mut().is_ok(),
            "it is said behind the lock"
        );
        self.happened.set(self.happened.get().and(kinds));
    }
}

/// Runs a test on a device of two VFs that allows four writes at once.
fn with_two_vfs(test: impl FnOnce(&Broker<'_, Noting>, &[Noting])) {
    let manifest = CONTOSO.replace("burst = 1_000_000", "burst = 4");
    let table = Table::verify(compile(&manifest).leak()).unwrap();
    let cells: Vec<_> = (0..2)
        .map(|_| {
            let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
            let bytes = vec![0; Vf::bytes_needed(&table)].leak();
            Noting {
                vf: RefCell::new(Vf::new(&table, slots, bytes).unwrap()),
                happened: Cell::new(Kinds::NONE),
            }
        })
        .collect();
    test(&Broker::new(table, &cells).unwrap(), &cells);
}

const BOTH: Kinds = Kinds::CHANGES.and(Kinds::JOURNAL);

#[test]
fn the_shell_is_told_of_exactly_what_is_counted() {
    with_two_vfs(|device, cells| {
        let step = |what: &str, expected: Kinds, operation: &dyn Fn()| {
            let counts = || (device.count(Kinds::CHANGES), device.count(Kinds::JOURNAL));
            let before = counts();
            cells[1].happened.set(Kinds::NONE);
            operation();
            let after = counts();
            assert_eq!(cells[1].happened.get(), expected, "{what}");
            assert_eq!(
                after.0 - before.0,
                u64::from(expected.meets(Kinds::CHANGES)),
                "{what}"
            );
            assert_eq!(
                after.1 != before.1,
                expected.meets(Kinds::JOURNAL),
                "{what}"
            );
            assert_eq!(device.count(BOTH), after.0 + after.1, "{what}");
        };
        step("a committed write", BOTH, &|| {
            device.vf_write(1, 2, &[1]).unwrap();
        });
        step("a read", Kinds::NONE, &|| {
            let _ = device.vf_read(1, 0, 16).unwrap();
        });
        step("a refused read", Kinds::JOURNAL, &|| {
            let _ = device.vf_read(1, 9, 16).unwrap_err();
        });
        step("a refused write", Kinds::JOURNAL, &|| {
            assert_eq!(device.vf_write(1, 2, &[0; 5]), Err(Refusal::Length));
        });
        step("the same again", Kinds::JOURNAL, &|| {
            assert_eq!(device.vf_write(1, 2, &[0; 5]), Err(Refusal::Length));
        });
        device.vf_write(1, 2, &[1]).unwrap();
        step("a flood begins", Kinds::JOURNAL, &|| {
            assert_eq!(device.vf_write(1, 2, &[1]), Err(Refusal::Limit));
        });
        step("a flood goes on", Kinds::NONE, &|| {
            assert_eq!(device.vf_write(1, 2, &[1]), Err(Refusal::Limit));
        });
        step("a publish", Kinds::JOURNAL, &|| {
            assert!(device.host_publish(1, 0, &[0; 16]).unwrap());
        });
        step("a reset begins", Kinds::JOURNAL, &|| {
            device.begin_reset(1, NOW).unwrap();
        });
        step("a reset ends", BOTH, &|| {
            device.finish_reset(1, NOW).unwrap();
        });
        cells[1].happened.set(Kinds::NONE);
        device.vf_write(0, 2, &[1]).unwrap();
        assert_eq!(cells[0].happened.get(), BOTH);
        assert_eq!(cells[1].happened.get(), Kinds::NONE, "another VF's write");
        step("a removal", Kinds::JOURNAL, &|| device.remove(NOW));
    });
}

/// Requests that wait, by number, and how each was answered.
#[derive(Default)]
struct Room {
    queues: RefCell<[VecDeque<usize>; 3]>,
    answered: RefCell<Vec<(usize, u64)>>,
    /// The count, which [`Watch::serve`] asks for.
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
        watch.arrive(
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
        watch.serve(self, |_| self.count.get());
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

/// A count of the driver's previous life may be above the present one.
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
    assert!(!watch.happened(BOTH), "nobody waits");
    for (request, kinds) in Kinds::SETS.into_iter().enumerate() {
        assert_eq!(room.arrive(&watch, request, kinds, 0), Arrival::Waits);
    }
    room.count.set(1);
    assert!(watch.happened(Kinds::JOURNAL));
    assert!(!watch.happened(Kinds::JOURNAL), "once is enough");
    assert_eq!(room.serve(&watch), [(1, 1), (2, 1)]);
    assert_eq!(room.serve(&watch), [], "nothing is due any more");
    assert_eq!(room.waiting(Kinds::CHANGES), 1);
    assert!(watch.happened(BOTH));
    assert_eq!(room.serve(&watch), [(0, 1)]);
}

/// Waiters that ask again as soon as they are answered, with the count that they were given, keep
/// nobody busy. This is what a guest's write could loop over for ever.
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
        assert!(watch.happened(Kinds::CHANGES));
        watch.serve(&Eager(&room, &watch), |_| room.count.get());
        let answered: Vec<_> = (0..waiters).map(|request| (request, 1)).collect();
        assert_eq!(room.answered.take(), answered, "each once, in their order");
        assert_eq!(room.waiting(Kinds::CHANGES), waiters);
        assert!(watch.happened(Kinds::CHANGES), "they are announced anew");
    }
}

/// The sender of a request that arrives while others are served may have seen more than was counted
/// for those.
#[test]
fn an_answer_is_counted_behind_the_arrival_of_its_request() {
    let (watch, room) = (Watch::new(), Room::default());
    for request in 0..20 {
        assert_eq!(
            room.arrive(&watch, request, Kinds::CHANGES, 0),
            Arrival::Waits
        );
    }
    assert!(watch.happened(Kinds::CHANGES));
    watch.serve(&room, |_| {
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
    let arrival = watch.arrive(
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
