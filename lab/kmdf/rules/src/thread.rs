//! The level of each thread and the locks it holds, tracked because Wine has no IRQL.
//!
//! Rules: a spin lock raises its holder to `DISPATCH_LEVEL`, and its release restores the level
//! before (`fxlock.cpp`); the documentation page of each function and callback states its maximum
//! under "IRQL". Stricter than the framework: locks must be released in reverse order, and none may
//! be held when a callback returns.

use alloc::vec::Vec;

use crate::{level::Level, object::Handle, violation::Violation};

/// A spin lock that a thread holds, and the level that its release restores.
#[derive(Clone, Copy, Debug)]
struct Held {
    lock: Handle,
    before: Level,
}

/// The level of one thread, and the spin locks that it holds.
#[derive(Debug)]
pub struct Thread {
    level: Level,
    held: Vec<Held>,
}

/// The state of a thread at the entry of a callback, for [`Thread::leave`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Entry {
    level: Level,
    held: usize,
}

impl Default for Thread {
    fn default() -> Self {
        Self::new()
    }
}

impl Thread {
    /// A thread at `PASSIVE_LEVEL` that holds nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            level: Level::Passive,
            held: Vec::new(),
        }
    }

    /// The level of the thread.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Whether the thread is as a new one.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.level == Level::Passive && self.held.is_empty()
    }

    /// Whether the thread holds this lock.
    #[must_use]
    pub fn holds(&self, lock: Handle) -> bool {
        self.held.iter().any(|held| held.lock == lock)
    }

    /// Checks that `function` may be called at the present level.
    ///
    /// # Errors
    /// [`Violation::LevelTooHigh`].
    pub fn check(&self, function: &'static str, maximum: Level) -> Result<(), Violation> {
        if self.level <= maximum {
            return Ok(());
        }
        Err(Violation::LevelTooHigh {
            function,
            level: self.level,
            maximum,
            because: self.held.last().map(|held| held.lock),
        })
    }

    /// The thread is about to wait for a spin lock. The check comes before the wait, which would
    /// not end for a lock that the thread holds.
    ///
    /// # Errors
    /// [`Violation::LockRecursion`].
    pub fn acquire(&mut self, lock: Handle) -> Result<(), Violation> {
        if self.holds(lock) {
            return Err(Violation::LockRecursion {
                function: "WdfSpinLockAcquire",
                lock,
            });
        }
        self.held.push(Held {
            lock,
            before: self.level,
        });
        self.level = Level::Dispatch;
        Ok(())
    }

    /// The thread is about to release a spin lock.
    ///
    /// # Errors
    /// [`Violation::LockNotHeld`], [`Violation::LockOrder`].
    pub fn release(&mut self, lock: Handle) -> Result<(), Violation> {
        let not_held = Violation::LockNotHeld {
            function: "WdfSpinLockRelease",
            lock,
        };
        if !self.holds(lock) {
            return Err(not_held);
        }
        let innermost = self.held.pop().ok_or(not_held)?;
        if innermost.lock != lock {
            return Err(Violation::LockOrder {
                lock,
                innermost: innermost.lock,
            });
        }
        self.level = innermost.before;
        Ok(())
    }

    /// The framework is about to call a callback of the driver at `level`, or higher if the thread
    /// is.
    pub fn enter(&mut self, level: Level) -> Entry {
        let entry = Entry {
            level: self.level,
            held: self.held.len(),
        };
        self.level = self.level.max(level);
        entry
    }

    /// The callback returned. It must have released the locks that it acquired.
    ///
    /// # Errors
    /// [`Violation::LockHeldAtReturn`].
    pub fn leave(&mut self, callback: &'static str, entry: Entry) -> Result<(), Violation> {
        if let Some(held) = self.held.get(entry.held) {
            return Err(Violation::LockHeldAtReturn {
                callback,
                lock: held.lock,
            });
        }
        self.level = entry.level;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Handle = Handle(1);
    const B: Handle = Handle(2);

    #[test]
    fn a_spin_lock_raises_to_dispatch_and_restores() {
        let mut thread = Thread::new();
        thread.acquire(A).unwrap();
        assert_eq!(thread.level(), Level::Dispatch);
        thread.acquire(B).unwrap();
        thread.release(B).unwrap();
        assert_eq!(thread.level(), Level::Dispatch);
        thread.release(A).unwrap();
        assert_eq!(thread.level(), Level::Passive);
        assert!(thread.is_idle());
    }

    #[test]
    fn a_passive_function_under_a_spin_lock_names_the_lock() {
        let mut thread = Thread::new();
        thread.acquire(A).unwrap();
        let violation = thread
            .check("WdfRegistryOpenKey", Level::Passive)
            .unwrap_err();
        assert_eq!(
            alloc::format!("{violation}"),
            "WdfRegistryOpenKey: called at DISPATCH_LEVEL, allowed up to PASSIVE_LEVEL; \
             the thread holds WDFSPINLOCK 0x1"
        );
        assert!(thread.check("WdfSpinLockAcquire", Level::Dispatch).is_ok());
    }

    #[test]
    fn a_lock_is_not_acquired_twice_by_one_thread() {
        let mut thread = Thread::new();
        thread.acquire(A).unwrap();
        assert!(matches!(
            thread.acquire(A),
            Err(Violation::LockRecursion { lock: A, .. })
        ));
    }

    #[test]
    fn only_a_lock_that_is_held_can_be_released() {
        let mut thread = Thread::new();
        assert!(matches!(
            thread.release(A),
            Err(Violation::LockNotHeld { lock: A, .. })
        ));
    }

    #[test]
    fn spin_locks_are_released_in_reverse_order() {
        let mut thread = Thread::new();
        thread.acquire(A).unwrap();
        thread.acquire(B).unwrap();
        assert_eq!(
            thread.release(A),
            Err(Violation::LockOrder {
                lock: A,
                innermost: B
            })
        );
    }

    #[test]
    fn no_lock_is_held_when_a_callback_returns() {
        let mut thread = Thread::new();
        thread.acquire(A).unwrap();
        let entry = thread.enter(Level::Dispatch);
        thread.acquire(B).unwrap();
        assert!(matches!(
            thread.leave("EvtIoDefault", entry),
            Err(Violation::LockHeldAtReturn { lock: B, .. })
        ));
        thread.release(B).unwrap();
        assert!(thread.leave("EvtIoDefault", entry).is_ok());
    }

    #[test]
    fn a_callback_at_dispatch_raises_and_restores() {
        let mut thread = Thread::new();
        let entry = thread.enter(Level::Dispatch);
        assert_eq!(thread.level(), Level::Dispatch);
        thread.leave("EvtTimerFunc", entry).unwrap();
        assert_eq!(thread.level(), Level::Passive);
    }
}
