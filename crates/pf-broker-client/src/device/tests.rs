use std::cell::RefCell;

use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use zerocopy::{FromBytes as _, FromZeros as _, IntoBytes as _};

use super::{Control, Device, Error, Vfs, name_text};

/// A driver that returns the given answers, and records the requests.
struct Script {
    answers: RefCell<Vec<Result<Vec<u8>, u32>>>,
    sent: RefCell<Vec<(u32, Vec<u8>, usize)>>,
}

impl Control for Script {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        self.sent
            .borrow_mut()
            .push((code, input.to_vec(), output.len()));
        let answer = self.answers.borrow_mut().remove(0)?;
        let length = answer.len().min(output.len());
        output[..length].copy_from_slice(&answer[..length]);
        Ok(answer.len())
    }
}

fn device<const N: usize>(answers: [Result<Vec<u8>, u32>; N]) -> Device<Script> {
    Device(Script {
        answers: RefCell::new(answers.into()),
        sent: RefCell::default(),
    })
}

fn query(abi_version: u32) -> Vec<u8> {
    let mut reply = abi::QueryReply::new_zeroed();
    reply.abi_version = abi_version;
    reply.as_bytes().to_vec()
}

#[test]
fn a_driver_of_another_version_is_refused_with_both_versions() {
    let script = |version| device([Ok(query(version))]).0;
    assert!(Device::new(script(abi::ABI_VERSION)).is_ok());
    for driver in [0, abi::ABI_VERSION - 1, abi::ABI_VERSION + 1, u32::MAX] {
        let tool = abi::ABI_VERSION;
        let refused = Device::new(script(driver)).err();
        assert_eq!(refused, Some(Error::Version { driver, tool }));
        assert_eq!(
            Error::Version { driver, tool }.to_string(),
            format!(
                "the driver speaks version {driver} of the management interface, this tool \
                 version {tool}"
            )
        );
    }
}

#[test]
fn a_reply_of_another_length_is_an_error_and_not_data() {
    assert_eq!(
        device([Ok(vec![0; 87])]).query().err(),
        Some(Error::ReplyLength {
            code: abi::IOCTL_QUERY,
            expected: 88,
            actual: 87
        })
    );
    assert!(matches!(
        device([Ok(vec![1; 11])]).read(0, 0, 4),
        Err(Error::ReplyLength {
            expected: 12,
            actual: 11,
            ..
        })
    ));
    assert!(matches!(
        device([Ok(vec![0; 133])]).drain(0, 1, 8),
        Err(Error::ReplyLength {
            expected: 132,
            actual: 133,
            ..
        })
    ));
    assert!(matches!(
        device([Ok(vec![0])]).reset(0),
        Err(Error::ReplyLength { .. })
    ));
}

#[test]
fn a_refusal_keeps_its_status_and_says_its_sentence() {
    let error = device([Err(Refusal::Block.status())])
        .reset(0)
        .expect_err("refused");
    assert_eq!(error, Error::Status(0xC000_0225));
    assert_eq!(error.refusal(), Some(Refusal::Block));
    assert!(error.to_string().contains(Refusal::Block.sentence()));
    assert_eq!(
        Error::Status(0xC000_0001).to_string(),
        "the driver answers 0xC0000001"
    );
}

#[test]
fn one_vf_and_all_vfs_cannot_be_confused() {
    let device = device([Ok(vec![]), Ok(vec![]), Ok(vec![])]);
    device
        .publish(Vfs::One(0xFFFF), 7, &[0xAA])
        .expect("answered");
    device.publish(Vfs::All, 7, &[]).expect("answered");
    device.invalidate(Vfs::All, 5).expect("answered");
    let sent = device.0.sent.borrow();
    let (request, data) = abi::PublishRequest::read_from_prefix(&sent[0].1).expect("a request");
    assert_eq!(
        (request.vf, request.scope, request.block),
        (0xFFFF, abi::SCOPE_VF, 7)
    );
    assert_eq!((request.flags, request.expected), (0, 0));
    assert_eq!(data, [0xAA]);
    let (request, _) = abi::PublishRequest::read_from_prefix(&sent[1].1).expect("a request");
    assert_eq!((request.vf, request.scope), (0, abi::SCOPE_ALL));
    let (request, _) = abi::InvalidateRequest::read_from_prefix(&sent[2].1).expect("a request");
    assert_eq!(
        (request.vf, request.scope, request.mask),
        (0, abi::SCOPE_ALL, 5)
    );
}

