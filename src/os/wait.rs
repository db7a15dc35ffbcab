//! Waiting and time.

use core::cell::UnsafeCell;

use block_broker::Ticks;
use pf_state::{clock::Clock, rebalance::Signal};
use wdk_sys::{KEVENT, LARGE_INTEGER};

use crate::os::kernel;

/// `KernelMode` of `MODE`, as a `KPROCESSOR_MODE`.
const KERNEL_MODE: wdk_sys::KPROCESSOR_MODE = 0;

/// The time since the system started, at any IRQL.
#[inline]
pub(crate) fn now() -> Ticks {
    Ticks(kernel::time())
}

/// Sleeps, at `PASSIVE_LEVEL`.
pub(crate) fn sleep(milliseconds: u32) {
    // Negative: from now on, in units of 100 ns.
    let mut interval = LARGE_INTEGER {
        QuadPart: -10_000 * i64::from(milliseconds),
    };
    // A kernel-mode wait that is not alertable cannot fail.
    // SAFETY: the interval lives through the call.
    let _ = unsafe { wdk_sys::ntddk::KeDelayExecutionThread(KERNEL_MODE, 0, &raw mut interval) };
}

/// Time for a reset and for turning VFs on and off: the calling thread sleeps.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn sleep(&mut self, milliseconds: u32) {
        sleep(milliseconds);
    }
}

/// Lets a moment pass for calls in flight, at `PASSIVE_LEVEL`.
pub(crate) fn pause() {
    sleep(1);
}

/// Waits until `done`, which it checks every millisecond.
pub(crate) fn until(done: impl Fn() -> bool) {
    while !done() {
        pause();
    }
}

/// A kernel event that releases one waiter each time it is set.
pub(crate) struct Event(UnsafeCell<KEVENT>);

// SAFETY: the kernel synchronises the use of its event.
unsafe impl Sync for Event {}
// SAFETY: it is initialised where it stays; before that it is plain memory.
unsafe impl Send for Event {}

impl Event {
    /// An event that [`initialize`](Self::initialize) must make usable at its final address.
    pub(crate) fn unusable() -> Self {
        Self(UnsafeCell::new(KEVENT::default()))
    }

    /// Makes the event usable. It does not move after this, as it links to itself.
    pub(crate) fn initialize(&self) {
        // SAFETY: the event is at its final address, and not used yet.
        unsafe {
            wdk_sys::ntddk::KeInitializeEvent(
                self.0.get(),
                wdk_sys::_EVENT_TYPE::SynchronizationEvent,
                0,
            );
        }
    }
}

impl Signal for Event {
    /// Callable up to `DISPATCH_LEVEL`.
    fn set(&self) {
        // SAFETY: the event was initialised.
        unsafe { wdk_sys::ntddk::KeSetEvent(self.0.get(), 0, 0) };
    }

    /// At `PASSIVE_LEVEL`.
    fn wait(&self) {
        // A wait without a time-out, in kernel mode and not alertable, cannot fail.
        // SAFETY: the event was initialised, and the thread is at PASSIVE_LEVEL.
        let _ = unsafe {
            wdk_sys::ntddk::KeWaitForSingleObject(
                self.0.get().cast(),
                wdk_sys::_KWAIT_REASON::Executive,
                KERNEL_MODE,
                0,
                core::ptr::null_mut(),
            )
        };
    }
}
