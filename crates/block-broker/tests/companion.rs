//! Writes and reads that a companion handles: the two parts of each, and everything that can come
//! between them.

mod shell;

use block_broker::{Begun, JOURNAL_LENGTH, Kinds, PendingRead, PendingWrite, ResetBy, VfLock};
use block_table::Image;
use pf_broker_abi::{Operation, Refusal};
use shell::{Calls, Device, NOW, events, image, with_device};

/// Block 5: the companion handles writes. 6: a stream, writes. 7: reads and writes. 8: reads, and a
/// publish notifies.
const MANIFEST: &str = r#"
[device]
name = "companion"
vendor-id = 0x1414
device-id = 0xB003
max-vfs = 2

[limits]
writes-per-second = 1
burst = 100

[[block]]
id = 5
name = "queue"
vf-access = "read-write"
length = 12
companion = "write"
require = ["wanted <= limit"]

[[block.field]]
name = "wanted"
type = "u32"

[[block.field]]
name = "limit"
type = "u32"
owner = "pf"
default = 10

[[block.field]]
name = "turn"
type = "u32"
sequence = "strict"

[[block]]
id = 6
name = "log"
kind = "stream"
vf-access = "write-only"
min-length = 1
max-length = 4
depth = 2
companion = "write"

[[block]]
id = 7
name = "both"
vf-access = "read-write"
length = 4
companion = "read-write"

[[block.field]]
name = "request"
type = "u16"

[[block.field]]
name = "answer"
type = "u16"
owner = "pf"
valid = { max = 9 }

[[block]]
id = 8
name = "counter"
vf-access = "read-only"
length = 4
notify = true
short-read = "prefix"
companion = "read"

[[block.field]]
name = "count"
type = "u32"

[[block]]
id = 9
name = "plain"
vf-access = "read-write"
length = 4
"#;

const OK: u32 = 0;
const UNSUCCESSFUL: u32 = 0xC000_0001;

fn queue(wanted: u32, turn: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&wanted.to_le_bytes());
    bytes[8..].copy_from_slice(&turn.to_le_bytes());
    bytes
}

fn limit(limit: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[4..8].copy_from_slice(&limit.to_le_bytes());
    bytes
}

fn companion_device(test: impl FnOnce(&Device<'_>)) {
    with_device(MANIFEST, 2, test);
}

/// The first part of a write with a companion that is ready.
fn begin<'b, L: VfLock>(
    device: &'b block_broker::Broker<'_, L>,
    block: u32,
    bytes: &[u8],
) -> Result<PendingWrite<'b, L>, Refusal> {
    let length = u32::try_from(bytes.len()).unwrap();
    match device
        .begin_write(Ok(()), 0, block, length, &image(bytes), NOW)
        .without_waiters()?
    {
        Begun::Pending(pending) => Ok(pending),
        Begun::Done => panic!("block {block} is handed over"),
    }
}

/// The same with a read.
fn begin_read<'b, L: VfLock>(
    device: &'b block_broker::Broker<'_, L>,
    block: u32,
    length: u32,
) -> Result<PendingRead<'b, L>, Refusal> {
    let mut untouched: Image = [0xAA; 128];
    let begun = device.begin_read(Ok(()), 0, block, length, &mut untouched, NOW);
    assert_eq!(untouched, [0xAA; 128]);
    match begun.without_waiters()? {
        Begun::Pending(pending) => Ok(pending),
        Begun::Done => panic!("block {block} is handed over"),
    }
}

fn finish<L: VfLock>(pending: PendingWrite<'_, L>, answer: u32) -> Result<(), Refusal> {
    pending.finish(answer, NOW).without_waiters()
}

/// Finishes a read: the reply, all bytes of which are set or, if it is refused, none.
fn finish_read<L: VfLock>(pending: PendingRead<'_, L>, answer: u32) -> Result<Image, Refusal> {
    let mut reply = [0xAA; 128];
    let result = pending.finish(answer, &mut reply, NOW).without_waiters();
    if result.is_err() {
        assert_eq!(reply, [0xAA; 128]);
    }
    result.map(|()| reply)
}

/// Sets bytes and finishes the read.
fn set<L: VfLock>(mut pending: PendingRead<'_, L>, bytes: &[u8]) -> Result<Image, Refusal> {
    pending.data_mut().copy_from_slice(bytes);
    finish_read(pending, OK)
}

