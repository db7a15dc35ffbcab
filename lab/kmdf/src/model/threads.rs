//! The tracked level of each thread, and calls back into the driver.

use alloc::collections::BTreeMap;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, thread::Thread, violation::Violation};
use wdk_sys::ntddk::PsGetCurrentThreadId;

use crate::kernel::report::stop;

/// Threads that are above `PASSIVE_LEVEL` or hold a lock.
static THREADS: Locked<BTreeMap<usize, Thread>> = Locked::new(BTreeMap::new());

/// The number of the calling thread.
pub(crate) fn thread_id() -> usize {
    // SAFETY: the function takes nothing and returns a value.
    unsafe { PsGetCurrentThreadId() }.addr()
}

/// Runs `body` on the state of the calling thread.
pub(crate) fn thread<R>(body: impl FnOnce(&mut Thread) -> R) -> R {
    let id = thread_id();
    THREADS.with(|threads| {
        let mut thread = threads.remove(&id).unwrap_or_default();
        let result = body(&mut thread);
        if !thread.is_idle() {
            threads.insert(id, thread);
        }
        result
    })
}

/// Whether any thread holds this lock.
pub(crate) fn is_held(lock: Handle) -> bool {
    THREADS.with(|threads| threads.values().any(|thread| thread.holds(lock)))
}

/// Stops the run on a broken rule.
pub(crate) fn enforce<T>(result: Result<T, Violation>) -> T {
    match result {
        Ok(value) => value,
        Err(violation) => stop(&violation),
    }
}

/// Runs `body`, which calls the driver, at `level` or the thread's own if that is higher. The
/// driver must return with the locks that it held before.
pub(crate) fn callback<R>(name: &'static str, level: Level, body: impl FnOnce() -> R) -> R {
    let entry = thread(|thread| thread.enter(level));
    let result = body();
    enforce(thread(|thread| thread.leave(name, entry)));
    result
}
