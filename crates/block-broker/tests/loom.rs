//! Two operations on one VF at the same time, in every order that loom can find:
//! `RUSTFLAGS="--cfg loom" cargo test -p block-broker --release --test loom`.
#![cfg(loom)]

mod acknowledging;
mod handing;
mod shell;
mod waiting;

use std::sync::OnceLock;

use block_broker::{BlockSlot, Broker, Entry, Event, JOURNAL_LENGTH, Newest, ResetBy, Vf, VfLock};
use block_table::Table;
use loom::sync::Mutex;
use loom::thread::spawn;
use pf_broker_abi::{Operation, Refusal};
use shell::{CONTOSO, Calls, NOW, compile};

/// One VF behind loom's mutex.
struct Cell(Mutex<Vf<'static>>, Newest);

impl VfLock for Cell {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.0.lock().unwrap())
    }

    fn newest(&self) -> &Newest {
        &self.1
    }
}

type Device = &'static Broker<'static, Cell>;

/// Runs `test` on a new device of `vfs` VFs for each order. Loom's threads need `'static` data, so
/// the memory of each run is leaked.
fn every_order(vfs: usize, test: impl Fn(Device) + Sync + Send + 'static) {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    every_order_on(TABLE.get_or_init(|| compile(CONTOSO)), vfs, test);
}

/// [`every_order`] with another table.
fn every_order_on(table: &'static [u8], vfs: usize, test: impl Fn(Device) + Sync + Send + 'static) {
    let table = Table::verify(table).unwrap();
    let orders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&orders);
    loom::model(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let cells: Vec<_> = (0..vfs)
            .map(|_| {
                let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
                let bytes = vec![0xEE; Vf::bytes_needed(&table)].leak();
                Cell(
                    Mutex::new(Vf::new(&table, slots, bytes).unwrap()),
                    Newest::new(),
                )
            })
            .collect();
        test(Box::leak(Box::new(
            Broker::new(table, cells.leak()).unwrap(),
        )));
    });
    println!(
        "{} orders",
        orders.load(std::sync::atomic::Ordering::Relaxed)
    );
}

/// A write to the block `control`: fields of the VF.
fn control(acknowledged: u8, sequence: u8) -> [u8; 16] {
    [
        0,
        0,
        acknowledged,
        0,
        1,
        0,
        0,
        0,
        sequence,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ]
}