fn refused(device: &Device<'_>, refusal: Refusal) -> u64 {
    device.status(0).unwrap().counters.refused(refusal)
}

#[test]
fn only_what_the_manifest_names_is_handed_over() {
    companion_device(|device| {
        let handed = |operation| -> Vec<u32> {
            (0..12)
                .filter(|block| device.is_handed_over(operation, *block))
                .collect()
        };
        assert_eq!(handed(Operation::Write), [5, 6, 7]);
        assert_eq!(handed(Operation::Read), [7, 8]);
        assert!(handed(Operation::Publish).is_empty());
        assert!(handed(Operation::HostRead).is_empty());
        assert!(handed(Operation::Drain).is_empty());
    });
}

#[test]
fn without_a_companion_that_is_ready_the_operation_is_refused_and_the_host_is_served() {
    companion_device(|device| {
        assert_eq!(device.vf_write(0, 5, &queue(1, 1)), Err(Refusal::Companion));
        assert_eq!(device.vf_write(0, 6, &[1]), Err(Refusal::Companion));
        assert_eq!(device.vf_read(0, 8, 4), Err(Refusal::Companion));
        assert_eq!(refused(device, Refusal::Companion), 3);
        let absent = Err(Refusal::Companion);
        let begun = device.begin_write(absent, 0, 5, 12, &image(&queue(1, 1)), NOW);
        assert!(matches!(begun.without_waiters(), Err(Refusal::Companion)));
        let begun = device.begin_read(absent, 0, 7, 4, &mut [0; 128], NOW);
        assert!(matches!(begun.without_waiters(), Err(Refusal::Companion)));
        assert_eq!(device.status(0).unwrap().counters.writes, 0);
        device.host_publish(0, 5, &limit(7)).unwrap();
        assert_eq!(device.host_sees(0, 5, 12), Ok(limit(7).to_vec()));
        assert_eq!(device.host_drain(0, 6), Ok(Vec::new()));
        assert_eq!(device.vf_read(0, 5, 12), Ok(limit(7).to_vec()));
    });
}

#[test]
fn what_is_not_handed_over_is_done_without_a_companion() {
    companion_device(|device| {
        let absent = Err(Refusal::Companion);
        let begun = device.begin_write(absent, 0, 9, 4, &image(&[1, 2, 3, 4]), NOW);
        assert!(matches!(begun.without_waiters(), Ok(Begun::Done)));
        let mut reply = [0xAA; 128];
        let begun = device.begin_read(absent, 0, 9, 4, &mut reply, NOW);
        assert!(matches!(begun.without_waiters(), Ok(Begun::Done)));
        assert_eq!(reply, image(&[1, 2, 3, 4]));
        let begun = device.begin_read(absent, 0, 5, 12, &mut reply, NOW);
        assert!(
            matches!(begun.without_waiters(), Ok(Begun::Done)),
            "the companion handles writes of this block only"
        );
    });
}

/// VF, block, access, state, limit, companion, length, checksum and rules.
#[test]
fn the_companion_comes_after_the_limit_and_before_the_length() {
    companion_device(|device| {
        let absent = || Err(Refusal::Companion);
        let write = |vf, block, length| {
            let begun = device.begin_write(absent(), vf, block, length, &[0xFF; 128], NOW);
            begun.without_waiters().map(drop)
        };
        assert_eq!(write(2, 5, 0), Err(Refusal::Vf));
        assert_eq!(write(0, 4, 0), Err(Refusal::Block));
        assert_eq!(write(0, 8, 0), Err(Refusal::Access));
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        assert_eq!(write(0, 5, 0), Err(Refusal::State));
        device.finish_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(write(0, 5, 0), Err(Refusal::Companion));
        assert!(matches!(begin(device, 5, &[]), Err(Refusal::Length)));
        assert!(matches!(
            begin(device, 5, &queue(11, 1)),
            Err(Refusal::Require)
        ));
        for _ in 0..97 {
            assert_eq!(write(0, 5, 0), Err(Refusal::Companion));
        }
        assert_eq!(write(0, 5, 0), Err(Refusal::Limit));
        let read = device.begin_read(absent(), 0, 8, 0, &mut [0; 128], NOW);
        assert!(matches!(read.without_waiters(), Err(Refusal::Companion)));
        assert!(matches!(begin_read(device, 8, 0), Err(Refusal::Length)));
    });
}

