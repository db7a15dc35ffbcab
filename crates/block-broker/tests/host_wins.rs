//! A publish never fails because of a VF's bytes, and only reaches the tenant and the request that
//! it answers.

mod shell;

use block_broker::ResetBy;
use std::fmt::Write as _;

use block_broker::refusal_of;
use block_table::{History, Table, Writer};
use pf_broker_abi::{Operation, PowerState, Refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use shell::{CONTOSO, Calls, Device, NOW, compile, events, with_device, with_table};

/// Blocks with a limit of the host and a request of the VF, with different access and notification.
const QUEUES: &str = r#"
[device]
name = "queues"
vendor-id = 1
device-id = 1
max-vfs = 3
"#;

/// Appends a block in which the VF's `wanted` must not be above host software's `granted`.
fn queues(blocks: &[(u32, &str)]) -> String {
    let mut manifest = QUEUES.to_owned();
    for (id, access) in blocks {
        let _ = write!(
            manifest,
            r#"
[[block]]
id = {id}
name = "queues{id}"
vf-access = "{access}"
length = 4
require = ["wanted <= granted"]

[[block.field]]
name = "granted"
type = "u8"
owner = "pf"
default = 4
valid = {{ max = 8 }}

[[block.field]]
name = "wanted"
type = "u8"

[[block.field]]
name = "number"
type = "u8"
sequence = "strict"
"#
        );
    }
    manifest
}

fn withdrawn(device: &Device<'_>, vf: u16) -> u64 {
    device.status(vf).unwrap().counters.withdrawn
}

fn operations(device: &Device<'_>, vf: u16) -> Vec<(Operation, Option<Refusal>)> {
    events(device, vf)
        .into_iter()
        .map(|event| (event.operation, event.refusal))
        .collect()
}

#[test]
fn what_a_vf_asks_for_cannot_keep_the_host_from_lowering_its_limit() {
    with_device(&queues(&[(5, "read-write")]), 1, |device| {
        device.vf_write(0, 5, &[0, 4, 9, 0]).unwrap();
        assert_eq!(device.host_publish(0, 5, &[2, 0, 0, 0]), Ok(true));
        assert_eq!(
            device.vf_read(0, 5, 4),
            Ok(vec![2, 0, 0, 0]),
            "the VF's bytes are at their defaults"
        );
        assert_eq!(withdrawn(device, 0), 1);
        let counters = device.status(0).unwrap().counters;
        assert_eq!((counters.writes, counters.publishes), (1, 1));
        assert_eq!(counters.refused_in_all(), 0);
        assert_eq!(
            operations(device, 0),
            [
                (Operation::Write, None),
                (Operation::Withdraw, None),
                (Operation::Publish, None)
            ]
        );
        let withdrawal = events(device, 0)[1];
        assert_eq!((withdrawal.block, withdrawal.length), (5, 4));
        assert_eq!(
            device.vf_write(0, 5, &[0, 2, 1, 0]),
            Ok(()),
            "its sequence begins anew"
        );
        assert_eq!(
            device.vf_write(0, 5, &[0, 3, 2, 0]),
            Err(Refusal::Require),
            "and the limit holds"
        );
    });
}

#[test]
fn a_publish_that_the_vfs_bytes_allow_leaves_them_alone() {
    with_device(&queues(&[(5, "read-write")]), 1, |device| {
        device.vf_write(0, 5, &[0, 2, 9, 0]).unwrap();
        assert_eq!(device.host_publish(0, 5, &[3, 7, 7, 0]), Ok(false));
        assert_eq!(device.vf_read(0, 5, 4), Ok(vec![3, 2, 9, 0]));
        assert_eq!(withdrawn(device, 0), 0);
        assert_eq!(
            device.vf_write(0, 5, &[0, 2, 8, 0]),
            Err(Refusal::Sequence),
            "its sequence goes on"
        );
    });
}

#[test]
fn a_publish_that_is_wrong_by_itself_is_refused_and_withdraws_nothing() {
    with_device(&queues(&[(5, "read-write")]), 1, |device| {
        device.vf_write(0, 5, &[0, 4, 9, 0]).unwrap();
        assert_eq!(
            device.host_publish(0, 5, &[9, 0, 0, 0]),
            Err(Refusal::Value)
        );
        assert_eq!(device.vf_read(0, 5, 4), Ok(vec![4, 4, 9, 0]));
        assert_eq!(device.revision(0, 5), Ok(1));
        assert_eq!(withdrawn(device, 0), 0);
        assert_eq!(
            operations(device, 0),
            [
                (Operation::Write, None),
                (Operation::Publish, Some(Refusal::Value))
            ],
            "the journal shows it"
        );
        assert_eq!(device.vf_write(0, 5, &[0, 4, 9, 0]), Err(Refusal::Sequence));
    });
}

#[test]
fn a_vf_that_can_read_the_block_is_told_that_its_request_is_gone() {
    let blocks = [(5, "read-write"), (6, "write-only"), (64, "read-write")];
    for (index, told) in [(0, 1 << 5), (1, 0), (2, 0)] {
        let (id, _) = blocks[index];
        with_device(&queues(&blocks), 2, |device| {
            device.vf_write(0, id, &[0, 4, 0, 0]).unwrap();
            assert_eq!(device.host_publish(0, id, &[2, 0, 0, 0]), Ok(told != 0));
            assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(told));
            device.vf_write(1, id, &[0, 4, 0, 0]).unwrap();
            assert_eq!(device.host_publish_all(id, &[3, 0, 0, 0]), Ok(told != 0));
            assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0));
            assert_eq!(device.take_invalidation(1, NOW).without_waiters(), Ok(told));
        });
    }
}

