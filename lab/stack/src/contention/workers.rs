//! Those who are on a VF at one time. Each is one thread and ends when the contention is over.

use alloc::boxed::Box;

use lab_control::contention::{kind, lie};
use lab_control::stack::{Transfer, Transferred, function, operation, path};
use oracle::WRITERS;
use oracle::image::{self, Content, Mark};
use oracle::register::{Before, Register};
use wdk_sys::{STATUS_CRC_ERROR, STATUS_SUCCESS};

use super::Field;
use super::vf_state::{Call, End, VfState};
use crate::bus;
use crate::kernel::clock;
use crate::pf_connection::invalidation_log;
use crate::transfer;

/// Plays on a VF until it is over.
pub(super) type Worker = fn(&Field, &VfState);

/// Who is on each VF. Beside them there is the [`herald`].
pub(super) const EACH_VF: [Worker; 9] = [
    first_writer,
    second_writer,
    publisher,
    reader,
    reader,
    host,
    resetter,
    configurator,
    ringer,
];

/// The writers' numbers. The last is for images that nobody may ever see.
const FIRST: u8 = 0;
const SECOND: u8 = 1;
const PUBLISHER: u8 = 2;
const HERALD: u8 = 3;
const NOBODY: u8 = 0x7F;
const _: () = assert!(WRITERS == HERALD as usize + 1);

/// The blocks of tests/manifests/storm.toml.
const SHARED: u32 = 0;
const SEALED: u32 = 1;
const HALVES: u32 = 2;
const MESSAGES: u32 = 3;
const BELL: u32 = 63;
const BELL_BIT: usize = 63;
/// Where the checksum of the sealed block stands, and the PF's half of the halves.
const CHECKSUM: usize = 124;
const HALF: usize = 64;

/// Calls in a row of a player that never waits.
const ROUNDS_AT_ONCE: u32 = 64;
/// How long a raised invalidation may take to be told, milliseconds.
const HEARING: u32 = 5_000;

fn transfer(operation: u8, ground: &VfState, block: u32) -> Transfer {
    Transfer {
        operation,
        path: path::SRIOV,
        vf: ground.vf,
        block,
        length: 128,
        data: [0; 128],
    }
}

fn first_writer(field: &Field, ground: &VfState) {
    write(field, ground, FIRST, path::SRIOV);
}

/// The second one goes by the guest's bus, where there is one.
fn second_writer(field: &Field, ground: &VfState) {
    let has_guest = bus::virtual_function(ground.vf).is_some();
    let path = if has_guest { path::VPCI } else { path::SRIOV };
    write(field, ground, SECOND, path);
}

fn write(field: &Field, ground: &VfState, writer: u8, path: u8) {
    for number in 1.. {
        if field.is_over() {
            return;
        }
        let mark = Mark { writer, number };
        let (block, register) = match number % 4 {
            0 => (SEALED, &ground.sealed),
            1 => (MESSAGES, &ground.messages),
            2 => (HALVES, &ground.of_the_vf),
            _ => (SHARED, &ground.shared),
        };
        let mut write = transfer(operation::WRITE, ground, block);
        write.path = path;
        let mut call = Call::new(kind::WRITE, block);
        image::fill(&mut write.data, mark);
        if block == SEALED {
            // Now and then a hostile one: an image of nobody, whose checksum does not fit.
            let bad = number % 16 == 0;
            let (content, checksum) = write.data.split_at_mut(CHECKSUM);
            image::fill(
                content,
                if bad {
                    Mark {
                        writer: NOBODY,
                        ..mark
                    }
                } else {
                    mark
                },
            );
            let crc = image::crc32(content) ^ u32::from(bad);
            checksum.copy_from_slice(&crc.to_le_bytes());
            if bad {
                call.expected = STATUS_CRC_ERROR.cast_unsigned();
            }
        } else if block == HALVES {
            let (own, other) = write.data.split_at_mut(HALF);
            image::fill(own, mark);
            // What a VF writes over the PF's half has no effect.
            image::fill(
                other,
                Mark {
                    writer: NOBODY,
                    ..mark
                },
            );
        }
        let (end, _) = ground.make(field, call, || transfer::perform(&write));
        if note(register, mark, end) == End::Over {
            return;
        }
        breathe(number);
    }
}