#[test]
fn the_companion_gets_the_whole_block_and_nothing_is_committed_before_it_accepts() {
    companion_device(|device| {
        device.host_publish(0, 5, &limit(7)).unwrap();
        let before = device.vf_read(0, 5, 12).unwrap();
        let pending = begin(device, 5, &queue(3, 1)).unwrap();
        let mut merged = queue(3, 1);
        merged[4..8].copy_from_slice(&7_u32.to_le_bytes());
        assert_eq!(pending.data(), merged);
        assert_eq!(device.vf_read(0, 5, 12), Ok(before));
        assert_eq!(device.status(0).unwrap().counters.writes, 0);
        assert_eq!(finish(pending, OK), Ok(()));
        assert_eq!(device.vf_read(0, 5, 12), Ok(merged.to_vec()));
        assert_eq!(device.status(0).unwrap().counters.writes, 1);
        assert_eq!(device.revision(0, 5), Ok(2));
        assert_eq!(device.vf_read(1, 5, 12), Ok(limit(10).to_vec()));

        let pending = begin(device, 6, &[9]).unwrap();
        assert_eq!(pending.data(), [9, 0, 0, 0]);
        assert_eq!(device.host_drain(0, 6), Ok(Vec::new()));
        finish(pending, OK).unwrap();
        assert_eq!(device.host_drain(0, 6), Ok(vec![vec![9]]));
    });
}

#[test]
fn every_status_but_success_declines_and_the_journal_has_it() {
    // Informational, warnings, errors; success codes that mean that something was not done.
    let answers = [
        UNSUCCESSFUL,
        1,
        0x0000_0102,
        0x0000_0103,
        0x4000_0000,
        0x8000_0005,
        u32::MAX,
    ];
    companion_device(|device| {
        for answer in answers {
            let pending = begin(device, 5, &queue(1, 1)).unwrap();
            assert_eq!(finish(pending, answer), Err(Refusal::Declined));
            let last = *events(device, 0).last().unwrap();
            assert_eq!(
                (last.operation, last.refusal, last.companion_status),
                (Operation::Write, Some(Refusal::Declined), answer)
            );
            let pending = begin_read(device, 7, 4).unwrap();
            assert_eq!(finish_read(pending, answer), Err(Refusal::Declined));
            assert_eq!(events(device, 0).last().unwrap().companion_status, answer);
        }
        let counters = device.status(0).unwrap().counters;
        assert_eq!(counters.refused(Refusal::Declined), 14);
        assert_eq!((counters.writes, counters.reads), (0, 0));
        assert_eq!(device.revision(0, 5), Ok(0));
        assert_eq!(events(device, 0).len(), 14.min(JOURNAL_LENGTH));
        finish(begin(device, 5, &queue(1, 1)).unwrap(), OK)
            .expect("a write that was declined does not advance the sequence");
    });
}

/// The order in which a response is readable before the VF's write returns.
#[test]
fn what_is_published_during_the_call_is_merged() {
    companion_device(|device| {
        let pending = begin(device, 7, &[1, 0, 0, 0]).unwrap();
        device.host_publish(0, 7, &[0xFF, 0xFF, 5, 0]).unwrap();
        device.host_publish(1, 7, &[0, 0, 6, 0]).unwrap();
        finish(pending, OK).unwrap();
        assert_eq!(device.host_sees(0, 7, 4), Ok(vec![1, 0, 5, 0]));
        assert_eq!(device.host_sees(1, 7, 4), Ok(vec![0, 0, 6, 0]));
    });
}

#[test]
fn the_rules_hold_after_the_companions_own_publish() {
    companion_device(|device| {
        let pending = begin(device, 5, &queue(5, 1)).unwrap();
        device.host_publish(0, 5, &limit(4)).unwrap();
        assert_eq!(
            finish(pending, OK),
            Err(Refusal::Require),
            "accepted, and refused by the rules"
        );
        assert_eq!(device.host_sees(0, 5, 12), Ok(limit(4).to_vec()));
        assert_eq!(refused(device, Refusal::Require), 1);
        let last = *events(device, 0).last().unwrap();
        assert_eq!(
            (last.refusal, last.companion_status),
            (Some(Refusal::Require), 0)
        );
        finish(begin(device, 5, &queue(4, 1)).unwrap(), OK).unwrap();
    });
}

