//! Events between two steps of one operation, in an order that the test chooses.

mod shell;

use std::cell::{Cell, RefCell};

use block_broker::{
    BlockSlot, Broker, Deliver, FollowUp, Kinds, Newest, Outcome, ResetBy, Vf, VfLock,
};
use block_table::Table;
use pf_broker_abi::{Operation, Refusal};
use shell::{CONTOSO, Calls, NOW, compile, events, image, notified};

/// A VF that calls a hook just before one of the operations on it.
struct Interrupted<'m> {
    vf: RefCell<Vf<'m>>,
    newest: Newest,
    before: Cell<Option<Interruption<'m>>>,
}

struct Interruption<'m> {
    /// Operations that come before it.
    after: usize,
    happen: Box<dyn FnOnce() + 'm>,
}

impl VfLock for Interrupted<'_> {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        match self.before.take() {
            Some(Interruption { after: 0, happen }) => happen(),
            Some(later) => self.before.set(Some(Interruption {
                after: later.after - 1,
                ..later
            })),
            None => {}
        }
        operation(&mut self.vf.borrow_mut())
    }

    fn newest(&self) -> &Newest {
        &self.newest
    }
}

type Device = Broker<'static, Interrupted<'static>>;
type Cells = &'static [Interrupted<'static>];

