//! Requests that wait for changes: which are completed, when, and with what.

mod shell;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use block_broker::{Kinds, Queue, Waiters, Watch};
use pf_broker_abi::{Change, ChangesCookie, PowerState};
use shell::{CONTOSO, Calls, Device, NOW, list, with_device};

const MAILBOX: u32 = 2;

/// A request that waits.
#[derive(Clone, Copy, Debug)]
struct Request {
    number: usize,
    kinds: Kinds,
    cookie: ChangesCookie,
}

/// Two queues of requests, and how each request was completed.
struct Room<'d, 'm> {
    device: &'d Device<'m>,
    watch: Watch,
    queues: RefCell<[VecDeque<Request>; 2]>,
    answered: RefCell<Vec<(usize, Vec<Change>)>>,
    /// Completed requests come back at once.
    again: bool,
    /// Runs once, when a request is queued.
    before_queue: Cell<Option<fn(&Device<'_>)>>,
}

impl<'d, 'm> Room<'d, 'm> {
    fn of(device: &'d Device<'m>) -> Self {
        Self {
            device,
            watch: Watch::new(),
            queues: RefCell::default(),
            answered: RefCell::default(),
            again: false,
            before_queue: Cell::new(None),
        }
    }

    /// A request that has everything so far arrives.
    fn arrive(&self, number: usize, kinds: Kinds) -> bool {
        let zero = ChangesCookie::default();
        let (_, end) = list(self.device, Kinds::ALL, &zero, usize::MAX);
        let request = Request {
            number,
            kinds,
            cookie: end.cookie,
        };
        self.watch.arrive(self.device, self, request)
    }

    fn write(&self, vf: u16) -> bool {
        let mut changed = Kinds::NONE;
        self.device
            .write(vf, MAILBOX, 1, &[1; 128], NOW)
            .follow_up(|follow_up| changed = follow_up.changed)
            .unwrap();
        self.watch.mark_due(changed)
    }

    fn serve(&self) -> bool {
        self.watch.serve(self.device, self)
    }

    fn answers(&self) -> Vec<usize> {
        self.answered
            .take()
            .into_iter()
            .map(|(number, _)| number)
            .collect()
    }

    fn waiting_in_all(&self) -> usize {
        self.queues.borrow().iter().map(VecDeque::len).sum()
    }
}

fn index(queue: Queue) -> usize {
    match queue {
        Queue::First => 0,
        Queue::Second => 1,
    }
}

impl Waiters for Room<'_, '_> {
    type Request = Request;

    fn waiting(&self, queue: Queue) -> usize {
        self.queues.borrow()[index(queue)].len()
    }

    fn next(&self, queue: Queue) -> Option<Request> {
        self.queues.borrow_mut()[index(queue)].pop_front()
    }

    fn answer(&self, request: Request) -> Option<(Request, Kinds, ChangesCookie)> {
        let Request { number, kinds, .. } = request;
        let (changes, end) = list(self.device, kinds, &request.cookie, usize::MAX);
        let request = Request {
            cookie: end.cookie,
            ..request
        };
        if changes.is_empty() {
            return Some((request, kinds, end.cookie));
        }
        self.answered.borrow_mut().push((number, changes));
        assert!(self.answered.borrow().len() < 1000, "it never ends");
        if self.again {
            assert!(!self.watch.arrive(self.device, self, request));
        }
        None
    }