#[test]
fn a_stream_without_room_is_refused_before_the_call() {
    companion_device(|device| {
        for byte in 1..=2 {
            finish(begin(device, 6, &[byte]).unwrap(), OK).unwrap();
        }
        assert!(matches!(begin(device, 6, &[3]), Err(Refusal::Full)));
        assert_eq!(device.host_drain(0, 6).unwrap().len(), 2);
        let pending = begin(device, 6, &[4]).unwrap();
        finish(begin(device, 6, &[5]).unwrap(), OK).unwrap();
        finish(begin(device, 6, &[6]).unwrap(), OK).unwrap();
        assert_eq!(
            finish(pending, OK),
            Err(Refusal::Full),
            "a shell that lets two calls of a VF run"
        );
    });
}

#[test]
fn two_pending_writes_are_validated_each_before_its_commit() {
    companion_device(|device| {
        let first = begin(device, 5, &queue(1, 1)).unwrap();
        let second = begin(device, 5, &queue(2, 1)).unwrap();
        finish(first, OK).unwrap();
        assert_eq!(finish(second, OK), Err(Refusal::Sequence));
    });
}

#[test]
fn nothing_is_committed_once_a_reset_has_begun_not_even_to_the_next_tenant() {
    companion_device(|device| {
        for finished in [false, true] {
            let pending = begin(device, 5, &queue(1, 1)).unwrap();
            let reading = begin_read(device, 7, 4).unwrap();
            device
                .begin_reset(0, ResetBy::Host, NOW)
                .without_waiters()
                .unwrap();
            if finished {
                device.finish_reset(0, NOW).without_waiters().unwrap();
            }
            assert_eq!(finish(pending, OK), Err(Refusal::State));
            assert_eq!(set(reading, &[0, 0, 1, 0]), Err(Refusal::State));
            device.finish_reset(0, NOW).without_waiters().unwrap();
            assert_eq!(device.host_sees(0, 5, 12), Ok(limit(10).to_vec()));
            assert_eq!(device.host_sees(0, 7, 4), Ok(vec![0; 4]));
        }
        assert_eq!(refused(device, Refusal::State), 4);
        let pending = begin(device, 5, &queue(1, 1)).unwrap();
        device.reset(0, NOW).without_waiters().unwrap();
        assert_eq!(
            finish(pending, UNSUCCESSFUL),
            Err(Refusal::State),
            "the answer is about the tenant before"
        );
        finish(begin(device, 5, &queue(1, 1)).unwrap(), OK).unwrap();
    });
}

#[test]
fn a_removal_during_the_call_refuses_it_as_removed() {
    companion_device(|device| {
        let pending = begin(device, 5, &queue(1, 1)).unwrap();
        let dropped = begin(device, 5, &queue(1, 1)).unwrap();
        let reading = begin_read(device, 8, 4).unwrap();
        device.remove(NOW).without_waiters();
        assert_eq!(finish(pending, OK), Err(Refusal::Removed));
        assert_eq!(finish_read(reading, OK), Err(Refusal::Removed));
        drop(dropped);
        assert_eq!(refused(device, Refusal::Removed), 3);
    });
}

#[test]
fn an_operation_that_is_not_finished_is_refused_as_state() {
    companion_device(|device| {
        drop(begin(device, 5, &queue(1, 1)).unwrap());
        drop(begin_read(device, 7, 4).unwrap());
        begin(device, 5, &queue(1, 1))
            .unwrap()
            .abandon(NOW)
            .without_waiters();
        begin_read(device, 7, 4)
            .unwrap()
            .abandon(NOW)
            .without_waiters();
        assert_eq!(refused(device, Refusal::State), 4);
        let refusals = events(device, 0)
            .iter()
            .map(|event| event.refusal)
            .collect::<Vec<_>>();
        assert!(
            refusals
                .iter()
                .all(|refusal| *refusal == Some(Refusal::State))
        );
        assert_eq!(device.host_sees(0, 5, 12), Ok(limit(10).to_vec()));
        finish(begin(device, 5, &queue(1, 1)).unwrap(), OK).unwrap();
        assert_eq!(refused(device, Refusal::State), 4, "a finished one is not");
    });
}

#[test]
fn an_abandoned_operation_ends_waits_for_refusals() {
    companion_device(|device| {
        let follow_up = begin(device, 5, &queue(1, 1)).unwrap().abandon(NOW);
        let refused = Kinds::JOURNALED.union(Kinds::REFUSED);
        assert_eq!(follow_up.changed, refused);
    });
}

