//! The level of the calling thread, which the framework double tracks because Wine's kernel has
//! none.

use core::ffi::c_void;

use wdk_sys::NTSTATUS;

use crate::kernel::exports::replace;

// The ETW double, which is in the place of HAL.DLL, exports these.
#[link(name = "HAL.dll", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn LabLevel() -> u8;
    fn LabAtDispatch(routine: unsafe extern "C" fn(*mut c_void), context: *mut c_void);
}

/// `KeAreAllApcsDisabled`: true from `APC_LEVEL` on. Wine's looks at guarded regions alone, which no
/// driver of the lab has.
unsafe extern "C" fn all_apcs_disabled() -> u8 {
    is_raised().into()
}

/// Has the kernel's function return the tracked level.
pub(crate) fn install() -> Result<(), NTSTATUS> {
    // SAFETY: the routine has the function's signature. The drivers that call it are not loaded.
    unsafe {
        replace(
            "KeAreAllApcsDisabled",
            all_apcs_disabled as *const () as usize,
        )
    }
}

/// The level of the calling thread.
pub(crate) fn current() -> u8 {
    // SAFETY: returns a value.
    unsafe { LabLevel() }
}

/// Whether the calling thread is above `PASSIVE_LEVEL`.
pub(crate) fn is_raised() -> bool {
    current() > 0
}

/// Runs `work` once at `DISPATCH_LEVEL`. Another framework than the double does not track the
/// level, and `work` runs at that of the calling thread.
pub(crate) fn at_dispatch(work: &mut dyn FnMut()) {
    unsafe extern "C" fn run(work: *mut c_void) {
        // SAFETY: called once, with the context below, before the call there returns.
        let work = unsafe { &mut *work.cast::<&mut dyn FnMut()>() };
        work();
    }
    let mut work = work;
    // SAFETY: the routine takes what it is given here, which lives through the call.
    unsafe { LabAtDispatch(run, (&raw mut work).cast()) };
}
