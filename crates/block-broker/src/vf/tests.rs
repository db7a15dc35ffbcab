//! What happens between the phases of a reset or of a publish to all VFs, where no caller can look.

use block_table::{Image, Table};

use super::{BlockSlot, MemoryTooSmall, Vf};
use crate::journal::Operation;
use crate::publication::{Decision, Publication};
use crate::request::{Request, Target};
use crate::{Refusal, Ticks};

/// The command of the host's side must not be below the acknowledgement of the VF.
const MANIFEST: &str = r#"
[device]
name = "halves"
vendor-id = 1
device-id = 1
max-vfs = 1

[[block]]
id = 0
name = "control"
vf-access = "read-write"
length = 2
notify = true
require = ["acknowledged <= command"]

[[block.field]]
name = "command"
type = "u8"
owner = "pf"
default = 5

[[block.field]]
name = "acknowledged"
type = "u8"

[[block]]
id = 1
name = "other"
vf-access = "read-write"
length = 2

[[block]]
id = 2
name = "count"
vf-access = "read-write"
length = 2

[[block.field]]
name = "number"
type = "u16"
owner = "both"
sequence = "strict"
"#;

/// A VF with what its operations need.
struct Setup<'a> {
    table: &'a Table<'a>,
    publication: Publication,
    vf: Vf<'a>,
}

fn with_vf(test: impl FnOnce(Setup<'_>)) {
    let compiled = block_manifest::Manifest::parse("test.toml", MANIFEST)
        .unwrap()
        .compile();
    let table = Table::verify(&compiled).unwrap();
    let mut slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)];
    let mut bytes = vec![0; Vf::bytes_needed(&table)];
    let vf = Vf::new(&table, &mut slots, &mut bytes).unwrap();
    test(Setup {
        table: &table,
        publication: Publication::new(),
        vf,
    });
}

fn image(bytes: [u8; 2]) -> Image {
    let mut image = [0; 128];
    image[..2].copy_from_slice(&bytes);
    image
}

fn request(operation: Operation, block: u32) -> Request {
    Request::on_block(operation, block, 2, Ticks(7))
}

impl<'a> Setup<'a> {
    fn target(&self, index: usize) -> Target<'a> {
        Target {
            index,
            block: self.table.block(index).unwrap(),
        }
    }

    fn write(&mut self, bytes: [u8; 2]) -> Result<(), Refusal> {
        self.write_to(0, bytes)
    }

    fn write_to(&mut self, index: usize, bytes: [u8; 2]) -> Result<(), Refusal> {
        let block = u32::try_from(index).unwrap();
        let (target, request) = (self.target(index), request(Operation::Write, block));
        self.vf.write(
            self.table,
            &self.publication,
            target,
            &request,
            &image(bytes),
        )
    }

    fn read(&mut self) -> [u8; 2] {
        let mut reply = [0; 128];
        self.vf.settle(self.table, &self.publication);
        self.vf
            .read(self.target(0), &request(Operation::Read, 0), &mut reply)
            .unwrap();
        [reply[0], reply[1]]
    }

    fn stage(&mut self, bytes: [u8; 2]) -> bool {
        self.stage_to(0, bytes)
    }

    fn stage_to(&mut self, index: usize, bytes: [u8; 2]) -> bool {
        let block = u32::try_from(index).unwrap();
        let (target, request) = (self.target(index), request(Operation::Publish, block));
        self.vf
            .stage(&self.publication, target, &request, &image(bytes))
    }

    fn hold(&mut self) {
        let request = Request::on_vf(Operation::BeginReset, Ticks(0));
        self.vf
            .hold(self.table, &self.publication, &request)
            .unwrap();
    }

    fn open(&mut self) -> Result<(), Refusal> {
        self.vf.open(&Request::on_vf(Operation::Reset, Ticks(0)))
    }
}

#[test]
fn nothing_is_served_until_every_block_is_wiped() {
    with_vf(|mut setup| {
        setup.write([0, 4]).unwrap();
        setup.hold();
        assert_eq!(setup.open(), Err(Refusal::State));
        assert!(
            !setup.stage([9, 0]),
            "its image would hold what is to be wiped"
        );
        setup.vf.wipe(setup.target(0));
        setup.vf.end_wiping();
        setup.vf.end_wiping();
        setup.open().unwrap();
        assert_eq!(setup.read(), [5, 0]);
        let target = setup.target(0);
        setup.write([0, 4]).unwrap();
        setup.vf.wipe(target);
        assert_eq!(setup.read(), [5, 4], "a VF that is served is not wiped");
    });
}

#[test]
fn a_staged_publish_shows_when_it_is_decided_and_not_before() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        assert_eq!(setup.read(), [5, 0]);
        setup.publication.commit().unwrap();
        assert_eq!(setup.read(), [8, 0]);
        assert_eq!((setup.vf.pending, setup.vf.counters.publishes), (1, 1));
        setup.publication.end();
        assert_eq!(setup.read(), [8, 0]);
    });
}