#[test]
fn a_read_gets_the_bytes_that_the_companion_sets_and_no_invalidation() {
    companion_device(|device| {
        let reply = set(begin_read(device, 8, 4).unwrap(), &[1, 2, 3, 4]).unwrap();
        assert_eq!(reply, image(&[1, 2, 3, 4]));
        let status = device.status(0).unwrap();
        assert_eq!(
            (
                status.pending,
                status.counters.reads,
                status.counters.publishes
            ),
            (0, 1, 1)
        );
        assert_eq!(device.host_sees(0, 8, 4), Ok(vec![1, 2, 3, 4]));
        assert_eq!(device.revision(0, 8), Ok(1));
        let last = *events(device, 0).last().unwrap();
        assert_eq!((last.operation, last.length), (Operation::Publish, 4));

        let prefix = set(begin_read(device, 8, 2).unwrap(), &[5, 6, 7, 8]).unwrap();
        assert_eq!(prefix, image(&[5, 6]));
        let longer = set(begin_read(device, 8, 128).unwrap(), &[9, 9, 9, 9]).unwrap();
        assert_eq!(longer, image(&[9, 9, 9, 9]));
        assert_eq!(
            device.host_sees(1, 8, 4),
            Ok(vec![0; 4]),
            "of this VF alone"
        );
    });
}

#[test]
fn a_read_that_changes_nothing_commits_nothing() {
    companion_device(|device| {
        device.host_publish(0, 8, &[1, 0, 0, 0]).unwrap();
        let reply = finish_read(begin_read(device, 8, 4).unwrap(), OK).unwrap();
        assert_eq!(reply, image(&[1, 0, 0, 0]));
        assert_eq!(device.revision(0, 8), Ok(1));

        finish(begin(device, 7, &[3, 0, 0, 0]).unwrap(), OK).unwrap();
        let reply = set(begin_read(device, 7, 4).unwrap(), &[0xFF, 0xFF, 0, 0]).unwrap();
        assert_eq!(reply, image(&[3, 0, 0, 0]), "the VF's bytes are its own");
        assert_eq!(device.revision(0, 7), Ok(1));
        assert_eq!(device.status(0).unwrap().counters.publishes, 1);
    });
}

#[test]
fn a_publish_during_the_read_stays_unless_the_companion_sets_other_bytes() {
    companion_device(|device| {
        let pending = begin_read(device, 8, 4).unwrap();
        device.host_publish(0, 8, &[1, 0, 0, 0]).unwrap();
        assert_eq!(finish_read(pending, OK), Ok(image(&[1, 0, 0, 0])));
        let pending = begin_read(device, 8, 4).unwrap();
        device.host_publish(0, 8, &[2, 0, 0, 0]).unwrap();
        assert_eq!(set(pending, &[3, 0, 0, 0]), Ok(image(&[3, 0, 0, 0])));
        assert_eq!(device.revision(0, 8), Ok(3));
    });
}

#[test]
fn a_read_for_which_the_companion_breaks_a_rule_is_refused_with_its_reason() {
    companion_device(|device| {
        let refusal = set(begin_read(device, 7, 4).unwrap(), &[0, 0, 10, 0]);
        assert_eq!(refusal, Err(Refusal::Value));
        assert_eq!(refused(device, Refusal::Value), 1);
        let last = *events(device, 0).last().unwrap();
        assert_eq!(
            (last.operation, last.block, last.refusal),
            (Operation::Read, 7, Some(Refusal::Value))
        );
        assert_eq!(device.host_sees(0, 7, 4), Ok(vec![0; 4]));
        assert_eq!(device.revision(0, 7), Ok(0));
    });
}

/// As by a publish: no VF can keep the companion from answering.
#[test]
fn a_read_withdraws_what_the_vf_wrote_where_it_contradicts_the_companion() {
    let manifest = MANIFEST.replacen("companion = \"write\"", "companion = \"read\"", 1);
    with_device(&manifest, 1, |device| {
        device.vf_write(0, 5, &queue(5, 1)).unwrap();
        let mut bytes = queue(5, 1);
        bytes[4] = 4;
        let reply = set(begin_read(device, 5, 12).unwrap(), &bytes).unwrap();
        assert_eq!(reply, image(&limit(4)));
        let status = device.status(0).unwrap();
        assert_eq!((status.counters.withdrawn, status.pending), (1, 0));
        let operations: Vec<_> = events(device, 0)
            .iter()
            .map(|event| event.operation)
            .collect();
        assert_eq!(
            operations,
            [Operation::Write, Operation::Withdraw, Operation::Publish]
        );
    });
}