/// Now and then a player that never waits lets others run: there are more of them than processors.
fn breathe(round: u32) {
    if round.is_multiple_of(ROUNDS_AT_ONCE) {
        clock::pause();
    }
}

/// Tells what is known of a block how a write ended.
fn note(register: &Register, mark: Mark, end: End) -> End {
    match end {
        End::Served => register.wrote(mark),
        End::HeldBack | End::Refused => register.refused(mark),
        End::Over => {}
    }
    if end == End::HeldBack {
        clock::pause();
    }
    end
}

fn publisher(field: &Field, ground: &VfState) {
    for number in 1.. {
        if field.is_over() {
            return;
        }
        let mark = Mark {
            writer: PUBLISHER,
            number,
        };
        let (block, register) = if number % 2 == 0 {
            (SHARED, &ground.shared)
        } else {
            (HALVES, &ground.of_the_pf)
        };
        let mut publish = transfer(operation::PUBLISH, ground, block);
        image::fill(&mut publish.data, mark);
        if block == HALVES {
            let (other, own) = publish.data.split_at_mut(HALF);
            image::fill(
                other,
                Mark {
                    writer: NOBODY,
                    ..mark
                },
            );
            image::fill(own, mark);
        }
        let call = Call::new(kind::PUBLISH, block);
        let (end, _) = ground.make(field, call, || transfer::perform(&publish));
        if note(register, mark, end) == End::Over {
            return;
        }
    }
}

/// Publishes to all VFs.
pub(super) fn herald(field: &Field, ground: &VfState) {
    for number in 1.. {
        if field.is_over() {
            return;
        }
        let mark = Mark {
            writer: HERALD,
            number,
        };
        let mut publish = transfer(operation::PUBLISH, ground, SHARED);
        image::fill(&mut publish.data, mark);
        let call = Call {
            to_all: true,
            ..Call::new(kind::PUBLISH, SHARED)
        };
        let (end, _) = ground.make(field, call, || transfer::publish_all(&publish));
        for ground in &field.grounds {
            note(&ground.shared, mark, end);
        }
        if end == End::Over {
            return;
        }
        clock::sleep(1);
    }
}

fn reader(field: &Field, ground: &VfState) {
    for round in 0_u32.. {
        let block = [SHARED, SEALED, HALVES][round as usize % 3];
        let read = transfer(operation::READ, ground, block);
        if field.is_over() || look(field, ground, kind::READ, &read) == End::Over {
            return;
        }
        breathe(round);
    }
}

/// Reads a block and judges what came back.
fn look(field: &Field, ground: &VfState, kind: usize, read: &Transfer) -> End {
    let call = Call::new(kind, read.block);
    // Each part of the block with what is known of it.
    let (first, second) = match read.block {
        SHARED => ((&ground.shared, 0..128), None),
        SEALED => ((&ground.sealed, 0..CHECKSUM), None),
        _ => (
            (&ground.of_the_vf, 0..HALF),
            Some((&ground.of_the_pf, HALF..128)),
        ),
    };
    let parts = [Some(first), second];
    let known = parts
        .each_ref()
        .map(|part| part.as_ref().map(|(register, _)| register.before_read()));
    let (end, result) = ground.make(field, call, || transfer::perform(read));
    if end == End::HeldBack {
        clock::pause();
    }
    if end != End::Served {
        return end;
    }
    for (part, before) in parts.into_iter().zip(&known) {
        let (Some((register, range)), Some(before)) = (part, before) else {
            continue;
        };
        let seen = image::recognise(result.data.get(range).unwrap_or_default());
        if let Err(lie) = register.judge(before, seen) {
            ground.accuse_read(field, call, lie, &result);
            return End::Over;
        }
    }
    if read.block == SEALED && !is_sealed(&result) {
        ground.accuse(field, call, lie::MIXED, &result);
        return End::Over;
    }
    End::Served
}

/// Whether the checksum of the sealed block fits, or nobody has written it.
fn is_sealed(result: &Transferred) -> bool {
    let (content, checksum) = result.data.split_at(CHECKSUM);
    image::recognise(content) == Content::Blank && checksum == [0; 4]
        || checksum == image::crc32(content).to_le_bytes()
}