#[test]
fn a_publish_to_all_withdraws_where_it_must_and_nowhere_else() {
    with_device(&queues(&[(5, "read-write")]), 3, |device| {
        device.vf_write(0, 5, &[0, 2, 1, 0]).unwrap();
        device.vf_write(1, 5, &[0, 3, 1, 0]).unwrap();
        assert_eq!(device.host_publish_all(5, &[2, 0, 0, 0]), Ok(true));
        assert_eq!(device.vf_read(0, 5, 4), Ok(vec![2, 2, 1, 0]));
        assert_eq!(device.vf_read(1, 5, 4), Ok(vec![2, 0, 0, 0]));
        assert_eq!(device.vf_read(2, 5, 4), Ok(vec![2, 0, 0, 0]));
        let withdrawn: Vec<_> = (0..3).map(|vf| withdrawn(device, vf)).collect();
        assert_eq!(withdrawn, [0, 1, 0]);
    });
}

#[test]
fn a_publish_to_all_that_is_wrong_by_itself_commits_nothing_anywhere() {
    with_device(&queues(&[(5, "read-write")]), 3, |device| {
        device.vf_write(1, 5, &[0, 3, 1, 0]).unwrap();
        assert_eq!(
            device.host_publish_all(5, &[9, 0, 0, 0]),
            Err(Refusal::Value)
        );
        for vf in 0..3 {
            assert_eq!(device.revision(vf, 5), Ok(u64::from(vf == 1)));
            let status = device.status(vf).unwrap();
            assert_eq!((status.pending, status.counters.publishes), (0, 0));
            assert_eq!(status.counters.refused_in_all(), 0);
        }
        assert_eq!(device.host_refusals(Refusal::Value), 1);
    });
}

/// A publish to all VFs that breaks a rule on the defaults is refused for every VF: each could
/// write the defaults.
#[test]
fn a_publish_to_all_must_hold_without_what_vfs_wrote() {
    let asks_first = queues(&[(5, "read-write")]).replace("wanted <= granted", "wanted >= 1");
    with_device(&asks_first, 1, |device| {
        assert_eq!(
            device.host_publish(0, 5, &[2, 0, 0, 0]),
            Err(Refusal::Require)
        );
        device.vf_write(0, 5, &[0, 1, 0, 0]).unwrap();
        assert_eq!(device.host_publish(0, 5, &[2, 0, 0, 0]), Ok(false));
        assert_eq!(
            device.host_publish_all(5, &[3, 0, 0, 0]),
            Err(Refusal::Require)
        );
    });
}

