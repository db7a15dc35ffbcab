//! Lists of changes and waits for changes against changes, in every order with few preemptions: no
//! reader misses a change.

use std::collections::VecDeque;

use block_broker::{BlockSlot, Broker, FollowUp, Kinds, Newest, Queue, Vf, VfLock, Waiters, Watch};
use block_table::Table;
use loom::sync::Mutex;
use loom::thread::spawn;
use pf_broker_abi::{Change, ChangesCookie, Refusal};

use super::shell::{CONTOSO, NOW, compile, image, list};

type Device = Broker<'static, Cell>;

/// One VF.
struct Cell(Mutex<Vf<'static>>, Newest);

impl VfLock for Cell {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.0.lock().unwrap())
    }

    fn newest(&self) -> &Newest {
        &self.1
    }
}

/// A request that waits for `kinds`, and whether its sender calls again.
struct PendingRequest {
    kinds: Kinds,
    cookie: ChangesCookie,
    again: bool,
}

struct Room {
    watch: Watch,
    queues: [Mutex<VecDeque<PendingRequest>>; 2],
    answered: Mutex<Vec<Change>>,
    device: std::sync::OnceLock<&'static Device>,
}

impl Waiters for &'static Room {
    type Request = PendingRequest;

    fn waiting(&self, queue: Queue) -> usize {
        self.queue_of(queue).lock().unwrap().len()
    }

    fn next(&self, queue: Queue) -> Option<PendingRequest> {
        self.queue_of(queue).lock().unwrap().pop_front()
    }

    fn answer(&self, request: PendingRequest) -> Option<(PendingRequest, Kinds, ChangesCookie)> {
        let kinds = request.kinds;
        let (changes, end) = list(self.device(), kinds, &request.cookie, usize::MAX);
        let request = PendingRequest {
            cookie: end.cookie,
            ..request
        };
        if changes.is_empty() {
            return Some((request, kinds, end.cookie));
        }
        self.answered.lock().unwrap().extend(changes);
        if request.again {
            self.arrive(request);
        }
        None
    }

    fn queue(&self, request: PendingRequest, queue: Queue) {
        self.queue_of(queue).lock().unwrap().push_back(request);
    }
}

impl Room {
    fn device(&self) -> &'static Device {
        self.device.get().unwrap()
    }

    fn queue_of(&self, queue: Queue) -> &Mutex<VecDeque<PendingRequest>> {
        let [first, second] = &self.queues;
        match queue {
            Queue::First => first,
            Queue::Second => second,
        }
    }

    fn arrive(&'static self, request: PendingRequest) {
        if self.watch.arrive(self.device(), &self, request) {
            self.serve();
        }
    }

    /// The work item runs here: it may begin at once, and a thread that is held up begins it late.
    fn carry_out(&'static self, follow_up: FollowUp) {
        if self.watch.mark_due(follow_up.changed) {
            self.serve();
        }
    }

    fn serve(&'static self) {
        while self.watch.serve(self.device(), &self) {}
    }

    /// The highest revision of the mailbox that was reported, 0 if none was.
    fn reported(&self) -> u64 {
        let answered = self.answered.lock().unwrap();
        answered
            .iter()
            .filter(|change| change.block == MAILBOX)
            .map(|change| change.revision)
            .max()
            .unwrap_or(0)
    }

    fn waiting_in_all(&self) -> usize {
        let lengths = self.queues.iter().map(|queue| queue.lock().unwrap().len());
        lengths.sum()
    }
}

const MAILBOX: u32 = 2;

/// A request from the start of the device on.
fn request(kinds: Kinds, again: bool) -> PendingRequest {
    PendingRequest {
        kinds,
        cookie: ChangesCookie::default(),
        again,
    }
}

/// Preemptions in one order. Bugs need few, and the orders of three threads are too many to see
/// all.
const PREEMPTIONS: usize = 3;

/// Runs `test` on a new device of one VF for each order.
fn orders(test: impl Fn(&'static Room, &'static Device) + Sync + Send + 'static) {
    let bytes: &'static [u8] = compile(CONTOSO).leak();
    let table = Table::verify(bytes).unwrap();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(move || {
        let room: &'static Room = Box::leak(Box::new(Room {
            watch: Watch::new(),
            queues: [Mutex::default(), Mutex::default()],
            answered: Mutex::default(),
            device: std::sync::OnceLock::new(),
        }));
        let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
        let bytes = vec![0; Vf::bytes_needed(&table)].leak();
        let vf = Mutex::new(Vf::new(&table, slots, bytes).unwrap());
        let cells = vec![Cell(vf, Newest::new())].leak();
        let device: &'static Device = Box::leak(Box::new(Broker::new(table, cells).unwrap()));
        assert!(room.device.set(device).is_ok());
        test(room, device);
    });
}

fn write(room: &'static Room, device: &Device) -> Result<(), Refusal> {
    device
        .write(0, MAILBOX, 1, &image(&[1]), NOW)
        .follow_up(|follow_up| room.carry_out(follow_up))
}

/// A reader without a request that waits.
#[derive(Default)]
struct Reader {
    cookie: ChangesCookie,
    revision: u64,
}

