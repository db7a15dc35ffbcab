//! A second file on the PF: one that was opened through the management interface, as another driver
//! would have it that manages the PF.

use alloc::sync::Arc;

use lab_control::stack::Connect;
use wdk_sys::ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject};
use wdk_sys::{
    DEVICE_OBJECT, FILE_OBJECT, HANDLE, NTSTATUS, STATUS_DEVICE_NOT_CONNECTED,
    STATUS_INVALID_PARAMETER,
};

use super::opening;
use kernel_runtime::lock::Locked;
use kernel_runtime::unicode::Text;

/// The file, its handle, and where its requests go.
pub(super) struct Management {
    handle: HANDLE,
    pub(super) file: *mut FILE_OBJECT,
    pub(super) top: *mut DEVICE_OBJECT,
}

// SAFETY: kernel objects belong to no thread.
unsafe impl Send for Management {}
// SAFETY: as before.
unsafe impl Sync for Management {}

static MANAGEMENT: Locked<Option<Arc<Management>>> = Locked::new(None);

/// Opens the management interface, which `request` names, in the place of what was open before.
pub(crate) fn open(request: &Connect) -> Result<(), NTSTATUS> {
    close();
    let length = usize::try_from(request.link_length).unwrap_or(usize::MAX);
    let link = request.link.get(..length).ok_or(STATUS_INVALID_PARAMETER)?;
    let (handle, file, device) = opening::open_device(&mut Text::from_units(link))?;
    // SAFETY: the open file keeps its device.
    let top = unsafe { IoGetAttachedDeviceReference(device) };
    *MANAGEMENT.lock() = Some(Arc::new(Management { handle, file, top }));
    Ok(())
}

/// Closes it, once no request is under way.
pub(crate) fn close() {
    let management = MANAGEMENT.lock().take();
    drop(management);
}

/// The file, for the time of one request.
pub(super) fn get() -> Result<Arc<Management>, NTSTATUS> {
    MANAGEMENT.lock().clone().ok_or(STATUS_DEVICE_NOT_CONNECTED)
}

impl Drop for Management {
    fn drop(&mut self) {
        opening::close(self.handle);
        // SAFETY: this gives back the reference taken when opening.
        unsafe { ObfDereferenceObject(self.file.cast()) };
        // SAFETY: as before.
        unsafe { ObfDereferenceObject(self.top.cast()) };
    }
}
