use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use block_broker::{
    BlockSlot, Broker, Entry, Event, JOURNAL_LENGTH, Kinds, Newest, Ticks, Vf, VfLock,
};
use block_table::Table;
use pf_broker_abi as abi;
use pf_broker_abi::{Operation, PowerState, Refusal};
use pf_broker_client::{Control, Device};
use zerocopy::{FromBytes as _, FromZeros as _, IntoBytes as _};

use super::{Date, Printer, View, Watcher, follow};
use crate::failure::Failure;

const MANIFEST: &str = r#"
[device]
name = "watched"
vendor-id = 1
device-id = 1
max-vfs = 2

[limits]
writes-per-second = 1
burst = 4

[[block]]
id = 0
name = "status"
vf-access = "read-write"
length = 4
"#;

struct Place(RefCell<Vf<'static>>, Newest);

impl VfLock for Place {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.0.borrow_mut())
    }

    fn newest(&self) -> &Newest {
        &self.1
    }
}

type Live = Broker<'static, Place>;

/// How many drivers have started.
static STARTS: AtomicU64 = AtomicU64::new(1);

/// The state of the driver.
fn broker() -> &'static Live {
    let compiled = block_manifest::Manifest::parse("watched.toml", MANIFEST)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile();
    let table = Table::verify(compiled.leak()).expect("a compiled table");
    let cells: Vec<_> = (0..2)
        .map(|_| {
            let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
            let bytes = vec![0; Vf::bytes_needed(&table)].leak();
            let vf = Vf::new(&table, slots, bytes).expect("memory enough");
            Place(RefCell::new(vf), Newest::new())
        })
        .collect();
    let broker = Broker::new(table, cells.leak()).expect("few VFs");
    let start = STARTS.fetch_add(1, Ordering::Relaxed);
    Box::leak(Box::new(broker.with_start([start, 1])))
}

/// The driver, as far as `watch` uses it. A wait that would pend runs the next action; without one
/// it fails as if the device had gone.
struct Driver {
    broker: &'static Live,
    next: RefCell<Vec<Happening>>,
    /// How many waits pended.
    pended: Rc<Cell<u32>>,
    /// Entries that fit into a reply.
    room: usize,
}

const GONE: u32 = 0xC000_02B6;

impl Driver {
    fn changes(&self, request: &abi::ChangesRequest) -> Result<Vec<u8>, u32> {
        let kinds = Kinds::from_bits(request.kinds).expect("known kinds");
        let list = || {
            let mut entries = Vec::new();
            let take = |change: &abi::Change| {
                let has_room = entries.len() < self.room * size_of::<abi::Change>();
                if has_room {
                    entries.extend_from_slice(change.as_bytes());
                }
                has_room
            };
            let end = self.broker.changes(kinds, &request.cookie, take);
            (end.expect("a cookie of the broker"), entries)
        };
        let (mut end, mut entries) = list();
        if entries.is_empty() && end.flags == 0 && request.flags & abi::CHANGES_POLL == 0 {
            self.pended.set(self.pended.get() + 1);
            if self.next.borrow().is_empty() {
                return Err(GONE);
            }
            let next = self.next.borrow_mut().remove(0);
            next(self.broker);
            (end, entries) = list();
        }
        let head = abi::ChangesReply {
            cookie: end.cookie,
            flags: end.flags,
            reserved: 0,
        };
        Ok([head.as_bytes(), &entries].concat())
    }

    fn journal(&self, request: &abi::JournalRequest) -> Vec<abi::JournalEntry> {
        let event = Event {
            operation: Operation::Read,
            block: 0,
            length: 0,
            refusal: None,
            companion_status: 0,
            fault: None,
        };
        let mut entries = [Entry {
            number: 0,
            at: Ticks(0),
            repeated: 0,
            event,
        }; JOURNAL_LENGTH];
        let excerpt = self
            .broker
            .journal(request.vf, request.after, &mut entries)
            .expect("a VF");
        entries[..excerpt.entries]
            .iter()
            .map(|entry| {
                let mut out = abi::JournalEntry::new_zeroed();
                out.sequence = entry.number;
                out.repeated = entry.repeated;
                out.block = entry.event.block;
                out.length = entry.event.length;
                out.status = entry
                    .event
                    .refusal
                    .map_or(0, |refusal| refusal.status().cast_signed());
                out.operation = entry.event.operation.code();
                out.fault = entry.event.fault.map_or(0, |offset| offset + 1);
                out.companion_status = entry.event.companion_status.cast_signed();
                out
            })
            .collect()
    }
}

