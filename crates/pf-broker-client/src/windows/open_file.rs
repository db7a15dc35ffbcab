//! A file, until it is closed, and the calls on it.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::ptr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{
    HANDLE, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER, STATUS_PENDING, WAIT_OBJECT_0,
    WAIT_TIMEOUT,
};
use windows_sys::Win32::System::IO::{CancelIoEx, IO_STATUS_BLOCK, OVERLAPPED};
use windows_sys::Win32::System::Threading::{
    INFINITE, WaitForMultipleObjects, WaitForSingleObject,
};

use super::event::Event;
use crate::limit::{Limit, STATUS_CANCELLED, STATUS_DELETE_PENDING, STATUS_IO_TIMEOUT};

/// The result of a wait that ended with its second event.
const CLOSING: u32 = WAIT_OBJECT_0 + 1;

/// A file, until it is closed.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// Held for reading by each call, so that closing waits for the calls in progress.
    file: RwLock<Option<File>>,
    /// Ends the calls in progress.
    closing: Event,
}

impl OpenFile {
    /// A file that was opened for overlapped calls.
    pub(super) fn new(file: File) -> io::Result<Self> {
        Ok(Self {
            file: RwLock::new(Some(file)),
            closing: Event::new()?,
        })
    }

    /// Ends the calls in progress and closes the file. Callable from any thread that is not in a
    /// call.
    pub(super) fn close(&self) {
        self.closing.set();
        drop(
            self.file
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// One call; see [`Control::control_within`](crate::Control::control_within).
    pub(super) fn control(
        &self,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        limit: Limit<'_>,
    ) -> Result<usize, u32> {
        let (Ok(input_length), Ok(output_length)) =
            (u32::try_from(input.len()), u32::try_from(output.len()))
        else {
            return Err(STATUS_INVALID_PARAMETER.cast_unsigned());
        };
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_ref() else {
            return Err(STATUS_DELETE_PENDING);
        };
        let handle = file.as_raw_handle();
        let done = Event::new().map_err(|_| STATUS_INSUFFICIENT_RESOURCES.cast_unsigned())?;
        let mut block = IO_STATUS_BLOCK::default();
        // SAFETY: the lock keeps the handle open; input and output are slices of exactly the given
        // lengths; event, status block and slices outlive the operation, because this function does
        // not return before it is complete.
        let mut status = unsafe {
            NtDeviceIoControlFile(
                handle,
                done.raw(),
                None,
                ptr::null(),
                &raw mut block,
                code,
                input.as_ptr().cast(),
                input_length,
                output.as_mut_ptr().cast(),
                output_length,
            )
        };
        if status == STATUS_PENDING {
            let given_up = self.wait(handle, &done, &raw mut block, limit);
            // SAFETY: the operation is complete, so the block holds its status.
            status = unsafe { block.Anonymous.Status };
            if let (Some(reason), STATUS_CANCELLED) = (given_up, status.cast_unsigned()) {
                return Err(reason);
            }
        }
        if status < 0 {
            return Err(status.cast_unsigned());
        }
        Ok(block.Information.min(output.len()))
    }

    /// Waits until an operation is complete. Cancels it if it has to give up, and returns why.
    fn wait(
        &self,
        handle: HANDLE,
        done: &Event,
        block: *mut IO_STATUS_BLOCK,
        limit: Limit<'_>,
    ) -> Option<u32> {
        let events = [
            done.raw(),
            self.closing.raw(),
            limit
                .cancel
                .map_or(self.closing.raw(), |cancel| cancel.event.raw()),
        ];
        let count = if limit.cancel.is_some() { 3 } else { 2 };
        let milliseconds = limit.timeout.map_or(INFINITE, whole_milliseconds);
        // SAFETY: the first `count` events live through the call.
        let ended = unsafe { WaitForMultipleObjects(count, events.as_ptr(), 0, milliseconds) };
        let reason = match ended {
            WAIT_OBJECT_0 => return None,
            CLOSING => STATUS_DELETE_PENDING,
            WAIT_TIMEOUT => STATUS_IO_TIMEOUT,
            _ => STATUS_CANCELLED,
        };
        // An operation is identified by its status block, which an OVERLAPPED begins with.
        let operation = block.cast::<OVERLAPPED>().cast_const();
        // SAFETY: the lock keeps the handle open. The function compares the address and reads
        // nothing through it. It fails if the operation is complete by now.
        unsafe { CancelIoEx(handle, operation) };
        // SAFETY: the event lives through the call. A cancelled operation completes, too.
        unsafe { WaitForSingleObject(done.raw(), INFINITE) };
        Some(reason)
    }
}

/// A time for Windows, rounded up; the longest that is not infinite if it is longer.
fn whole_milliseconds(time: Duration) -> u32 {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    u32::try_from(milliseconds)
        .unwrap_or(INFINITE)
        .min(INFINITE - 1)
}
