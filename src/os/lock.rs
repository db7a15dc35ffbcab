//! Framework spin locks, held by guards.
//!
//! The `wdk` crate has a spin lock, without guards; its calls check the framework's function table
//! each time and would bring a panic into every function that locks.

use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};

use wdk_sys::{NTSTATUS, WDFOBJECT, WDFSPINLOCK};

use crate::os::{object, wdf};

/// A lock without data of its own.
pub(crate) struct SpinLock(WDFSPINLOCK);

// SAFETY: the handle is good on every thread, and a lock is what synchronises them.
unsafe impl Sync for SpinLock {}
// SAFETY: as above.
unsafe impl Send for SpinLock {}

impl SpinLock {
    /// Creates a lock that lives as long as `parent`.
    pub(crate) fn new(parent: WDFOBJECT) -> Result<Self, NTSTATUS> {
        let mut attributes = object::child_of(parent);
        let mut lock: WDFSPINLOCK = core::ptr::null_mut();
        // SAFETY: the parent is live, and the rest lives through the call.
        wdf::check(unsafe { wdf::call!(WdfSpinLockCreate, &raw mut attributes, &raw mut lock) })?;
        Ok(Self(lock))
    }

    /// Waits for the lock and raises to `DISPATCH_LEVEL` until what is returned is dropped.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_> {
        // SAFETY: the lock lives as long as its parent, which owns this too.
        unsafe { wdf::call!(WdfSpinLockAcquire, self.0) };
        Held(self)
    }
}

/// Holds a lock.
pub(crate) struct Held<'l>(&'l SpinLock);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the lock was acquired when this was made, by this thread.
        unsafe { wdf::call!(WdfSpinLockRelease, self.0.0) };
    }
}

/// Data that one processor at a time may touch, at `DISPATCH_LEVEL`.
pub(crate) struct Locked<T> {
    lock: SpinLock,
    data: UnsafeCell<T>,
}

// SAFETY: the data is reached through the lock alone.
unsafe impl<T: Send> Sync for Locked<T> {}

impl<T> Locked<T> {
    /// Guards data with a lock that lives as long as `parent`.
    pub(crate) fn new(parent: WDFOBJECT, data: T) -> Result<Self, NTSTATUS> {
        Ok(Self {
            lock: SpinLock::new(parent)?,
            data: UnsafeCell::new(data),
        })
    }

    /// Waits for the lock and raises to `DISPATCH_LEVEL` until the guard is dropped.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard {
            _held: self.lock.hold(),
            data: &self.data,
        }
    }
}

/// Holds the lock and gives the data.
pub(crate) struct Guard<'l, T> {
    _held: Held<'l>,
    data: &'l UnsafeCell<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, so there is no other reference to the data.
        unsafe { &*self.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and the guard is borrowed exclusively.
        unsafe { &mut *self.data.get() }
    }
}
