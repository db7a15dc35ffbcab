//! An open device, whose calls run side by side, can time out and be cancelled.

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::sync::Arc;

use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OVERLAPPED;

use super::open_file::OpenFile;
use super::removal::Removal;
use crate::access::Access;
use crate::device::Control;
use crate::limit::Limit;
#[cfg(doc)]
use crate::limit::STATUS_DELETE_PENDING;

/// An open device. Any number of threads may call at one time.
///
/// An open handle keeps Windows from removing the device, so that an update of the driver would need
/// a restart of the host. So the handle closes itself when Windows is about to remove its device:
/// calls in progress and later ones end with [`STATUS_DELETE_PENDING`]. Open the device again to go
/// on, which succeeds when the removal was cancelled or the device is back. Without
/// `CM_Register_Notification`, which Windows has since version 8, the handle stays open.
#[derive(Debug)]
pub struct Handle {
    // First, because its callback uses the file.
    _removal: Option<Removal>,
    open: Arc<OpenFile>,
}

impl Handle {
    /// Opens a device by its path, as [`interfaces`](crate::interfaces) returns it.
    ///
    /// # Errors
    ///
    /// The error of Windows: access denied if the caller is not an administrator, not found if the
    /// device was removed.
    pub fn open(path: &str, access: Access) -> io::Result<Self> {
        // A request that waits would keep the other calls of a synchronous handle from running.
        let file = OpenOptions::new()
            .read(true)
            .write(access == Access::Change)
            .custom_flags(FILE_FLAG_OVERLAPPED)
            .open(path)?;
        let target = file.as_raw_handle();
        let open = Arc::new(OpenFile::new(file)?);
        Ok(Self {
            _removal: Removal::register(target, &open)?,
            open,
        })
    }

    /// Closes the device for every thread: calls in progress and later ones end with
    /// [`STATUS_DELETE_PENDING`]. Returns when the device is closed.
    pub fn close(&self) {
        self.open.close();
    }
}

impl Control for Handle {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        self.control_within(code, input, output, Limit::NONE)
    }

    fn control_within(
        &self,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        limit: Limit<'_>,
    ) -> Result<usize, u32> {
        self.open.control(code, input, output, limit)
    }
}