#[test]
fn a_field_of_both_sides_is_the_hosts_whatever_its_sequence() {
    let both = r#"
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
    with_device(&format!("{QUEUES}{both}"), 1, |device| {
        device.vf_write(0, 2, &[0xFF, 0xFF]).unwrap();
        assert_eq!(device.host_publish(0, 2, &[5, 0]), Ok(false));
        assert_eq!(device.host_publish_all(2, &[4, 0]), Ok(false));
        assert_eq!(withdrawn(device, 0), 0);
        assert_eq!(device.vf_write(0, 2, &[4, 0]), Err(Refusal::Sequence));
        assert_eq!(device.vf_write(0, 2, &[5, 0]), Ok(()));
    });
}

#[test]
fn each_commit_and_each_reset_is_one_revision_of_its_block() {
    with_device(CONTOSO, 2, |device| {
        let revisions = |vf| [0, 1, 2, 63].map(|block| device.revision(vf, block).unwrap());
        assert_eq!(revisions(0), [0; 4]);
        let mut write = [0; 16];
        write[2] = 5;
        device.vf_write(0, 0, &write).unwrap();
        assert_eq!(revisions(0), [1, 0, 0, 0]);
        device.vf_write(0, 0, &[0xFF; 16]).unwrap_err();
        device.vf_read(0, 0, 16).unwrap();
        assert_eq!(revisions(0), [1, 0, 0, 0], "nothing was committed");
        let mut lower = [0; 16];
        lower[0] = 2;
        device.host_publish(0, 0, &lower).unwrap();
        assert_eq!(withdrawn(device, 0), 1);
        assert_eq!(
            revisions(0),
            [2, 0, 0, 0],
            "with a withdrawal still one step"
        );
        device.host_publish_all(1, &[1; 8]).unwrap();
        assert_eq!(revisions(0), [2, 1, 0, 0]);
        device.reset(0, NOW).without_waiters().unwrap();
        assert_eq!(
            revisions(0),
            [3, 2, 1, 1],
            "a reset moves all of them on, also what it keeps"
        );
        assert_eq!(revisions(1), [0, 1, 0, 0], "the other VF has its own");
        device.vf_write(0, 3, &[1, 1]).unwrap();
        device.host_drain(0, 3).unwrap();
        let stream = device.block_status(0, 3).unwrap().revision;
        assert_eq!(stream, 2, "the reset and the message");
        device
            .set_power(0, PowerState::D3, NOW)
            .without_waiters()
            .unwrap();
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.fail_reset(0, NOW).without_waiters().unwrap();
        device.finish_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(revisions(0), [4, 3, 2, 2]);
    });
}

#[test]
fn a_publish_is_only_for_the_revision_that_it_expects() {
    with_device(CONTOSO, 1, |device| {
        let seen = device.revision(0, 0).unwrap();
        device.vf_write(0, 0, &[0; 16]).unwrap();
        assert_eq!(
            device.host_publish_at(0, 0, &[0; 16], seen),
            Err(Refusal::Changed)
        );
        let seen = device.revision(0, 0).unwrap();
        assert_eq!(device.host_publish_at(0, 0, &[0; 16], seen), Ok(true));
        assert_eq!(
            device.host_publish_at(0, 0, &[0; 16], seen),
            Err(Refusal::Changed),
            "its own publish is a revision too"
        );
        assert_eq!(
            device.host_publish_at(0, 0, &[0; 16], u64::MAX),
            Err(Refusal::Changed)
        );
        assert_eq!(device.host_refusals(Refusal::Changed), 3);
        let status = device.status(0).unwrap();
        assert_eq!(status.counters.refused_in_all(), 0);
        assert_eq!(status.counters.publishes, 1);
    });
}

