//! Every way into and out of the framework: a function that a driver calls, a callback that the
//! framework calls, and the level of the thread that does it.

use alloc::collections::BTreeMap;
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::{Level, Thread},
    object::{Handle, Kind},
    violation::Violation,
};
use wdk_sys::ntddk::PsGetCurrentThreadId;

use crate::{
    report::stop,
    world::{self, Reference, Typed},
};

/// Threads that are above `PASSIVE_LEVEL` or hold a lock.
static THREADS: Locked<BTreeMap<usize, Thread>> = Locked::new(BTreeMap::new());

/// The number of the calling thread.
pub(crate) fn thread_id() -> usize {
    // SAFETY: returns a value.
    unsafe { PsGetCurrentThreadId() }.addr()
}

/// Runs `body` on the present thread's level and locks.
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
pub(crate) fn obey<T>(result: Result<T, Violation>) -> T {
    match result {
        Ok(value) => value,
        Err(violation) => stop(&violation),
    }
}

/// A framework function that a driver called.
pub(crate) struct Call {
    function: &'static str,
}

impl Call {
    /// Checks the level of the calling thread against the function's documented maximum.
    pub(crate) fn enter(function: &'static str, maximum: Level) -> Self {
        obey(thread(|thread| thread.check(function, maximum)));
        Self { function }
    }

    /// Name of the function.
    pub(crate) const fn function(&self) -> &'static str {
        self.function
    }

    /// The object of type `T` behind a handle; anything else stops the run.
    pub(crate) fn object<T: Typed, H>(&self, handle: *mut H) -> Reference<T> {
        let handle = number(handle);
        obey(world::check(self.function, handle, Some(T::KIND), false));
        match world::find(handle).and_then(Reference::new) {
            Some(reference) => reference,
            None => stop(&Violation::UseAfterDelete {
                function: self.function,
                kind: T::KIND,
                handle,
            }),
        }
    }

    /// As [`Call::object`], with `None` for a null handle.
    pub(crate) fn optional_object<T: Typed, H>(&self, handle: *mut H) -> Option<Reference<T>> {
        (!handle.is_null()).then(|| self.object(handle))
    }

    /// The kind of a live object behind a handle of any type.
    pub(crate) fn any<H>(&self, handle: *mut H, after_delete: bool) -> (Handle, Kind) {
        let handle = number(handle);
        (
            handle,
            obey(world::check(self.function, handle, None, after_delete)),
        )
    }

    /// Stops the run because of a parameter.
    pub(crate) fn bad_parameter(
        &self,
        parameter: &'static str,
        problem: &'static str,
        value: u64,
    ) -> ! {
        stop(&Violation::BadParameter {
            function: self.function,
            parameter,
            problem,
            value,
        })
    }

    /// Stops the run because of an object's state.
    pub(crate) fn wrong_state(&self, handle: Handle, problem: &'static str) -> ! {
        stop(&Violation::WrongState {
            function: self.function,
            handle,
            problem,
        })
    }
}

/// Calls back into the driver: the thread is at `level` at least, and holds no more locks at the
/// end than at the beginning.
pub(crate) fn callback<R>(name: &'static str, level: Level, body: impl FnOnce() -> R) -> R {
    let entry = thread(|thread| thread.enter(level));
    let result = body();
    obey(thread(|thread| thread.leave(name, entry)));
    result
}

/// A driver's handle as a number.
pub(crate) fn number<H>(handle: *mut H) -> Handle {
    Handle(handle.addr() as u64)
}

/// A number as a driver's handle. It is an opaque value, never an address.
pub(crate) fn pointer<H>(handle: Handle) -> *mut H {
    ptr::without_provenance_mut(usize::try_from(handle.0).unwrap_or(0))
}
