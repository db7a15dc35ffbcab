//! A lock around a double's own data.

use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering},
};

use wdk_sys::ntddk::ZwYieldExecution;

/// Data that one thread at a time may look at. Callbacks of the driver are never called inside.
///
/// It is not a kernel spin lock: under Wine a thread can lose its processor while it holds one, so
/// a waiting thread yields instead of burning its time slice.
#[derive(Debug, Default)]
pub struct Locked<T> {
    taken: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: `with` gives the data to one thread at a time. Raw pointers inside name kernel objects
// that any thread may touch.
unsafe impl<T> Sync for Locked<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Locked<T> {}

impl<T> Locked<T> {
    /// Data that nobody looks at yet.
    #[must_use]
    pub const fn new(data: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            data: UnsafeCell::new(data),
        }
    }

    /// Runs `body` on the data.
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        while self
            .taken
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: gives the processor away, nothing else.
            let _ = unsafe { ZwYieldExecution() };
        }
        // SAFETY: this thread alone set `taken`.
        let data = unsafe { &mut *self.data.get() };
        let result = body(data);
        self.taken.store(false, Ordering::Release);
        result
    }
}
