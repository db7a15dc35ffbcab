//! Waiting for changes: who is answered, when, and with what.

mod shell;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;

use block_broker::{Arrival, Deliver, FollowUp, Kinds, Outcome, Waiters, Watch};
use pf_broker_abi::{PowerState, Refusal};
use shell::{CONTOSO, Device, NOW, with_device};

/// The stream of the manifest.
const STREAM: u32 = 3;

/// Runs a test on a device of two VFs that allows four writes at once.
fn with_two_vfs(test: impl FnOnce(&Device<'_>)) {
    with_device(&CONTOSO.replace("burst = 1_000_000", "burst = 4"), 2, test);
}

const BOTH: Kinds = Kinds::CHANGES.union(Kinds::JOURNAL);

/// The follow-up of an operation that ends like this.
fn follow_up<T: PartialEq + Debug>(outcome: Outcome<T>, expected: Result<T, Refusal>) -> FollowUp {
    let mut next = FollowUp::NOTHING;
    assert_eq!(outcome.follow_up(|follow_up| next = follow_up), expected);
    next
}

/// A wait ends with every change that is counted and with no other, whether the operation is refused or
/// not, and invalidations are delivered as soon as they can be.
#[test]
fn a_follow_up_names_exactly_what_was_counted_and_became_pending() {
    with_two_vfs(|device| {
        let step =
            |what: &str, changed: Kinds, deliver: Deliver, operation: &dyn Fn() -> FollowUp| {
                let counts = || (device.count(Kinds::CHANGES), device.count(Kinds::JOURNAL));
                let before = counts();
                assert_eq!(operation(), FollowUp { changed, deliver }, "{what}");
                let after = counts();
                let (changes, events) = (after.0 - before.0, after.1 - before.1);
                assert_eq!(
                    changes,
                    u64::from(changed.intersects(Kinds::CHANGES)),
                    "{what}"
                );
                assert_eq!(events != 0, changed.intersects(Kinds::JOURNAL), "{what}");
                assert_eq!(device.count(BOTH), after.0 + after.1, "{what}");
            };
        let write =
            |length, expected| follow_up(device.write(1, 2, length, &[1; 128], NOW), expected);
        let read =
            |block, expected| follow_up(device.read(1, block, 16, &mut [0; 128], NOW), expected);
        let publish = |scope: &dyn Fn() -> Outcome<()>| follow_up(scope(), Ok(()));
        let nothing = Deliver::Nothing;
        let (one, all) = (Deliver::ToVf(1), Deliver::ToAllVfs);

        step("a committed write", BOTH, nothing, &|| write(1, Ok(())));
        step("a read", Kinds::NONE, nothing, &|| read(0, Ok(())));
        step("a refused read", Kinds::JOURNAL, nothing, &|| {
            read(9, Err(Refusal::Block))
        });
        for what in ["a refused write", "the same again"] {
            step(what, Kinds::JOURNAL, nothing, &|| {
                write(5, Err(Refusal::Length))
            });
        }
        step("the last write within the limit", BOTH, nothing, &|| {
            write(1, Ok(()))
        });
        step("a flood begins", Kinds::JOURNAL, nothing, &|| {
            write(1, Err(Refusal::Limit))
        });
        step("a flood goes on", Kinds::NONE, nothing, &|| {
            write(1, Err(Refusal::Limit))
        });
        step("a VF that does not exist", Kinds::NONE, nothing, &|| {
            follow_up(device.reset(2, NOW), Err(Refusal::Vf))
        });
        step("a publish", Kinds::JOURNAL, one, &|| {
            publish(&|| device.publish(1, 0, 16, &[0; 128], None, NOW))
        });
        step(
            "a publish of a block without notify",
            Kinds::JOURNAL,
            nothing,
            &|| publish(&|| device.publish(1, 1, 8, &[0; 128], None, NOW)),
        );
        step("a refused publish", Kinds::JOURNAL, nothing, &|| {
            let outcome = device.publish(1, 0, 1, &[0; 128], None, NOW);
            follow_up(outcome, Err(Refusal::Length))
        });
        step("a publish to all", Kinds::JOURNAL, all, &|| {
            publish(&|| device.publish_all(0, 16, &[0; 128], NOW))
        });
        step(
            "a publish to all without notify",
            Kinds::JOURNAL,
            nothing,
            &|| publish(&|| device.publish_all(1, 8, &[0; 128], NOW)),
        );
        step("an invalidation", Kinds::JOURNAL, one, &|| {
            publish(&|| device.invalidate(1, 1, NOW))
        });
        step("an empty invalidation", Kinds::JOURNAL, nothing, &|| {
            publish(&|| device.invalidate(1, 0, NOW))
        });
        step("a refused invalidation", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.invalidate(1, 1 << 62, NOW), Err(Refusal::Invalidate))
        });
        step("an invalidation for all", Kinds::JOURNAL, all, &|| {
            publish(&|| device.invalidate_all(1, NOW))
        });
        step("a power-up", Kinds::JOURNAL, all, &|| {
            device.invalidate_notifying(NOW)
        });
        step("a delivery", Kinds::NONE, nothing, &|| {
            follow_up(device.take_invalidation(1, NOW), Ok(1))
        });
        step("a reset begins", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.begin_reset(1, NOW), Ok(()))
        });
        step(
            "an invalidation of a VF that is held back",
            Kinds::JOURNAL,
            nothing,
            &|| follow_up(device.invalidate(1, 1, NOW), Err(Refusal::State)),
        );
        step("a reset fails", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.fail_reset(1, NOW), Ok(()))
        });
        step("a reset ends", BOTH, nothing, &|| {
            follow_up(device.finish_reset(1, NOW), Ok(()))
        });
        step("a whole reset", BOTH, nothing, &|| {
            follow_up(device.reset(1, NOW), Ok(()))
        });
        step("another reset begins", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.begin_reset(1, NOW), Ok(()))
        });
        step(
            "an invalidation for all during a reset",
            Kinds::JOURNAL,
            all,
            &|| publish(&|| device.invalidate_all(1, NOW)),
        );
        step("it ends", BOTH, one, &|| {
            follow_up(device.finish_reset(1, NOW), Ok(()))
        });
        step("a power state", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.set_power(1, PowerState::D3, NOW), Ok(()))
        });
        step("a drain", Kinds::NONE, nothing, &|| {
            follow_up(device.drain(1, STREAM, 1, NOW, |_| ()), Ok(0))
        });
        step("a refused drain", Kinds::JOURNAL, nothing, &|| {
            follow_up(device.drain(1, 0, 1, NOW, |_| ()), Err(Refusal::Kind))
        });
        step("a removal", Kinds::JOURNAL, nothing, &|| device.remove(NOW));
        step("a second removal", Kinds::NONE, nothing, &|| {
            device.remove(NOW)
        });
    });
}

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
    assert!(!watch.mark_due(BOTH), "nobody waits");
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
        assert!(watch.mark_due(Kinds::CHANGES));
        watch.complete_due(&Eager(&room, &watch), |_| room.count.get());
        let answered: Vec<_> = (0..waiters).map(|request| (request, 1)).collect();
        assert_eq!(room.answered.take(), answered, "each once, in their order");
        assert_eq!(room.waiting(Kinds::CHANGES), waiters);
        assert!(watch.mark_due(Kinds::CHANGES), "they are announced anew");
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
