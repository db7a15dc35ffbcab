//! Closes a handle when Windows is about to remove its device.

use std::ffi::c_void;
use std::io;
use std::mem;
use std::ptr;
use std::sync::Arc;

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    CM_NOTIFY_ACTION, CM_NOTIFY_ACTION_DEVICEQUERYREMOVE, CM_NOTIFY_ACTION_DEVICEREMOVECOMPLETE,
    CM_NOTIFY_ACTION_DEVICEREMOVEPENDING, CM_NOTIFY_EVENT_DATA, CM_NOTIFY_FILTER,
    CM_NOTIFY_FILTER_0, CM_NOTIFY_FILTER_0_1, CM_NOTIFY_FILTER_TYPE_DEVICEHANDLE, CONFIGRET,
    CR_SUCCESS, HCMNOTIFICATION, PCM_NOTIFY_CALLBACK,
};
use windows_sys::Win32::Foundation::{ERROR_SUCCESS, HANDLE};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryW};
use windows_sys::w;

use super::open_file::OpenFile;
use super::structure_size::size_of_u32;

type Register = unsafe extern "system" fn(
    *const CM_NOTIFY_FILTER,
    *const c_void,
    PCM_NOTIFY_CALLBACK,
    *mut HCMNOTIFICATION,
) -> CONFIGRET;
type Unregister = unsafe extern "system" fn(HCMNOTIFICATION) -> CONFIGRET;

/// The registration of a handle for the notifications of its device.
#[derive(Debug)]
pub(super) struct Removal {
    registration: HCMNOTIFICATION,
    unregister: Unregister,
    /// The callback's context, which it may use until the registration has ended.
    _open: Arc<OpenFile>,
}

// SAFETY: a registration may be ended on any thread but that of the callback, and a `Removal` is
// never dropped there.
unsafe impl Send for Removal {}
// SAFETY: a shared `Removal` has no operation.
unsafe impl Sync for Removal {}

impl Removal {
    /// Registers a file for the notifications of the device that `target` is open on. `None` if
    /// this Windows has none.
    pub(super) fn register(target: HANDLE, open: &Arc<OpenFile>) -> io::Result<Option<Self>> {
        let Some((register, unregister)) = functions() else {
            return Ok(None);
        };
        let filter = CM_NOTIFY_FILTER {
            cbSize: size_of_u32::<CM_NOTIFY_FILTER>(),
            Flags: 0,
            FilterType: CM_NOTIFY_FILTER_TYPE_DEVICEHANDLE,
            Reserved: 0,
            u: CM_NOTIFY_FILTER_0 {
                DeviceHandle: CM_NOTIFY_FILTER_0_1 { hTarget: target },
            },
        };
        let open = Arc::clone(open);
        let mut registration = ptr::null_mut();
        // SAFETY: the filter lives through the call, its handle is open, and the context lives
        // until the registration has ended, because `Removal` holds it.
        let result = unsafe {
            register(
                &raw const filter,
                Arc::as_ptr(&open).cast(),
                Some(notified),
                &raw mut registration,
            )
        };
        if result != CR_SUCCESS {
            let text = format!("CM_Register_Notification fails with CONFIGRET 0x{result:02X}");
            return Err(io::Error::other(text));
        }
        Ok(Some(Self {
            registration,
            unregister,
            _open: open,
        }))
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        // SAFETY: the registration is live, and this is not the thread of its callback. The
        // function waits for a callback in progress.
        unsafe { (self.unregister)(self.registration) };
    }
}

/// `CM_Register_Notification` and `CM_Unregister_Notification`. They are searched for at run time
/// because a program that imports them does not start where they are missing, as in Windows 7 and
/// Wine 8.
fn functions() -> Option<(Register, Unregister)> {
    // SAFETY: the name is a literal. The library stays loaded, as nothing frees it.
    let library = unsafe { LoadLibraryW(w!("cfgmgr32.dll")) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded, and the name ends with a zero.
    let register = unsafe { GetProcAddress(library, c"CM_Register_Notification".as_ptr().cast()) }?;
    // SAFETY: as above.
    let unregister =
        unsafe { GetProcAddress(library, c"CM_Unregister_Notification".as_ptr().cast()) }?;
    // SAFETY: `cfgmgr32.h` declares the function of this name with this signature.
    let register =
        unsafe { mem::transmute::<unsafe extern "system" fn() -> isize, Register>(register) };
    // SAFETY: as above.
    let unregister =
        unsafe { mem::transmute::<unsafe extern "system" fn() -> isize, Unregister>(unregister) };
    Some((register, unregister))
}

/// The callback. Windows calls it before it removes the device, and does not remove it while a handle
/// is open; after a surprise removal it reports the removal.
unsafe extern "system" fn notified(
    _: HCMNOTIFICATION,
    context: *const c_void,
    action: CM_NOTIFY_ACTION,
    _: *const CM_NOTIFY_EVENT_DATA,
    _: u32,
) -> u32 {
    if closes(action) {
        // SAFETY: the context is the file that was registered, which lives until the registration
        // has ended.
        let open = unsafe { &*context.cast::<OpenFile>() };
        open.close();
    }
    ERROR_SUCCESS
}

/// Whether an action needs the handle closed.
const fn closes(action: CM_NOTIFY_ACTION) -> bool {
    matches!(
        action,
        CM_NOTIFY_ACTION_DEVICEQUERYREMOVE
            | CM_NOTIFY_ACTION_DEVICEREMOVEPENDING
            | CM_NOTIFY_ACTION_DEVICEREMOVECOMPLETE
    )
}
