//! The replies of the management interface, field by field. Offsets are written out here,
//! as in [`super::management`]; the blocks are those of tests/manifests/checks.toml.

use anyhow::{Result, ensure};
use lab_control::stack::{Answer, fault, function, operation};
use pf_broker_abi::{PowerState, Refusal};
use pf_broker_client::Vfs;

use super::ioctl::{Expected, Origin, expect, refused, request};
use crate::check::{Check, is};
use crate::operations::{self, call, performed, transfer};
use crate::session::Session;
use crate::status;

/// The reasons that a driver counts.
const REASONS: u64 = Refusal::ALL.len() as u64;

pub(super) const CHECKS: &[Check] = &[
    ("QUERY describes the device", query),
    ("BLOCKS describes as many blocks as fit", blocks),
    ("TABLE returns the block table in parts", table),
    ("STATS and BLOCK_STATS count a VF's operations", counters),
    ("LOCATION is where the bus has the VF", location),
    ("READ and PUBLISH are about the same bytes", read),
    ("PUBLISH expects the revision that READ returns", revisions),
    (
        "HOST_REFUSALS counts refusals that no VF caused",
        host_refusals,
    ),
    (
        "DRAIN returns whole messages and keeps those that do not fit",
        drain,
    ),
    ("JOURNAL lists operations, oldest first", journal),
    (
        "JOURNAL has a number for each thing that can be tried",
        operations,
    ),
];

/// The VF of these checks: no other check changes its counters.
const VF: u16 = 2;
const VF_2: [u8; 4] = [2, 0, 0, 0];
const BLOCK_0: [u8; 8] = [2, 0, 0, 0, 0, 0, 0, 0];
const BLOCK_1: [u8; 8] = [2, 0, 0, 0, 1, 0, 0, 0];

fn reply(session: &Session, code: u32, input: &[u8], output: u32) -> Result<Answer> {
    let ask = request(Origin::KERNEL, code, input, output);
    let expected = Expected::Answer(status::SUCCESS, output.into());
    expect(session, "a reply", &ask, expected)
}