/// The host's software: it reads what the VF reads, and drains the messages.
fn host(field: &Field, ground: &VfState) {
    let mut last = [0; WRITERS];
    for round in 0_u32.. {
        let end = if round % 2 == 0 {
            let block = [SHARED, SEALED, HALVES][round as usize % 3];
            let read = transfer(operation::HOST_READ, ground, block);
            look(field, ground, kind::HOST_READ, &read)
        } else {
            drain(field, ground, &mut last)
        };
        if field.is_over() || end == End::Over {
            return;
        }
    }
}

fn drain(field: &Field, ground: &VfState, last: &mut [u32; WRITERS]) -> End {
    let call = Call::new(kind::DRAIN, MESSAGES);
    let before: Before = ground.messages.before_read();
    let drain = transfer(operation::DRAIN, ground, MESSAGES);
    let (end, result) = ground.make(field, call, || transfer::perform(&drain));
    if end == End::Served && result.length != 0 {
        let message = image::recognise(&result.data);
        if let Err(lie) = before.judge_message(last, message) {
            ground.accuse_read(field, call, lie, &result);
            return End::Over;
        }
    }
    end
}

/// Resets the VF every now and then.
fn resetter(field: &Field, ground: &VfState) {
    for round in 0_u32.. {
        clock::sleep(20 + round % 5 * 15);
        if field.is_over() || ground.while_resetting(|| reset(field, ground)) == End::Over {
            return;
        }
    }
}

fn reset(field: &Field, ground: &VfState) -> End {
    let resets = ground
        .registers()
        .map(|known| (known, known.before_reset()));
    let call = Call::new(kind::RESET, 0);
    let (end, _) = ground.make(field, call, || {
        transfer::ended(transfer::called(function::RESET_VF, ground.vf, 0))
    });
    for (known, reset) in resets {
        known.after_reset(reset, end == End::Served);
    }
    end
}

/// Reads all of the VF's configuration space, and changes its power state, again and again.
fn configurator(field: &Field, ground: &VfState) {
    let mut space = Box::new([0; transfer::CONFIG_SPACE]);
    for round in 0_u32.. {
        if field.is_over() {
            return;
        }
        let call = Call::new(kind::CONFIG, 0);
        let (end, result) = ground.make(field, call, || {
            transfer::ended(transfer::read_config(ground.vf, &mut space))
        });
        if end == End::Over {
            return;
        }
        if end == End::Served && space[..4] == [0xFF; 4] {
            ground.accuse(field, call, lie::NO_VF, &result);
        }
        let mut power = transfer(operation::POWER, ground, round % 4);
        power.length = 0;
        transfer::perform(&power);
        breathe(round);
        if end == End::HeldBack {
            clock::pause();
        }
    }
}

/// Raises an invalidation that nobody else raises. Unless a reset is under way, which wipes it, the
/// stack must be told.
fn ringer(field: &Field, ground: &VfState) {
    let mut raised = invalidation_log::count(ground.vf, BELL_BIT);
    while !field.is_over() {
        let end = ground.while_listening(|calm| ring(field, ground, calm));
        match end {
            End::Over => return,
            End::Served => raised += 1,
            End::HeldBack | End::Refused => {}
        }
        if invalidation_log::count(ground.vf, BELL_BIT) > raised {
            let result = transfer::ended(STATUS_SUCCESS);
            ground.accuse(field, RING, lie::TOLD_TWICE, &result);
        }
        clock::pause();
    }
}

const RING: Call = Call::new(kind::INVALIDATE, BELL);

fn ring(field: &Field, ground: &VfState, calm: bool) -> End {
    let mut ring = transfer(operation::INVALIDATE, ground, 0);
    ring.data[..8].copy_from_slice(&(1_u64 << BELL_BIT).to_le_bytes());
    let told = invalidation_log::count(ground.vf, BELL_BIT);
    let (end, result) = ground.make(field, RING, || transfer::perform(&ring));
    // Also when all others have ended.
    let heard = || {
        invalidation_log::count(ground.vf, BELL_BIT) != told
            || field.is_decided()
            || ground.is_removed()
    };
    if end == End::Served && calm && !clock::wait_until(HEARING, heard) {
        ground.accuse(field, RING, lie::UNHEARD, &result);
    }
    end
}