/// A publish of the block `control`: the field of host software.
fn command(command: u8) -> [u8; 16] {
    [command, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Command, acknowledgement and sequence of the block `control`, or why it cannot be read.
fn look(device: Device, vf: u16) -> Result<(u8, u8, u8), Refusal> {
    device
        .vf_read(vf, 0, 16)
        .map(|bytes| (bytes[0], bytes[2], bytes[8]))
}

const DEFAULT: (u8, u8, u8) = (5, 0, 0);

#[test]
fn write_against_read_is_never_torn() {
    every_order(1, |device| {
        let writer = spawn(move || {
            device.vf_write(0, 0, &control(1, 1)).unwrap();
            device.vf_write(0, 0, &control(2, 2)).unwrap();
        });
        let first = look(device, 0).unwrap();
        let second = look(device, 0).unwrap();
        writer.join().unwrap();
        let states = [DEFAULT, (5, 1, 1), (5, 2, 2)];
        let place = |seen| {
            states
                .iter()
                .position(|state| *state == seen)
                .expect("a committed state")
        };
        assert!(place(first) <= place(second));
        assert_eq!(look(device, 0), Ok(states[2]));
    });
}

#[test]
fn write_against_publish_loses_neither() {
    every_order(1, |device| {
        let writer = spawn(move || device.vf_write(0, 0, &control(3, 1)).unwrap());
        device.host_publish(0, 0, &command(7)).unwrap();
        writer.join().unwrap();
        assert_eq!(look(device, 0), Ok((7, 3, 1)));
        let counters = device.status(0).unwrap().counters;
        assert_eq!((counters.writes, counters.publishes), (1, 1));
    });
}

/// How often the VF's request was withdrawn.
fn withdrawn(device: Device, vf: u16) -> u64 {
    device.status(vf).unwrap().counters.withdrawn
}

#[test]
fn write_against_a_publish_that_it_contradicts_never_keeps_the_publish_out() {
    every_order(1, |device| {
        let writer = spawn(move || device.vf_write(0, 0, &control(3, 1)));
        let published = device.host_publish(0, 0, &command(2));
        let written = writer.join().unwrap();
        assert_eq!(published, Ok(true));
        assert_eq!(look(device, 0), Ok((2, 0, 0)));
        match written {
            Ok(()) => assert_eq!(withdrawn(device, 0), 1),
            Err(Refusal::Require) => assert_eq!(withdrawn(device, 0), 0),
            Err(refusal) => panic!("{refusal}"),
        }
    });
}

/// Host software reads a request, and the VF may write before the answer.
#[test]
fn a_publish_that_expects_a_revision_against_a_write() {
    every_order(1, |device| {
        let writer = spawn(move || device.vf_write(0, 0, &control(3, 1)).unwrap());
        let mut request = [0; 128];
        let seen = device
            .host_read(0, 0, 16, &mut request, NOW)
            .without_waiters()
            .unwrap();
        let published = device.host_publish_at(0, 0, &command(7), seen);
        writer.join().unwrap();
        match published {
            Ok(true) => assert_eq!(look(device, 0), Ok((7, 3, 1))),
            Err(Refusal::Changed) => {
                assert_eq!((seen, request[2]), (0, 0), "the request was not seen");
                assert_eq!(look(device, 0), Ok((5, 3, 1)));
            }
            other => panic!("{other:?}"),
        }
        let commits = 1 + u64::from(published.is_ok());
        assert_eq!(device.revision(0, 0), Ok(commits));
    });
}

/// The next tenant never reads an answer for the tenant before the reset.
#[test]
fn a_publish_that_expects_a_revision_against_a_reset() {
    every_order(1, |device| {
        let seen = device.revision(0, 0).unwrap();
        let resetter = spawn(move || device.reset(0, NOW).without_waiters().unwrap());
        let published = device.host_publish_at(0, 0, &command(7), seen);
        resetter.join().unwrap();
        assert!(
            matches!(published, Ok(true) | Err(Refusal::Changed | Refusal::State)),
            "{published:?}"
        );
        assert_eq!(look(device, 0), Ok(DEFAULT));
        let commits = 1 + u64::from(published.is_ok());
        assert_eq!(device.revision(0, 0), Ok(commits));
    });
}

#[test]
fn publish_against_reset() {
    every_order(1, |device| {
        device.vf_write(0, 0, &control(3, 1)).unwrap();
        let resetter = spawn(move || device.reset(0, NOW).without_waiters().unwrap());
        let published = device.host_publish(0, 0, &command(2));
        resetter.join().unwrap();
        match published {
            Ok(true) if withdrawn(device, 0) == 1 => {
                assert_eq!(look(device, 0), Ok(DEFAULT), "it came before the reset");
            }
            Ok(true) => assert_eq!(look(device, 0), Ok((2, 0, 0))),
            Err(Refusal::State) => assert_eq!(look(device, 0), Ok(DEFAULT)),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            device.status(0).unwrap().counters.refused_in_all(),
            0,
            "the VF did nothing wrong"
        );
    });
}

/// Whether the VF's journal shows a committed write after the beginning of its reset. Entries are
/// numbered under the VF's lock, so they are in order of occurrence.
fn written_behind_reset(device: Device) -> bool {
    let nothing = Entry {
        number: 0,
        at: NOW,
        repeated: 0,
        event: Event {
            operation: Operation::Remove,
            block: 0,
            length: 0,
            refusal: None,
            companion_status: 0,
            fault: None,
        },
    };
    let mut entries = [nothing; JOURNAL_LENGTH];
    device.journal(0, 0, &mut entries).unwrap();
    entries
        .iter()
        .skip_while(|entry| entry.event.operation != Operation::BeginReset)
        .any(|entry| entry.event.operation == Operation::Write && entry.event.refusal.is_none())
}

#[test]
fn write_against_reset_leaves_nothing_from_before() {
    every_order(1, |device| {
        device.vf_write(0, 0, &control(4, 9)).unwrap();
        let writer = spawn(move || device.vf_write(0, 0, &control(1, 10)));
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        assert_eq!(look(device, 0), Err(Refusal::State));
        device.finish_reset(0, NOW).without_waiters().unwrap();
        let behind = look(device, 0).unwrap();
        let written = writer.join().unwrap();
        let at_last = look(device, 0).unwrap();
        assert!(
            matches!(written, Ok(()) | Err(Refusal::State)),
            "{written:?}"
        );
        if written_behind_reset(device) {
            assert_eq!((written, at_last), (Ok(()), (5, 1, 10)));
            assert!(behind == DEFAULT || behind == at_last, "{behind:?}");
        } else {
            assert_eq!((behind, at_last), (DEFAULT, DEFAULT));
        }
    });
}

/// Only a VF whose reset has finished accepts a lower sequence number: the writer sees the same
/// order as the journal.
#[test]
fn a_write_that_only_a_reset_allows_shows_behind_it() {
    every_order(1, |device| {
        device.vf_write(0, 0, &control(4, 9)).unwrap();
        let writer = spawn(move || device.vf_write(0, 0, &control(1, 3)));
        device.reset(0, NOW).without_waiters().unwrap();
        let written = writer.join().unwrap();
        match written {
            Ok(()) => assert_eq!(look(device, 0), Ok((5, 1, 3))),
            Err(Refusal::State | Refusal::Sequence) => assert_eq!(look(device, 0), Ok(DEFAULT)),
            Err(refusal) => panic!("{refusal}"),
        }
        assert_eq!(written.is_ok(), written_behind_reset(device));
    });
}

#[test]
fn stream_write_against_reset_leaves_nothing_from_before() {
    every_order(1, |device| {
        device.vf_write(0, 3, &[1, 1]).unwrap();
        let writer = spawn(move || device.vf_write(0, 3, &[2, 2]));
        device.reset(0, NOW).without_waiters().unwrap();
        let written = writer.join().unwrap();
        let drained = device.host_drain(0, 3).unwrap();
        if written_behind_reset(device) {
            assert_eq!(written, Ok(()));
            assert_eq!(drained, [[2, 2]]);
        } else {
            assert!(drained.is_empty(), "{drained:?}");
        }
    });
}

#[test]
fn stream_write_against_drain_loses_and_doubles_nothing() {
    every_order(1, |device| {
        let writer = spawn(move || {
            for number in 1..=3 {
                device.vf_write(0, 3, &[number, number]).unwrap();
            }
        });
        let mut drained = device.host_drain(0, 3).unwrap();
        writer.join().unwrap();
        drained.extend(device.host_drain(0, 3).unwrap());
        let numbers: Vec<_> = drained.iter().map(|message| message[0]).collect();
        assert_eq!(numbers, [1, 2, 3]);
    });
}

#[test]
fn publish_against_taking_invalidations_delivers_each_once() {
    every_order(1, |device| {
        let publisher = spawn(move || {
            device.host_publish(0, 0, &command(1)).unwrap();
            device.invalidate(0, 0b10, NOW).without_waiters().unwrap();
        });
        let first = device.take_invalidation(0, NOW).without_waiters().unwrap();
        if first & 1 != 0 {
            assert_eq!(
                look(device, 0).unwrap().0,
                1,
                "what is signalled can be read"
            );
        }
        let second = device.take_invalidation(0, NOW).without_waiters().unwrap();
        publisher.join().unwrap();
        let third = device.take_invalidation(0, NOW).without_waiters().unwrap();
        assert_eq!(first + second + third, 0b11);
    });
}

#[test]
fn the_hardwares_reset_against_taking_invalidations_tells_each_block_once() {
    every_order(1, |device| {
        device.invalidate(0, 0b10, NOW).without_waiters().unwrap();
        let powered = spawn(move || device.invalidate_notifying(NOW).without_waiters());
        let first = device.take_invalidation(0, NOW).without_waiters().unwrap();
        powered.join().unwrap();
        let second = device.take_invalidation(0, NOW).without_waiters().unwrap();
        assert_eq!(first + second, 0b11);
    });
}

#[test]
fn the_hardwares_reset_against_a_reset_is_told_unless_the_reset_came_later() {
    every_order(1, |device| {
        device.invalidate(0, 0b10, NOW).without_waiters().unwrap();
        let powered = spawn(move || device.invalidate_notifying(NOW).without_waiters());
        device.reset(0, NOW).without_waiters().unwrap();
        let after = device.take_invalidation(0, NOW).without_waiters().unwrap();
        powered.join().unwrap();
        let later = device.take_invalidation(0, NOW).without_waiters().unwrap();
        assert!(matches!((after, later), (0, 0 | 1) | (1, 0)));
    });
}

#[test]
fn two_takers_of_one_invalidation_share_it_out_without_loss() {
    every_order(1, |device| {
        device.invalidate(0, 1, NOW).without_waiters().unwrap();
        let taker = spawn(move || device.take_invalidation(0, NOW).without_waiters().unwrap());
        let publisher = spawn(move || device.invalidate(0, 0b10, NOW).without_waiters().unwrap());
        let mine = device.take_invalidation(0, NOW).without_waiters().unwrap();
        let theirs = taker.join().unwrap();
        publisher.join().unwrap();
        let rest = device.take_invalidation(0, NOW).without_waiters().unwrap();
        assert_eq!(mine + theirs + rest, 0b11);
    });
}

#[test]
fn reset_against_taking_invalidations_leaves_none_from_before() {
    every_order(1, |device| {
        device.invalidate(0, 1, NOW).without_waiters().unwrap();
        let taker = spawn(move || device.take_invalidation(0, NOW).without_waiters());
        device.reset(0, NOW).without_waiters().unwrap();
        let taken = taker.join().unwrap();
        assert!(
            matches!(taken, Ok(0 | 1) | Err(Refusal::State)),
            "{taken:?}"
        );
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0));
    });
}

