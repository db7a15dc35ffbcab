//! What changed, and waits for changes.

use block_broker::{ChangesEnd, Kinds, MalformedCookie, Queue, Waiters};
use pf_broker_abi::{self as abi, Change, ChangesCookie};

use crate::handle::{bb_broker, with};
use crate::pointers::{List, put};
use crate::status::{BB_INVALID_ARGUMENT, BB_INVALID_COOKIE, BB_SUCCESS, bb_status};

/// Kind of a change of a block: a VF's write to a register was committed.
pub const BB_CHANGE_WRITTEN: u16 = 1;
/// Kind of a change of a block: a VF's message was queued to a stream.
pub const BB_CHANGE_MESSAGE: u16 = 2;
/// Kind of a change of a VF: a reset has finished, or the VF was allocated. What changed before is
/// not listed any more.
pub const BB_CHANGE_RESET: u16 = 4;
/// Kind of a change of a VF: its power state was set.
pub const BB_CHANGE_POWER: u16 = 8;
/// Kind of a change of a block: a publish was committed.
pub const BB_CHANGE_PUBLISHED: u16 = 16;
/// Kind of a change of a VF: its journal has recorded a refusal. Of a flood it records the first
/// refused write only.
pub const BB_CHANGE_REFUSED: u16 = 32;
/// Kind of a change of a VF: its journal has recorded an event of any kind.
pub const BB_CHANGE_JOURNALED: u16 = 256;

const _: () = assert!(
    BB_CHANGE_WRITTEN == abi::CHANGE_WRITTEN
        && BB_CHANGE_MESSAGE == abi::CHANGE_MESSAGE
        && BB_CHANGE_RESET == abi::CHANGE_RESET
        && BB_CHANGE_POWER == abi::CHANGE_POWER
        && BB_CHANGE_PUBLISHED == abi::CHANGE_PUBLISHED
        && BB_CHANGE_REFUSED == abi::CHANGE_REFUSED
        && BB_CHANGE_JOURNALED == abi::CHANGE_JOURNALED
);

/// Flag of `bb_changes`: there are more entries than fit. The next call continues the list.
pub const BB_CHANGES_MORE: u32 = 1;
/// Flag of `bb_changes`: the cookie is of another start of the device. The list has everything since
/// this start.
pub const BB_CHANGES_RESTARTED: u32 = 2;

const _: () =
    assert!(BB_CHANGES_MORE == abi::CHANGES_MORE && BB_CHANGES_RESTARTED == abi::CHANGES_RESTARTED);

/// What a reader has received of the changes. Zeros stand for the start of the device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_cookie {
    /// The library's.
    pub words: [u64; 5],
}

impl bb_cookie {
    fn to_abi(self) -> ChangesCookie {
        zerocopy::transmute!(self.words)
    }

    fn of_abi(cookie: ChangesCookie) -> Self {
        Self {
            words: zerocopy::transmute!(cookie),
        }
    }
}

/// One change: of a VF, or of a block of a VF.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_change {
    /// The VF's index.
    pub vf: u16,
    /// What changed, a set of `BB_CHANGE_…`: kinds of a VF, or kinds of a block.
    pub kinds: u16,
    /// The block's ID; 0 for a VF.
    pub block: u32,
    /// The block's revision; for a VF the number of the last event in its journal.
    pub revision: u64,
}