fn number(answer: &Answer, offset: usize, bytes: usize) -> u64 {
    let field = answer.output.iter().skip(offset).take(bytes);
    field.rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Fails unless the fields, given by name, offset and length, hold these numbers.
fn fields(answer: &Answer, expected: &[(&str, usize, usize, u64)]) -> Result<()> {
    for &(name, offset, bytes, value) in expected {
        let got = number(answer, offset, bytes);
        ensure!(
            got == value,
            "{name}, {bytes} bytes at {offset}: {got} instead of {value}"
        );
    }
    Ok(())
}

/// Fails unless 64 bytes hold a name and zeros after it.
fn named(answer: &Answer, offset: usize, name: &str) -> Result<()> {
    let got = answer.output.get(offset..offset + 64).unwrap_or_default();
    let mut expected = name.as_bytes().to_vec();
    expected.resize(64, 0);
    ensure!(got == expected, "the name at {offset} is {got:02x?}");
    Ok(())
}

fn query(session: &mut Session) -> Result<()> {
    let answer = reply(session, 0x0022_6400, &[], 88)?;
    fields(
        &answer,
        &[
            ("the version of the interface", 0, 4, 3),
            ("the number of VFs", 14, 2, session.vfs.into()),
            ("the vendor ID", 16, 2, session.bench.vendor_id.into()),
            ("the device ID", 18, 2, session.bench.device_id.into()),
            ("the number of blocks", 20, 2, 2),
            ("the source of the table, the registry", 22, 1, 1),
            ("whether a stack is attached", 23, 1, 1),
        ],
    )?;
    ensure!(number(&answer, 4, 4) != 0, "the table has no CRC");
    named(&answer, 24, "Checks")?;
    session.stack.detach()?;
    let answer = reply(session, 0x0022_6400, &[], 88)?;
    session.attach(lab_control::stack::policy::ACCEPT, crate::cli::Mode::EachVf)?;
    fields(&answer, &[("whether a stack is attached", 23, 1, 0)])
}

#[rustfmt::skip]
const CONTROL: [(&str, usize, usize, u64); 10] = [
    ("the ID", 0, 4, 0), ("the kind", 4, 1, 0), ("the access", 5, 1, 3), ("notify", 6, 1, 1),
    ("prefix reads", 7, 1, 0), ("the least length", 8, 2, 128), ("the length", 10, 2, 128),
    ("the depth", 12, 2, 0), ("drop oldest", 14, 1, 0), ("the companion", 15, 1, 0),
];
#[rustfmt::skip]
const STATISTICS: [(&str, usize, usize, u64); 10] = [
    ("the ID", 0, 4, 1), ("the kind", 4, 1, 1), ("the access", 5, 1, 2), ("notify", 6, 1, 0),
    ("prefix reads", 7, 1, 0), ("the least length", 8, 2, 128), ("the length", 10, 2, 128),
    ("the depth", 12, 2, 64), ("drop oldest", 14, 1, 1), ("the companion", 15, 1, 0),
];

fn blocks(session: &mut Session) -> Result<()> {
    for (first, expected, name) in [(0, CONTROL, "control"), (1, STATISTICS, "statistics")] {
        let answer = reply(session, 0x0022_6404, &[first, 0, 0, 0], 80)?;
        fields(&answer, &expected)?;
        named(&answer, 16, name)?;
    }
    let both = reply(session, 0x0022_6404, &[0; 4], 160)?;
    named(&both, 80 + 16, "statistics")?;
    for (first, output, information) in [
        (0_u32, 159, 80),
        (0, 161, 160),
        (2, 80, 0),
        (u32::MAX, 80, 0),
    ] {
        let ask = request(Origin::KERNEL, 0x0022_6404, &first.to_le_bytes(), output);
        let expected = Expected::Answer(status::SUCCESS, information);
        expect(session, "a list", &ask, expected)?;
    }
    Ok(())
}

/// The table begins with its signature, and has its length at offset 12.
fn table(session: &mut Session) -> Result<()> {
    const TABLE: u32 = 0x0022_643C;
    let start = reply(session, TABLE, &[0; 4], 16)?;
    ensure!(start.output.starts_with(b"PFBLOCKS"), "no block table");
    let length = u32::try_from(number(&start, 12, 4))?;
    let whole = session.management()?.table()?;
    ensure!(
        whole.len() == usize::try_from(length)?,
        "{} bytes instead of {length}",
        whole.len()
    );
    let part = |offset: u32, output: u32, information: u32| {
        let ask = request(Origin::KERNEL, TABLE, &offset.to_le_bytes(), output);
        let expected = Expected::Answer(status::SUCCESS, information.into());
        expect(session, "a part", &ask, expected)
    };
    for (at, bytes) in (0..length).step_by(100).zip(whole.chunks(100)) {
        let answer = part(at, 100, u32::try_from(bytes.len())?)?;
        ensure!(answer.output.starts_with(bytes), "other bytes at {at}");
    }
    for (offset, output, information) in [
        (length - 1, 1, 1),
        (length - 1, 16, 1),
        (length, 16, 0),
        (length + 1, 16, 0),
        (u32::MAX, 16, 0),
    ] {
        part(offset, output, information)?;
    }
    Ok(())
}

fn counters(session: &mut Session) -> Result<()> {
    // Reads, writes, publishes; then the refusals for their length, the eighth of the reasons.
    let of_vf = [
        ("reads", 0),
        ("writes", 8),
        ("publishes", 16),
        ("length", 72 + 7 * 8),
    ];
    let of_block = [
        ("reads", 0),
        ("writes", 8),
        ("publishes", 16),
        ("refused", 24),
    ];
    let vf = reply(session, 0x0022_6408, &VF_2, 264)?;
    let block = reply(session, 0x0022_640C, &BLOCK_0, 56)?;
    fields(
        &vf,
        &[
            ("reasons", 68, 4, REASONS),
            ("withdrawn", 24, 8, 0),
            ("the state D0", 64, 1, 0),
            ("open", 65, 1, 1),
            ("reserved", 66, 2, 0),
        ],
    )?;
    let revision = number(&block, 48, 8);
    for _ in 0..3 {
        let read = performed(session, &transfer(operation::READ, VF, 0, 128))?;
        is("read", read, status::SUCCESS)?;
    }
    operations::mark(session, VF, 1)?;
    operations::mark(session, VF, 2)?;
    let publish = transfer(operation::PUBLISH, VF, 0, 128);
    is(
        "publish",
        session.stack.transfer(&publish)?.status,
        status::SUCCESS,
    )?;
    for length in [0, 127, 129, u32::MAX] {
        let read = performed(session, &transfer(operation::READ, VF, 0, length))?;
        is(
            "a read of a wrong length",
            read,
            status::INVALID_BUFFER_SIZE,
        )?;
    }
    for (before, code, input, output, named) in [
        (vf, 0x0022_6408, &VF_2[..], 264, of_vf),
        (block, 0x0022_640C, &BLOCK_0, 56, of_block),
    ] {
        let after = reply(session, code, input, output)?;
        for ((name, offset), more) in named.into_iter().zip([3, 2, 1, 4]) {
            let expected = number(&before, offset, 8) + more;
            fields(&after, &[(name, offset, 8, expected)])?;
        }
    }
    // Two writes and a publish.
    let after = reply(session, 0x0022_640C, &BLOCK_0, 56)?;
    fields(&after, &[("the revision", 48, 8, revision + 3)])
}

fn read(session: &mut Session) -> Result<()> {
    let mut publish = publish();
    // `request`, which is the PF's, and `mark` before it, which is the VF's.
    publish[24..32].copy_from_slice(&[9, 9, 9, 9, 1, 2, 3, 4]);
    operations::mark(session, VF, 7)?;
    reply(session, 0x0022_E414, &publish, 0)?;
    let answer = reply(session, 0x0022_6410, &BLOCK_0, 136)?;
    let mut expected = [0; 128];
    expected[0] = 7;
    expected[4..8].copy_from_slice(&[1, 2, 3, 4]);
    ensure!(
        answer.output[8..136] == expected,
        "the block is {:02x?}",
        &answer.output[8..136]
    );
    Ok(())
}

/// A publish of zeros to block 0 of the VF.
fn publish() -> Vec<u8> {
    let mut publish = BLOCK_0.to_vec();
    publish.resize(24 + 128, 0);
    publish
}

/// The revision of block 0 that READ returns.
fn revision(session: &Session) -> Result<u64> {
    Ok(number(&reply(session, 0x0022_6410, &BLOCK_0, 136)?, 0, 8))
}

fn revisions(session: &mut Session) -> Result<()> {
    let expecting = |session: &Session, revision: u64, status| -> Result<()> {
        let mut publish = publish();
        publish[8] = 1;
        publish[16..24].copy_from_slice(&revision.to_le_bytes());
        let ask = request(Origin::KERNEL, 0x0022_E414, &publish, 0);
        let expected = Expected::Answer(status, 0);
        expect(session, "a publish that expects", &ask, expected).map(drop)
    };
    let before = revision(session)?;
    expecting(session, before + 1, status::REVISION_MISMATCH)?;
    expecting(session, before, status::SUCCESS)?;
    expecting(session, before, status::REVISION_MISMATCH)?;
    operations::mark(session, VF, 1)?;
    expecting(session, before + 1, status::REVISION_MISMATCH)?;
    ensure!(
        revision(session)? == before + 2,
        "a write and a publish are not two revisions"
    );
    let reset = session.stack.call(&call(function::RESET_VF, VF, 0, 0))?;
    is("ResetVf", reset.status, status::SUCCESS)?;
    expecting(session, before + 2, status::REVISION_MISMATCH)?;
    expecting(session, before + 3, status::SUCCESS)
}

/// The bus double has VF n in segment 2 at bus 3, function n + 1.
fn location(session: &mut Session) -> Result<()> {
    for (vf, function) in [(0, 1), (VF, 3), (3, 4)] {
        let [low, high] = vf.to_le_bytes();
        let answer = reply(session, 0x0022_6444, &[low, high, 0, 0], 4)?;
        fields(
            &answer,
            &[
                ("segment", 0, 2, 2),
                ("bus", 2, 1, 3),
                ("function", 3, 1, function),
            ],
        )?;
    }
    Ok(())
}

fn host_refusals(session: &mut Session) -> Result<()> {
    // For a block that does not exist, the second of the reasons, and for a revision, the last one.
    let (block, changed) = (8 + 8, 8 + 19 * 8);
    let before = reply(session, 0x0022_6430, &[], 200)?;
    let vf_before = reply(session, 0x0022_6408, &VF_2, 264)?;
    fields(
        &before,
        &[("reasons", 0, 4, REASONS), ("reserved", 4, 4, 0)],
    )?;
    let management = session.management()?;
    let refused = [
        management.drain(VF, 0x55, 1).is_err(),
        management.publish(Vfs::One(VF), 0x55, &[0]).is_err(),
        management.publish(Vfs::All, 0x55, &[0]).is_err(),
        management.read(VF, 0x55, 1).is_err(),
        management
            .publish_expecting(VF, 0, u64::MAX, &[0; 128])
            .is_err(),
    ];
    ensure!(
        refused == [true; 5],
        "an invalid request succeeds: {refused:?}"
    );
    let after = reply(session, 0x0022_6430, &[], 200)?;
    fields(
        &after,
        &[
            ("a block", block, 8, number(&before, block, 8) + 4),
            ("a revision", changed, 8, number(&before, changed, 8) + 1),
        ],
    )?;
    let vf_after = reply(session, 0x0022_6408, &VF_2, 264)?;
    ensure!(
        vf_after.output[72..264] == vf_before.output[72..264],
        "the host's refusals count for the VF"
    );
    Ok(())
}

fn drain(session: &mut Session) -> Result<()> {
    for value in 1..=3 {
        let mut message = transfer(operation::WRITE, VF, 1, 128);
        message.data[0] = value;
        is("write", performed(session, &message)?, status::SUCCESS)?;
    }
    let queued = reply(session, 0x0022_640C, &BLOCK_1, 56)?;
    fields(&queued, &[("queued", 40, 8, 3)])?;
    // An output shorter than one message gets none; one shorter than two gets one.
    for (output, expected, first) in [
        (131, refused(status::BUFFER_TOO_SMALL), None),
        (132, Expected::Answer(status::SUCCESS, 132), Some(1)),
        (263, Expected::Answer(status::SUCCESS, 132), Some(2)),
        (264, Expected::Answer(status::SUCCESS, 132), Some(3)),
        (264, Expected::Answer(status::SUCCESS, 0), None),
    ] {
        let ask = request(Origin::KERNEL, 0x0022_E41C, &BLOCK_1, output);
        let answer = expect(session, "drain", &ask, expected)?;
        if let Some(first) = first {
            fields(
                &answer,
                &[("the length", 0, 4, 128), ("the message", 4, 4, first)],
            )?;
        }
    }
    Ok(())
}

fn journal(session: &mut Session) -> Result<()> {
    let after = |session: &Session, number: u64| -> Result<Answer> {
        let mut input = [0; 16];
        input[0] = 2;
        input[8..].copy_from_slice(&number.to_le_bytes());
        let ask = request(Origin::KERNEL, 0x0022_6428, &input, 40);
        Ok(session.stack.request(&ask)?)
    };
    let mut newest = 0;
    loop {
        let entry = after(session, newest)?;
        if entry.information == 0 {
            break;
        }
        let next = number(&entry, 0, 8);
        ensure!(next > newest, "entry {next} follows {newest}");
        newest = next;
    }
    let clock = |session: &Session| reply(session, 0x0022_6440, &[], 8);
    let before = number(&clock(session)?, 0, 8);
    let read = performed(session, &transfer(operation::READ, VF, 0x55, 0x66))?;
    is("a read of no block", read, status::NOT_FOUND)?;
    let present = number(&clock(session)?, 0, 8);
    operations::mark(session, VF, 3)?;
    let entry = after(session, newest)?;
    ensure!(entry.information == 40, "nothing was recorded");
    #[rustfmt::skip]
    let expected = [
        ("the number", 0, 8, newest + 1), ("the block", 16, 4, 0x55), ("the length", 20, 4, 0x66),
        ("the status", 24, 4, 0xC000_0225), ("repeated", 28, 4, 0), ("a read", 32, 1, 0),
        ("no place of a fault", 33, 1, 0), ("reserved", 34, 2, 0),
        ("the companion's status", 36, 4, 0),
    ];
    fields(&entry, &expected)?;
    let time = number(&entry, 8, 8);
    ensure!(
        (before..=present).contains(&time),
        "{time} is not between {before} and {present} of CLOCK"
    );
    ensure!(number(&entry, 8, 8) != 0, "the entry has no time");
    let entry = after(session, newest + 1)?;
    #[rustfmt::skip]
    let expected = [
        ("the number", 0, 8, newest + 2), ("the block", 16, 4, 0), ("the length", 20, 4, 128),
        ("the status", 24, 4, 0), ("a write", 32, 1, 1), ("no place of a fault", 33, 1, 0),
    ];
    fields(&entry, &expected)?;
    let mut write = transfer(operation::WRITE, VF, 0, 128);
    write.data[9] = 1;
    let reserved = Refusal::Reserved.status();
    is("a reserved byte", performed(session, &write)?, reserved)?;
    let entry = after(session, newest + 2)?;
    #[rustfmt::skip]
    let expected = [
        ("the number", 0, 8, newest + 3), ("the status", 24, 4, reserved.into()),
        ("a write", 32, 1, 1), ("the place of the fault", 33, 1, 10), ("reserved", 34, 2, 0),
    ];
    fields(&entry, &expected)
}

fn operations(session: &mut Session) -> Result<()> {
    let broken = u32::from(VF) + 1;
    let management = session.management()?;
    let newest = management
        .journal(VF, 0, 1000)?
        .last()
        .map_or(0, |entry| entry.sequence);
    let stack = &session.stack;
    let reset = call(function::RESET_VF, VF, 0, 0);
    stack.fault(fault::CONFIG_WRITE_FAILS, broken)?;
    let failed = stack.call(&reset)?.status;
    stack.fault(fault::CONFIG_WRITE_FAILS, 0)?;
    is("ResetVf", failed, status::IO_DEVICE_ERROR)?;
    is("ResetVf", stack.call(&reset)?.status, status::SUCCESS)?;
    // An operation on a block that does not exist is refused, and the refusal is recorded.
    let refused = [
        management.drain(VF, 0x55, 1).is_err(),
        management.publish(Vfs::One(VF), 0x55, &[0]).is_err(),
        management.read(VF, 0x55, 1).is_err(),
    ];
    ensure!(
        refused == [true; 3],
        "an operation on a block that does not exist succeeds"
    );
    management.power(VF, PowerState::D0)?;
    management.invalidate(Vfs::One(VF), 1)?;
    let entries = management.journal(VF, newest, 1000)?;
    let got: Vec<u8> = entries.iter().map(|entry| entry.operation).collect();
    // Two resets, of which one fails; drain, publish, read by the host, and a power state.
    let expected = [9, 10, 9, 5, 4, 2, 7, 6];
    ensure!(got.starts_with(&expected), "the operations are {got:?}");
    Ok(())
}
