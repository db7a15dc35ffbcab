//! Reads, writes and publishes of blocks, and drains of streams.

use core::ffi::c_void;

use block_broker::Ticks;
use block_table::MAX_BLOCK_LENGTH;

use crate::handle::{bb_broker, bb_follow_up, carry_out, operate};
use crate::pointers::{List, Reply, Sent, put};
use crate::status::{BB_SUCCESS, bb_status};

/// Bytes of the largest block.
pub const BB_MAX_BLOCK_LENGTH: usize = 128;

const _: () = assert!(BB_MAX_BLOCK_LENGTH == MAX_BLOCK_LENGTH);

/// A message of a stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_message {
    /// How many bytes the VF sent, 1 to 128.
    pub length: u32,
    /// The message, followed by zeros.
    pub data: [u8; BB_MAX_BLOCK_LENGTH],
}

/// A VF reads a register.
///
/// `reply` gets `length` bytes: those of the block, then zeros. It is unchanged if the read is
/// refused. NULL counts as length 0, which is refused.
///
/// Up to `DISPATCH_LEVEL`, if the lock functions allow it. `now` and `follow_up` are as for
/// `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `ACCESS` for write-only blocks and
/// streams, `STATE`, `REMOVED`, `COMPANION` if the companion handles reads of the block (see
/// `bb_begin_read`), `LENGTH` if the read is shorter than the block and the manifest does not allow
/// that.
///
/// # Safety
/// `reply` has `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_read(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    reply: *mut c_void,
    length: u32,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let reply = Reply::at(reply, length);
    let mut image = [0; MAX_BLOCK_LENGTH];
    let read = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker
            .blocks
            .read(vf, block, reply.length, &mut image, Ticks(now))
    };
    // SAFETY: as the caller promises.
    let status = unsafe { carry_out(broker, follow_up, read) };
    if status == BB_SUCCESS {
        // SAFETY: as the caller promises.
        unsafe { reply.fill(&mut image) };
    }
    status
}

/// A VF writes a register, or appends a message to a stream.
///
/// `data` has `length` bytes, which are copied once, before anything is checked. NULL counts as
/// length 0, which is refused. A write that is shorter than the block is filled with zeros.
///
/// `now` is the time in units of 100 nanoseconds from any beginning, such as
/// `KeQueryInterruptTime`. The limits of the manifest and the journal use it. `follow_up` gets what
/// the caller does next, also after a refusal. It may be NULL in a driver that neither waits for
/// changes nor delivers invalidations.
///
/// Up to `DISPATCH_LEVEL`, if the lock functions allow it.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `ACCESS`, `STATE`, `REMOVED`, `LIMIT`,
/// `COMPANION` if the companion handles writes of the block (see `bb_begin_write`), `LENGTH`,
/// `CHECKSUM`, one of the rules of the manifest from `RESERVED` to `OVERFLOW`, or `FULL`. A refused
/// write changes nothing but counters and journal.
///
/// # Safety
/// `data` has `length` readable bytes. They may change during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_write(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let Sent { length, image } = unsafe { Sent::copy(data, length) };
    let write = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.write(vf, block, length, &image, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, write) }
}

/// Host software reads a register, whichever side owns its bytes.
///
/// `reply` is as for `bb_read`. `revision` gets how often the block was written, published or reset
/// since the start, for `bb_publish_expecting`; it may be NULL.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a stream, `STATE`,
/// `REMOVED`, `LENGTH`.
///
/// # Safety
/// `reply` has `length` writable bytes; `revision` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_host_read(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    reply: *mut c_void,
    length: u32,
    revision: *mut u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let reply = Reply::at(reply, length);
    let mut image = [0; MAX_BLOCK_LENGTH];
    let read = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker
            .blocks
            .host_read(vf, block, reply.length, &mut image, Ticks(now))
    };
    let take = |read| {
        // SAFETY: as the caller promises.
        unsafe { put(revision, read) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    let status = unsafe { operate(broker, follow_up, read, take) };
    if status == BB_SUCCESS {
        // SAFETY: as the caller promises.
        unsafe { reply.fill(&mut image) };
    }
    status
}

/// Host software writes the PF-owned bytes of a register of one VF. It never fails because of what
/// the VF wrote: where the VF's bytes and the publish break a rule together, the VF's return to
/// their defaults.
///
/// `data` and `length` are as for `bb_write`, and so are IRQL, `now` and `follow_up`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a stream, `STATE`,
/// `REMOVED`, `LENGTH`, `CHECKSUM`, one of the rules of the manifest.
///
/// # Safety
/// `data` has `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_publish(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let sent = unsafe { Sent::copy(data, length) };
    // SAFETY: as the caller promises.
    unsafe { publish(broker, vf, block, &sent, None, now, follow_up) }
}