impl Reader {
    fn look(&mut self, device: &Device) {
        let (changes, end) = list(device, Kinds::WRITTEN, &self.cookie, usize::MAX);
        self.cookie = end.cookie;
        for change in changes {
            assert!(change.revision >= self.revision, "never backwards");
            self.revision = change.revision;
        }
    }
}

#[test]
fn a_list_against_two_writes_loses_neither() {
    orders(|room, device| {
        let writer = spawn(move || {
            write(room, device).unwrap();
            write(room, device).unwrap();
        });
        let mut reader = Reader::default();
        reader.look(device);
        reader.look(device);
        writer.join().unwrap();
        reader.look(device);
        assert_eq!(reader.revision, 2);
    });
}

/// The VF is unread when the readers come, so the second write sets no mark.
#[test]
fn lists_of_two_readers_against_a_write_lose_nothing() {
    orders(|room, device| {
        write(room, device).unwrap();
        let writer = spawn(move || write(room, device).unwrap());
        let second = spawn(move || {
            let mut reader = Reader::default();
            reader.look(device);
            reader
        });
        let mut first = Reader::default();
        first.look(device);
        let mut second = second.join().unwrap();
        writer.join().unwrap();
        for reader in [&mut first, &mut second] {
            reader.look(device);
            assert_eq!(reader.revision, 2);
        }
    });
}

/// A list of which each part has one entry, and whose parts a reset comes between.
#[test]
fn a_list_in_parts_against_a_write_and_a_reset() {
    orders(|room, device| {
        let writer = spawn(move || {
            device.reset(0, NOW).without_waiters().unwrap();
            write(room, device).unwrap();
        });
        let kinds = Kinds::WRITTEN.union(Kinds::RESET);
        let (mut resets, mut revision) = (0, 0);
        let mut cookie = ChangesCookie::default();
        let mut part = || {
            let (changes, end) = list(device, kinds, &cookie, 1);
            cookie = end.cookie;
            for change in &changes {
                if change.kinds == Kinds::RESET.bits() {
                    resets += 1;
                } else {
                    revision = change.revision;
                }
            }
            changes.len()
        };
        part();
        part();
        writer.join().unwrap();
        while part() > 0 {}
        assert!(resets > 0);
        assert_eq!(revision, 2, "of the wipe and the write");
    });
}

#[test]
fn a_wait_against_a_write_is_answered() {
    orders(|room, device| {
        let writer = spawn(move || write(room, device).unwrap());
        room.arrive(request(Kinds::WRITTEN, false));
        writer.join().unwrap();
        assert_eq!(room.answered.lock().unwrap().len(), 1);
        assert_eq!((room.reported(), room.waiting_in_all()), (1, 0));
    });
}

/// Another reader visits the VF, and takes its mark away.
#[test]
fn a_wait_against_a_write_and_another_reader_is_answered() {
    orders(|room, device| {
        let writer = spawn(move || write(room, device).unwrap());
        let reader = spawn(move || Reader::default().look(device));
        room.arrive(request(Kinds::WRITTEN, false));
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!((room.reported(), room.waiting_in_all()), (1, 0));
    });
}

#[test]
fn two_waits_against_a_write_are_both_answered() {
    orders(|room, device| {
        let writer = spawn(move || write(room, device).unwrap());
        let second = spawn(move || room.arrive(request(Kinds::WRITTEN, false)));
        room.arrive(request(Kinds::WRITTEN.union(Kinds::RESET), false));
        writer.join().unwrap();
        second.join().unwrap();
        assert_eq!(room.answered.lock().unwrap().len(), 2);
        assert_eq!(room.waiting_in_all(), 0);
    });
}

/// A sender that always calls again ends up waiting, with everything reported.
#[test]
fn a_wait_that_is_repeated_misses_none_of_two_writes() {
    orders(|room, device| {
        let writer = spawn(move || {
            write(room, device).unwrap();
            write(room, device).unwrap();
        });
        room.arrive(request(Kinds::WRITTEN, true));
        writer.join().unwrap();
        assert_eq!((room.reported(), room.waiting_in_all()), (2, 1));
    });
}

/// A request that is put back, while the change comes that it waits for.
#[test]
fn a_wait_against_another_kind_and_a_reset_is_answered() {
    orders(|room, device| {
        room.arrive(request(Kinds::WRITTEN.union(Kinds::POWER), false));
        room.arrive(request(Kinds::RESET, false));
        let writer = spawn(move || {
            let _ = write(room, device);
        });
        let reset = device.reset(0, NOW);
        reset
            .follow_up(|follow_up| room.carry_out(follow_up))
            .unwrap();
        writer.join().unwrap();
        let answered = room.answered.lock().unwrap();
        let resets = answered
            .iter()
            .filter(|change| change.kinds == Kinds::RESET.bits());
        assert_eq!(resets.count(), 1);
        // The write, unless the reset refused or superseded it before it was reported.
        let written = answered.iter().filter(|change| change.block == MAILBOX);
        assert_eq!(written.count() + room.waiting_in_all(), 1);
    });
}

#[test]
fn a_wait_against_a_removal_is_answered() {
    orders(|room, device| {
        let remover = spawn(move || room.carry_out(device.remove(NOW)));
        room.arrive(request(Kinds::JOURNALED, false));
        remover.join().unwrap();
        assert_eq!(room.answered.lock().unwrap().len(), 1);
        assert_eq!(room.waiting_in_all(), 0);
    });
}