    fn queue(&self, request: Request, queue: Queue) {
        if let Some(happen) = self.before_queue.take() {
            happen(self.device);
        }
        self.queues.borrow_mut()[index(queue)].push_back(request);
    }
}

fn with_room(test: impl FnOnce(&mut Room<'_, '_>)) {
    with_device(CONTOSO, 3, |device| test(&mut Room::of(device)));
}

#[test]
fn bits_name_kinds_and_nothing_else_is_a_set() {
    for bit in 0..16 {
        let kinds = Kinds::from_bits(1 << bit);
        assert_eq!(kinds.map(Kinds::bits), (bit < 9).then_some(1 << bit));
    }
    assert_eq!(Kinds::ALL.bits(), 0x1FF);
    assert_eq!(Kinds::from_bits(0), None);
    assert_eq!(Kinds::from_bits(0x201), None);
}

#[test]
fn a_request_is_completed_at_once_if_something_has_changed() {
    with_room(|room| {
        assert!(!room.write(1), "no request waits");
        let request = Request {
            number: 7,
            kinds: Kinds::WRITTEN,
            cookie: ChangesCookie::default(),
        };
        assert!(!room.watch.arrive(room.device, room, request));
        let answered = room.answered.take();
        let change = Change {
            vf: 1,
            kinds: Kinds::WRITTEN.bits(),
            block: MAILBOX,
            revision: 1,
        };
        assert_eq!(answered, [(7, vec![change])]);
        assert!(!room.write(1), "none waits after it");
    });
}

#[test]
fn a_change_ends_the_waits_for_its_kinds() {
    with_room(|room| {
        let kinds = [
            Kinds::WRITTEN,
            Kinds::RESET,
            Kinds::JOURNALED,
            Kinds::RESET.union(Kinds::WRITTEN),
        ];
        for (number, kinds) in kinds.into_iter().enumerate() {
            assert!(!room.arrive(number, kinds));
        }
        assert!(room.write(2));
        assert!(!room.write(0), "once is enough");
        assert!(!room.serve());
        assert_eq!(room.answers(), [0, 2, 3]);
        assert_eq!(room.waiting(Queue::Second), 1, "the other one is put back");
        let reset = room.device.reset(1, NOW);
        let mut is_due = false;
        let serve = |next: block_broker::FollowUp| is_due = room.watch.mark_due(next.changed);
        reset.follow_up(serve).unwrap();
        assert!(is_due, "its kinds are announced again");
        assert!(!room.serve());
        assert_eq!(room.answers(), [1]);
        assert_eq!(room.waiting_in_all(), 0);
        assert!(!room.serve());
    });
}

#[test]
fn the_device_has_an_entry_of_its_own() {
    with_room(|room| {
        assert!(!room.arrive(1, Kinds::ATTACHED.union(Kinds::WRITTEN)));
        let mark_due = |attached| {
            let changed = room.device.note_attachment(attached).changed;
            room.watch.mark_due(changed)
        };
        assert!(!mark_due(false), "a detach is another kind");
        assert!(mark_due(true));
        room.device.vf_write(0, MAILBOX, &[1]).unwrap();
        assert!(!room.serve());
        let entries: Vec<_> = room.answered.take().remove(0).1;
        let entries = entries.iter().map(|c| (c.kinds, c.vf, c.block, c.revision));
        let expected = [
            (Kinds::ATTACHED.bits(), 0, 0, 2),
            (Kinds::WRITTEN.bits(), 0, MAILBOX, 1),
        ];
        assert!(entries.eq(expected));
        let (changes, _) = list(
            room.device,
            Kinds::ALL,
            &ChangesCookie::default(),
            usize::MAX,
        );
        let both = Kinds::ATTACHED.union(Kinds::DETACHED).bits();
        assert_eq!(changes[0].kinds, both);
    });
}

/// Senders that call again as soon as they are answered do not keep the work item busy.
#[test]
fn waiters_that_return_at_once_are_served_once() {
    for waiters in [1, 2, 15, 16, 17, 40] {
        with_room(|room| {
            room.again = true;
            for number in 0..waiters {
                assert!(!room.arrive(number, Kinds::WRITTEN));
            }
            for _ in 0..3 {
                assert!(room.write(0));
                assert!(!room.serve());
                let all: Vec<_> = (0..waiters).collect();
                assert_eq!(room.answers(), all, "each once, in their order");
                assert_eq!(room.waiting_in_all(), waiters);
            }
        });
    }
}

/// Requests that no change ends are looked at once in each run, however they move.
#[test]
fn waiters_that_never_return_are_visited_once() {
    with_room(|room| {
        for number in 0..20 {
            assert!(!room.arrive(number, Kinds::POWER.union(Kinds::MESSAGE)));
        }
        room.arrive(20, Kinds::WRITTEN);
        for run in 0..5 {
            assert_eq!(room.write(0), run == 0);
            assert!(!room.serve());
            assert_eq!(room.waiting_in_all(), 20);
        }
        assert_eq!(room.answers(), [20]);
        let set = room.device.set_power(2, PowerState::D3, NOW);
        let mut is_due = false;
        let serve = |next: block_broker::FollowUp| is_due = room.watch.mark_due(next.changed);
        set.follow_up(serve).unwrap();
        assert!(is_due);
        assert!(!room.serve());
        assert_eq!(room.answers().len(), 20);
    });
}

#[test]
fn a_request_that_is_cancelled_is_not_missed() {
    with_room(|room| {
        for number in 0..3 {
            assert!(!room.arrive(number, Kinds::WRITTEN));
        }
        room.queues.borrow_mut()[0].remove(1);
        assert!(room.write(0));
        assert!(!room.serve());
        assert_eq!(room.answers(), [0, 2]);
    });
}

#[test]
fn a_change_that_comes_while_a_request_is_queued_is_not_missed() {
    with_room(|room| {
        let write = |device: &Device<'_>| device.vf_write(1, MAILBOX, &[1]).unwrap();
        room.before_queue.set(Some(write));
        assert!(room.arrive(7, Kinds::WRITTEN), "the list has to run");
        room.before_queue.set(Some(write));
        assert!(!room.serve());
        assert_eq!(room.answers(), [7]);
        // The same for a request that is put back.
        room.before_queue.set(None);
        assert!(!room.arrive(8, Kinds::WRITTEN));
        room.before_queue.set(Some(write));
        assert!(room.serve());
        assert!(!room.serve());
        assert_eq!(room.answers(), [8]);
    });
}