#[test]
fn publish_to_all_is_at_every_vf_when_it_returns() {
    every_order(2, |device| {
        let reader = spawn(move || (look(device, 0).unwrap().0, look(device, 1).unwrap().0));
        device.host_publish_all(0, &command(9)).unwrap();
        assert_eq!(
            (look(device, 0).unwrap().0, look(device, 1).unwrap().0),
            (9, 9)
        );
        let seen = reader.join().unwrap();
        assert!(matches!(seen, (5 | 9, 5 | 9)), "{seen:?}");
        for vf in 0..2 {
            assert_eq!(device.status(vf).unwrap().counters.publishes, 1);
            assert_eq!(device.take_invalidation(vf, NOW).without_waiters(), Ok(1));
        }
    });
}

#[test]
fn publish_to_all_against_writes_of_two_vfs() {
    every_order(2, |device| {
        let contradicts = spawn(move || device.vf_write(0, 0, &control(3, 1)));
        let agrees = spawn(move || device.vf_write(1, 0, &control(2, 1)).unwrap());
        assert_eq!(device.host_publish_all(0, &command(2)), Ok(true));
        let written = contradicts.join().unwrap();
        agrees.join().unwrap();
        assert_eq!(look(device, 0), Ok((2, 0, 0)));
        assert_eq!(look(device, 1), Ok((2, 2, 1)), "neither is lost");
        assert_eq!(withdrawn(device, 0), u64::from(written.is_ok()));
        assert_eq!(withdrawn(device, 1), 0);
        assert_eq!(device.host_refusals_in_all(), 0);
    });
}

