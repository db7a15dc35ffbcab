//! Random sequences of operations, against a plain model that is compared with the broker in
//! everything after every step.

#[path = "model/handed.rs"]
mod handed;
mod shell;
#[path = "model/mod.rs"]
mod simple;

use std::sync::LazyLock;

use block_broker::{Deliver, Entry, Event, JOURNAL_LENGTH, Kinds, ResetBy, Ticks};
use pf_broker_abi::{CHANGES_MORE, ChangesCookie, Operation, PowerState, Refusal, Service};
use proptest::collection::vec;
use proptest::prelude::*;
use shell::{CONTOSO, Device, compile, image, list, notified, with_table};
use simple::{Model, Seen, Side, crc32};

const VFS: u16 = 3;

/// One table of `contoso.toml`.
struct Variant {
    burst: u128,
    /// The ticks within which a reset is acknowledged, if it is to be.
    timeout: Option<u64>,
    /// The blocks whose writes and those whose reads the companion handles.
    handed_over: [&'static [u32]; 2],
    table: Vec<u8>,
}

/// Different bursts and acknowledgements, and a companion or none.
static TABLES: LazyLock<[Variant; 5]> = LazyLock::new(|| {
    const HANDED_OVER: [&[u32]; 2] = [&[0, 3, 63, 70], &[0, 1]];
    [
        (1, None, [&[][..]; 2]),
        (3, Some(1), [&[]; 2]),
        (1_000_000, None, [&[]; 2]),
        (1_000_000, Some(2), [&[]; 2]),
        (1_000_000, None, HANDED_OVER),
    ]
    .map(|(burst, timeout, handed_over)| Variant {
        burst,
        timeout: timeout.map(|timeout| Ticks::from_milliseconds(timeout).0),
        handed_over,
        table: compile(&manifest(burst, timeout, handed_over)),
    })
});

fn manifest(burst: u128, timeout: Option<u64>, handed_over: [&[u32]; 2]) -> String {
    let mut manifest = CONTOSO.replace("burst = 1_000_000", &format!("burst = {burst}"));
    if let Some(timeout) = timeout {
        let keys = format!("reset = \"acknowledged\"\nreset-timeout = {timeout}\n\n[limits]");
        manifest = manifest.replacen("\n[limits]", &keys, 1);
    }
    for id in [0, 1, 3, 63, 70] {
        let companion = match handed_over.map(|blocks| blocks.contains(&id)) {
            [false, false] => continue,
            [true, false] => "write",
            [false, true] => "read",
            [true, true] => "read-write",
        };
        let key = format!("id = {id}\n");
        assert!(manifest.contains(&key), "block {id}");
        manifest = manifest.replacen(&key, &format!("{key}companion = \"{companion}\"\n"), 1);
    }
    manifest
}

#[derive(Clone, Debug)]
enum Step {
    Read {
        side_is_vf: bool,
        vf: u16,
        block: u32,
        length: usize,
    },
    Write {
        vf: u16,
        block: u32,
        sent: Vec<u8>,
    },
    Publish {
        vf: u16,
        block: u32,
        sent: Vec<u8>,
        /// How far from the block's revision the one is that is expected, if one is.
        expected: Option<u64>,
    },
    PublishAll {
        block: u32,
        sent: Vec<u8>,
    },
    Invalidate {
        vf: u16,
        mask: u64,
    },
    InvalidateAll {
        mask: u64,
    },
    InvalidateNotifying,
    TakeInvalidation {
        vf: u16,
    },
    Drain {
        vf: u16,
        block: u32,
    },
    BeginReset {
        vf: u16,
        by_vf: bool,
    },
    FinishReset {
        vf: u16,
    },
    FailReset {
        vf: u16,
    },
    Reset {
        vf: u16,
    },
    Acknowledge {
        vf: u16,
        /// How far from the VF's last reset the acknowledged one is.
        before: u64,
    },
    Expire,
    Power {
        vf: u16,
        state: PowerState,
    },
    Remove,
    /// A reader lists changes, a few entries at a time.
    Changes {
        reader: usize,
        kinds: u16,
        most: usize,
    },
    Advance {
        ticks: u64,
    },
    Handed(handed::Step),
}

const READERS: usize = 3;

/// A reader of the broker's changes, and of the model's.
#[derive(Clone)]
struct Reader {
    cookie: ChangesCookie,
    seen: Seen,
}

/// A VF that exists, mostly.
fn vf() -> impl Strategy<Value = u16> {
    prop_oneof![20 => 0..VFS, 1 => Just(VFS), 1 => Just(u16::MAX)]
}

/// A block that exists, mostly.
fn block() -> impl Strategy<Value = u32> {
    prop_oneof![
        20 => prop::sample::select(vec![0_u32, 1, 2, 3, 63, 70]),
        1 => prop::sample::select(vec![4_u32, 6, 62, 64, 71, 127, u32::MAX])
    ]
}

/// Data for a block, mostly valid, so that every rule is reached.
fn sent_to(block: u32) -> BoxedStrategy<Vec<u8>> {
    let control = (0..8_u16, 0..8_u16, 0..5_u16, 0..6_u32, 0..40_u8).prop_map(
        |(command, acknowledged, version, sequence, dirt)| {
            let mut bytes = vec![0; 16];
            bytes[0..2].copy_from_slice(&command.to_le_bytes());
            bytes[2..4].copy_from_slice(&acknowledged.to_le_bytes());
            bytes[4..6].copy_from_slice(&version.to_le_bytes());
            bytes[8..12].copy_from_slice(&sequence.to_le_bytes());
            if let Some(reserved) = [6_usize, 7, 12, 15].get(usize::from(dirt)) {
                bytes[*reserved] = 1;
            }
            bytes
        },
    );
    let signed = (vec(any::<u8>(), 124), 0..4_u8).prop_map(|(mut bytes, luck)| {
        let checksum = crc32(&bytes) ^ u32::from(luck == 0);
        bytes.extend(checksum.to_le_bytes());
        bytes
    });
    let fit = match block {
        0 => control.boxed(),
        1 => vec(any::<u8>(), 8).boxed(),
        2 => vec(any::<u8>(), 1..=4).boxed(),
        3 => (0..110_u8, 0..4_u8, vec(any::<u8>(), 0..=4))
            .prop_map(|(kind, number, data)| [vec![kind, number], data].concat())
            .boxed(),
        63 => signed.boxed(),
        _ => vec(any::<u8>(), 2).boxed(),
    };
    prop_oneof![12 => fit, 1 => vec(0..3_u8, 0..=130)].boxed()
}

fn block_and_sent() -> impl Strategy<Value = (u32, Vec<u8>)> {
    block().prop_flat_map(|block| (Just(block), sent_to(block)))
}

fn mask() -> impl Strategy<Value = u64> {
    prop_oneof![6 => prop::sample::select(vec![0_u64, 1, 2, 8, 1 << 63, 0b1111]), 1 => any::<u64>()]
}

/// The length of a read.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![6 => prop::sample::select(vec![1_usize, 4, 8, 16, 128]), 1 => 0..=130_usize]
}

