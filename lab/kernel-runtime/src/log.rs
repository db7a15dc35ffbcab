//! Log lines: to the debugger output, and to a file in the Wine prefix, each flushed at once.

use alloc::{format, string::String};
use core::{fmt, fmt::Write as _, ptr};

use wdk_sys::{
    FILE_APPEND_DATA, FILE_NON_DIRECTORY_FILE, FILE_OPEN_IF, FILE_SHARE_READ, FILE_SHARE_WRITE,
    FILE_SYNCHRONOUS_IO_NONALERT, HANDLE, IO_STATUS_BLOCK, OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES,
    SYNCHRONIZE,
    ntddk::{DbgPrint, ZwClose, ZwCreateFile, ZwWriteFile},
};

use crate::lock::Locked;
use crate::unicode::Text;

/// Keeps the lines of several threads apart.
static WRITER: Locked<()> = Locked::new(());

#[expect(
    clippy::cast_possible_truncation,
    reason = "the structure has a few fields"
)]
const ATTRIBUTES_SIZE: u32 = size_of::<OBJECT_ATTRIBUTES>() as u32;

/// Where the lines of one kernel image go.
#[derive(Debug)]
pub struct Log {
    /// The prefix of a line in the debugger output.
    pub name: &'static str,
    /// The file, as the kernel names its files.
    pub path: &'static str,
}

impl Log {
    /// Writes one line to both.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        let line = format!("{text}\n");
        debug_print(format_args!("{}: {text}", self.name));
        append(self.path, line.as_bytes());
    }
}

/// Writes one line to the debugger output.
pub fn debug_print(text: fmt::Arguments<'_>) {
    let mut line = String::new();
    // Formatting into a string cannot fail.
    let _ = line.write_fmt(text);
    line.push_str("\n\0");
    // SAFETY: a format with one string argument; both end with a zero.
    unsafe { DbgPrint(c"%s".as_ptr().cast_mut().cast(), line.as_ptr()) };
}

/// Appends `bytes` to the file at `path`, which is created if it does not exist.
pub fn append(path: &str, bytes: &[u8]) {
    WRITER.with(|()| append_alone(path, bytes));
}

fn append_alone(path: &str, bytes: &[u8]) {
    let mut path = Text::new(path);
    let mut name = path.as_kernel();
    let mut attributes = OBJECT_ATTRIBUTES {
        Length: ATTRIBUTES_SIZE,
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
