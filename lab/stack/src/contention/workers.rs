//! The workers on a VF. Each is one thread and ends when the contention is over.

use alloc::boxed::Box;
use alloc::vec::Vec;

use kernel_runtime::clock;
use lab_control::contention::{kind, violation};
use lab_control::stack::{Transfer, Transferred, function, operation, path};
use oracle::WRITERS;
use oracle::history::{Before, BlockHistory};
use oracle::image::{self, Content, WriteId};
use wdk_sys::{STATUS_CRC_ERROR, STATUS_SUCCESS};

use super::run::Run;
use super::vf_state::{Call, End, VfState};
use crate::bus;
use crate::pf_connection::{call, invalidation_log};
use crate::transfer;

/// What all workers use.
pub(super) struct Shared {
    pub(super) run: Run,
    pub(super) vfs: Vec<VfState>,
}

/// Works on a VF until the contention is over.
pub(super) type Worker = fn(&Shared, &VfState);

/// The workers on each VF. [`publish_to_all`] is on all of them.
pub(super) const EACH_VF: [Worker; 9] = [
    first_writer,
    second_writer,
    publisher,
    reader,
    reader,
    host_reader,
    resetter,
    configurator,
    invalidator,
];

/// The writers' numbers. The last is for images that no read may return.
const FIRST: u8 = 0;
const SECOND: u8 = 1;
const PUBLISHER: u8 = 2;
const PUBLISHER_TO_ALL: u8 = 3;
const NO_WRITER: u8 = 0x7F;
const _: () = assert!(WRITERS == PUBLISHER_TO_ALL as usize + 1);

/// The blocks of tests/manifests/storm.toml.
const SHARED: u32 = 0;
const SEALED: u32 = 1;
const HALVES: u32 = 2;
const MESSAGES: u32 = 3;
const INVALIDATED: u32 = 63;
const INVALIDATED_BIT: usize = 63;
/// Where the checksum of the sealed block stands, and the PF's half of the halves.
const CHECKSUM: usize = 124;
const HALF: usize = 64;

/// Calls in a row of a worker that never waits.
const ROUNDS_AT_ONCE: u32 = 64;
/// How long the delivery of an invalidation may take, milliseconds.
const DELIVERY_LIMIT: u32 = 5_000;

fn transfer(operation: u8, state: &VfState, block: u32) -> Transfer {
    Transfer {
        operation,
        path: path::SRIOV,
        vf: state.vf,
        block,
        length: 128,
        data: [0; 128],
    }
}

fn first_writer(shared: &Shared, state: &VfState) {
    write(shared, state, FIRST, path::SRIOV);
}

/// Writes through the guest's bus, where there is one.
fn second_writer(shared: &Shared, state: &VfState) {
    let has_guest = bus::virtual_function(state.vf).is_some();
    let path = if has_guest { path::VPCI } else { path::SRIOV };
    write(shared, state, SECOND, path);
}

fn write(shared: &Shared, state: &VfState, writer: u8, path: u8) {
    for number in 1.. {
        if shared.run.is_over() {
            return;
        }
        let id = WriteId { writer, number };
        let (block, history) = match number % 4 {
            0 => (SEALED, &state.sealed),
            1 => (MESSAGES, &state.messages),
            2 => (HALVES, &state.of_the_vf),
            _ => (SHARED, &state.shared),
        };
        let mut write = transfer(operation::WRITE, state, block);
        write.path = path;
        let mut call = Call::new(kind::WRITE, block);
        image::fill(&mut write.data, id);
        if block == SEALED {
            // Now and then a hostile one: an image of no writer, whose checksum does not match.
            let bad = number % 16 == 0;
            let (content, checksum) = write.data.split_at_mut(CHECKSUM);
            image::fill(
                content,
                if bad {
                    WriteId {
                        writer: NO_WRITER,
                        ..id
                    }
                } else {
                    id
                },
            );
            let crc = image::crc32(content) ^ u32::from(bad);
            checksum.copy_from_slice(&crc.to_le_bytes());
            if bad {
                call.expected = STATUS_CRC_ERROR.cast_unsigned();
            }
        } else if block == HALVES {
            let (own, other) = write.data.split_at_mut(HALF);
            image::fill(own, id);
            // What a VF writes over the PF's half has no effect.
            image::fill(
                other,
                WriteId {
                    writer: NO_WRITER,
                    ..id
                },
            );
        }
        let (end, _) = state.make(&shared.run, call, || transfer::perform(&write));
        if record(history, id, end) == End::Over {
            return;
        }
        yield_now_and_then(number);
    }
}

