//! Opening the PF's device interface: a handle, its file object, and its device.

use core::ffi::c_void;
use core::ptr;

use wdk_sys::ntddk::{
    ObReferenceObjectByHandle, ObfDereferenceObject, ZwClose, ZwDeviceIoControlFile, ZwOpenFile,
};
use wdk_sys::{
    DEVICE_OBJECT, FILE_OBJECT, HANDLE, IO_STATUS_BLOCK, NTSTATUS, OBJECT_ATTRIBUTES, POBJECT_TYPE,
    STATUS_DEVICE_NOT_CONNECTED,
};

use crate::kernel::status::checked;
use kernel_runtime::unicode::Text;

/// `OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE`
const ATTRIBUTES: u32 = 0x0240;
/// `FILE_SHARE_READ | FILE_SHARE_WRITE`
const SHARE_ALL: u32 = 3;
/// `FILE_READ_DATA`
const READ_DATA: u32 = 1;
/// `SYNCHRONIZE`
const SYNCHRONIZE: u32 = 0x0010_0000;
/// `FILE_SYNCHRONOUS_IO_NONALERT`
const SYNCHRONOUS: u32 = 0x20;

unsafe extern "C" {
    // In the headers this is a variable of the kernel, which an image imports by its address.
    #[link_name = "__imp_IoFileObjectType"]
    static FILE_OBJECT_TYPE: *const POBJECT_TYPE;
}

/// Opens a link whose file object names its device.
///
/// Under Wine an open may return before the driver has seen the create request. A caller that
/// references the file object then gets an empty one for good, and Wine's kernel crashes when that
/// one is closed. Requests are delivered in order, so once one has ended, the create request is
/// done.
pub(super) fn open_device(
    link: &mut Text,
) -> Result<(HANDLE, *mut FILE_OBJECT, *mut DEVICE_OBJECT), NTSTATUS> {
    let handle = open_handle(link)?;
    ask_nothing(handle);
    let file = match file_of(handle) {
        Ok(file) => file,
        Err(status) => {
            close(handle);
            return Err(status);
        }
    };
    // SAFETY: the file object is referenced.
    let device = unsafe { (*file).DeviceObject };
    if device.is_null() {
        // SAFETY: this gives the reference back.
        unsafe { ObfDereferenceObject(file.cast()) };
        close(handle);
        return Err(STATUS_DEVICE_NOT_CONNECTED);
    }
    Ok((handle, file, device))
}

/// Sends a control code that no driver knows, and waits for its end. What it is answered does not
/// matter.
fn ask_nothing(handle: HANDLE) {
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle was just opened, for synchronous requests; there are no buffers, and the
    // status block outlives the call.
    let _ = unsafe {
        ZwDeviceIoControlFile(
            handle,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
            &raw mut block,
            0,
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            0,
        )
    };
}

/// Closes a handle.
pub(super) fn close(handle: HANDLE) {
    // SAFETY: the caller's handle, closed once. There is nothing to do about a failure.
    let _ = unsafe { ZwClose(handle) };
}

fn open_handle(link: &mut Text) -> Result<HANDLE, NTSTATUS> {
    let mut name = link.as_kernel();
    let mut attributes = OBJECT_ATTRIBUTES {
        Length: u32::try_from(size_of::<OBJECT_ATTRIBUTES>()).unwrap_or(0),
        ObjectName: &raw mut name,
        Attributes: ATTRIBUTES,
        ..OBJECT_ATTRIBUTES::default()
    };
    let mut handle: HANDLE = ptr::null_mut();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: every pointer is to a local that outlives the call.
    let status = unsafe {
        ZwOpenFile(
            &raw mut handle,
            READ_DATA | SYNCHRONIZE,
            &raw mut attributes,
            &raw mut block,
            SHARE_ALL,
            SYNCHRONOUS,
        )
    };
    checked(status).map(|()| handle)
}

fn file_of(handle: HANDLE) -> Result<*mut FILE_OBJECT, NTSTATUS> {
    let mut file: *mut c_void = ptr::null_mut();
    // SAFETY: the import's address is resolved by the loader.
    let kind = unsafe { FILE_OBJECT_TYPE };
    // SAFETY: the kernel's variable holds the type.
    let kind = unsafe { kind.read() };
    // SAFETY: the handle was just opened; the result is a local.
    let status =
        unsafe { ObReferenceObjectByHandle(handle, 0, kind, 0, &raw mut file, ptr::null_mut()) };
    checked(status).map(|()| file.cast())
}