#[test]
fn publish_to_all_against_a_publish_to_one() {
    every_order(2, |device| {
        let publisher = spawn(move || device.host_publish(1, 0, &command(8)));
        assert_eq!(device.host_publish_all(0, &command(9)), Ok(true));
        assert_eq!(publisher.join().unwrap(), Ok(true));
        assert_eq!(look(device, 0).unwrap().0, 9);
        assert!(matches!(look(device, 1).unwrap().0, 8 | 9));
    });
}

#[test]
fn publish_to_all_against_another_leaves_the_same_at_all_vfs() {
    every_order(2, |device| {
        let publisher = spawn(move || device.host_publish_all(0, &command(8)));
        let mine = device.host_publish_all(0, &command(9));
        let theirs = publisher.join().unwrap();
        assert!(matches!(
            (mine, theirs),
            (Ok(_), Ok(_) | Err(Refusal::State)) | (Err(Refusal::State), Ok(_))
        ));
        assert_eq!(look(device, 0), look(device, 1));
        let refused = u64::from(mine.is_err()) + u64::from(theirs.is_err());
        assert_eq!(device.host_refusals(Refusal::State), refused);
        assert_eq!(
            device.host_publish_all(0, &command(7)),
            Ok(true),
            "the claim was given back"
        );
    });
}

#[test]
fn publish_to_all_against_reset() {
    every_order(2, |device| {
        device.vf_write(1, 0, &control(3, 1)).unwrap();
        let resetter = spawn(move || device.reset(1, NOW).without_waiters().unwrap());
        assert_eq!(device.host_publish_all(0, &command(2)), Ok(true));
        resetter.join().unwrap();
        assert_eq!(look(device, 0), Ok((2, 0, 0)));
        let second = look(device, 1).unwrap();
        assert!(matches!(second, (5 | 2, 0, 0)), "{second:?}");
        for vf in 0..2 {
            assert_eq!(device.status(vf).unwrap().counters.refused_in_all(), 0);
        }
        assert_eq!(device.host_refusals_in_all(), 0);
    });
}

#[test]
fn publish_to_all_against_removal() {
    every_order(2, |device| {
        let remover = spawn(move || device.remove(NOW).without_waiters());
        let published = device.host_publish_all(0, &command(2));
        remover.join().unwrap();
        let refused = device.host_refusals(Refusal::Removed);
        assert_eq!(refused, u64::from(published.is_err()));
        let publishes = [0, 1].map(|vf| device.status(vf).unwrap().counters.publishes);
        match published {
            Ok(true) => assert_eq!(publishes, [1, 1]),
            Err(Refusal::Removed) => assert!(matches!(publishes, [0 | 1, 0]), "{publishes:?}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn removal_against_a_write() {
    every_order(1, |device| {
        let writer = spawn(move || device.vf_write(0, 0, &control(1, 1)));
        device.remove(NOW).without_waiters();
        let writes = || device.status(0).unwrap().counters.writes;
        let committed = writes();
        let written = writer.join().unwrap();
        assert_eq!(
            writes(),
            committed,
            "nothing is committed behind the removal"
        );
        assert_eq!(written.is_ok(), committed == 1);
        assert!(matches!(written, Ok(()) | Err(Refusal::Removed)));
    });
}
