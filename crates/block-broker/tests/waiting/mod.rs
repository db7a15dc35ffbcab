//! Waiting for a change against changes, in every order with few preemptions: no waiter misses a
//! change, and none is answered with a lower count than it has seen.

use std::collections::VecDeque;

use block_broker::{Arrival, BlockSlot, Broker, FollowUp, Kinds, Vf, VfLock, Waiters, Watch};
use block_table::Table;
use loom::sync::Mutex;
use loom::thread::spawn;
use pf_broker_abi::Refusal;

use super::shell::{CONTOSO, NOW, compile, image};

type Device = Broker<'static, Cell>;

/// One VF.
struct Cell(Mutex<Vf<'static>>);

impl VfLock for Cell {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.0.lock().unwrap())
    }
}

/// A request that waits: the count that its sender has seen, and whether it asks again.
struct PendingRequest {
    seen: u64,
    again: bool,
}

struct Room {
    watch: Watch,
    queue: Mutex<VecDeque<PendingRequest>>,
    answered: Mutex<Vec<u64>>,
    device: std::sync::OnceLock<&'static Device>,
}

impl Waiters for &'static Room {
    type Request = PendingRequest;

    fn waiting(&self, kinds: Kinds) -> usize {
        match kinds {
            Kinds::CHANGES => self.queue.lock().unwrap().len(),
            _ => 0,
        }
    }

    fn next(&self, _: Kinds) -> Option<PendingRequest> {
        self.queue.lock().unwrap().pop_front()
    }

    fn answer(&self, request: PendingRequest, count: u64) {
        assert!(count >= request.seen, "{count} after {}", request.seen);
        self.answered.lock().unwrap().push(count);
        if request.again {
            self.arrive(count, true);
        }
    }
}

impl Room {
    fn count(&self, kinds: Kinds) -> u64 {
        self.device.get().unwrap().count(kinds)
    }

    fn arrive(&'static self, seen: u64, again: bool) {
        let arrival = self.watch.begin_wait(
            PendingRequest { seen, again },
            Kinds::CHANGES,
            seen,
            |kinds| self.count(kinds),
            |request| self.queue.lock().unwrap().push_back(request),
        );
        match arrival {
            Arrival::Answer(request, count) => (&self).answer(request, count),
            Arrival::Due => self.serve(),
            Arrival::Waits => {}
        }
    }

    /// The work item runs here: it may begin at once, and a thread that is held up begins it late.
    fn carry_out(&'static self, follow_up: FollowUp) {
        if self.watch.mark_due(follow_up.changed) {
            self.serve();
        }
    }

    fn serve(&'static self) {
        self.watch.complete_due(&self, |kinds| self.count(kinds));
    }

    /// The last counts that the pending waiters have seen.
    fn left(&self) -> Vec<u64> {
        let queue = self.queue.lock().unwrap();
        queue.iter().map(|request| request.seen).collect()
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
            queue: Mutex::default(),
            answered: Mutex::default(),
            device: std::sync::OnceLock::new(),
        }));
        let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
        let bytes = vec![0; Vf::bytes_needed(&table)].leak();
        let vf = Mutex::new(Vf::new(&table, slots, bytes).unwrap());
        let cells = vec![Cell(vf)].leak();
        let device: &'static Device = Box::leak(Box::new(Broker::new(table, cells).unwrap()));
        assert!(room.device.set(device).is_ok());
        test(room, device);
    });
}

fn write(room: &'static Room, device: &Device) -> Result<(), Refusal> {
    device
        .write(0, 2, 1, &image(&[1]), NOW)
        .follow_up(|follow_up| room.carry_out(follow_up))
}

#[test]
fn a_wait_against_a_write_is_answered() {
    orders(|room, device| {
        let writer = spawn(move || write(room, device).unwrap());
        room.arrive(0, false);
        writer.join().unwrap();
        assert_eq!(*room.answered.lock().unwrap(), [1]);
        assert_eq!(room.left(), []);
    });
}

#[test]
fn two_waits_against_a_write_are_both_answered() {
    orders(|room, device| {
        let writer = spawn(move || write(room, device).unwrap());
        let second = spawn(move || room.arrive(0, false));
        room.arrive(0, false);
        writer.join().unwrap();
        second.join().unwrap();
        assert_eq!(*room.answered.lock().unwrap(), [1, 1]);
        assert_eq!(room.left(), []);
    });
}

/// A waiter that always waits again ends up waiting for a change after the last one.
#[test]
fn a_wait_that_is_repeated_misses_none_of_two_writes() {
    orders(|room, device| {
        let writer = spawn(move || {
            write(room, device).unwrap();
            write(room, device).unwrap();
        });
        room.arrive(0, true);
        writer.join().unwrap();
        assert_eq!(room.left(), [2]);
        assert_eq!(room.answered.lock().unwrap().last(), Some(&2));
    });
}

#[test]
fn a_wait_against_a_write_and_a_reset_is_answered() {
    orders(|room, device| {
        let writer = spawn(move || {
            let _ = write(room, device);
        });
        let resetter = spawn(move || {
            let reset = device.reset(0, NOW);
            reset
                .follow_up(|follow_up| room.carry_out(follow_up))
                .unwrap();
        });
        room.arrive(0, true);
        writer.join().unwrap();
        resetter.join().unwrap();
        assert_eq!(room.left(), [device.count(Kinds::CHANGES)]);
    });
}