#[test]
fn a_publish_names_the_revision_that_a_read_returned() {
    let reply = [&7_u64.to_le_bytes()[..], &[1, 2]].concat();
    let device = device([
        Ok(reply),
        Ok(vec![]),
        Ok(vec![]),
        Err(Refusal::Changed.status()),
    ]);
    let value = device.read(3, 5, 2).expect("answered");
    assert_eq!((&value.data[..], value.revision), (&[1, 2][..], 7));
    for revision in [value.revision, 0] {
        device
            .publish_expecting(3, 5, revision, &[9])
            .expect("answered");
    }
    let refused = device.publish_expecting(3, 5, 8, &[9]).unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Changed));
    let sent = device.0.sent.borrow();
    assert_eq!(sent[0].2, 8 + 2, "the revision and two bytes");
    for ((_, input, _), expected) in sent[1..].iter().zip([7, 0, 8]) {
        let (request, data) = abi::PublishRequest::read_from_prefix(input).expect("a request");
        assert_eq!(
            (request.vf, request.scope, request.block),
            (3, abi::SCOPE_VF, 5)
        );
        assert_eq!(request.flags, abi::PUBLISH_EXPECTS, "0 is a revision too");
        assert_eq!((request.expected, data), (expected, &[9][..]));
    }
}

#[test]
fn an_acknowledgement_names_its_reset() {
    let device = device([Ok(vec![]), Err(Refusal::Changed.status())]);
    device.acknowledge(3, u64::MAX).expect("answered");
    let refused = device.acknowledge(3, 0).unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Changed));
    let sent = device.0.sent.borrow();
    for ((code, input, output), expected) in sent.iter().zip([u64::MAX, 0]) {
        assert_eq!((*code, *output), (abi::IOCTL_ACKNOWLEDGE, 0));
        let request = abi::AcknowledgeRequest::read_from_bytes(input).expect("a request");
        assert_eq!((request.vf, request.resets), (3, expected));
        assert_eq!(request.reserved, [0; 3]);
    }
}

#[test]
fn messages_are_as_long_as_the_vf_sent_them() {
    let mut first = abi::Message {
        length: 2,
        data: [0; 128],
    };
    first.data[..2].copy_from_slice(&[1, 2]);
    let second = abi::Message {
        length: 128,
        data: [3; 128],
    };
    let reply = [first.as_bytes(), second.as_bytes()].concat();
    assert_eq!(
        device([Ok(reply)]).drain(0, 1, 8),
        Ok(vec![vec![1, 2], vec![3; 128]])
    );
    let impossible = abi::Message {
        length: 129,
        data: [0; 128],
    };
    assert!(matches!(
        device([Ok(impossible.as_bytes().to_vec())]).drain(0, 1, 8),
        Err(Error::ReplyValue { value: 129, .. })
    ));
}

#[test]
fn a_long_block_list_is_asked_for_until_it_ends() {
    let page = |count: usize| Ok(vec![0; count * size_of::<abi::BlockInfo>()]);
    let device = device([page(256), page(256), page(3)]);
    assert_eq!(device.blocks().expect("three pages").len(), 515);
    let firsts: Vec<u32> = device
        .0
        .sent
        .borrow()
        .iter()
        .map(|(_, input, _)| u32::from_le_bytes(input[..].try_into().expect("four bytes")))
        .collect();
    assert_eq!(firsts, [0, 256, 512]);
}

#[test]
fn a_table_is_fetched_in_parts_until_one_is_not_full() {
    for (length, offsets) in [
        (5, vec![0]),
        (0x1_0000, vec![0, 0x1_0000]),
        (0x2_0005, vec![0, 0x1_0000, 0x2_0000]),
    ] {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        let mut parts: Vec<_> = bytes.chunks(0x1_0000).map(<[u8]>::to_vec).collect();
        parts.push(Vec::new());
        let device = Device(Script {
            answers: RefCell::new(parts.into_iter().map(Ok).collect()),
            sent: RefCell::default(),
        });
        assert_eq!(device.table().expect("answered"), bytes);
        let sent = device.0.sent.borrow();
        let asked: Vec<u32> = sent
            .iter()
            .map(|(code, input, room)| {
                assert_eq!((*code, *room), (abi::IOCTL_TABLE, 0x1_0000));
                let request = abi::TableRequest::read_from_bytes(input);
                request.expect("a request").offset
            })
            .collect();
        assert_eq!(asked, offsets);
    }
}

