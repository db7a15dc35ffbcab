//! What the double tells the outside: one line for each event worth reading, and the sentence that
//! ends a run.
//!
//! Lines go to the debugger output and to `C:\windows\wdf-double.log`, each flushed at once. A broken
//! rule has two: its name behind `rule: ` and its sentence behind `violation: `. The process ends
//! behind them.

use alloc::{string::String, vec::Vec};
use core::{
    fmt::{self, Write as _},
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use kmdf_rules::violation::Violation;
use wdk_sys::{
    FILE_APPEND_DATA, FILE_NON_DIRECTORY_FILE, FILE_OPEN_IF, FILE_SHARE_READ, FILE_SHARE_WRITE,
    FILE_SYNCHRONOUS_IO_NONALERT, HANDLE, IO_STATUS_BLOCK, OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES,
    SYNCHRONIZE, UNICODE_STRING,
    ntddk::{DbgPrint, KeBugCheckEx, ZwClose, ZwCreateFile, ZwWriteFile},
};

use crate::sync::Locked;

/// Where the lines go, as the kernel names its files.
const PATH: &str = "\\??\\C:\\windows\\wdf-double.log";
/// Bug check code of the framework, `WDF_VIOLATION`.
const WDF_VIOLATION: u32 = 0x10D;

/// What several threads write does not mix.
static WRITER: Locked<()> = Locked::new(());
/// The first broken rule is the one that counts.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Writes one line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut line = String::new();
    // Formatting into a string cannot fail.
    let _ = line.write_fmt(text);
    line.push('\n');
    print(&line);
    append(PATH, line.as_bytes());
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

fn print(line: &str) {
    let mut text = Vec::from(line.as_bytes());
    text.push(0);
    // SAFETY: a format with one zero-terminated string argument.
    unsafe { DbgPrint(c"wdf-double: %s".as_ptr().cast_mut().cast(), text.as_ptr()) };
}

/// Writes `bytes` behind what the file at `path` holds.
pub(crate) fn append(path: &str, bytes: &[u8]) {
    WRITER.with(|()| append_alone(path, bytes));
}

fn append_alone(path: &str, bytes: &[u8]) {
    let mut path: Vec<u16> = path.encode_utf16().collect();
    let length = u16::try_from(path.len() * 2).unwrap_or(0);
    let mut name = UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: path.as_mut_ptr(),
    };
    let mut attributes = OBJECT_ATTRIBUTES {
        Length: crate::argument::size::<OBJECT_ATTRIBUTES>(),
        RootDirectory: ptr::null_mut(),
        ObjectName: &raw mut name,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    };
    let mut file: HANDLE = ptr::null_mut();
    let mut status_block = IO_STATUS_BLOCK::default();
    // SAFETY: all structures live until the call returns.
    let status = unsafe {
        ZwCreateFile(
            &raw mut file,
            FILE_APPEND_DATA | SYNCHRONIZE,
            &raw mut attributes,
            &raw mut status_block,
            ptr::null_mut(),
            0,
            FILE_SHARE_READ | FILE_SHARE_WRITE,
            FILE_OPEN_IF,
            FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT,
            ptr::null_mut(),
            0,
        )
    };
    if status < 0 {
        return;
    }
    // SAFETY: an open file and a buffer that live until the call returns.
    let _ = unsafe {
        ZwWriteFile(
            file,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
            &raw mut status_block,
            bytes.as_ptr().cast_mut().cast(),
            u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    // SAFETY: the handle was opened above and is not used again.
    let _ = unsafe { ZwClose(file) };
}
