//! Operations in two parts, around the call of the vendor's code that handles a block.

use core::ffi::c_void;

use block_broker::{Begun, FollowUp, Outcome, PendingRead, PendingWrite, Ticks};
use block_table::MAX_BLOCK_LENGTH;
use pf_broker_abi::{Operation, Refusal};

use crate::handle::{bb_broker, bb_follow_up, carry_out, operate, with};
use crate::pointers::{Reply, Sent, put};
use crate::status::{BB_INVALID_ARGUMENT, BB_PENDING, BB_SUCCESS, bb_status};
use crate::vf_context::VfContext;

/// Words of a `bb_pending`.
pub const BB_PENDING_WORDS: usize = 64;

/// Memory for an operation between its two parts, in the caller's stack or pool. Alignment: 8 bytes.
/// It is not copied or moved while the operation is pending.
#[repr(C)]
pub struct bb_pending {
    /// The library's.
    pub words: [u64; BB_PENDING_WORDS],
}

const _: () = assert!(
    size_of::<Pending>() <= size_of::<bb_pending>()
        && align_of::<Pending>() <= align_of::<bb_pending>()
);

/// What a `bb_pending` holds.
enum Pending {
    /// Nothing: the operation was not begun, was done at once, or is finished.
    Nothing,
    Write(PendingWrite<'static, VfContext>),
    Read(PendingRead<'static, VfContext>),
}

/// The operation in the caller's memory.
///
/// # Safety
/// `pending` is NULL, or was initialized by `bb_begin_write` or `bb_begin_read` and is used by
/// nothing else for `'p`.
unsafe fn operation_in<'p>(pending: *mut bb_pending) -> Option<&'p mut Pending> {
    // SAFETY: as the caller promises.
    unsafe { pending.cast::<Pending>().as_mut() }
}

/// Puts the operation that a first part began into the caller's memory, and returns the status of
/// the first part.
///
/// # Safety
/// `place` is writable.
unsafe fn keep<P>(
    place: *mut bb_pending,
    begun: Begun<P>,
    operation: impl FnOnce(P) -> Pending,
) -> bb_status {
    match begun {
        Begun::Done => BB_SUCCESS,
        Begun::Pending(pending) => {
            // SAFETY: as the caller promises; a `bb_pending` is large enough.
            unsafe { put(place.cast(), operation(pending)) };
            BB_PENDING
        }
    }
}

/// Why the companion cannot be called, as the caller says it.
fn readiness(companion: bb_status) -> Result<(), Refusal> {
    if companion == BB_SUCCESS {
        return Ok(());
    }
    Err(Refusal::from_status(companion.cast_unsigned()).unwrap_or(Refusal::Companion))
}

/// Whether the manifest hands an operation on a block to the companion: `BB_OPERATION_READ` or
/// `BB_OPERATION_WRITE` of a VF that may do it. `bb_write` and `bb_read` do the others as a whole.
///
/// Any IRQL.
///
/// # Safety
/// `broker` comes from `bb_initialize`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_is_handed_over(
    broker: *const bb_broker,
    operation: u8,
    block: u32,
) -> bool {
    // SAFETY: as the caller promises.
    let broker = unsafe { broker.as_ref() };
    broker
        .zip(Operation::from_code(operation))
        .is_some_and(|(broker, operation)| broker.blocks.is_handed_over(operation, block))
}

/// The first part of a VF's write: everything that `bb_write` does before the commit.
///
/// `companion` is `BB_SUCCESS`, or why the vendor's code cannot be called: `BB_REFUSED_COMPANION` if
/// it is not ready, `BB_REFUSED_STATE` if a reset of the VF has begun. It matters only for a block
/// whose writes the manifest hands over; a write of another block is done as by `bb_write`.
///
/// If this returns `BB_PENDING`, nothing is committed yet. Program the hardware from
/// `bb_pending_write_data`, without a lock, then call `bb_finish_write`, or `bb_abandon` if the
/// hardware was not asked. The vendor's code may publish in between, also to the same block. One
/// operation of a VF should be pending at a time.
///
/// `pending` is the caller's memory. Other parameters and IRQL are as for `bb_write`.
///
/// Returns `BB_PENDING`; `BB_SUCCESS` if the write is done; `BB_INVALID_ARGUMENT` if `pending` is
/// NULL; or a refusal as for `bb_write`, with `COMPANION` after `LIMIT`.
///
/// # Safety
/// `data` has `length` readable bytes; `pending` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_begin_write(
    broker: *const bb_broker,
    companion: bb_status,
    vf: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    now: u64,
    pending: *mut bb_pending,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    if pending.is_null() {
        return BB_INVALID_ARGUMENT;
    }
    // SAFETY: as the caller promises; a `bb_pending` is large enough.
    unsafe { put(pending.cast(), Pending::Nothing) };
    // SAFETY: as the caller promises.
    let Sent { length, image } = unsafe { Sent::copy(data, length) };
    let begin = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        let companion = readiness(companion);
        broker
            .blocks
            .begin_write(companion, vf, block, length, &image, Ticks(now))
    };
    // SAFETY: as the caller promises.
    let keep = |begun| unsafe { keep(pending, begun, Pending::Write) };
    // SAFETY: as the caller promises.
    unsafe { operate(broker, follow_up, begin, keep) }
}