#[test]
fn what_is_wrong_whatever_the_revision_is_said_first_and_what_may_follow_from_it_last() {
    with_device(&queues(&[(5, "read-write")]), 1, |device| {
        assert_eq!(
            device.host_publish_at(0, 5, &[2; 5], 9),
            Err(Refusal::Length)
        );
        assert_eq!(
            device.host_publish_at(0, 5, &[9, 0, 0, 0], 9),
            Err(Refusal::Changed)
        );
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        assert_eq!(
            device.host_publish_at(0, 5, &[2, 0, 0, 0], 9),
            Err(Refusal::State)
        );
    });
}

/// A reply to one tenant that host software publishes after the VF has a new tenant.
#[test]
fn a_reply_for_the_tenant_before_is_not_for_the_next() {
    with_device(CONTOSO, 1, |device| {
        let seen = device.revision(0, 1).unwrap();
        device.reset(0, NOW).without_waiters().unwrap();
        assert_eq!(
            device.revision(0, 1).unwrap(),
            seen + 1,
            "it keeps its value"
        );
        assert_eq!(
            device.host_publish_at(0, 1, &[7; 8], seen),
            Err(Refusal::Changed)
        );
        assert_eq!(device.vf_read(0, 1, 8), Ok(vec![0; 8]));
    });
}

#[test]
fn the_hosts_mistakes_are_charged_to_no_vf() {
    with_device(CONTOSO, 1, |device| {
        device.vf_write(0, 3, &[1, 1]).unwrap();
        let before = device.status(0).unwrap();
        device.host_publish(0, 0, &[0; 15]).unwrap_err();
        device.host_publish(0, 3, &[0; 2]).unwrap_err();
        device.host_sees(0, 0, 1).unwrap_err();
        device.host_sees(0, 3, 6).unwrap_err();
        device.host_drain(0, 0).unwrap_err();
        device
            .invalidate(0, 1 << 9, NOW)
            .without_waiters()
            .unwrap_err();
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.host_publish(0, 0, &[0; 16]).unwrap_err();
        device.host_drain(0, 3).unwrap_err();
        device.invalidate(0, 1, NOW).without_waiters().unwrap_err();
        device.finish_reset(0, NOW).without_waiters().unwrap();
        device.remove(NOW).without_waiters();
        device
            .set_power(0, PowerState::D3, NOW)
            .without_waiters()
            .unwrap_err();
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap_err();
        device.finish_reset(0, NOW).without_waiters().unwrap_err();
        let after = device.status(0).unwrap().counters;
        assert_eq!(after.refused_in_all(), 0);
        assert_eq!((after.writes, after.resets), (before.counters.writes, 1));
        for block in device.table().blocks() {
            let counters = device.block_status(0, block.id()).unwrap().counters;
            assert_eq!(counters.refused, 0, "block {}", block.id());
        }
        let counted = [
            Refusal::Length,
            Refusal::Kind,
            Refusal::Invalidate,
            Refusal::State,
            Refusal::Removed,
        ]
        .map(|refusal| device.host_refusals(refusal));
        assert_eq!(counted, [2, 3, 1, 3, 3]);
        assert_eq!(device.host_refusals_in_all(), 12);
        let refused = operations(device, 0).into_iter();
        assert_eq!(
            refused.filter(|(_, refusal)| refusal.is_some()).count(),
            12,
            "the journal of the VF shows them"
        );
    });
}

/// Both sides own fields here, of the block and of its layouts, and either may choose the layout.
const LAYOUTS: &str = r#"
[device]
name = "layouts"
vendor-id = 1
device-id = 1
max-vfs = 2

[[block]]
id = 0
name = "shared"
vf-access = "read-write"
on-reset = "keep"
min-length = 1
max-length = 8
require = ["asked <= granted"]

[[block.field]]
name = "kind"
type = "u8"
owner = "vf"
valid = { max = 3 }

[[block.field]]
name = "mode"
type = "u8"
owner = "pf"
valid = { max = 2 }

