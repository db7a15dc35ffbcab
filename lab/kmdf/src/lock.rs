//! Spin locks and wait locks.
//!
//! Rules (`fxlock.cpp`, `fxspinlockapi.cpp`, `fxwaitlockapi.cpp`): a spin lock raises to
//! `DISPATCH_LEVEL`; a wait lock is taken at `PASSIVE_LEVEL`, or up to `DISPATCH_LEVEL` with a zero
//! timeout. Neither is recursive.

use core::sync::atomic::{AtomicBool, Ordering};

use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    NTSTATUS, PLONGLONG, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFSPINLOCK, WDFWAITLOCK,
    ntddk::ZwYieldExecution,
};

use crate::{
    argument::In,
    body::Body,
    call::{Call, is_held, obey, thread},
    report::stop,
    status, wait,
    world::{self, Order},
};

/// A `WDFSPINLOCK`.
pub(crate) struct SpinLock(AtomicBool);

/// A `WDFWAITLOCK`.
pub(crate) struct WaitLock(AtomicBool);

fn try_take(taken: &AtomicBool) -> bool {
    taken
        .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
}

/// Locks die only while nobody holds them.
pub(crate) fn dispose(lock: Handle) {
    if is_held(lock) {
        stop(&Violation::LockDeletedWhileHeld { lock });
    }
}

macro_rules! create {
    ($name:ident, $function:literal, $handle:ty, $level:ident, $body:expr) => {
        #[doc = concat!("`", $function, "`.")]
        pub(crate) unsafe extern "C" fn $name(
            globals: PWDF_DRIVER_GLOBALS,
            attributes: PWDF_OBJECT_ATTRIBUTES,
            lock: *mut $handle,
        ) -> NTSTATUS {
            let call = Call::enter($function, Level::$level);
            let parent = crate::bind::default_parent(globals);
            // SAFETY: the driver vouches for what it passes.
            let order = unsafe { Order::new(attributes, parent, lock, "Lock") };
            status::of(world::create_for(&call, &order, |_| Ok($body)))
        }
    };
}

create!(
    create_spin,
    "WdfSpinLockCreate",
    WDFSPINLOCK,
    Dispatch,
    Body::SpinLock(SpinLock(AtomicBool::new(false)))
);
create!(
    create_wait,
    "WdfWaitLockCreate",
    WDFWAITLOCK,
    Dispatch,
    Body::WaitLock(WaitLock(AtomicBool::new(false)))
);

/// `WdfSpinLockAcquire`.
pub(crate) unsafe extern "C" fn acquire_spin(_globals: PWDF_DRIVER_GLOBALS, lock: WDFSPINLOCK) {
    let call = Call::enter("WdfSpinLockAcquire", Level::Dispatch);
    let lock = call.object::<SpinLock, _>(lock);
    obey(thread(|thread| thread.acquire_spin(lock.handle())));
    while !try_take(&lock.0) {
        // SAFETY: gives the processor away, nothing else.
        let _ = unsafe { ZwYieldExecution() };
    }
}

/// `WdfSpinLockRelease`.
pub(crate) unsafe extern "C" fn release_spin(_globals: PWDF_DRIVER_GLOBALS, lock: WDFSPINLOCK) {
    let call = Call::enter("WdfSpinLockRelease", Level::Dispatch);
    let lock = call.object::<SpinLock, _>(lock);
    obey(thread(|thread| thread.release_spin(lock.handle())));
    lock.0.store(false, Ordering::Release);
}

/// `WdfWaitLockAcquire`: relative timeouts in units of 100 ns; `STATUS_TIMEOUT` when it ran out.
pub(crate) unsafe extern "C" fn acquire_wait(
    _globals: PWDF_DRIVER_GLOBALS,
    lock: WDFWAITLOCK,
    timeout: PLONGLONG,
) -> NTSTATUS {
    // SAFETY: the driver vouches for what it passes.
    let timeout = unsafe { In::new(timeout.cast_const()) }.optional();
    let maximum = if timeout == Some(0) {
        Level::Dispatch
    } else {
        Level::Passive
    };
    let call = Call::enter("WdfWaitLockAcquire", maximum);
    let lock = call.object::<WaitLock, _>(lock);
    obey(thread(|thread| thread.acquire_wait(lock.handle())));
    let taken = match timeout {
        None => wait::until(u32::MAX, || try_take(&lock.0)),
        Some(0) => try_take(&lock.0),
        Some(relative) if relative < 0 => {
            let milliseconds = u32::try_from(relative.unsigned_abs() / 10_000);
            wait::until(milliseconds.unwrap_or(u32::MAX), || try_take(&lock.0))
        }
        Some(absolute) => call.bad_parameter(
            "Timeout",
            "is absolute, which the KMDF double does not have",
            absolute.cast_unsigned(),
        ),
    };
    if taken {
        return status::SUCCESS;
    }
    obey(thread(|thread| thread.release_wait(lock.handle())));
    status::TIMEOUT
}

/// `WdfWaitLockRelease`.
pub(crate) unsafe extern "C" fn release_wait(_globals: PWDF_DRIVER_GLOBALS, lock: WDFWAITLOCK) {
    let call = Call::enter("WdfWaitLockRelease", Level::Dispatch);
    let lock = call.object::<WaitLock, _>(lock);
    obey(thread(|thread| thread.release_wait(lock.handle())));
    lock.0.store(false, Ordering::Release);
}