/// Lists what changed since a cookie, of the kinds in the set `kinds`. The management interface of
/// `pf_broker.sys` has the same list as `IOCTL_CHANGES`.
///
/// `cookie` has what the caller has received, and gets the cookie for the next call; it is at first
/// zero. Any number of callers may have cookies of their own. `changes` has room for `capacity`
/// entries, ordered by VF; a VF comes before its blocks, which have the order of the table. `count`
/// gets how many entries there are, `flags` 0 or a set of `BB_CHANGES_MORE` and
/// `BB_CHANGES_RESTARTED`; both may be NULL.
///
/// Every change is listed at least once. Two changes of a block between two calls are one entry.
///
/// It does not wait: see `bb_await_changes`. At `PASSIVE_LEVEL`: it visits every VF.
///
/// Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for no kind or an unknown one, or if `cookie` is
/// NULL; `BB_INVALID_COOKIE`.
///
/// # Safety
/// `cookie` is readable and writable, `changes` has `capacity` writable entries, `count` and `flags`
/// are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_changes(
    broker: *const bb_broker,
    kinds: u16,
    cookie: *mut bb_cookie,
    changes: *mut bb_change,
    capacity: usize,
    count: *mut usize,
    flags: *mut u32,
) -> bb_status {
    // SAFETY: as the caller promises.
    let mut list = unsafe { List::at(changes, capacity) };
    let collect = |broker: &'static bb_broker| {
        // SAFETY: as the caller promises.
        let (kinds, since) = match unsafe { request(kinds, cookie) } {
            Ok(request) => request,
            Err(status) => return status,
        };
        let mut take = |change: &Change| {
            let Change {
                vf,
                kinds,
                block,
                revision,
            } = *change;
            list.push(bb_change {
                vf,
                kinds,
                block,
                revision,
            })
        };
        let Ok(end) = list_changes(broker, kinds, &since, &mut take) else {
            return BB_INVALID_COOKIE;
        };
        // SAFETY: as the caller promises.
        unsafe { put(cookie, bb_cookie::of_abi(end.cookie)) };
        // SAFETY: as the caller promises.
        unsafe { put(flags, end.flags) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    let status = unsafe { with(broker, collect) };
    // SAFETY: as the caller promises.
    unsafe { put(count, list.count()) };
    status
}

/// Announces that the caller waits for a change of the kinds in the set `kinds` after those of
/// `cookie`, from the last `bb_changes`.
///
/// `is_due` gets whether there is such a change already: then call `bb_changes` again. Otherwise the
/// next operation that makes one has `wake` in its follow-up. It is set once for all callers that
/// wait: its receiver wakes each of them, and each calls `bb_changes` and announces itself again.
/// No change is missed in between.
///
/// At `PASSIVE_LEVEL`: it visits every VF.
///
/// Returns what `bb_changes` returns, and `BB_INVALID_ARGUMENT` if `is_due` is NULL.
///
/// # Safety
/// `cookie` is readable, and `is_due` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_await_changes(
    broker: *const bb_broker,
    kinds: u16,
    cookie: *const bb_cookie,
    is_due: *mut bool,
) -> bb_status {
    let announce = |broker: &'static bb_broker| {
        // SAFETY: as the caller promises.
        let (kinds, cookie) = match unsafe { request(kinds, cookie) } {
            Ok(request) => request,
            Err(status) => return status,
        };
        // With no room for an entry this only checks the cookie.
        if list_changes(broker, kinds, &cookie, &mut |_| false).is_err() {
            return BB_INVALID_COOKIE;
        }
        let announcement = Announcement { kinds, cookie };
        let due = broker.watch.arrive(&broker.blocks, &announcement, ());
        // SAFETY: as the caller promises.
        unsafe { put(is_due, due) };
        BB_SUCCESS
    };
    if is_due.is_null() {
        return BB_INVALID_ARGUMENT;
    }
    // SAFETY: as the caller promises.
    unsafe { with(broker, announce) }
}

/// [`Broker::changes`](block_broker::Broker::changes), compiled once for both functions.
fn list_changes(
    broker: &bb_broker,
    kinds: Kinds,
    since: &ChangesCookie,
    take: &mut dyn FnMut(&Change) -> bool,
) -> Result<ChangesEnd, MalformedCookie> {
    broker.blocks.changes(kinds, since, take)
}

/// The kinds and the cookie of a call.
///
/// # Safety
/// `cookie` is NULL or readable.
unsafe fn request(
    kinds: u16,
    cookie: *const bb_cookie,
) -> Result<(Kinds, ChangesCookie), bb_status> {
    let kinds = Kinds::from_bits(kinds).ok_or(BB_INVALID_ARGUMENT)?;
    // SAFETY: as the caller promises.
    let cookie = unsafe { cookie.as_ref() }.ok_or(BB_INVALID_ARGUMENT)?;
    let cookie = cookie.to_abi();
    if cookie.reserved != 0 {
        return Err(BB_INVALID_COOKIE);
    }
    Ok((kinds, cookie))
}

/// A caller that waits. The library keeps its kinds only; the caller keeps the rest.
struct Announcement {
    kinds: Kinds,
    cookie: ChangesCookie,
}

impl Waiters for Announcement {
    type Request = ();

    fn waiting(&self, _: Queue) -> usize {
        0
    }

    fn next(&self, _: Queue) -> Option<()> {
        None
    }

    fn answer(&self, (): ()) -> Option<((), Kinds, ChangesCookie)> {
        Some(((), self.kinds, self.cookie))
    }

    fn queue(&self, (): (), _: Queue) {}
}