/// The first part of a VF's read: every check of `bb_read`.
///
/// If this returns `BB_PENDING`, set the PF-owned bytes in `bb_pending_read_data`, without a lock,
/// then call `bb_finish_read`, or `bb_abandon`. If it returns `BB_SUCCESS`, `reply` has the reply.
///
/// `companion` and `pending` are as for `bb_begin_write`, everything else as for `bb_read`.
///
/// # Safety
/// `reply` has `length` writable bytes; `pending` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_begin_read(
    broker: *const bb_broker,
    companion: bb_status,
    vf: u16,
    block: u32,
    reply: *mut c_void,
    length: u32,
    now: u64,
    pending: *mut bb_pending,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    if pending.is_null() {
        return BB_INVALID_ARGUMENT;
    }
    // SAFETY: as the caller promises; a `bb_pending` is large enough.
    unsafe { put(pending.cast(), Pending::Nothing) };
    let reply = Reply::at(reply, length);
    let mut image = [0; MAX_BLOCK_LENGTH];
    let begin = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        let companion = readiness(companion);
        broker
            .blocks
            .begin_read(companion, vf, block, reply.length, &mut image, Ticks(now))
    };
    // SAFETY: as the caller promises.
    let keep = |begun| unsafe { keep(pending, begun, Pending::Read) };
    // SAFETY: as the caller promises.
    let status = unsafe { operate(broker, follow_up, begin, keep) };
    if status == BB_SUCCESS {
        // SAFETY: as the caller promises.
        unsafe { reply.fill(&mut image) };
    }
    status
}

/// The bytes of the whole block as a pending write would commit them: `length` gets how many, 1 to
/// 128. NULL if `pending` holds no write. They stay until the write is finished.
///
/// Any IRQL.
///
/// # Safety
/// `pending` was passed to `bb_begin_write` or `bb_begin_read`; `length` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_pending_write_data(
    pending: *const bb_pending,
    length: *mut u32,
) -> *const c_void {
    // SAFETY: as the caller promises. The operation is only read.
    let operation = unsafe { pending.cast::<Pending>().as_ref() };
    let Some(Pending::Write(write)) = operation else {
        return core::ptr::null();
    };
    let data = write.data();
    // SAFETY: as the caller promises.
    unsafe { put(length, length_of(data)) };
    data.as_ptr().cast()
}

/// The bytes of the whole block of a pending read, for the caller to change: `length` gets how many,
/// 1 to 128. The VF's bytes among them are ignored. NULL if `pending` holds no read. They stay until
/// the read is finished.
///
/// Any IRQL.
///
/// # Safety
/// As for `bb_pending_write_data`, and nothing else uses `pending`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_pending_read_data(
    pending: *mut bb_pending,
    length: *mut u32,
) -> *mut c_void {
    // SAFETY: as the caller promises.
    let Some(Pending::Read(read)) = (unsafe { operation_in(pending) }) else {
        return core::ptr::null_mut();
    };
    let data = read.data_mut();
    // SAFETY: as the caller promises.
    unsafe { put(length, length_of(data)) };
    data.as_mut_ptr().cast()
}

/// The length of a block's bytes.
fn length_of(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(0)
}

