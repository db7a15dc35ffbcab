//! Reads messages of the driver's image, as a viewer of event logs does.

use std::ffi::c_void;
use std::io::{self, BufRead as _, stdin};
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::ptr;

use anyhow::{Context as _, Result};
use windows_sys::Win32::Foundation::{FreeLibrary, HMODULE};
use windows_sys::Win32::System::Diagnostics::Debug::{
    FORMAT_MESSAGE_FROM_HMODULE, FORMAT_MESSAGE_IGNORE_INSERTS, FormatMessageW,
};
use windows_sys::Win32::System::LibraryLoader::{LOAD_LIBRARY_AS_DATAFILE, LoadLibraryExW};

/// Units that a message may have.
const MOST: u32 = 1024;

/// Prints the message of each identifier on standard input, in hexadecimal digits.
pub(crate) fn print(service: &str) -> Result<ExitCode> {
    let path = format!(r"C:\windows\system32\drivers\{service}.sys");
    let image = Image::open(Path::new(&path)).context(path)?;
    for line in stdin().lock().lines() {
        let line = line.context("standard input")?;
        let code = u32::from_str_radix(&line, 16).context(line)?;
        let text = image.message(code).with_context(|| format!("{code:08X}"))?;
        println!("{code:08X} {}", text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that is loaded for its resources.
struct Image(HMODULE);

impl Image {
    fn open(path: &Path) -> io::Result<Self> {
        let path: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        // SAFETY: the path ends with a zero, and nothing of the file is run.
        let image =
            unsafe { LoadLibraryExW(path.as_ptr(), ptr::null_mut(), LOAD_LIBRARY_AS_DATAFILE) };
        if image.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(image))
    }

    /// A message with its insertions as they stand in the table.
    fn message(&self, code: u32) -> io::Result<String> {
        let mut text = [0; MOST as usize];
        // SAFETY: the image is loaded, the buffer has the units that are named, and nothing is
        // inserted.
        let length = unsafe {
            FormatMessageW(
                FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_IGNORE_INSERTS,
                self.0.cast::<c_void>(),
                code,
                0,
                text.as_mut_ptr(),
                MOST,
                ptr::null(),
            )
        };
        if length == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(String::from_utf16_lossy(&text[..length as usize]))
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the image was loaded by `open` and is released once.
        unsafe { FreeLibrary(self.0) };
    }
}
