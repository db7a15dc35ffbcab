//! `WdfSpinLock…` (`fxspinlockapi.cpp`, `fxlock.cpp`).

use kmdf_rules::level::Level;
use wdk_sys::{NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, WDFSPINLOCK};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::status,
    model::{
        driver,
        lock::SpinLock,
        threads::{enforce, thread},
    },
};

/// `WdfSpinLockCreate`.
pub(crate) unsafe extern "C" fn create(
    globals: PWDF_DRIVER_GLOBALS,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFSPINLOCK,
) -> NTSTATUS {
    let call = Call::enter("WdfSpinLockCreate", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let new = unsafe { NewObject::new(attributes, driver::of_globals(globals), output, "Lock") };
    status::of(new.create(&call, |_| Ok(SpinLock::default())))
}

/// `WdfSpinLockAcquire`: raises the thread to `DISPATCH_LEVEL`. Not recursive.
pub(crate) unsafe extern "C" fn acquire(_globals: PWDF_DRIVER_GLOBALS, lock: WDFSPINLOCK) {
    let call = Call::enter("WdfSpinLockAcquire", Level::Dispatch);
    let lock = call.object::<SpinLock, _>(lock);
    enforce(thread(|thread| thread.acquire(lock.handle())));
    lock.acquire();
}

/// `WdfSpinLockRelease`: restores the level before.
pub(crate) unsafe extern "C" fn release(_globals: PWDF_DRIVER_GLOBALS, lock: WDFSPINLOCK) {
    let call = Call::enter("WdfSpinLockRelease", Level::Dispatch);
    let lock = call.object::<SpinLock, _>(lock);
    enforce(thread(|thread| thread.release(lock.handle())));
    lock.release();
}