#[test]
fn a_staged_publish_that_is_aborted_leaves_nothing() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        assert_eq!(setup.publication.abort(Refusal::Limit), Ok(()));
        assert_eq!(setup.publication.commit(), Err(Refusal::Limit));
        assert_eq!(setup.read(), [5, 0]);
        setup.publication.end();
        assert_eq!((setup.vf.pending, setup.vf.counters.publishes), (0, 0));
        assert!(setup.vf.staged.is_none());
    });
}

#[test]
fn a_write_between_stage_and_decision_is_kept_under_the_publish() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        setup.write([0, 3]).unwrap();
        assert_eq!(setup.read(), [5, 3]);
        setup.publication.commit().unwrap();
        assert_eq!(setup.read(), [8, 3]);
    });
}

#[test]
fn a_write_that_contradicts_a_staged_publish_aborts_it() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([2, 0]));
        setup.write([0, 3]).unwrap();
        assert_eq!(setup.publication.commit(), Err(Refusal::Require));
        assert_eq!(setup.read(), [5, 3]);
        assert_eq!(
            setup.vf.counters.refused(Refusal::Require),
            1,
            "the publish, not the write"
        );
        assert_eq!(setup.vf.counters.writes, 1);
    });
}

#[test]
fn a_staged_publish_must_follow_the_sequence_of_a_write_that_came_first() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage_to(2, [5, 0]));
        setup.write_to(2, [7, 0]).unwrap();
        assert_eq!(setup.publication.commit(), Err(Refusal::Sequence));
    });
}

#[test]
fn a_write_that_contradicts_a_publish_just_committed_is_refused_on_top_of_it() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([2, 0]));
        // The VF has settled already when the decision falls: `write` begins behind that.
        setup.publication.commit().unwrap();
        assert_eq!(setup.write([0, 3]), Err(Refusal::Require));
        assert_eq!(setup.read(), [2, 0]);
    });
}

#[test]
fn a_reset_aborts_a_staged_publish_but_not_one_that_is_committed() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        setup.hold();
        assert_eq!(setup.publication.commit(), Err(Refusal::State));
        assert_eq!(setup.vf.counters.refused(Refusal::State), 1);
        setup.publication.end();
        setup.vf.end_wiping();
        setup.open().unwrap();
        setup.publication.begin().unwrap();
        assert!(setup.stage([9, 0]));
        setup.publication.commit().unwrap();
        setup.hold();
        assert_eq!(setup.vf.counters.publishes, 1);
        assert_eq!(setup.vf.counters.refused_in_all(), 1, "no more than before");
        assert!(setup.vf.staged.is_none());
    });
}

#[test]
fn only_the_vf_whose_reason_decides_counts_it() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        // Another VF has been first.
        setup.publication.abort(Refusal::Limit).unwrap();
        setup.hold();
        assert!(!setup.stage([8, 0]), "it is being wiped");
        assert_eq!(setup.vf.counters.refused_in_all(), 0);
        assert_eq!(setup.publication.commit(), Err(Refusal::Limit));
    });
}

#[test]
fn only_the_staged_block_is_barred_from_other_publishes() {
    with_vf(|mut setup| {
        setup.publication.begin().unwrap();
        assert!(setup.stage([8, 0]));
        let same = setup.vf.publish(
            setup.target(0),
            &request(Operation::Publish, 0),
            &image([9, 0]),
        );
        assert_eq!(same, Err(Refusal::State));
        let other = setup.vf.publish(
            setup.target(1),
            &request(Operation::Publish, 1),
            &image([9, 9]),
        );
        assert_eq!(other, Ok(()));
    });
}

#[test]
fn one_publish_to_all_at_a_time() {
    let publication = Publication::new();
    publication.begin().unwrap();
    assert_eq!(publication.begin(), Err(Refusal::State));
    assert_eq!(publication.decision(), Decision::Undecided);
    publication.commit().unwrap();
    assert_eq!(
        publication.begin(),
        Err(Refusal::State),
        "not before every VF has settled"
    );
    assert_eq!(
        publication.abort(Refusal::State),
        Err(Decision::Committed),
        "too late"
    );
    publication.end();
    publication.begin().unwrap();
}

#[test]
fn memory_that_is_too_small_is_named_with_its_sizes() {
    let compiled = block_manifest::Manifest::parse("test.toml", MANIFEST)
        .unwrap()
        .compile();
    let table = Table::verify(&compiled).unwrap();
    let (slots, bytes) = (Vf::slots_needed(&table), Vf::bytes_needed(&table));
    // Three registers of 16 bytes with their padding, the room behind the last, whole cache lines.
    assert_eq!((slots, bytes), (3, 192));
    for (slots_given, bytes_given) in [(slots - 1, bytes), (slots, bytes - 1)] {
        let mut slot_memory = vec![BlockSlot::UNUSED; slots_given];
        let mut byte_memory = vec![0; bytes_given];
        let refused = Vf::new(&table, &mut slot_memory, &mut byte_memory).unwrap_err();
        let expected = MemoryTooSmall {
            slots_needed: slots,
            slots_given,
            bytes_needed: bytes,
            bytes_given,
        };
        assert_eq!(refused, expected);
        let sentence = refused.to_string();
        assert!(
            sentence.contains(&format!(
                "given {slots_given} slots and {bytes_given} bytes"
            )),
            "{sentence}"
        );
    }
}