[[block.layout]]
when = "kind == 1"
require = ["low <= high"]
[[block.layout.field]]
name = "low"
type = "u8"
owner = "vf"
[[block.layout.field]]
name = "high"
type = "u8"
owner = "pf"
default = 2

[[block.layout]]
when = "mode == 1"
[[block.layout.field]]
name = "limit"
type = "u8"
owner = "pf"
valid = { max = 1 }
[[block.layout.field]]
name = "text"
type = "u8"
owner = "vf"
default = 1

[[block.layout]]
when = "kind + mode <= 2"
[[block.layout.field]]
name = "together"
type = "u16"
owner = "both"

[[block.field]]
name = "asked"
type = "u8"
offset = 4
owner = "vf"

[[block.field]]
name = "granted"
type = "u8"
owner = "pf"
default = 1

[[block.field]]
name = "number"
type = "u8"
owner = "vf"
sequence = "serial"

[[block.field]]
name = "epoch"
type = "u8"
owner = "both"
sequence = "non-decreasing"
"#;

/// Data of one side for the block `shared`, mostly near the valid range.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => 0..4_u8, 1 => any::<u8>()];
    prop_oneof![9 => vec(byte.clone(), 8), 1 => vec(byte, 1..8)]
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<u8>),
    Publish(Vec<u8>),
    PublishAll(Vec<u8>),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => sent().prop_map(Step::Write),
        4 => sent().prop_map(Step::Publish),
        4 => sent().prop_map(Step::PublishAll),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A publish that holds on the defaults of a VF's bytes succeeds for this VF and for all, for
    /// any bytes of the VF. Any other publish never succeeds for all VFs, and for one VF only if it
    /// holds on the VF's bytes; then it withdraws nothing.
    #[test]
    fn no_vf_can_keep_a_publish_from_itself_or_from_others(steps in vec(step(), 1..60)) {
        let compiled = compile(LAYOUTS);
        let table = Table::verify(&compiled).unwrap();
        let block = table.block(0).unwrap();
        let by_itself = |sent: &[u8]| {
            let validated = block.admit(Writer::Pf, sent, block.default_image(), History::EMPTY);
            validated.map(drop).map_err(refusal_of)
        };
        with_table(&compiled, 2, |device| {
            for step in &steps {
                let before = [0, 1].map(|vf| (device.revision(vf, 0).unwrap(), withdrawn(device, vf)));
                match step {
                    Step::Write(sent) => { let _ = device.vf_write(0, 0, sent); }
                    Step::Reset => assert_eq!(device.reset(0, NOW).without_waiters(), Ok(None)),
                    Step::Publish(sent) => {
                        let published = device.host_publish(0, 0, sent).map(drop);
                        let withdrew = withdrawn(device, 0) - before[0].1;
                        match by_itself(sent) {
                            Ok(()) => prop_assert_eq!(published, Ok(())),
                            Err(refusal) => {
                                prop_assert!(published.is_ok() || published == Err(refusal));
                                prop_assert_eq!(withdrew, 0);
                            }
                        }
                        let steps = u64::from(published.is_ok());
                        prop_assert_eq!(device.revision(0, 0).unwrap(), before[0].0 + steps);
                    }
                    Step::PublishAll(sent) => {
                        let published = device.host_publish_all(0, sent).map(drop);
                        prop_assert_eq!(published, by_itself(sent));
                        for (vf, (revision, _)) in (0..).zip(before) {
                            let steps = u64::from(published.is_ok());
                            prop_assert_eq!(device.revision(vf, 0).unwrap(), revision + steps);
                        }
                    }
                }
                // Every committed image keeps every rule, so host software can publish it again.
                let now = device.host_sees(0, 0, 8).unwrap();
                let again = device.host_publish(0, 0, &now).map(drop);
                prop_assert_eq!(again, Ok(()));
                prop_assert_eq!(device.host_sees(0, 0, 8).unwrap(), now);
            }
            Ok(())
        })?;
    }
}
