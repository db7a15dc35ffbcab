//! System threads.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr;

use wdk_sys::ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose};
use wdk_sys::{HANDLE, NTSTATUS, STATUS_SUCCESS, THREAD_ALL_ACCESS};

use crate::event::Event;

type Work = Box<dyn FnOnce() + Send>;

/// A system thread that can be waited for. Dropping it leaves the thread running.
#[derive(Debug)]
pub struct Thread(Arc<Event>);

impl Thread {
    /// Waits for the thread's end.
    pub fn join(&self) {
        self.0.wait();
    }

    /// Waits for the thread's end at most so long; whether it came.
    #[must_use]
    pub fn join_within(&self, milliseconds: u32) -> bool {
        self.0.wait_within(milliseconds)
    }
}

/// Runs `work` on a new system thread. At `PASSIVE_LEVEL`.
///
/// # Errors
/// The status of `PsCreateSystemThread` if there is no thread.
pub fn spawn(work: impl FnOnce() + Send + 'static) -> Result<Thread, NTSTATUS> {
    let finished = Arc::new(Event::new());
    let signal = Arc::clone(&finished);
    let work: Work = Box::new(move || {
        work();
        signal.set();
    });
    let context = Box::into_raw(Box::new(work));
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: the context is a leaked box, which the thread frees.
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
        // SAFETY: no thread has the box.
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
