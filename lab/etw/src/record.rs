//! The double's log: a line for each call.

use alloc::format;

use kernel_runtime::log;
use wdk_sys::ntddk::KeBugCheckEx;

/// The log, which the harness reads after the run.
const PATH: &str = "\\??\\C:\\windows\\etw-double.log";
/// Bug check code of Event Tracing, `EVENT_TRACING_FATAL_ERROR`.
const EVENT_TRACING_FATAL_ERROR: u32 = 0x11D;

/// Writes one line. It does not go to the debugger output, where Wine cuts lines off.
pub(crate) fn record(line: &str) {
    log::append(PATH, format!("{line}\n").as_bytes());
}

/// Ends the run after a panic of the double itself.
pub(crate) fn stop() -> ! {
    // SAFETY: ends the process that stands for the kernel; nothing runs after it.
    unsafe { KeBugCheckEx(EVENT_TRACING_FATAL_ERROR, 0, 0, 0, 0) }
}
