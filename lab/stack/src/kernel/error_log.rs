//! `IoAllocateErrorLogEntry` and `IoWriteErrorLogEntry`, which Wine's kernel exports as stubs.
//!
//! They follow the functions' pages. A written entry becomes a line of a log, which the harness
//! reads after the run (`lab/harness/src/error_log.rs`).

use alloc::boxed::Box;
use alloc::format;
use core::ffi::c_void;
use core::fmt::Write as _;
use core::ptr;

use kernel_runtime::log;
use wdk_sys::{DRIVER_OBJECT, NTSTATUS};

use crate::kernel::exports::replace;
use crate::kernel::level;

/// The log.
const PATH: &str = "\\??\\C:\\windows\\error-log-double.log";
/// `ERROR_LOG_MAXIMUM_SIZE` of `wdm.h`.
const MOST: u8 = 240;
/// `IO_TYPE_DEVICE` of `wdm.h`, the type in a device object. Wine sets none in driver objects.
const TYPE_DEVICE: i16 = 3;

/// What precedes an entry in memory.
#[repr(C, align(16))]
struct Header {
    size: usize,
    source: *mut c_void,
}

/// Memory of an entry: its header and, at most, [`MOST`] bytes.
#[repr(C, align(16))]
struct Entry {
    header: Header,
    bytes: [u8; MOST as usize],
}

/// Replaces both stubs.
pub(crate) fn install() -> Result<(), NTSTATUS> {
    // SAFETY: the routine has the function's signature. The drivers that call it are not loaded.
    unsafe { replace("IoAllocateErrorLogEntry", allocate as *const () as usize) }?;
    // SAFETY: as above.
    unsafe { replace("IoWriteErrorLogEntry", write_entry as *const () as usize) }
}

/// `IoAllocateErrorLogEntry`: NULL for an entry that is longer than the largest one.
unsafe extern "C" fn allocate(source: *mut c_void, size: u8) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    let entry = Box::new(Entry {
        header: Header {
            size: size.into(),
            source,
        },
        // What a driver does not write is not zero on Windows either.
        bytes: [0xCC; MOST as usize],
    });
    let entry = Box::into_raw(entry);
    // SAFETY: the entry was just allocated.
    unsafe { &raw mut (*entry).bytes }.cast()
}

/// `IoWriteErrorLogEntry`: writes the entry to the log and frees it.
unsafe extern "C" fn write_entry(bytes: *mut c_void) {
    // SAFETY: the caller passes what `allocate` returned.
    let entry = unsafe { bytes.byte_sub(size_of::<Header>()) };
    // SAFETY: as above; it is written once.
    let entry = unsafe { Box::from_raw(entry.cast::<Entry>()) };
    // SAFETY: the caller passed a driver or device object to `allocate`, which both begin with
    // their type.
    let kind = unsafe { (*entry.header.source.cast::<DRIVER_OBJECT>()).Type };
    let source = if kind == TYPE_DEVICE {
        "device"
    } else {
        "driver"
    };
    let mut line = format!("entry irql={} source={source} bytes=", level::current());
    for byte in entry.bytes.iter().take(entry.header.size) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    log::append(PATH, line.as_bytes());
}