/// Lets others run now and then: there are more workers than processors.
fn yield_now_and_then(round: u32) {
    if round.is_multiple_of(ROUNDS_AT_ONCE) {
        clock::pause();
    }
}

/// Records how a write ended.
fn record(history: &BlockHistory, id: WriteId, end: End) -> End {
    match end {
        End::Served => history.record_write(id),
        End::HeldBack | End::Refused => history.record_refusal(id),
        End::Over => {}
    }
    if end == End::HeldBack {
        clock::pause();
    }
    end
}

fn publisher(shared: &Shared, state: &VfState) {
    for number in 1.. {
        if shared.run.is_over() {
            return;
        }
        let id = WriteId {
            writer: PUBLISHER,
            number,
        };
        let (block, history) = if number % 2 == 0 {
            (SHARED, &state.shared)
        } else {
            (HALVES, &state.of_the_pf)
        };
        let mut publish = transfer(operation::PUBLISH, state, block);
        image::fill(&mut publish.data, id);
        if block == HALVES {
            let (other, own) = publish.data.split_at_mut(HALF);
            image::fill(
                other,
                WriteId {
                    writer: NO_WRITER,
                    ..id
                },
            );
            image::fill(own, id);
        }
        let call = Call::new(kind::PUBLISH, block);
        let (end, _) = state.make(&shared.run, call, || transfer::perform(&publish));
        if record(history, id, end) == End::Over {
            return;
        }
    }
}

/// Publishes to all VFs.
pub(super) fn publish_to_all(shared: &Shared, state: &VfState) {
    for number in 1.. {
        if shared.run.is_over() {
            return;
        }
        let id = WriteId {
            writer: PUBLISHER_TO_ALL,
            number,
        };
        let mut publish = transfer(operation::PUBLISH, state, SHARED);
        image::fill(&mut publish.data, id);
        let call = Call {
            to_all: true,
            ..Call::new(kind::PUBLISH, SHARED)
        };
        let (end, _) = state.make(&shared.run, call, || transfer::publish_all(&publish));
        for state in &shared.vfs {
            record(&state.shared, id, end);
        }
        if end == End::Over {
            return;
        }
        clock::sleep(1);
    }
}

fn reader(shared: &Shared, state: &VfState) {
    for round in 0_u32.. {
        let block = [SHARED, SEALED, HALVES][round as usize % 3];
        let read = transfer(operation::READ, state, block);
        if shared.run.is_over() || read_and_check(shared, state, kind::READ, &read) == End::Over {
            return;
        }
        yield_now_and_then(round);
    }
}

/// Reads a block and checks what the read returned.
fn read_and_check(shared: &Shared, state: &VfState, kind: usize, read: &Transfer) -> End {
    let call = Call::new(kind, read.block);
    // Each part of the block with its history.
    let (first, second) = match read.block {
        SHARED => ((&state.shared, 0..128), None),
        SEALED => ((&state.sealed, 0..CHECKSUM), None),
        _ => (
            (&state.of_the_vf, 0..HALF),
            Some((&state.of_the_pf, HALF..128)),
        ),
    };
    let parts = [Some(first), second];
    let known = parts
        .each_ref()
        .map(|part| part.as_ref().map(|(history, _)| history.before_read()));
    let (end, result) = state.make(&shared.run, call, || transfer::perform(read));
    if end == End::HeldBack {
        clock::pause();
    }
    if end != End::Served {
        return end;
    }
    for (part, before) in parts.into_iter().zip(&known) {
        let (Some((history, range)), Some(before)) = (part, before) else {
            continue;
        };
        let seen = image::identify(result.data.get(range).unwrap_or_default());
        if let Err(violation) = history.check_read(before, seen) {
            state.fail_read(&shared.run, call, violation, &result);
            return End::Over;
        }
    }
    if read.block == SEALED && !is_sealed(&result) {
        state.fail(&shared.run, call, violation::MIXED, &result);
        return End::Over;
    }
    End::Served
}

/// Whether the checksum of the sealed block matches, or the block is blank.
fn is_sealed(result: &Transferred) -> bool {
    let (content, checksum) = result.data.split_at(CHECKSUM);
    image::identify(content) == Content::Blank && checksum == [0; 4]
        || checksum == image::crc32(content).to_le_bytes()
}

