//! What comes in between the VFs of a publish to all of them, in an order that the test chooses.

mod shell;

use std::cell::{Cell, RefCell};

use block_broker::{
    BlockSlot, Broker, Entry, Event, JOURNAL_LENGTH, Operation, Refusal, Vf, VfCell,
};
use block_table::Table;
use shell::{CONTOSO, Calls, NOW, compile};

/// A VF that lets something happen just before it is visited for the first time.
struct Interrupted<'m> {
    vf: RefCell<Vf<'m>>,
    before: Cell<Option<Box<dyn FnOnce() + 'm>>>,
}

impl VfCell for Interrupted<'_> {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        if let Some(before) = self.before.take() {
            before();
        }
        operation(&mut self.vf.borrow_mut())
    }
}

type Device = Broker<'static, Interrupted<'static>>;

/// A device of two VFs. What the hooks of its cells reach must live for ever, so it does.
fn device() -> (&'static Device, &'static [Interrupted<'static>]) {
    let table = Table::verify(compile(CONTOSO).leak()).unwrap();
    let cells: Vec<_> = (0..2)
        .map(|_| {
            let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
            let bytes = vec![0xEE; Vf::bytes_needed(&table)].leak();
            Interrupted {
                vf: RefCell::new(Vf::new(&table, slots, bytes).unwrap()),
                before: Cell::new(None),
            }
        })
        .collect();
    let cells = cells.leak();
    (
        Box::leak(Box::new(Broker::new(table, cells).unwrap())),
        cells,
    )
}

/// Publishes a command to both VFs, while `between` happens when the first has agreed and the second
/// has not been asked.
fn publish_around(
    between: impl FnOnce(&'static Device) + 'static,
) -> (&'static Device, Result<bool, Refusal>) {
    let (device, cells) = device();
    let mut command = [0; 16];
    command[0] = 2;
    cells[1].before.set(Some(Box::new(move || between(device))));
    let published = device.host_publish_all(0, &command);
    assert_eq!(device.refused_without_vf(), 0);
    (device, published)
}

/// A write that acknowledges more than the published command is.
fn contradict(device: &Device, vf: u16) {
    let mut acknowledgement = [0; 16];
    acknowledgement[2] = 3;
    device.vf_write(vf, 0, &acknowledgement).unwrap();
}

fn refused(device: &Device, vf: u16) -> Vec<(Refusal, u64)> {
    let counters = device.status(vf).unwrap().counters;
    Refusal::ALL
        .into_iter()
        .map(|refusal| (refusal, counters.refused(refusal)))
        .filter(|(_, count)| *count != 0)
        .collect()
}

/// The publishes in the journal of a VF, with why they were refused.
fn publishes(device: &Device, vf: u16) -> Vec<Option<Refusal>> {
    let event = Event {
        operation: Operation::Remove,
        block: 0,
        length: 0,
        refusal: None,
    };
    let nothing = Entry {
        number: 0,
        at: NOW,
        repeated: 0,
        event,
    };
    let mut entries = [nothing; JOURNAL_LENGTH];
    let excerpt = device.journal(vf, 0, &mut entries).unwrap();
    entries[..excerpt.entries]
        .iter()
        .filter(|entry| entry.event.operation == Operation::Publish)
        .map(|entry| entry.event.refusal)
        .collect()
}

#[test]
fn what_a_reset_aborts_is_counted_and_journaled_at_its_vf() {
    let (device, published) = publish_around(|device| device.reset(0, NOW).unwrap());
    assert_eq!(published, Err(Refusal::State));
    assert_eq!(refused(device, 0), [(Refusal::State, 1)]);
    assert_eq!(refused(device, 1), []);
    assert_eq!(publishes(device, 0), [Some(Refusal::State)]);
    assert_eq!(publishes(device, 1), []);
    assert_eq!(device.block_status(0, 0).unwrap().counters.refused, 1);
}

#[test]
fn what_a_removal_aborts_is_counted_at_the_first_vf_alone() {
    let (device, published) = publish_around(|device| device.remove(NOW));
    assert_eq!(published, Err(Refusal::Removed));
    assert_eq!(refused(device, 0), [(Refusal::Removed, 1)]);
    assert_eq!(refused(device, 1), [], "it was late");
    assert_eq!(publishes(device, 0), [Some(Refusal::Removed)]);
    assert_eq!(publishes(device, 1), []);
}

#[test]
fn of_two_reasons_the_first_is_given_and_counted() {
    let (device, published) = publish_around(|device| {
        contradict(device, 0);
        device.remove(NOW);
    });
    assert_eq!(published, Err(Refusal::Require));
    assert_eq!(refused(device, 0), [(Refusal::Require, 1)]);
    assert_eq!(refused(device, 1), []);
    assert_eq!(publishes(device, 0), [Some(Refusal::Require)]);
    assert_eq!(publishes(device, 1), []);
}

#[test]
fn a_vf_that_refuses_is_the_one_that_counts_it() {
    let (device, published) = publish_around(|device| contradict(device, 1));
    assert_eq!(published, Err(Refusal::Require));
    assert_eq!(refused(device, 0), []);
    assert_eq!(refused(device, 1), [(Refusal::Require, 1)]);
}

#[test]
fn what_does_not_contradict_comes_in_between_freely() {
    let (device, published) = publish_around(|device| {
        let mut acknowledgement = [0; 16];
        acknowledgement[2] = 1;
        device.vf_write(0, 0, &acknowledgement).unwrap();
    });
    assert_eq!(published, Ok(true));
    assert_eq!(device.vf_read(0, 0, 16).unwrap()[..3], [2, 0, 1]);
    assert_eq!(publishes(device, 0), [None]);
    assert_eq!(publishes(device, 1), [None]);
}