/// As `bb_publish`, but refused with `BB_REFUSED_CHANGED` unless the block has the revision
/// `expected`, from `bb_host_read`. A reply to a request that has since changed, or to a previous
/// tenant of the VF, is thus never delivered.
///
/// # Safety
/// `data` has `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_publish_expecting(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    expected: u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let sent = unsafe { Sent::copy(data, length) };
    // SAFETY: as the caller promises.
    unsafe { publish(broker, vf, block, &sent, Some(expected), now, follow_up) }
}

/// Both kinds of publishes to one VF.
///
/// # Safety
/// As for [`bb_publish`].
unsafe fn publish(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    sent: &Sent,
    expected: Option<u64>,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let Sent { length, image } = sent;
    let publish = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker
            .blocks
            .publish(vf, block, *length, image, expected, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, publish) }
}

/// Host software writes the PF-owned bytes of a register of every VF. VFs that are not allocated
/// take part: what the manifest keeps over a reset, they have when they are allocated.
///
/// `data` and `length` are as for `bb_write`, and so are `now` and `follow_up`.
///
/// `PASSIVE_LEVEL` is better: it visits every VF, one lock at a time.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `BLOCK`, `KIND`, `REMOVED`, `LENGTH`, `CHECKSUM`, one
/// of the rules of the manifest; `STATE` while another publish to all VFs runs.
///
/// # Safety
/// `data` has `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_publish_all(
    broker: *const bb_broker,
    block: u32,
    data: *const c_void,
    length: u32,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let Sent { length, image } = unsafe { Sent::copy(data, length) };
    let publish =
        |broker: &'static bb_broker| broker.blocks.publish_all(block, length, &image, Ticks(now));
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, publish) }
}

/// Takes messages out of a stream, the oldest first.
///
/// `messages` has room for `capacity` messages. `count` gets how many were taken, 0 if the drain is
/// refused; if it is `capacity`, there may be more. A reset between two messages ends the list.
///
/// Up to `DISPATCH_LEVEL`, but the time is linear in `capacity`. `now` and `follow_up` are as for
/// `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `BLOCK`, `KIND` for a register, `STATE`,
/// `REMOVED`. Nothing was taken then.
///
/// # Safety
/// `messages` has `capacity` writable entries; `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_drain(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    messages: *mut bb_message,
    capacity: usize,
    count: *mut usize,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let mut list = unsafe { List::at(messages, capacity) };
    let drain = |broker: &'static bb_broker| {
        let most = list.capacity();
        let append = |sent: &[u8]| {
            list.push(message(sent));
        };
        let vf = broker.allocated(vf);
        broker.blocks.drain(vf, block, most, Ticks(now), append)
    };
    // SAFETY: as the caller promises.
    let status = unsafe { operate(broker, follow_up, drain, |_| BB_SUCCESS) };
    // SAFETY: as the caller promises.
    unsafe { put(count, list.count()) };
    status
}

/// A message, whose bytes are at most 128.
fn message(sent: &[u8]) -> bb_message {
    let mut data = [0; BB_MAX_BLOCK_LENGTH];
    for (to, from) in data.iter_mut().zip(sent) {
        *to = *from;
    }
    bb_message {
        length: u32::try_from(sent.len()).unwrap_or(0),
        data,
    }
}