/// A step; of about 200 steps so many concern operations that a companion handles.
fn step(handed: u32) -> impl Strategy<Value = Step> {
    let power = prop::sample::select(vec![
        PowerState::D0,
        PowerState::D1,
        PowerState::D2,
        PowerState::D3,
    ]);
    prop_oneof![
        60 => (vf(), block_and_sent()).prop_map(|(vf, (block, sent))| Step::Write { vf, block, sent }),
        20 => (any::<bool>(), vf(), block(), lengths()).prop_map(|(side_is_vf, vf, block, length)| Step::Read { side_is_vf, vf, block, length }),
        20 => (vf(), block_and_sent(), prop::option::weighted(0.3, 0..2_u64))
            .prop_map(|(vf, (block, sent), expected)| Step::Publish { vf, block, sent, expected }),
        10 => block_and_sent().prop_map(|(block, sent)| Step::PublishAll { block, sent }),
        4 => (vf(), mask()).prop_map(|(vf, mask)| Step::Invalidate { vf, mask }),
        2 => mask().prop_map(|mask| Step::InvalidateAll { mask }),
        2 => Just(Step::InvalidateNotifying),
        6 => vf().prop_map(|vf| Step::TakeInvalidation { vf }),
        10 => (vf(), block()).prop_map(|(vf, block)| Step::Drain { vf, block }),
        2 => (vf(), any::<bool>()).prop_map(|(vf, by_vf)| Step::BeginReset { vf, by_vf }),
        6 => vf().prop_map(|vf| Step::FinishReset { vf }),
        1 => vf().prop_map(|vf| Step::FailReset { vf }),
        3 => vf().prop_map(|vf| Step::Reset { vf }),
        4 => (vf(), prop_oneof![3 => Just(0), 1 => Just(1)])
            .prop_map(|(vf, before)| Step::Acknowledge { vf, before }),
        4 => Just(Step::Expire),
        2 => (vf(), power).prop_map(|(vf, state)| Step::Power { vf, state }),
        12 => (0..READERS, 1..=Kinds::ALL.bits(), 1..6_usize)
            .prop_map(|(reader, kinds, most)| Step::Changes { reader, kinds, most }),
        10 => prop_oneof![0..20_000_u64, Just(10_000_000)].prop_map(|ticks| Step::Advance { ticks }),
        handed => handed::step().prop_map(Step::Handed),
    ]
}

