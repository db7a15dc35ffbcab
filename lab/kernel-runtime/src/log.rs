//! A double's log: lines to a file in the Wine prefix, each flushed at once, and to the debugger output.

use alloc::{string::String, vec::Vec};
use core::{ffi::CStr, fmt, fmt::Write as _, ptr};

use wdk_sys::{
    FILE_APPEND_DATA, FILE_NON_DIRECTORY_FILE, FILE_OPEN_IF, FILE_SHARE_READ, FILE_SHARE_WRITE,
    FILE_SYNCHRONOUS_IO_NONALERT, HANDLE, IO_STATUS_BLOCK, OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES,
    SYNCHRONIZE, UNICODE_STRING,
    ntddk::{DbgPrint, ZwClose, ZwCreateFile, ZwWriteFile},
};

use crate::lock::Locked;

/// What several threads write does not mix.
static WRITER: Locked<()> = Locked::new(());

#[expect(
    clippy::cast_possible_truncation,
    reason = "the structure has a few fields"
)]
const ATTRIBUTES_SIZE: u32 = size_of::<OBJECT_ATTRIBUTES>() as u32;

/// Where a double's lines go.
#[derive(Debug)]
pub struct Log {
    /// What the debugger output puts in front of a line.
    pub name: &'static CStr,
    /// The file, as the kernel names its files.
    pub path: &'static str,
}

impl Log {
    /// Writes one line.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        let mut line = String::new();
        // Formatting into a string cannot fail.
        let _ = line.write_fmt(text);
        line.push('\n');
        self.print(&line);
        append(self.path, line.as_bytes());
    }

    fn print(&self, line: &str) {
        let mut text = Vec::from(line.as_bytes());
        text.push(0);
        let format = c"%s: %s".as_ptr().cast_mut().cast();
        // SAFETY: a format with two zero-terminated string arguments.
        unsafe { DbgPrint(format, self.name.as_ptr(), text.as_ptr()) };
    }
}

/// Writes `bytes` behind what the file at `path` holds.
pub fn append(path: &str, bytes: &[u8]) {
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
