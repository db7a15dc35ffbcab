//! When a call gives up: after a time, or when another thread cancels it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(windows)]
use crate::windows::event::Event;

/// When a call gives up although the driver has not completed its request.
///
/// A request that the driver completes in the same moment keeps its result, so nothing that it
/// carried is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit<'a> {
    /// The time after which the call fails with [`STATUS_IO_TIMEOUT`]; none if it may take for ever.
    pub timeout: Option<Duration>,
    /// Cancels the call, which then fails with [`STATUS_CANCELLED`].
    pub cancel: Option<&'a Cancel>,
}

impl Limit<'_> {
    /// No limit.
    pub const NONE: Self = Self {
        timeout: None,
        cancel: None,
    };
}

/// The status of a call that took longer than [`Limit::timeout`] (`ntstatus.h`).
pub const STATUS_IO_TIMEOUT: u32 = 0xC000_00B5;
/// The status of a call that [`Cancel::cancel`] ended (`ntstatus.h`).
pub const STATUS_CANCELLED: u32 = 0xC000_0120;
/// The status of a call on a handle that was closed because its device is about to be removed
/// (`ntstatus.h`).
pub const STATUS_DELETE_PENDING: u32 = 0xC000_0056;
/// The status of a call on a device that is gone (`ntstatus.h`).
pub const STATUS_DEVICE_REMOVED: u32 = 0xC000_02B6;
/// The statuses of calls on a device that is gone or going: `STATUS_NO_SUCH_DEVICE`,
/// [`STATUS_DELETE_PENDING`], `STATUS_DEVICE_DOES_NOT_EXIST`, `STATUS_FILE_DELETED` and
/// [`STATUS_DEVICE_REMOVED`] (`ntstatus.h`).
pub const STATUSES_OF_ABSENCE: [u32; 5] = [
    0xC000_000E,
    STATUS_DELETE_PENDING,
    0xC000_00C0,
    0xC000_0123,
    STATUS_DEVICE_REMOVED,
];

/// Ends calls from another thread.
#[derive(Debug)]
pub struct Cancel {
    cancelled: AtomicBool,
    #[cfg(windows)]
    pub(crate) event: Event,
}

impl Cancel {
    /// Cancels nothing yet.
    ///
    /// # Errors
    ///
    /// The error of Windows if it cannot create an event.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            cancelled: AtomicBool::new(false),
            #[cfg(windows)]
            event: Event::new()?,
        })
    }

    /// Ends the calls that wait with this [`Limit::cancel`], and every later one. Callable from any
    /// thread.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        #[cfg(windows)]
        self.event.set();
    }

    /// Whether [`cancel`](Cancel::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}
