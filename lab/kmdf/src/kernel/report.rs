//! The double's log, and the end of a run.
//!
//! Each line goes to the debugger output and to `C:\windows\wdf-double.log`, flushed at once. A
//! broken rule writes two lines, `rule: ` with its name and `violation: ` with its sentence, and
//! ends the kernel process.

use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use kernel_runtime::log::Log;
use kmdf_rules::violation::Violation;
use wdk_sys::ntddk::KeBugCheckEx;

static LOG: Log = Log {
    name: "wdf-double",
    path: "\\??\\C:\\windows\\wdf-double.log",
};
/// Bug check code of the framework, `WDF_VIOLATION`.
const WDF_VIOLATION: u32 = 0x10D;

/// Set by the first broken rule; later ones are not reported.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Writes one line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    LOG.line(text);
}

/// Writes one line, with the syntax of `format!`.
macro_rules! log {
    ($($text:tt)*) => { $crate::kernel::report::line(format_args!($($text)*)) };
}
pub(crate) use log;

/// Ends the run with the sentence of a broken rule.
pub(crate) fn stop(violation: &Violation) -> ! {
    if !STOPPED.swap(true, Ordering::AcqRel) {
        line(format_args!("rule: {:?}", violation.rule()));
        line(format_args!("violation: {violation}"));
    }
    // SAFETY: ends the process that stands for the kernel.
    unsafe { KeBugCheckEx(WDF_VIOLATION, 0, 0, 0, 0) }
}