/// A device of two VFs. The hooks of its VFs need `'static` data, so its memory is leaked.
fn device(manifest: &str) -> (&'static Device, Cells) {
    let table = Table::verify(compile(manifest).leak()).unwrap();
    let cells: Vec<_> = (0..2)
        .map(|_| {
            let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)].leak();
            let bytes = vec![0xEE; Vf::bytes_needed(&table)].leak();
            Interrupted {
                vf: RefCell::new(Vf::new(&table, slots, bytes).unwrap()),
                newest: Newest::new(),
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

/// Calls `happen` before the operation on a VF that follows `after` others.
fn interrupt(cell: &Interrupted<'static>, after: usize, happen: impl FnOnce() + 'static) {
    cell.before.set(Some(Interruption {
        after,
        happen: Box::new(happen),
    }));
}

/// Publishes a command to both VFs, while `between` happens when the first has it and the second
/// has not.
fn publish_around(
    between: impl FnOnce(&'static Device) + 'static,
) -> (&'static Device, Outcome<()>) {
    let (device, cells) = device(CONTOSO);
    let mut command = [0; 16];
    command[0] = 2;
    interrupt(&cells[1], 0, move || between(device));
    (device, device.publish_all(0, 16, &image(&command), NOW))
}

/// A write that acknowledges more than the published command is, but not more than the default.
fn contradict(device: &Device, vf: u16) -> Result<(), Refusal> {
    let mut acknowledgement = [0; 16];
    acknowledgement[2] = 3;
    device.vf_write(vf, 0, &acknowledgement)
}

/// Command and acknowledgement of the block `control`.
fn look(device: &Device, vf: u16) -> (u8, u8) {
    let bytes = device.host_sees(vf, 0, 16).unwrap();
    (bytes[0], bytes[2])
}

#[test]
fn a_write_between_two_vfs_of_a_publish_to_all_vetoes_nothing() {
    let (device, published) = publish_around(|device| {
        assert_eq!(
            contradict(device, 0),
            Err(Refusal::Require),
            "it has the publish"
        );
        assert_eq!(contradict(device, 1), Ok(()));
    });
    assert_eq!(notified(published), Ok(true));
    assert_eq!((look(device, 0), look(device, 1)), ((2, 0), (2, 0)));
    let withdrawn = |vf| device.status(vf).unwrap().counters.withdrawn;
    assert_eq!((withdrawn(0), withdrawn(1)), (0, 1));
    assert_eq!(device.host_refusals_in_all(), 0);
}

#[test]
fn a_reset_between_two_vfs_of_a_publish_to_all_vetoes_nothing() {
    let (device, published) = publish_around(|device| {
        device.reset(0, NOW).without_waiters().unwrap();
        device
            .begin_reset(1, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
    });
    assert_eq!(notified(published), Ok(true));
    device.finish_reset(1, NOW).without_waiters().unwrap();
    assert_eq!(
        (look(device, 0), look(device, 1)),
        ((5, 0), (2, 0)),
        "the first was reset behind the publish, the second before it"
    );
    assert_eq!(device.host_refusals_in_all(), 0);
}

#[test]
fn a_removal_between_two_vfs_ends_a_publish_to_all() {
    let (device, published) = publish_around(|device| device.remove(NOW).without_waiters());
    let mut next = FollowUp::NOTHING;
    let published = published.follow_up(|follow_up| next = follow_up);
    assert_eq!(published, Err(Refusal::Removed));
    let for_the_first = FollowUp {
        changed: Kinds::JOURNALED.union(Kinds::PUBLISHED),
        deliver: Deliver::ToAllVfs,
    };
    assert_eq!(next, for_the_first);
    assert_eq!(device.host_refusals(Refusal::Removed), 1);
    let counters = |vf| device.status(vf).unwrap().counters;
    assert_eq!((counters(0).publishes, counters(1).publishes), (1, 0));
    for vf in 0..2 {
        assert_eq!(counters(vf).refused_in_all(), 0);
    }
}

#[test]
fn a_publish_to_all_is_not_begun_while_another_is_under_way() {
    let (device, published) = publish_around(|device| {
        assert_eq!(device.host_publish_all(1, &[1; 8]), Err(Refusal::State));
        assert_eq!(device.host_publish(1, 1, &[2; 8]), Ok(false));
    });
    assert_eq!(notified(published), Ok(true));
    assert_eq!(device.host_refusals(Refusal::State), 1);
    assert_eq!(device.host_publish_all(1, &[1; 8]), Ok(false));
}

/// Host software counts its changes.
const COUNTED: &str = r#"
[device]
name = "counted"
vendor-id = 1
device-id = 1
max-vfs = 2

[[block]]
id = 0
name = "grants"
vf-access = "read-only"
length = 2

[[block.field]]
name = "epoch"
type = "u8"
sequence = "strict"

[[block.field]]
name = "queues"
type = "u8"
"#;

#[test]
fn a_publish_to_all_follows_the_sequences_that_the_host_side_published_before() {
    let (device, _) = device(COUNTED);
    device.host_publish(1, 0, &[5, 1]).unwrap();
    assert_eq!(device.host_publish_all(0, &[5, 2]), Err(Refusal::Sequence));
    assert_eq!(device.host_refusals(Refusal::Sequence), 1);
    assert_eq!(device.revision(0, 0), Ok(0), "nothing was committed");
    assert_eq!(device.host_publish_all(0, &[6, 2]), Ok(false));
    assert_eq!(device.host_publish(0, 0, &[6, 3]), Err(Refusal::Sequence));
}

#[test]
fn a_later_value_of_a_sequence_that_comes_in_between_stands() {
    let (device, cells) = device(COUNTED);
    // The VF is accessed once before any commit, and once to commit.
    interrupt(&cells[1], 1, move || {
        device.host_publish(1, 0, &[9, 1]).unwrap();
    });
    assert_eq!(device.host_publish_all(0, &[8, 2]), Ok(false));
    assert_eq!(device.host_sees(0, 0, 2), Ok(vec![8, 2]));
    assert_eq!(device.host_sees(1, 0, 2), Ok(vec![9, 1]));
    assert_eq!(device.revision(1, 0), Ok(1));
}

#[test]
fn a_drain_that_a_reset_interrupts_keeps_what_it_has_taken() {
    let (device, cells) = device(CONTOSO);
    for number in 1..=3 {
        device.vf_write(0, 3, &[number, number]).unwrap();
    }
    interrupt(&cells[0], 2, move || {
        device.reset(0, NOW).without_waiters().unwrap();
    });
    let drained = device.host_drain(0, 3);
    assert_eq!(drained, Ok(vec![vec![1, 1], vec![2, 2]]));
    assert_eq!(device.host_drain(0, 3), Ok(vec![]), "the third is wiped");

    device.vf_write(1, 3, &[1, 1]).unwrap();
    device.vf_write(1, 3, &[2, 2]).unwrap();
    interrupt(&cells[1], 1, move || {
        device
            .begin_reset(1, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
    });
    assert_eq!(device.host_drain(1, 3), Ok(vec![vec![1, 1]]));
    assert_eq!(device.host_refusals_in_all(), 0, "it was not refused");
    let refused = |vf| {
        let mut drains = events(device, vf).into_iter();
        drains.any(|event| event.operation == Operation::Drain)
    };
    assert!(!refused(0) && !refused(1));
    assert_eq!(device.host_drain(1, 3), Err(Refusal::State));
    assert!(refused(1));
}