/// A sequence that may end with the removal of the device and a few more steps.
fn steps(handed: u32) -> impl Strategy<Value = Vec<Step>> {
    (
        vec(step(handed), 1..120),
        prop::option::weighted(0.2, vec(step(handed), 0..10)),
    )
        .prop_map(|(mut steps, removed)| {
            if let Some(behind) = removed {
                steps.push(Step::Remove);
                steps.extend(behind);
            }
            steps
        })
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

/// Does one step on both sides; their results must be the same.
fn take_step(device: &Device<'_>, model: &mut Model, clock: &mut u64, step: &Step) {
    let (at, now) = (*clock, Ticks(*clock));
    match step {
        Step::Read {
            side_is_vf,
            vf,
            block,
            length,
        } => {
            let mut reply = [0xAA; 128];
            let asked = u32::try_from(*length).unwrap();
            let (side, result) = if *side_is_vf {
                (
                    Side::Vf,
                    device
                        .read(*vf, *block, asked, &mut reply, now)
                        .without_waiters(),
                )
            } else {
                (
                    Side::Host,
                    device
                        .host_read(*vf, *block, asked, &mut reply, now)
                        .without_waiters()
                        .map(|revision| {
                            assert_eq!(revision, model.revision(*vf, *block));
                        }),
                )
            };
            let expected = model.read(side, *vf, *block, *length, at);
            match &expected {
                Ok(value) => assert_eq!(reply, image(value)),
                Err(_) => assert_eq!(reply, [0xAA; 128]),
            }
            assert_eq!(result, expected.map(drop));
        }
        Step::Write { vf, block, sent } => {
            let result = device
                .write(*vf, *block, length(sent), &image(sent), now)
                .without_waiters();
            assert_eq!(result, model.write(*vf, *block, sent, at));
        }
        Step::Publish {
            vf,
            block,
            sent,
            expected,
        } => {
            let expected = expected.map(|off| model.revision(*vf, *block).wrapping_sub(off));
            let outcome = device.publish(*vf, *block, length(sent), &image(sent), expected, now);
            assert_eq!(
                notified(outcome),
                model.publish(*vf, *block, sent, expected, at)
            );
        }
        Step::PublishAll { block, sent } => {
            let outcome = device.publish_all(*block, length(sent), &image(sent), now);
            assert_eq!(notified(outcome), model.publish_all(*block, sent, at));
        }
        Step::Invalidate { vf, mask } => {
            assert_eq!(
                device.invalidate(*vf, *mask, now).without_waiters(),
                model.invalidate(*vf, *mask, at)
            );
        }
        Step::InvalidateAll { mask } => assert_eq!(
            device.invalidate_all(*mask, now).without_waiters(),
            model.invalidate_all(*mask, at)
        ),
        Step::InvalidateNotifying => {
            device.invalidate_notifying(now).without_waiters();
            model.invalidate_notifying(at);
        }
        Step::TakeInvalidation { vf } => {
            assert_eq!(
                device.take_invalidation(*vf, now).without_waiters(),
                model.take_invalidation(*vf, at)
            );
        }
        Step::Drain { vf, block } => {
            let mut messages = vec![];
            let result = device
                .drain(*vf, *block, 1, now, |message| {
                    messages.push(message.to_vec());
                })
                .without_waiters();
            let expected = model.drain(*vf, *block, at);
            match &expected {
                Ok(Some(expected)) => assert_eq!(messages, [expected.as_slice()]),
                _ => assert_eq!(messages, [[0; 0]; 0]),
            }
            assert_eq!(
                result,
                expected.map(|message| usize::from(message.is_some()))
            );
        }
        Step::Advance { ticks } => *clock += ticks,
        _ => take_lifecycle_step(device, model, at, step),
    }
}

/// A step that concerns a VF, or the device, as a whole.
fn take_lifecycle_step(device: &Device<'_>, model: &mut Model, at: u64, step: &Step) {
    let now = Ticks(at);
    match step {
        Step::BeginReset { vf, by_vf } => {
            let by = if *by_vf { ResetBy::Vf } else { ResetBy::Host };
            assert_eq!(
                device.begin_reset(*vf, by, now).without_waiters(),
                model.begin_reset(*vf, by, at)
            );
        }
        Step::FinishReset { vf } => {
            assert_eq!(
                device.finish_reset(*vf, now).without_waiters(),
                model.finish_reset(*vf, at)
            );
        }
        Step::FailReset { vf } => {
            assert_eq!(
                device.fail_reset(*vf, now).without_waiters(),
                model.fail_reset(*vf, at)
            );
        }
        Step::Reset { vf } => {
            let expected = model
                .begin_reset(*vf, ResetBy::Host, at)
                .and_then(|()| model.finish_reset(*vf, at));
            assert_eq!(device.reset(*vf, now).without_waiters(), expected);
        }
        Step::Acknowledge { vf, before } => {
            let resets = model.resets(*vf).wrapping_sub(*before);
            assert_eq!(
                notified(device.acknowledge(*vf, resets, now)),
                model.acknowledge(*vf, resets, at)
            );
        }
        Step::Expire => {
            let mut served = vec![];
            let next = device.expire(now, |vf, follow_up| {
                served.push((vf, follow_up.deliver == Deliver::ToVf(vf)));
            });
            assert_eq!((served, next), model.expire(at));
        }
        Step::Power { vf, state } => assert_eq!(
            device.set_power(*vf, *state, now).without_waiters(),
            model.set_power(*vf, *state, at)
        ),
        Step::Remove => {
            device.remove(now).without_waiters();
            model.remove(at);
        }
        _ => unreachable!("{step:?} is a step of one block"),
    }
}

/// A reader's list is what the model says, in however many parts.
fn compare_changes(
    device: &Device<'_>,
    model: &Model,
    reader: &mut Reader,
    kinds: u16,
    most: usize,
) {
    let kinds = Kinds::from_bits(kinds).unwrap();
    let mut listed = vec![];
    loop {
        let (changes, end) = list(device, kinds, &reader.cookie, most);
        listed.extend(changes);
        reader.cookie = end.cookie;
        if end.flags & CHANGES_MORE == 0 {
            break;
        }
    }
    assert_eq!(listed, model.changes(&mut reader.seen, kinds));
}

/// All observable state of the broker equals the model's.
fn compare(device: &Device<'_>, model: &Model, clock: u64) {
    for refusal in Refusal::ALL {
        assert_eq!(
            device.host_refusals(refusal),
            model.host_refusals.get(&refusal).copied().unwrap_or(0),
            "{refusal:?} of the host side"
        );
    }
    for (index, expected) in (0_u16..).zip(&model.vfs) {
        let status = device.status(index).unwrap();
        let counters = status.counters;
        let sum = |count: fn(&simple::BlockCounts) -> u64| {
            expected.counts.values().map(count).sum::<u64>()
        };
        assert_eq!(counters.reads, sum(|counts| counts.reads));
        assert_eq!(counters.writes, sum(|counts| counts.writes));
        assert_eq!(counters.publishes, sum(|counts| counts.publishes));
        assert_eq!(counters.dropped, sum(|counts| counts.dropped));
        assert_eq!(counters.resets, expected.resets);
        assert_eq!(counters.floods, expected.floods);
        assert_eq!(counters.withdrawn, expected.withdrawn);
        for refusal in Refusal::ALL {
            assert_eq!(
                counters.refused(refusal),
                expected.refused.get(&refusal).copied().unwrap_or(0),
                "{refusal:?}"
            );
        }
        assert_eq!(
            counters.refused_in_all(),
            expected.refused.values().sum::<u64>()
        );
        assert_eq!(
            (status.pending, status.power, status.service),
            (expected.pending, expected.power, expected.service())
        );
        compare_blocks(device, model, index, clock);
        compare_journal(device, expected, index);
    }
}

fn compare_blocks(device: &Device<'_>, model: &Model, index: u16, clock: u64) {
    let expected = &model.vfs[usize::from(index)];
    for block in &model.blocks {
        let status = device.block_status(index, block.id).unwrap();
        let (counters, counts) = (status.counters, &expected.counts[&block.id]);
        assert_eq!(counters.reads, counts.reads);
        assert_eq!(counters.writes, counts.writes);
        assert_eq!(counters.publishes, counts.publishes);
        assert_eq!(counters.refused, counts.refused, "block {}", block.id);
        assert_eq!(counters.dropped, counts.dropped);
        assert_eq!(status.revision, counts.revision, "block {}", block.id);
        assert_eq!(
            usize::from(status.queued),
            expected
                .streams
                .get(&block.id)
                .map_or(0, std::collections::VecDeque::len)
        );
        if expected.service() != Service::Held && !block.is_stream() {
            let mut reply = [0xAA; 128];
            device
                .host_read(
                    index,
                    block.id,
                    length(&image(&[])),
                    &mut reply,
                    Ticks(clock),
                )
                .without_waiters()
                .unwrap();
            assert_eq!(
                reply,
                image(&expected.registers[&block.id]),
                "block {}",
                block.id
            );
        }
    }
}

/// Compares the journal but for the places of faults, which the model does not know; `faults.rs`
/// has them.
fn compare_journal(device: &Device<'_>, expected: &simple::Vf, index: u16) {
    let without_faults = |entries: &mut [Entry]| {
        for entry in entries {
            let fault = entry.event.fault.take();
            assert!(fault.is_none() || entry.event.refusal.is_some());
        }
    };
    let nothing = Event {
        operation: Operation::Remove,
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
        event: nothing,
    }; JOURNAL_LENGTH];
    let excerpt = device.journal(index, 0, &mut entries).unwrap();
    without_faults(&mut entries);
    assert_eq!(&entries[..excerpt.entries], expected.last_events());
    assert_eq!(excerpt.lost, expected.lost_events());
    let after = expected.events / 2;
    let excerpt = device.journal(index, after, &mut entries).unwrap();
    without_faults(&mut entries);
    let wanted = expected
        .last_events()
        .iter()
        .filter(|entry| entry.number > after);
    assert!(entries[..excerpt.entries].iter().eq(wanted));
    assert_eq!(excerpt.lost, expected.lost_events().saturating_sub(after));
}