/// Host software: reads what the VF reads, and drains the messages.
fn host_reader(shared: &Shared, state: &VfState) {
    let mut last = [0; WRITERS];
    for round in 0_u32.. {
        let end = if round % 2 == 0 {
            let block = [SHARED, SEALED, HALVES][round as usize % 3];
            let read = transfer(operation::HOST_READ, state, block);
            read_and_check(shared, state, kind::HOST_READ, &read)
        } else {
            drain(shared, state, &mut last)
        };
        if shared.run.is_over() || end == End::Over {
            return;
        }
    }
}

fn drain(shared: &Shared, state: &VfState, last: &mut [u32; WRITERS]) -> End {
    let call = Call::new(kind::DRAIN, MESSAGES);
    let before: Before = state.messages.before_read();
    let drain = transfer(operation::DRAIN, state, MESSAGES);
    let (end, result) = state.make(&shared.run, call, || transfer::perform(&drain));
    if end == End::Served && result.length != 0 {
        let message = image::identify(&result.data);
        if let Err(violation) = before.check_message(last, message) {
            state.fail_read(&shared.run, call, violation, &result);
            return End::Over;
        }
    }
    end
}

/// Resets the VF every now and then.
fn resetter(shared: &Shared, state: &VfState) {
    for round in 0_u32.. {
        clock::sleep(20 + round % 5 * 15);
        if shared.run.is_over() || state.while_resetting(|| reset(shared, state)) == End::Over {
            return;
        }
    }
}

fn reset(shared: &Shared, state: &VfState) -> End {
    let resets = state.histories().map(|known| (known, known.before_reset()));
    let call = Call::new(kind::RESET, 0);
    let (end, _) = state.make(&shared.run, call, || {
        transfer::ended(call::call_without_data(function::RESET_VF, state.vf, 0))
    });
    for (known, reset) in resets {
        known.after_reset(reset, end == End::Served);
    }
    end
}

/// Reads all of the VF's configuration space, and changes its power state, again and again.
fn configurator(shared: &Shared, state: &VfState) {
    let mut space = Box::new([0; call::CONFIG_SPACE]);
    for round in 0_u32.. {
        if shared.run.is_over() {
            return;
        }
        let call = Call::new(kind::CONFIG, 0);
        let (end, result) = state.make(&shared.run, call, || {
            transfer::ended(call::read_config(state.vf, &mut space))
        });
        if end == End::Over {
            return;
        }
        if end == End::Served && space[..4] == [0xFF; 4] {
            state.fail(&shared.run, call, violation::NO_VF, &result);
        }
        let mut power = transfer(operation::POWER, state, round % 4);
        power.length = 0;
        transfer::perform(&power);
        yield_now_and_then(round);
        if end == End::HeldBack {
            clock::pause();
        }
    }
}

/// Raises an invalidation that no other worker raises. It must be delivered to the stack, unless a
/// reset clears it.
fn invalidator(shared: &Shared, state: &VfState) {
    let mut raised = invalidation_log::count(state.vf, INVALIDATED_BIT);
    while !shared.run.is_over() {
        let end = state.while_listening(|calm| invalidate(shared, state, calm));
        match end {
            End::Over => return,
            End::Served => raised += 1,
            End::HeldBack | End::Refused => {}
        }
        if invalidation_log::count(state.vf, INVALIDATED_BIT) > raised {
            let result = transfer::ended(STATUS_SUCCESS);
            state.fail(&shared.run, INVALIDATE, violation::DELIVERED_TWICE, &result);
        }
        clock::pause();
    }
}

const INVALIDATE: Call = Call::new(kind::INVALIDATE, INVALIDATED);

fn invalidate(shared: &Shared, state: &VfState, calm: bool) -> End {
    let mut invalidate = transfer(operation::INVALIDATE, state, 0);
    invalidate.data[..8].copy_from_slice(&(1_u64 << INVALIDATED_BIT).to_le_bytes());
    let before = invalidation_log::count(state.vf, INVALIDATED_BIT);
    let (end, result) = state.make(&shared.run, INVALIDATE, || transfer::perform(&invalidate));
    // A worker that ends alone would wait in vain.
    let delivered = || {
        invalidation_log::count(state.vf, INVALIDATED_BIT) != before
            || shared.run.has_failed()
            || state.is_removed()
    };
    if end == End::Served && calm && !clock::wait_until(DELIVERY_LIMIT, delivered) {
        state.fail(&shared.run, INVALIDATE, violation::NOT_DELIVERED, &result);
    }
    end
}
