//! Event objects, which stay signalled once they are.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::{CreateEventW, SetEvent};

/// A manual-reset event without a name.
#[derive(Debug)]
pub(crate) struct Event(OwnedHandle);

impl Event {
    /// Creates an event that is not signalled.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: attributes and name are optional.
        let handle = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open, and nothing else owns it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Signals it.
    pub(crate) fn set(&self) {
        // SAFETY: the handle is an event's and open as long as `self`; setting it cannot fail then.
        unsafe { SetEvent(self.raw()) };
    }

    /// Its handle, open as long as `self`.
    pub(crate) fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}
