//! A lock for code at `PASSIVE_LEVEL`.

use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicBool, Ordering},
};

use wdk_sys::ntddk::ZwYieldExecution;

/// Data that one thread at a time accesses. No callback of a driver under test runs inside.
///
/// It is not a kernel spin lock: under Wine a thread can lose its processor while it holds one, so
/// a waiting thread yields instead of using up its time slice.
#[derive(Debug, Default)]
pub struct Locked<T> {
    taken: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: one guard exists at a time. Raw pointers in the data name kernel objects, which belong to
// no thread.
unsafe impl<T> Sync for Locked<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Locked<T> {}

impl<T> Locked<T> {
    /// Data that no thread has locked.
    #[must_use]
    pub const fn new(data: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            data: UnsafeCell::new(data),
        }
    }

    /// Waits for the lock and takes it.
    pub fn lock(&self) -> Guard<'_, T> {
        while self
            .taken
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: gives the processor away, nothing else.
            let _ = unsafe { ZwYieldExecution() };
        }
        Guard { lock: self }
    }

    /// Runs `body` on the data.
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        body(&mut self.lock())
    }
}

/// Access to the data until it is dropped.
#[derive(Debug)]
pub struct Guard<'l, T> {
    lock: &'l Locked<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.lock.taken.store(false, Ordering::Release);
    }
}