/// The second part of a write. `answer` is the vendor's NTSTATUS: `BB_SUCCESS` accepts, every other
/// status declines. An accepted write is merged and checked again, on everything that was published
/// meanwhile, and committed.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`. `pending` may be used for another operation
/// afterwards.
///
/// Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` if `pending` holds no write; or `BB_REFUSED_` and:
/// `STATE` if a reset of the VF has begun meanwhile, `REMOVED`, `DECLINED`, one of the rules of the
/// manifest, `FULL`. Nothing is committed then.
///
/// # Safety
/// `pending` was passed to `bb_begin_write` or `bb_begin_read` with this broker, and nothing else
/// uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_finish_write(
    broker: *const bb_broker,
    pending: *mut bb_pending,
    answer: bb_status,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let Some(write) = (unsafe { take_write(pending) }) else {
        return BB_INVALID_ARGUMENT;
    };
    let finish = |_: &'static bb_broker| write.finish(answer.cast_unsigned(), Ticks(now));
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, finish) }
}

/// The second part of a read: commits the PF-owned bytes that the caller has set, and fills `reply`
/// as `bb_read` does. `reply` has the length that `bb_begin_read` was given.
///
/// `answer` and everything else are as for `bb_finish_write`; `BB_INVALID_ARGUMENT` if `pending`
/// holds no read.
///
/// # Safety
/// `reply` has `length` writable bytes; otherwise as for `bb_finish_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_finish_read(
    broker: *const bb_broker,
    pending: *mut bb_pending,
    answer: bb_status,
    reply: *mut c_void,
    length: u32,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let Some(read) = (unsafe { take_read(pending) }) else {
        return BB_INVALID_ARGUMENT;
    };
    let mut image = [0; MAX_BLOCK_LENGTH];
    let finish = |_: &'static bb_broker| -> Outcome<()> {
        read.finish(answer.cast_unsigned(), &mut image, Ticks(now))
    };
    // SAFETY: as the caller promises.
    let status = unsafe { carry_out(broker, follow_up, finish) };
    if status == BB_SUCCESS {
        // SAFETY: as the caller promises.
        unsafe { Reply::at(reply, length).fill(&mut image) };
    }
    status
}

/// Refuses a pending operation as `BB_REFUSED_STATE`: the vendor's code was not called.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_INVALID_ARGUMENT` if `pending` holds no operation.
///
/// # Safety
/// As for `bb_finish_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_abandon(
    broker: *const bb_broker,
    pending: *mut bb_pending,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    let abandoned = unsafe { abandon(pending, Ticks(now)) };
    let Some(abandoned) = abandoned else {
        return BB_INVALID_ARGUMENT;
    };
    let pass_on = |broker: &'static bb_broker| {
        // SAFETY: as the caller promises.
        unsafe { broker.follow_up(abandoned, follow_up) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, pass_on) }
}

/// # Safety
/// As for [`operation_in`].
unsafe fn abandon(pending: *mut bb_pending, now: Ticks) -> Option<FollowUp> {
    // SAFETY: as the caller promises.
    let operation = unsafe { operation_in(pending) }?;
    match core::mem::replace(operation, Pending::Nothing) {
        Pending::Nothing => None,
        Pending::Write(write) => Some(write.abandon(now)),
        Pending::Read(read) => Some(read.abandon(now)),
    }
}

/// The write in the caller's memory, if it holds one.
///
/// # Safety
/// As for [`operation_in`].
unsafe fn take_write(pending: *mut bb_pending) -> Option<PendingWrite<'static, VfContext>> {
    // SAFETY: as the caller promises.
    let operation = unsafe { operation_in(pending) }?;
    match core::mem::replace(operation, Pending::Nothing) {
        Pending::Write(write) => Some(write),
        other => {
            *operation = other;
            None
        }
    }
}

/// The read in the caller's memory, if it holds one.
///
/// # Safety
/// As for [`operation_in`].
unsafe fn take_read(pending: *mut bb_pending) -> Option<PendingRead<'static, VfContext>> {
    // SAFETY: as the caller promises.
    let operation = unsafe { operation_in(pending) }?;
    match core::mem::replace(operation, Pending::Nothing) {
        Pending::Read(read) => Some(read),
        other => {
            *operation = other;
            None
        }
    }
}
