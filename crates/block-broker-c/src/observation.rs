//! Counters and journal, which can be read in every state, of VFs that are not allocated too.

use block_broker::{Entry, Event, JOURNAL_LENGTH, Ticks};
use pf_broker_abi::{self as abi, Operation, Refusal};

use crate::handle::{bb_broker, with};
use crate::pointers::{List, put};
use crate::status::{BB_SUCCESS, bb_status, refused};
use crate::vf_context::VfContext;

/// Room for the refusals of later versions in `refused` of `bb_vf_status`.
pub const BB_MAX_REASONS: usize = 24;

const _: () = assert!(BB_MAX_REASONS == abi::MAX_REASONS);

/// State and counters of a VF, since the start of the device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_vf_status {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed or queued.
    pub writes: u64,
    /// Publishes that were committed.
    pub publishes: u64,
    /// Publishes, among those committed, that withdrew what the VF had written to the block.
    pub withdrawn: u64,
    /// Messages that full streams dropped for newer ones.
    pub dropped: u64,
    /// Resets that were begun, those of allocations and frees included.
    pub resets: u64,
    /// Times that the VF wrote faster than its limit.
    pub floods: u64,
    /// Invalidations that were not taken yet; bit n stands for block n.
    pub pending: u64,
    /// `BB_POWER_STATE_D0` to `BB_POWER_STATE_D3`.
    pub power: u8,
    /// Whether the VF is served: one of `BB_SERVICE_`. A VF that is not allocated is held.
    pub service: u8,
    /// 1 while the VF is allocated.
    pub allocated: u8,
    /// Zero.
    pub reserved: u8,
    /// How many entries of `refused` this version counts.
    pub reason_count: u32,
    /// Refused reads and writes of the VF by reason: see `bb_refusal_status`.
    pub refused: [u64; BB_MAX_REASONS],
}

/// Counters of a block of a VF, since the start of the device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_block_status {
    /// Reads of the VF that were answered.
    pub reads: u64,
    /// Writes of the VF that were committed or queued.
    pub writes: u64,
    /// Publishes that were committed.
    pub publishes: u64,
    /// Reads and writes of the VF that were refused.
    pub refused: u64,
    /// Messages that a full stream dropped for newer ones.
    pub dropped: u64,
    /// Messages that wait to be drained.
    pub queued: u64,
    /// How often the block was written, published or reset.
    pub revision: u64,
}

/// An entry of a VF's journal.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bb_journal_entry {
    /// The number of its last event. The events of a VF are numbered from 1, and the entry holds
    /// those from `number - repeated` to `number`.
    pub number: u64,
    /// When its first event happened, on the caller's clock.
    pub time: u64,
    /// The block's ID as the caller gave it.
    pub block: u32,
    /// The length as the caller gave it; for `BB_OPERATION_SET_POWER` the state.
    pub length: u32,
    /// The result.
    pub status: bb_status,
    /// The companion's answer, if `status` is `BB_REFUSED_DECLINED`; otherwise 0.
    pub companion_status: bb_status,
    /// How often the event repeated.
    pub repeated: u32,
    /// `BB_OPERATION_…`
    pub operation: u8,
    /// 1 plus the offset in the block of what broke a rule of the manifest, if the fault is at one
    /// place; otherwise 0. Of repeated events it is that of the first.
    pub fault: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// State and counters of a VF: `status` gets them. IRQL as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_VF` for an index that does not exist.
///
/// # Safety
/// `status` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_vf_status_of(
    broker: *const bb_broker,
    vf: u16,
    status: *mut bb_vf_status,
) -> bb_status {
    let read = |broker: &'static bb_broker| match vf_status(broker, vf) {
        Ok(read) => {
            // SAFETY: as the caller promises.
            unsafe { put(status, read) };
            BB_SUCCESS
        }
        Err(refusal) => refused(refusal),
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, read) }
}

