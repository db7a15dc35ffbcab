//! The IRQL of each thread, tracked by the double itself: Wine has none.
//!
//! Rules: a spin lock raises its holder to `DISPATCH_LEVEL` and its release restores the level
//! before (`fxlock.cpp`); each function and callback has the maximum its documentation page states
//! under "IRQL". Stricter than life: locks must be released in reverse order, and none may be held
//! when a callback returns.

use alloc::vec::Vec;
use core::fmt;

use crate::{object::Handle, violation::Violation};

/// An interrupt request level that a driver of this kind can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `PASSIVE_LEVEL`.
    Passive = 0,
    /// `APC_LEVEL`.
    Apc = 1,
    /// `DISPATCH_LEVEL`.
    Dispatch = 2,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passive => "PASSIVE_LEVEL",
            Self::Apc => "APC_LEVEL",
            Self::Dispatch => "DISPATCH_LEVEL",
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Spin {
    lock: Handle,
    before: Level,
}

/// What one thread holds and the level it is at.
#[derive(Debug)]
pub struct Thread {
    level: Level,
    spins: Vec<Spin>,
    waits: Vec<Handle>,
}

/// The state of a thread when a callback was entered; given back when it returns.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Entry {
    level: Level,
    spins: usize,
    waits: usize,
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
            spins: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// The level the thread is at.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Whether nothing needs to be remembered of the thread.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.level == Level::Passive && self.spins.is_empty() && self.waits.is_empty()
    }

    /// Whether the thread holds this lock.
    #[must_use]
    pub fn holds(&self, lock: Handle) -> bool {
        self.waits.contains(&lock) || self.spins.iter().any(|spin| spin.lock == lock)
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
            because: self.spins.last().map(|spin| spin.lock),
        })
    }

    /// A spin lock is about to be acquired; called before waiting for it, so that a thread that
    /// would wait for itself is told instead.
    ///
    /// # Errors
    /// [`Violation::LockRecursion`].
    pub fn acquire_spin(&mut self, lock: Handle) -> Result<(), Violation> {
        if self.holds(lock) {
            return Err(Violation::LockRecursion {
                function: "WdfSpinLockAcquire",
                lock,
            });
        }
        self.spins.push(Spin {
            lock,
            before: self.level,
        });
        self.level = Level::Dispatch;
        Ok(())
    }

    /// A spin lock is about to be released.
    ///
    /// # Errors
    /// [`Violation::LockNotHeld`], [`Violation::LockOrder`].
    pub fn release_spin(&mut self, lock: Handle) -> Result<(), Violation> {
        let not_held = Violation::LockNotHeld {
            function: "WdfSpinLockRelease",
            lock,
        };
        if !self.spins.iter().any(|spin| spin.lock == lock) {
            return Err(not_held);
        }
        let innermost = self.spins.pop().ok_or(not_held)?;
        if innermost.lock != lock {
            return Err(Violation::LockOrder {
                lock,
                innermost: innermost.lock,
            });
        }
        self.level = innermost.before;
        Ok(())
    }

    /// A wait lock is about to be acquired. It does not raise the level.
    ///
    /// # Errors
    /// [`Violation::LockRecursion`].
    pub fn acquire_wait(&mut self, lock: Handle) -> Result<(), Violation> {
        if self.holds(lock) {
            return Err(Violation::LockRecursion {
                function: "WdfWaitLockAcquire",
                lock,
            });
        }
        self.waits.push(lock);
        Ok(())
    }

    /// A wait lock is about to be released, or its acquisition timed out.
    ///
    /// # Errors
    /// [`Violation::LockNotHeld`].
    pub fn release_wait(&mut self, lock: Handle) -> Result<(), Violation> {
        let held = self.waits.iter().rposition(|&other| other == lock);
        let held = held.ok_or(Violation::LockNotHeld {
            function: "WdfWaitLockRelease",
            lock,
        })?;
        self.waits.remove(held);
        Ok(())
    }

    /// A callback of the driver is about to be called at `level`.
    pub fn enter(&mut self, level: Level) -> Entry {
        let entry = Entry {
            level: self.level,
            spins: self.spins.len(),
            waits: self.waits.len(),
        };
        self.level = self.level.max(level);
        entry
    }

    /// The callback returned: what it acquired must have been released.
    ///
    /// # Errors
    /// [`Violation::LockHeldAtReturn`].
    pub fn leave(&mut self, callback: &'static str, entry: Entry) -> Result<(), Violation> {
        if let Some(spin) = self.spins.get(entry.spins) {
            return Err(Violation::LockHeldAtReturn {
                callback,
                lock: spin.lock,
            });
        }
        if let Some(&lock) = self.waits.get(entry.waits) {
            return Err(Violation::LockHeldAtReturn { callback, lock });
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
        thread.acquire_spin(A).unwrap();
        assert_eq!(thread.level(), Level::Dispatch);
        thread.acquire_spin(B).unwrap();
        thread.release_spin(B).unwrap();
        assert_eq!(thread.level(), Level::Dispatch);
        thread.release_spin(A).unwrap();
        assert_eq!(thread.level(), Level::Passive);
        assert!(thread.is_idle());
    }

    #[test]
    fn a_passive_function_under_a_spin_lock_names_the_lock() {
        let mut thread = Thread::new();
        thread.acquire_spin(A).unwrap();
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
        thread.acquire_spin(A).unwrap();
        assert!(matches!(
            thread.acquire_spin(A),
            Err(Violation::LockRecursion { lock: A, .. })
        ));
        thread.acquire_wait(B).unwrap();
        assert!(matches!(
            thread.acquire_wait(B),
            Err(Violation::LockRecursion { lock: B, .. })
        ));
    }

    #[test]
    fn only_a_lock_that_is_held_can_be_released() {
        let mut thread = Thread::new();
        assert!(matches!(
            thread.release_spin(A),
            Err(Violation::LockNotHeld { lock: A, .. })
        ));
        assert!(matches!(
            thread.release_wait(A),
            Err(Violation::LockNotHeld { lock: A, .. })
        ));
    }

    #[test]
    fn spin_locks_are_released_in_reverse_order() {
        let mut thread = Thread::new();
        thread.acquire_spin(A).unwrap();
        thread.acquire_spin(B).unwrap();
        assert_eq!(
            thread.release_spin(A),
            Err(Violation::LockOrder {
                lock: A,
                innermost: B
            })
        );
    }

    #[test]
    fn no_lock_is_held_when_a_callback_returns() {
        let mut thread = Thread::new();
        thread.acquire_spin(A).unwrap();
        let entry = thread.enter(Level::Dispatch);
        thread.acquire_spin(B).unwrap();
        assert!(matches!(
            thread.leave("EvtIoDefault", entry),
            Err(Violation::LockHeldAtReturn { lock: B, .. })
        ));
        thread.release_spin(B).unwrap();
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
