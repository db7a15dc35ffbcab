//! A value that a scenario sets before anything runs that reads it.

use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering},
};

/// Set once, read from callbacks afterwards.
pub(crate) struct Once<T> {
    set: AtomicBool,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written before `set` says so and never again, and readers ask `set` first.
// Raw pointers inside name kernel objects that any thread may touch.
unsafe impl<T: Copy> Sync for Once<T> {}

impl<T: Copy> Once<T> {
    pub(crate) const fn new() -> Self {
        Self {
            set: AtomicBool::new(false),
            value: UnsafeCell::new(None),
        }
    }

    /// Sets the value; only the thread that plays the scenario does, and once.
    pub(crate) fn set(&self, value: T) {
        if self.set.load(Ordering::Acquire) {
            return;
        }
        // SAFETY: nothing reads the value before `set` is true.
        unsafe { *self.value.get() = Some(value) };
        self.set.store(true, Ordering::Release);
    }

    pub(crate) fn get(&self) -> Option<T> {
        if !self.set.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the value was written before `set` was, and nothing writes it again.
        unsafe { *self.value.get() }
    }
}
