//! Notification events.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr;

use wdk_sys::ntddk::{KeInitializeEvent, KeSetEvent, KeWaitForSingleObject};
use wdk_sys::{KEVENT, LARGE_INTEGER, STATUS_SUCCESS};

use crate::clock;

/// A notification event: once set, it stays set.
pub struct Event(Box<UnsafeCell<KEVENT>>);

// SAFETY: the kernel synchronizes access to an event.
unsafe impl Sync for Event {}
// SAFETY: an event belongs to no thread.
unsafe impl Send for Event {}

impl Event {
    /// An event that is not set.
    #[must_use]
    pub fn new() -> Self {
        // Boxed: the kernel links waiters to the event, which must not move.
        let event = Self(Box::new(UnsafeCell::new(KEVENT::default())));
        // SAFETY: the event has its place, and no thread knows it yet.
        unsafe { KeInitializeEvent(event.0.get(), wdk_sys::_EVENT_TYPE::NotificationEvent, 0) };
        event
    }

    /// Sets the event. Any thread up to `DISPATCH_LEVEL`.
    pub fn set(&self) {
        // SAFETY: `new` has initialized the event.
        unsafe { KeSetEvent(self.0.get(), 0, 0) };
    }

    /// Waits until the event is set. At `PASSIVE_LEVEL`.
    pub fn wait(&self) {
        self.wait_until(ptr::null_mut());
    }

    /// Waits at most so long, and returns whether the event is set. At `PASSIVE_LEVEL`.
    #[must_use]
    pub fn wait_within(&self, milliseconds: u32) -> bool {
        let mut limit = clock::relative(milliseconds);
        self.wait_until(&raw mut limit)
    }

    fn wait_until(&self, limit: *mut LARGE_INTEGER) -> bool {
        // SAFETY: `new` has initialized the event; it and the limit outlive the wait.
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

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Event")
    }
}
