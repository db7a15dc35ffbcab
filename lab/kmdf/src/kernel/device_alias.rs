//! Device interfaces with a reference string, which Wine's kernel does not support.
//!
//! Rules ("Using Device Interfaces" and the page of `WdfDeviceCreateDeviceInterface`): the
//! reference string is the last part of the link, and a file opened through it has a backslash and
//! the string as its name. Wine's server knows no names below a device and creates no such link.
//! Here the link lacks the string and leads to a device object of the double, which sets the name
//! of each new file and passes every packet to the top of the device's stack.

use alloc::{boxed::Box, format, vec::Vec};
use core::{
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

use wdk_sys::{
    ACCESS_STATE, DO_DEVICE_INITIALIZING, DRIVER_OBJECT, FILE_DEVICE_UNKNOWN, IO_SECURITY_CONTEXT,
    IRP_MJ_CREATE, NTSTATUS, PDEVICE_OBJECT, UNICODE_STRING,
    ntddk::{
        IoCreateDevice, IoCreateSymbolicLink, IoDeleteDevice, IoDeleteSymbolicLink,
        IoGetAttachedDeviceReference, ObfDereferenceObject,
    },
};

use crate::kernel::{argument::size, counted_string::unicode, irp::Irp, status};

/// The extension of such a device object.
#[repr(C)]
struct Extension {
    mark: u64,
    pdo: PDEVICE_OBJECT,
    file_name: UNICODE_STRING,
}

/// Marks the extensions of these device objects.
const MARK: u64 = u64::from_le_bytes(*b"WdfAlias");

/// A device object that a link with a reference string leads to; deleted when dropped.
pub(crate) struct Alias {
    object: PDEVICE_OBJECT,
    name: Vec<u16>,
    /// The name of its files; the extension points to it.
    _file_name: Box<[u16]>,
}

// SAFETY: device objects belong to no thread.
unsafe impl Send for Alias {}

impl Alias {
    /// Creates the device object of a reference string.
    ///
    /// # Errors
    /// What the kernel returns.
    pub(crate) fn new(
        driver: *mut DRIVER_OBJECT,
        pdo: PDEVICE_OBJECT,
        reference_string: &[u16],
    ) -> Result<Self, NTSTATUS> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name: Vec<u16> = format!(r"\Device\WdfDoubleAlias{number}")
            .encode_utf16()
            .collect();
        let mut counted = unicode(&name);
        let mut object: PDEVICE_OBJECT = ptr::null_mut();
        // SAFETY: the driver object lives as long as its devices, and the name through the call.
        let status = unsafe {
            IoCreateDevice(
                driver,
                size::<Extension>(),
                &raw mut counted,
                FILE_DEVICE_UNKNOWN,
                0,
                0,
                &raw mut object,
            )
        };
        if !status::is_success(status) {
            return Err(status);
        }
        let slash = core::iter::once(u16::from(b'\\'));
        let file_name: Box<[u16]> = slash.chain(reference_string.iter().copied()).collect();
        let extension = Extension {
            mark: MARK,
            pdo,
            file_name: unicode(&file_name),
        };
        // SAFETY: the device object was created above.
        let place = unsafe { (*object).DeviceExtension };
        // SAFETY: it was created with an extension of this type.
        unsafe { place.cast::<Extension>().write(extension) };
        let top = Top::of(pdo);
        // SAFETY: the top of the stack is referenced.
        let depth = unsafe { (*top.0).StackSize };
        // SAFETY: the device object was created above, and no packet reaches it yet.
        unsafe { (*object).StackSize = depth.saturating_add(1) };
        // SAFETY: as above.
        unsafe { (*object).Flags &= !DO_DEVICE_INITIALIZING };
        Ok(Self {
            object,
            name,
            _file_name: file_name,
        })
    }

    /// Redirects a link from the physical device to this device object.
    pub(crate) fn redirect(&self, link: &mut UNICODE_STRING) -> NTSTATUS {
        // SAFETY: the link is valid through the call.
        let status = unsafe { IoDeleteSymbolicLink(link) };
        if !status::is_success(status) {
            return status;
        }
        let mut name = unicode(&self.name);
        // SAFETY: as above, and the name lives through the call.
        unsafe { IoCreateSymbolicLink(link, &raw mut name) }
    }
}

impl Drop for Alias {
    fn drop(&mut self) {
        // SAFETY: the link is gone, and so are the files that came through it.
        unsafe { IoDeleteDevice(self.object) };
    }
}

/// The top of a device stack, referenced.
struct Top(PDEVICE_OBJECT);

impl Top {
    fn of(pdo: PDEVICE_OBJECT) -> Self {
        // SAFETY: the physical device exists as long as a framework device is above it.
        Self(unsafe { IoGetAttachedDeviceReference(pdo) })
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that was taken.
        unsafe { ObfDereferenceObject(self.0.cast()) };
    }
}

/// Passes a packet for such a device object on; `None` for any other device object.
pub(crate) fn pass_on(object: PDEVICE_OBJECT, irp: Irp) -> Option<NTSTATUS> {
    // SAFETY: the system passes a device object that exists.
    let extension: *mut Extension = unsafe { (*object).DeviceExtension }.cast();
    if extension.is_null() {
        return None;
    }
    // SAFETY: every extension of a device object of the double begins with a mark.
    if unsafe { (*extension).mark } != MARK {
        return None;
    }
    // SAFETY: the mark says what the extension is.
    let extension = unsafe { &*extension };
    let location = irp.parameters();
    if u32::from(location.MajorFunction) == IRP_MJ_CREATE && !location.FileObject.is_null() {
        // SAFETY: the file object is the system's, and new.
        unsafe { (*location.FileObject).FileName = extension.file_name };
    }
    let top = Top::of(extension.pdo);
    Some(irp.pass_down(top.0))
}

/// The security context of a create packet to which Wine's kernel gives none. It names no user;
/// the lab's double of `SeAccessCheck` decides for it.
pub(crate) fn security_context() -> *mut IO_SECURITY_CONTEXT {
    static CONTEXT: AtomicPtr<IO_SECURITY_CONTEXT> = AtomicPtr::new(ptr::null_mut());
    let known = CONTEXT.load(Ordering::Acquire);
    if !known.is_null() {
        return known;
    }
    let access = Box::into_raw(Box::new(ACCESS_STATE::default()));
    let new = Box::into_raw(Box::new(IO_SECURITY_CONTEXT {
        AccessState: access,
        ..IO_SECURITY_CONTEXT::default()
    }));
    // The loser of a race leaks its allocation, once.
    match CONTEXT.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        Err(other) => other,
    }
}
