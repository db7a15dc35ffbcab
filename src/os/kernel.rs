//! The kernel's clock and the calling thread. Functions that not every kernel exports are looked up
//! when the driver loads.

use core::{
    ffi::c_void,
    num::NonZeroUsize,
    sync::atomic::{AtomicPtr, Ordering},
};

use crate::os::unicode::Name;

/// The address of a function; none if this kernel lacks it. At `PASSIVE_LEVEL`.
pub(crate) fn look_up<const N: usize>(name: &'static Name<N>) -> Option<*mut c_void> {
    let mut name = name.as_unicode_string();
    // SAFETY: the name lives through the call, which does not write to it.
    let address = unsafe { wdk_sys::ntddk::MmGetSystemRoutineAddress(&raw mut name) };
    (!address.is_null()).then_some(address)
}

/// `KeQueryUnbiasedInterruptTime` and `KeQueryInterruptTime` of `wdm.h`: the time since the system
/// started in units of 100 ns, at any IRQL.
type QueryTime = unsafe extern "C" fn() -> u64;

static QUERY_TIME: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// Finds a clock. Windows exports the unbiased one since Windows 7; the other is inline in its
/// headers on 64-bit processors, and exported by other kernels. False on a kernel without either.
pub(crate) fn find_clock() -> bool {
    static UNBIASED: Name<28> = Name::new(b"KeQueryUnbiasedInterruptTime");
    static BIASED: Name<20> = Name::new(b"KeQueryInterruptTime");
    let Some(clock) = look_up(&UNBIASED).or_else(|| look_up(&BIASED)) else {
        return false;
    };
    QUERY_TIME.store(clock, Ordering::Relaxed);
    true
}

/// The time since the system started in units of 100 ns, at any IRQL.
#[inline]
pub(crate) fn time() -> u64 {
    // Written before there was a device, so relaxed is enough.
    let clock = QUERY_TIME.load(Ordering::Relaxed);
    if clock.is_null() {
        return 0;
    }
    // SAFETY: the kernel's functions of these names have this signature.
    let clock = unsafe { core::mem::transmute::<*mut c_void, QueryTime>(clock) };
    // SAFETY: the function has no preconditions.
    unsafe { clock() }
}

/// The system time in units of 100 ns since 1601, at `PASSIVE_LEVEL`; the time since the system
/// started on a kernel that exports neither function of `wdm.h`.
pub(crate) fn system_time() -> u64 {
    /// `KeQuerySystemTimePrecise` of `wdm.h`, exported since Windows 8, and `KeQuerySystemTime`,
    /// which is inline in the headers on 64-bit processors and exported by other kernels.
    type QuerySystemTime = unsafe extern "C" fn(*mut i64);
    static PRECISE: Name<24> = Name::new(b"KeQuerySystemTimePrecise");
    static PLAIN: Name<17> = Name::new(b"KeQuerySystemTime");
    let Some(query) = look_up(&PRECISE).or_else(|| look_up(&PLAIN)) else {
        return time();
    };
    // SAFETY: the kernel's functions of these names have this signature.
    let query = unsafe { core::mem::transmute::<*mut c_void, QuerySystemTime>(query) };
    let mut now = 0;
    // SAFETY: the result lives through the call.
    unsafe { query(&raw mut now) };
    now.cast_unsigned()
}

/// The identifier of the calling thread, which no other thread has meanwhile. At any IRQL.
pub(crate) fn current_thread() -> NonZeroUsize {
    // SAFETY: the function has no preconditions.
    let thread = unsafe { wdk_sys::ntddk::PsGetCurrentThreadId() };
    // Only the idle thread has none, which calls no driver at a level where it could wait.
    NonZeroUsize::new(thread.addr()).unwrap_or(NonZeroUsize::MAX)
}

/// Whether the calling thread is at `PASSIVE_LEVEL` and outside of a guarded region, so that code of
/// another driver can wait there for whatever it likes.
///
/// `KeGetCurrentIrql` is an inline function that reads a register; the function that is called here
/// is true from `APC_LEVEL` on and in a guarded region, where no I/O on a file ends.
pub(crate) fn may_wait() -> bool {
    // SAFETY: the function has no preconditions.
    unsafe { wdk_sys::ntddk::KeAreAllApcsDisabled() == 0 }
}