impl Control for Driver {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let answer = match code {
            abi::IOCTL_QUERY => {
                let mut query = abi::QueryReply::new_zeroed();
                query.abi_version = abi::ABI_VERSION;
                query.num_vfs = 2;
                query.as_bytes().to_vec()
            }
            abi::IOCTL_CHANGES => {
                let request = abi::ChangesRequest::read_from_bytes(input).expect("a request");
                self.changes(&request)?
            }
            abi::IOCTL_JOURNAL => {
                let request = abi::JournalRequest::read_from_bytes(input).expect("a request");
                self.journal(&request).as_bytes().to_vec()
            }
            // An older driver: its events have the time of its clock.
            abi::IOCTL_CLOCK => return Err(0xC000_0010),
            other => panic!("code {other:#x}"),
        };
        output[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

type Happening = Box<dyn FnOnce(&Live)>;

fn driver(next: Vec<Happening>) -> (Driver, &'static Live, Rc<Cell<u32>>) {
    let (broker, pended) = (broker(), Rc::new(Cell::new(0)));
    let driver = Driver {
        broker,
        next: RefCell::new(next),
        pended: Rc::clone(&pended),
        room: 256,
    };
    (driver, broker, pended)
}

fn connected(driver: Driver) -> Device<Driver> {
    Device::new(driver).expect("the same version")
}

fn lines(write: impl FnOnce(&mut dyn std::io::Write)) -> Vec<String> {
    let mut out = anstream::StripStream::new(Vec::new());
    write(&mut out);
    let text = String::from_utf8(out.into_inner()).expect("text");
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn write(broker: &Live, vf: u16, length: u32) {
    let _ = broker
        .write(vf, 0, length, &[0; 128], Ticks(0))
        .without_waiters();
}

fn read(broker: &Live, vf: u16, block: u32) {
    let _ = broker
        .read(vf, block, 4, &mut [0; 128], Ticks(0))
        .without_waiters();
}

/// Prints text.
fn text(out: &mut dyn std::io::Write) -> Printer<'_> {
    Printer {
        out,
        json: false,
        view: View::default(),
        date: Date::default(),
    }
}

/// Runs the watcher until no action is left.
fn watched(driver: Driver, only: Option<u16>) -> Vec<String> {
    lines(|out| {
        let device = connected(driver);
        let mut watcher = Watcher::new(&device, only).expect("answered");
        let ended = loop {
            if let Err(failure) = watcher.step(&device, &mut text(out)) {
                break failure;
            }
        };
        assert!(matches!(ended, Failure::Driver(_)), "{ended}");
    })
}

#[test]
fn refusals_and_publishes_are_shown_as_they_happen_and_what_was_there_before_is_not() {
    let (driver, broker, pended) = driver(vec![
        Box::new(|broker| write(broker, 0, 5)),
        Box::new(|broker| {
            let publish = broker
                .publish(1, 0, 4, &[0; 128], None, Ticks(0))
                .without_waiters();
            assert!(publish.is_ok());
        }),
        Box::new(|broker| read(broker, 1, 9)),
    ]);
    write(broker, 0, 4);
    let shown = watched(driver, None);
    assert_eq!(
        shown,
        [
            "0.0000000 VF 0 write block 0 5 bytes refused: length",
            "0.0000000 VF 1 publish block 0 4 bytes",
            "0.0000000 VF 1 read block 9 4 bytes refused: block",
        ]
    );
    assert_eq!(pended.get(), 4, "once for each event, and once for the end");
}

#[test]
fn repetitions_of_an_entry_that_was_shown_are_shown_as_more_of_it() {
    let refused = "VF 0 read block 9 4 bytes refused: block";
    let (driver, _, pended) = driver(vec![
        Box::new(|broker| read(broker, 0, 9)),
        Box::new(|broker| read(broker, 0, 9)),
        Box::new(|broker| (0..41).for_each(|_| read(broker, 0, 9))),
        Box::new(|broker| {
            read(broker, 0, 9);
            read(broker, 0, 8);
            read(broker, 0, 8);
        }),
    ]);
    assert_eq!(
        watched(driver, Some(0)),
        [
            format!("0.0000000 {refused}"),
            format!("{refused} 1 more"),
            format!("{refused} 41 more"),
            format!("{refused} 1 more"),
            "0.0000000 VF 0 read block 8 4 bytes refused: block ×2".to_owned(),
        ]
    );
    assert_eq!(pended.get(), 5);
}

#[test]
fn events_that_were_overwritten_are_counted() {
    let (driver, _, _) = driver(vec![
        Box::new(|broker| read(broker, 0, 9)),
        Box::new(|broker| {
            // Ten of the entry that was shown, 20 of another, and one more entry than is kept.
            (0..10).for_each(|_| read(broker, 0, 9));
            (0..20).for_each(|_| read(broker, 0, 8));
            (10..26).for_each(|block| read(broker, 0, block));
        }),
    ]);
    let shown = watched(driver, None);
    assert_eq!(
        shown[1],
        "VF 0: 30 events were overwritten before they could be shown"
    );
    assert_eq!(shown.len(), 2 + JOURNAL_LENGTH);
}

#[test]
fn a_flood_is_shown_once_and_ends_no_further_wait() {
    let (driver, _, pended) = driver(vec![
        Box::new(|broker| (0..5).for_each(|_| write(broker, 0, 4))),
        Box::new(|broker| {
            (0..1000).for_each(|_| write(broker, 0, 4));
            assert!(
                broker
                    .set_power(1, PowerState::D3, Ticks(0))
                    .without_waiters()
                    .is_ok()
            );
        }),
    ]);
    let shown = watched(driver, None);
    assert_eq!(
        shown,
        [
            "0.0000000 VF 0 write block 0 4 bytes ×4",
            "0.0000000 VF 0 write block 0 4 bytes refused: limit",
            "0.0000000 VF 1 power D3",
        ]
    );
    assert_eq!(pended.get(), 3);
}

#[test]
fn a_list_that_does_not_fit_is_continued() {
    let (mut driver, broker, pended) = driver(vec![Box::new(|broker| {
        for vf in [0, 1] {
            read(broker, vf, 9);
        }
    })]);
    driver.room = 1;
    for vf in [0, 1] {
        read(broker, vf, 7);
    }
    assert_eq!(
        watched(driver, None),
        [
            "0.0000000 VF 0 read block 9 4 bytes refused: block",
            "0.0000000 VF 1 read block 9 4 bytes refused: block",
        ],
        "what was there before is not shown"
    );
    assert_eq!(pended.get(), 2);
}

/// No handle outlives its device, but a cookie of an earlier start means that the numbers start
/// again.
#[test]
fn a_driver_that_started_anew_is_shown_from_its_first_event_on() {
    let (driver, old, _) = driver(vec![]);
    (0..20).for_each(|block| read(old, 0, 100 + block));
    let shown = lines(|out| {
        let mut watcher = Watcher::new(&connected(driver), None).expect("answered");
        let (young, new, _) = self::driver(vec![]);
        read(new, 0, 7);
        watcher
            .step(&connected(young), &mut text(out))
            .expect("answered");
    });
    assert_eq!(
        shown,
        [
            "the driver has started anew",
            "0.0000000 VF 0 read block 7 4 bytes refused: block",
        ]
    );
}

#[test]
fn a_device_that_goes_is_waited_for_and_its_new_life_is_shown_whole() {
    let (first, broker, _) = driver(vec![Box::new(|broker| read(broker, 0, 9))]);
    read(broker, 0, 1);
    let looks = Cell::new(0);
    let shown = lines(|out| {
        let open = || match looks.get() {
            1 | 2 => Ok(None),
            3 => {
                let (second, broker, _) = driver(vec![Box::new(|broker| read(broker, 1, 6))]);
                read(broker, 0, 5);
                Ok(Some(connected(second)))
            }
            _ => Err(Failure::Argument {
                argument: "--device",
                problem: "the test ends here".to_owned(),
            }),
        };
        let pause = || looks.set(looks.get() + 1);
        let view = |_: &Device<Driver>| Ok(View::default());
        let ended = follow(connected(first), None, &mut text(out), open, pause, view);
        assert!(matches!(ended, Err(Failure::Argument { .. })));
    });
    assert_eq!(
        shown,
        [
            "0.0000000 VF 0 read block 9 4 bytes refused: block",
            "the device has gone; waiting until it is back",
            "the device is back",
            "the driver has started anew",
            "0.0000000 VF 0 read block 5 4 bytes refused: block",
            "0.0000000 VF 1 read block 6 4 bytes refused: block",
            "the device has gone; waiting until it is back",
        ]
    );
}

#[test]
fn a_refusal_is_the_end() {
    struct Refusing;
    impl Control for Refusing {
        fn control(&self, code: u32, _: &[u8], output: &mut [u8]) -> Result<usize, u32> {
            if code != abi::IOCTL_QUERY {
                return Err(Refusal::Vf.status());
            }
            let mut query = abi::QueryReply::new_zeroed();
            query.abi_version = abi::ABI_VERSION;
            output.copy_from_slice(query.as_bytes());
            Ok(output.len())
        }
    }
    let device = Device::new(Refusing).expect("the same version");
    let ended = follow(
        device,
        Some(9),
        &mut text(&mut Vec::new()),
        || Ok(None),
        || {},
        |_| Ok(View::default()),
    );
    assert!(matches!(ended, Err(Failure::Driver(error)) if error.refusal() == Some(Refusal::Vf)));
}
