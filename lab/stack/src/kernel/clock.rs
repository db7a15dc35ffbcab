//! Time: sleeping, measuring, and events to wait for.

use core::cell::UnsafeCell;

use wdk_sys::ntddk::{
    KeDelayExecutionThread, KeInitializeEvent, KeQueryPerformanceCounter, KeSetEvent,
    KeWaitForSingleObject,
};
use wdk_sys::{KEVENT, LARGE_INTEGER, NTSTATUS, STATUS_SUCCESS};

unsafe extern "C" {
    // Not in the headers of mingw-w64.
    pub(crate) fn ZwYieldExecution() -> NTSTATUS;
}

/// Units of 100 ns in a millisecond.
const MILLISECOND: i64 = 10_000;

fn relative(milliseconds: u32) -> LARGE_INTEGER {
    LARGE_INTEGER {
        QuadPart: -i64::from(milliseconds) * MILLISECOND,
    }
}

pub(crate) fn sleep(milliseconds: u32) {
    let mut interval = relative(milliseconds);
    // SAFETY: the interval lives until the call returns; the caller is at PASSIVE_LEVEL.
    let _ = unsafe { KeDelayExecutionThread(0, 0, &raw mut interval) };
}

/// Lets other threads run, for as long as somebody has something to do.
pub(crate) fn pause() {
    sleep(1);
}

/// Time since some moment, in units of 100 ns.
pub(crate) fn now() -> u64 {
    let mut frequency = LARGE_INTEGER::default();
    // SAFETY: the frequency is written to a local.
    let counter = unsafe { KeQueryPerformanceCounter(&raw mut frequency) };
    // SAFETY: every bit pattern is a 64-bit integer.
    let counter = unsafe { counter.QuadPart };
    // SAFETY: as before.
    let frequency = unsafe { frequency.QuadPart };
    let scaled = i128::from(counter) * 10_000_000 / i128::from(frequency.max(1));
    u64::try_from(scaled).unwrap_or(0)
}

/// Tries `ready` every millisecond until it is true or the time is over.
pub(crate) fn wait_until(milliseconds: u32, mut ready: impl FnMut() -> bool) -> bool {
    let deadline = now() + u64::from(milliseconds) * 10_000;
    loop {
        if ready() {
            return true;
        }
        if now() >= deadline {
            return false;
        }
        sleep(1);
    }
}

/// A notification event in memory that does not move.
pub(crate) struct Event(UnsafeCell<KEVENT>);

// SAFETY: the kernel synchronises access to an event.
unsafe impl Sync for Event {}
// SAFETY: an event belongs to no thread.
unsafe impl Send for Event {}

impl Event {
    /// An event that is not set. [`Event::initialise`] must be called once it lies where it stays.
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(KEVENT::default()))
    }

    pub(crate) fn initialise(&self) {
        // SAFETY: the event lies where it stays and nobody waits for it yet.
        unsafe { KeInitializeEvent(self.0.get(), wdk_sys::_EVENT_TYPE::NotificationEvent, 0) };
    }

    pub(crate) fn set(&self) {
        // SAFETY: the event is initialised.
        unsafe { KeSetEvent(self.0.get(), 0, 0) };
    }

    /// Waits, for ever without a limit; says whether the event was set.
    pub(crate) fn wait(&self, milliseconds: Option<u32>) -> bool {
        let mut interval = relative(milliseconds.unwrap_or(0));
        let limit = if milliseconds.is_some() {
            &raw mut interval
        } else {
            core::ptr::null_mut()
        };
        // SAFETY: the event is initialised and outlives the wait; so does the interval.
        let status = unsafe {
            KeWaitForSingleObject(
                self.0.get().cast(),
                wdk_sys::_KWAIT_REASON::Executive,
                0,
                0,
                limit,
            )
        };
        status == STATUS_SUCCESS
    }
}
