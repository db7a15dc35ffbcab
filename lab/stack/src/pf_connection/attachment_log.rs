//! What an attached stack observed: events that the PF driver sent, and how its pending requests
//! ended.

use core::sync::atomic::{AtomicU32, Ordering};

use kernel_runtime::lock::Locked;
use pcivirt_abi::sriov::PfEvent;
use wdk_sys::{NTSTATUS, STATUS_DEVICE_REMOVED};

/// How the pending requests of an attached stack ended.
#[derive(Clone, Copy, Default)]
pub(crate) struct EndedRequests {
    /// Those that ended with `STATUS_DEVICE_REMOVED`.
    pub(crate) removed: u32,
    /// Those that ended with another failure.
    pub(crate) refused: u32,
    /// The status of one of the latter.
    pub(crate) status: u32,
}

/// Of the last attachment. It outlives the attachment, because removal and detachment end requests.
static ENDED: Locked<EndedRequests> = Locked::new(EndedRequests {
    removed: 0,
    refused: 0,
    status: 0,
});
static QUERY_STOP_EVENTS: AtomicU32 = AtomicU32::new(0);
static RESTART_EVENTS: AtomicU32 = AtomicU32::new(0);

/// A stack attaches: clears everything.
pub(super) fn clear() {
    *ENDED.lock() = EndedRequests::default();
    clear_events();
}

/// Forgets the events, as when a stack detaches.
pub(super) fn clear_events() {
    QUERY_STOP_EVENTS.store(0, Ordering::SeqCst);
    RESTART_EVENTS.store(0, Ordering::SeqCst);
}

/// Records an event that the PF driver sent.
pub(super) fn record_event(event: u32) {
    let counter = if event == PfEvent::QueryStopDevice as u32 {
        &QUERY_STOP_EVENTS
    } else {
        &RESTART_EVENTS
    };
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Records how a pending request ended.
pub(super) fn record_end(status: NTSTATUS) {
    let mut ended = ENDED.lock();
    if status == STATUS_DEVICE_REMOVED {
        ended.removed += 1;
    } else {
        ended.refused += 1;
        ended.status = status.cast_unsigned();
    }
}

/// How the pending requests of the last attachment ended.
pub(crate) fn ended_requests() -> EndedRequests {
    *ENDED.lock()
}

/// `QueryStopDevice` events since the stack attached.
pub(crate) fn query_stop_events() -> u32 {
    QUERY_STOP_EVENTS.load(Ordering::SeqCst)
}

/// `Restart` events since the stack attached.
pub(crate) fn restart_events() -> u32 {
    RESTART_EVENTS.load(Ordering::SeqCst)
}
