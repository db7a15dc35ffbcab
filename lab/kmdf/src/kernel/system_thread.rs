//! System threads, which run what has to wait for `PASSIVE_LEVEL`.

use alloc::boxed::Box;
use core::ptr;

use kmdf_rules::object::Handle;
use wdk_sys::{
    HANDLE, PVOID, THREAD_ALL_ACCESS,
    ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose},
};

use crate::kernel::{report::log, status};

type Job = Box<dyn FnOnce()>;

/// Runs `job` on a new system thread. The log names `owner` when no thread can be created.
pub(crate) fn run_later(owner: Handle, job: impl FnOnce() + 'static) {
    let job: Job = Box::new(job);
    let context = Box::into_raw(Box::new(job));
    let mut thread: HANDLE = ptr::null_mut();
    // SAFETY: the thread takes the job over; the handle is closed below.
    let status = unsafe {
        PsCreateSystemThread(
            &raw mut thread,
            THREAD_ALL_ACCESS,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            Some(run),
            context.cast(),
        )
    };
    if status::is_success(status) {
        // SAFETY: the handle was opened above and is not used again.
        let _ = unsafe { ZwClose(thread) };
    } else {
        // SAFETY: no thread took the job over.
        drop(unsafe { Box::from_raw(context) });
        log!("no thread for work of {owner}: {status:#010x}");
    }
}

unsafe extern "C" fn run(context: PVOID) {
    // SAFETY: `run_later` passes a boxed job to this thread alone.
    let job = unsafe { Box::from_raw(context.cast::<Job>()) };
    job();
    // SAFETY: ends the thread that `run_later` created.
    let _ = unsafe { PsTerminateSystemThread(status::SUCCESS) };
}
