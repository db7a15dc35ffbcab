//! A value that is set once and then read from any thread.

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{AtomicU8, Ordering},
};

const EMPTY: u8 = 0;
const BEING_SET: u8 = 1;
const SET: u8 = 2;

/// Set at most once. Reading is one atomic load, at any IRQL.
pub(crate) struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written by one thread before the state is SET, and only read afterwards.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it was set.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) != SET {
            return None;
        }
        // SAFETY: the cell is not written any more once the state is SET.
        let value = unsafe { &*self.value.get() };
        // SAFETY: the state is SET only after the value was written.
        Some(unsafe { value.assume_init_ref() })
    }

    /// Sets the value; one that was set before stays, and the new one is dropped.
    pub(crate) fn set(&self, value: T) -> Option<&T> {
        let mine =
            self.state
                .compare_exchange(EMPTY, BEING_SET, Ordering::Acquire, Ordering::Relaxed);
        if mine.is_ok() {
            // SAFETY: only the thread that moved the state to BEING_SET gets here.
            let slot = unsafe { &mut *self.value.get() };
            slot.write(value);
            self.state.store(SET, Ordering::Release);
        }
        self.get()
    }
}