fn vf_status(broker: &bb_broker, vf: u16) -> Result<bb_vf_status, Refusal> {
    let status = broker.blocks.status(vf)?;
    let is_allocated = broker.context(vf).is_some_and(VfContext::is_allocated);
    let counters = &status.counters;
    let mut by_reason = [0; BB_MAX_REASONS];
    for (count, reason) in by_reason.iter_mut().zip(Refusal::ALL) {
        *count = counters.refused(reason);
    }
    Ok(bb_vf_status {
        reads: counters.reads,
        writes: counters.writes,
        publishes: counters.publishes,
        withdrawn: counters.withdrawn,
        dropped: counters.dropped,
        resets: counters.resets,
        floods: counters.floods,
        pending: status.pending,
        power: status.power.code(),
        service: status.service.code(),
        allocated: u8::from(is_allocated),
        reserved: 0,
        reason_count: REASON_COUNT,
        refused: by_reason,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "at most BB_MAX_REASONS")]
const REASON_COUNT: u32 = Refusal::ALL.len() as u32;

/// Counters of a block of a VF: `status` gets them. IRQL as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF` for an index that does not exist, `BLOCK`.
///
/// # Safety
/// `status` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_block_status_of(
    broker: *const bb_broker,
    vf: u16,
    block: u32,
    status: *mut bb_block_status,
) -> bb_status {
    let read = |broker: &'static bb_broker| match broker.blocks.block_status(vf, block) {
        Ok(read) => {
            let counters = read.counters;
            let of_block = bb_block_status {
                reads: counters.reads,
                writes: counters.writes,
                publishes: counters.publishes,
                refused: counters.refused,
                dropped: counters.dropped,
                queued: read.queued.into(),
                revision: read.revision,
            };
            // SAFETY: as the caller promises.
            unsafe { put(status, of_block) };
            BB_SUCCESS
        }
        Err(refusal) => refused(refusal),
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, read) }
}

/// The last events of a VF, the oldest first: entries whose number is above `after`.
///
/// `entries` has room for `capacity` entries; at most 16 are kept. `count` gets how many there are,
/// `lost` how many of the events asked for are not kept any more; it may be NULL.
///
/// IRQL as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_VF` for an index that does not exist.
///
/// # Safety
/// `entries` has `capacity` writable entries; `count` and `lost` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_journal(
    broker: *const bb_broker,
    vf: u16,
    after: u64,
    entries: *mut bb_journal_entry,
    capacity: usize,
    count: *mut usize,
    lost: *mut u64,
) -> bb_status {
    // SAFETY: as the caller promises.
    let mut excerpt = unsafe { List::at(entries, capacity) };
    let read = |broker: &'static bb_broker| {
        let mut kept = [NO_ENTRY; JOURNAL_LENGTH];
        let most = excerpt.capacity().min(JOURNAL_LENGTH);
        let (room, _) = kept.split_at_mut_checked(most).unwrap_or_default();
        match broker.blocks.journal(vf, after, room) {
            Ok(found) => {
                for entry in kept.iter().take(found.entries) {
                    excerpt.push(journal_entry(entry));
                }
                // SAFETY: as the caller promises.
                unsafe { put(lost, found.lost) };
                BB_SUCCESS
            }
            Err(refusal) => refused(refusal),
        }
    };
    // SAFETY: as the caller promises.
    let status = unsafe { with(broker, read) };
    // SAFETY: as the caller promises.
    unsafe { put(count, excerpt.count()) };
    status
}

const NO_ENTRY: Entry = Entry {
    number: 0,
    at: Ticks(0),
    repeated: 0,
    event: Event {
        operation: Operation::Read,
        block: 0,
        length: 0,
        refusal: None,
        companion_status: 0,
        fault: None,
    },
};

fn journal_entry(entry: &Entry) -> bb_journal_entry {
    let event = &entry.event;
    bb_journal_entry {
        number: entry.number,
        time: entry.at.0,
        block: event.block,
        length: event.length,
        status: event.refusal.map_or(BB_SUCCESS, refused),
        companion_status: event.companion_status.cast_signed(),
        repeated: entry.repeated,
        operation: event.operation.code(),
        fault: event.fault.map_or(0, |offset| offset.saturating_add(1)),
        reserved: [0; 2],
    }
}

/// How often operations of host software were refused since the start, by reason (see
/// `bb_refusal_status`), and operations on VFs that are not allocated or do not exist.
///
/// `counts` has room for `capacity` counts; the rest of it becomes zero. Any IRQL.
///
/// # Safety
/// `counts` has `capacity` writable entries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_host_refusals(
    broker: *const bb_broker,
    counts: *mut u64,
    capacity: usize,
) -> bb_status {
    let read = |broker: &'static bb_broker| {
        // SAFETY: as the caller promises.
        let mut list = unsafe { List::at(counts, capacity) };
        for reason in Refusal::ALL {
            list.push(broker.blocks.host_refusals(reason));
        }
        while list.push(0) {}
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, read) }
}
