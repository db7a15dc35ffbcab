//! System threads.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr;

use wdk_sys::ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose};
use wdk_sys::{HANDLE, NTSTATUS, STATUS_SUCCESS};

use crate::kernel::clock::Event;

const THREAD_ALL_ACCESS: u32 = 0x001F_FFFF;

type Work = Box<dyn FnOnce() + Send>;

/// A running thread that can be waited for.
pub(crate) struct Thread(Arc<Event>);

impl Thread {
    pub(crate) fn join(&self) {
        self.0.wait(None);
    }

    /// Waits for the end for a while; whether it came.
    pub(crate) fn join_within(&self, milliseconds: u32) -> bool {
        self.0.wait(Some(milliseconds))
    }
}

/// Runs `work` on a new system thread.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> Result<Thread, NTSTATUS> {
    let finished = Arc::new(Event::new());
    finished.initialise();
    let signal = Arc::clone(&finished);
    let work: Work = Box::new(move || {
        work();
        signal.set();
    });
    let context = Box::into_raw(Box::new(work));
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: the context is a leaked box that the thread takes over.
    let status = unsafe {
        PsCreateSystemThread(
            &raw mut handle,
            THREAD_ALL_ACCESS,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            Some(start),
            context.cast(),
        )
    };
    if status != STATUS_SUCCESS {
        // SAFETY: no thread took the box over.
        drop(unsafe { Box::from_raw(context) });
        return Err(status);
    }
    // SAFETY: the handle was just created; the thread runs on without it.
    let _ = unsafe { ZwClose(handle) };
    Ok(Thread(finished))
}

unsafe extern "C" fn start(context: *mut c_void) {
    // SAFETY: the context is the box that `spawn` leaked for this thread.
    let work = unsafe { Box::from_raw(context.cast::<Work>()) };
    work();
    // SAFETY: this is a system thread, and nothing of it is left to drop.
    let _ = unsafe { PsTerminateSystemThread(STATUS_SUCCESS) };
}
