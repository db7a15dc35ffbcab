//! The double's log: a line for each event and for each step of a registration, and after
//! `violation: ` the sentence that ends a run.

use core::sync::atomic::{AtomicBool, Ordering};

use etw_rules::violation::Violation;
use kernel_runtime::log::Log;
use wdk_sys::ntddk::KeBugCheckEx;

/// Where the lines go.
pub(crate) static LOG: Log = Log {
    name: "etw-double",
    path: "\\??\\C:\\windows\\etw-double.log",
};
/// Bug check code of Event Tracing, `EVENT_TRACING_FATAL_ERROR`.
const EVENT_TRACING_FATAL_ERROR: u32 = 0x11D;

/// The first broken rule is the one that counts.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Writes one line, with the syntax of `format!`.
macro_rules! note {
    ($($text:tt)*) => { $crate::report::LOG.line(format_args!($($text)*)) };
}
pub(crate) use note;

/// Stops the run on a broken rule.
pub(crate) fn obey<T>(result: Result<T, Violation>) -> T {
    match result {
        Ok(value) => value,
        Err(violation) => stop(&violation),
    }
}

/// Ends the run with the sentence of a broken rule.
pub(crate) fn stop(violation: &Violation) -> ! {
    if !STOPPED.swap(true, Ordering::AcqRel) {
        note!("violation: {violation}");
    }
    // SAFETY: ends the process that stands for the kernel; nothing runs after it.
    unsafe { KeBugCheckEx(EVENT_TRACING_FATAL_ERROR, 0, 0, 0, 0) }
}