/// Takes steps on the device of a table, and compares it with the model after each.
fn play(variant: &Variant, steps: &[Step]) {
    let (burst, handed_over) = (variant.burst, variant.handed_over);
    with_table(&variant.table, usize::from(VFS), |device| {
        let mut model = Model::new(
            usize::from(VFS),
            (1000, burst),
            variant.timeout,
            handed_over,
        );
        let mut clock = 0;
        compare(device, &model, clock);
        let reader = Reader {
            cookie: ChangesCookie::default(),
            seen: model.new_reader(),
        };
        let mut readers: [_; READERS] = std::array::from_fn(|_| reader.clone());
        let mut pending = handed::Pending::none();
        for step in steps {
            match step {
                Step::Changes {
                    reader,
                    kinds,
                    most,
                } => compare_changes(device, &model, &mut readers[*reader], *kinds, *most),
                Step::Handed(step) => pending.take(device, &mut model, clock, step),
                _ => take_step(device, &mut model, &mut clock, step),
            }
            compare(device, &model, clock);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_broker_is_the_plain_model_after_every_step(steps in steps(10), table in 0..4_usize) {
        play(&TABLES[table], &steps);
    }

    #[test]
    fn the_broker_with_a_companion_is_the_plain_model(steps in steps(400)) {
        play(&TABLES[4], &steps);
    }
}