/// Codes are appended without a new version of the interface.
#[test]
fn counters_of_a_driver_that_knows_other_reasons_are_read_by_code() {
    let known = Refusal::ALL.len();
    let mut reply = abi::StatsReply::new_zeroed();
    reply.refused[Refusal::Changed.index()] = 4;
    reply.refused[known] = 5;
    for count in [known - 1, known, known + 1, abi::MAX_REASONS] {
        reply.reason_count = u32::try_from(count).expect("few reasons");
        let stats = device([Ok(reply.as_bytes().to_vec())]).stats(0);
        let refused = stats.expect("a reply of this version").refused;
        assert_eq!((refused[Refusal::Changed.index()], refused[known]), (4, 5));
    }
    reply.reason_count = u32::try_from(abi::MAX_REASONS + 1).expect("few reasons");
    let beyond = device([Ok(reply.as_bytes().to_vec())]).stats(0);
    assert!(matches!(beyond, Err(Error::ReplyValue { value: 25, .. })));
    let mut reply = abi::HostRefusalsReply::new_zeroed();
    reply.reason_count = u32::MAX;
    let beyond = device([Ok(reply.as_bytes().to_vec())]).host_refusals();
    assert!(matches!(beyond, Err(Error::ReplyValue { .. })));
    reply.reason_count = u32::try_from(known).expect("few reasons");
    reply.refused[Refusal::Changed.index()] = 4;
    let refused = device([Ok(reply.as_bytes().to_vec())]).host_refusals();
    let refused = refused.expect("a reply of this version").refused;
    assert_eq!(refused[Refusal::Changed.index()], 4);
}

#[test]
fn a_name_ends_at_its_padding() {
    let mut name = [0; abi::NAME_LENGTH];
    name[..5].copy_from_slice(b"hello");
    assert_eq!(name_text(&name), "hello");
    assert_eq!(name_text(&[b'x'; abi::NAME_LENGTH]).len(), abi::NAME_LENGTH);
}

/// A reply of `IOCTL_CHANGES` with these flags and entries.
fn changes(flags: u32, entries: &[abi::Change]) -> Vec<u8> {
    let mut head = abi::ChangesReply::new_zeroed();
    head.cookie.since = 9;
    head.flags = flags;
    [head.as_bytes(), entries.as_bytes()].concat()
}

#[test]
fn changes_are_asked_for_since_a_cookie_and_come_with_the_next_one() {
    let change = abi::Change {
        vf: 3,
        kinds: abi::CHANGE_WRITTEN,
        block: 1,
        revision: 7,
    };
    let both = abi::CHANGES_MORE | abi::CHANGES_RESTARTED;
    let device = device([
        Ok(changes(abi::CHANGES_MORE, &[change, change])),
        Ok(changes(both, &[])),
        Ok(changes(0, &[])),
    ]);
    let start = abi::ChangesCookie::default();
    let first = device.changes(abi::CHANGE_WRITTEN, &start).expect("served");
    assert_eq!((first.entries, first.cookie.since), (vec![change; 2], 9));
    assert!(first.more && !first.restarted);
    let second = device
        .poll_changes(abi::CHANGE_RESET, &first.cookie)
        .expect("served");
    assert!(second.entries.is_empty() && second.more && second.restarted);
    let third = device.changes(abi::CHANGE_RESET, &start).expect("served");
    assert!(!third.more && !third.restarted);
    let sent = device.0.sent.borrow();
    let requests = sent.iter().map(|(code, input, _)| {
        assert_eq!(*code, abi::IOCTL_CHANGES);
        let request = abi::ChangesRequest::read_from_bytes(input).expect("a request");
        (request.kinds, request.flags, request.cookie.since)
    });
    assert!(requests.eq([
        (abi::CHANGE_WRITTEN, 0, 0),
        (abi::CHANGE_RESET, abi::CHANGES_POLL, 9),
        (abi::CHANGE_RESET, 0, 0),
    ]));
}

#[test]
fn a_reply_of_changes_that_is_cut_off_is_an_error() {
    let whole = changes(0, &[]);
    for length in [0, 47, 49, 63] {
        let mut reply = whole.clone();
        reply.resize(length, 0);
        let cut = device([Ok(reply)]).changes(1, &abi::ChangesCookie::default());
        assert!(
            matches!(cut, Err(Error::ReplyLength { actual, .. }) if actual == length),
            "{cut:?}"
        );
    }
}
