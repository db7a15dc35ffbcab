//! What the double tells the outside: one line for each event worth reading, and the sentence that
//! ends a run.
//!
//! Lines go to the debugger output and to `C:\windows\wdf-double.log`, each flushed at once. A broken
//! rule has two: its name behind `rule: ` and its sentence behind `violation: `. The process ends
//! behind them.

use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use kernel_runtime::log::Log;
use kmdf_rules::violation::Violation;
use wdk_sys::ntddk::KeBugCheckEx;

/// Where the lines go.
static LOG: Log = Log {
    name: "wdf-double",
    path: "\\??\\C:\\windows\\wdf-double.log",
};
/// Bug check code of the framework, `WDF_VIOLATION`.
const WDF_VIOLATION: u32 = 0x10D;

/// The first broken rule is the one that counts.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Writes one line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    LOG.line(text);
}

/// Writes one line, with the syntax of `format!`.
macro_rules! note {
    ($($text:tt)*) => { $crate::report::line(format_args!($($text)*)) };
}
pub(crate) use note;

/// Ends the run with the sentence of a broken rule.
pub(crate) fn stop(violation: &Violation) -> ! {
    if !STOPPED.swap(true, Ordering::AcqRel) {
        line(format_args!("rule: {:?}", violation.rule()));
        line(format_args!("violation: {violation}"));
    }
    // SAFETY: ends the process that stands for the kernel; nothing runs behind it.
    unsafe { KeBugCheckEx(WDF_VIOLATION, 0, 0, 0, 0) }
}
