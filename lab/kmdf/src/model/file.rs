//! File objects: open, cleanup and close of handles to the device.
//!
//! Rules (`fxpkggeneral.cpp`, `fxfileobject.cpp`): without `EvtDeviceFileCreate` an open succeeds;
//! an open that fails deletes its file object; cleanup cancels the file's waiting requests, after
//! `EvtFileCleanup`; close calls `EvtFileClose` and deletes the file object; both always succeed. A
//! sender in the kernel may use a file object that the device never saw, or none: with
//! `WdfFileObjectCanBeOptional` requests are served and `EvtFileCleanup` gets a NULL handle;
//! without it the framework's verifier breaks in, and the double ends the run. The flag does not
//! apply to a create without a file object and to a close of one that the device never saw
//! (`_CreateFileObject`, `_DestroyFileObject`); the system's I/O manager sends neither.

use alloc::vec::Vec;
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
    violation::Violation,
};
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::{
        WdfFileObjectCanBeOptional, WdfFileObjectNotRequired, WdfFileObjectWdfCanUseFsContext,
        WdfFileObjectWdfCannotUseFsContexts,
    },
    _WDF_TRI_STATE::{WdfTrue, WdfUseDefault},
    IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, NTSTATUS, PFILE_OBJECT, WDF_FILEOBJECT_CLASS,
};

use crate::{
    kernel::{device_alias, handle::pointer, irp::Irp, report::stop, status, wait},
    model::{
        device::Device,
        objects::{self, Body, Reference},
        queue::{self, Queue},
        request::{self, Request, State},
        threads::callback,
    },
};

/// A `WDFFILEOBJECT`.
pub(crate) struct FileObject {
    pub(crate) device: Handle,
    pub(crate) wdm: PFILE_OBJECT,
    cleaned_up: Locked<bool>,
    /// Its create went to the device below.
    pub(crate) is_known_below: Locked<bool>,
}

impl Body for FileObject {
    const KIND: Kind = Kind::FileObject;
}

/// How long a removal waits for packets about files, milliseconds.
const TIMEOUT: u32 = 10_000;

/// Whether a driver may use this class: the optional flag needs a class with file objects.
pub(crate) const fn is_class(class: WDF_FILEOBJECT_CLASS) -> bool {
    let least = if is_optional(class) {
        WdfFileObjectWdfCanUseFsContext
    } else {
        WdfFileObjectNotRequired
    };
    least <= normalized(class) && normalized(class) <= WdfFileObjectWdfCannotUseFsContexts
}

const fn normalized(class: WDF_FILEOBJECT_CLASS) -> WDF_FILEOBJECT_CLASS {
    class & !WdfFileObjectCanBeOptional
}

const fn is_optional(class: WDF_FILEOBJECT_CLASS) -> bool {
    class & WdfFileObjectCanBeOptional != 0
}

/// The class in the device's configuration.
fn class(device: &Device) -> WDF_FILEOBJECT_CLASS {
    device
        .settings
        .file
        .map_or(WdfFileObjectNotRequired, |config| config.FileObjectClass)
}

/// The framework file object of a WDM file object, if the device saw it opened.
pub(crate) fn known(device: &Device, wdm: PFILE_OBJECT) -> Option<Handle> {
    device.files.with(|files| files.get(&wdm.addr()).copied())
}

/// As [`known`], and stops the run when there is none and the class requires one
/// (`FxFileObject::_GetFileObjectFromWdm`).
pub(crate) fn expect(
    function: &'static str,
    device: &Reference<Device>,
    wdm: PFILE_OBJECT,
) -> Option<Handle> {
    let class = class(device);
    if normalized(class) == WdfFileObjectNotRequired {
        return None;
    }
    let file = known(device, wdm);
    if file.is_none() && !is_optional(class) {
        stop(&Violation::WrongState {
            function,
            handle: device.handle(),
            problem: "got a packet whose file object it never saw opened, \
                      and its class is not WdfFileObjectCanBeOptional",
        });
    }
    file
}

/// `IRP_MJ_CREATE`.
pub(crate) fn create(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let file = match create_object(device, irp.parameters().FileObject) {
        Ok(file) => file,
        Err(status) => return irp.finish(status),
    };
    let config = device.settings.file;
    let Some(event) = config.and_then(|config| config.EvtDeviceFileCreate) else {
        if let Some(object) = file.and_then(objects::get::<FileObject>) {
            object
                .is_known_below
                .with(|known| *known = passes_on(device));
        }
        return end(device, irp, file);
    };
    let request = match request::create(device.handle(), irp, file, Some(opened)) {
        Ok(request) => request,
        Err(status) => return irp.finish(status),
    };
    irp.mark_pending();
    irp.set_security_context_if_none(device_alias::security_context());
    request.set_state(State::Direct);
    callback("EvtDeviceFileCreate", Level::Passive, || {
        // SAFETY: the driver's callback with its device, a request that it owns, and its file.
        unsafe {
            event(
                pointer(device.handle()),
                pointer(request.handle()),
                file.map_or(ptr::null_mut(), pointer),
            );
        }
    });
    status::PENDING
}

fn create_object(
    device: &Reference<Device>,
    wdm: PFILE_OBJECT,
) -> Result<Option<Handle>, NTSTATUS> {
    if normalized(class(device)) == WdfFileObjectNotRequired {
        return Ok(None);
    }
    if wdm.is_null() {
        stop(&Violation::WrongState {
            function: "IRP_MJ_CREATE",
            handle: device.handle(),
            problem: "got a create without a file object, and its class needs one",
        });
    }
    let body = FileObject {
        device: device.handle(),
        wdm,
        cleaned_up: Locked::new(false),
        is_known_below: Locked::new(false),
    };
    let attributes = device.settings.file_attributes.as_ref();
    let handle = objects::create(body, Some(device.handle()), attributes)?.handle();
    device.files.with(|files| files.insert(wdm.addr(), handle));
    Ok(Some(handle))
}

/// The driver completed an open. When it failed, Windows sends neither cleanup nor close; Wine
/// gives the opener a handle all the same, and sends both when that is closed.
fn opened(request: &Request, status: NTSTATUS) {
    if status::is_success(status) {
        return;
    }
    let device = objects::get::<Device>(request.device);
    if let (Some(device), Some(file)) = (device, request.file) {
        if let Some(object) = objects::get::<FileObject>(file) {
            device
                .closed_early
                .with(|files| files.push(object.wdm.addr()));
        }
        forget(&device, file);
        objects::delete("IRP_MJ_CREATE", file);
    }
}

/// Takes a file from its device; `false` when that was done before.
fn forget(device: &Device, file: Handle) -> bool {
    device.files.with(|files| {
        let before = files.len();
        files.retain(|_, &mut other| other != file);
        files.len() < before
    })
}

/// Completes the end of a file that the driver saw closed before the system closed it: the driver
/// gets no packet, as Windows would send none. `None` for any other packet.
pub(crate) fn end_early(device: &Device, irp: Irp) -> Option<NTSTATUS> {
    let location = irp.parameters();
    let major = u32::from(location.MajorFunction);
    let wdm = location.FileObject;
    if !matches!(major, IRP_MJ_CLEANUP | IRP_MJ_CLOSE) || !was_closed_early(device, wdm) {
        return None;
    }
    if major == IRP_MJ_CLOSE {
        // A later file object may have the same address.
        device
            .closed_early
            .with(|files| files.retain(|&file| file != wdm.addr()));
    }
    irp.set_information(0);
    Some(irp.finish(status::SUCCESS))
}

/// `IRP_MJ_CLEANUP`.
pub(crate) fn cleanup(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let wdm = irp.parameters().FileObject;
    let file = expect("IRP_MJ_CLEANUP", device, wdm);
    clean_up(device, file, wdm);
    end(device, irp, file)
}

/// The last handle to a file was closed.
fn clean_up(device: &Device, file: Option<Handle>, wdm: PFILE_OBJECT) {
    let object = file.and_then(objects::get::<FileObject>);
    let again = object.is_some_and(|object| {
        object
            .cleaned_up
            .with(|done| core::mem::replace(done, true))
    });
    if again {
        return;
    }
    let config = device.settings.file;
    if let Some(event) = config.and_then(|config| config.EvtFileCleanup) {
        callback("EvtFileCleanup", Level::Passive, || {
            // SAFETY: the driver's callback with its file, or NULL for one that it never saw
            // opened.
            unsafe { event(file.map_or(ptr::null_mut(), pointer)) }
        });
    }
    if wdm.is_null() {
        return;
    }
    for queue in device.queues.with(|queues| queues.all.clone()) {
        if let Some(queue) = objects::get::<Queue>(queue) {
            cancel_requests(&queue, wdm);
        }
    }
}

/// Cancels the waiting requests of a file (`FxIoQueue::FlushByFileObject`).
fn cancel_requests(queue: &Reference<Queue>, wdm: PFILE_OBJECT) {
    let waiting: Vec<Handle> = queue
        .requests
        .with(|requests| requests.waiting_requests().collect());
    for handle in waiting {
        if let Some(request) = objects::get::<Request>(handle)
            && request.wdm_file == wdm
        {
            queue::cancel(queue, &request);
        }
    }
}

/// `IRP_MJ_CLOSE`.
pub(crate) fn close(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let wdm = irp.parameters().FileObject;
    let passes = expect_create_below(device, known(device, wdm));
    let file = expect("IRP_MJ_CLOSE", device, wdm);
    if file.is_none() && normalized(class(device)) != WdfFileObjectNotRequired {
        stop(&Violation::WrongState {
            function: "IRP_MJ_CLOSE",
            handle: device.handle(),
            problem: "got the close of a file object that it never saw opened",
        });
    }
    close_file(device, file);
    finish(device, irp, passes)
}

fn close_file(device: &Device, file: Option<Handle>) {
    let config = device.settings.file;
    if let Some(event) = config.and_then(|config| config.EvtFileClose) {
        callback("EvtFileClose", Level::Passive, || {
            // SAFETY: the driver's callback with its file, or NULL for one that it never saw
            // opened.
            unsafe { event(file.map_or(ptr::null_mut(), pointer)) }
        });
    }
    if let Some(file) = file
        && forget(device, file)
    {
        objects::delete("IRP_MJ_CLOSE", file);
    }
}

/// Whether the driver saw the file closed before the system closed it.
fn was_closed_early(device: &Device, wdm: PFILE_OBJECT) -> bool {
    device
        .closed_early
        .with(|files| files.contains(&wdm.addr()))
}

/// Cleans up and closes the files that are still open when a device is removed.
///
/// Windows sends no remove packet while a handle to the device is open; Wine does. Drivers rely on
/// the order of Windows. Packets about files that are under way end first, as they may clean up or
/// close the same files.
pub(crate) fn close_all(device: &Reference<Device>) {
    let open = device.files.with(|files| files.clone());
    device
        .closed_early
        .with(|closed| closed.extend(open.keys().copied()));
    await_packets(device);
    for (wdm, file) in open {
        let is_open = device.files.with(|files| files.get(&wdm) == Some(&file));
        if is_open && let Some(object) = objects::get::<FileObject>(file) {
            clean_up(device, Some(file), object.wdm);
            close_file(device, Some(file));
        }
    }
    await_packets(device);
}

fn await_packets(device: &Device) {
    wait::until(TIMEOUT, || device.file_packets.with(|count| *count == 0));
}

/// A packet about a file, from its arrival until its dispatch routine returns: a removal waits
/// until this is dropped. It is counted before [`end_early`] looks for its file, so that the
/// removal either waits for it or has said that the file is closed.
pub(crate) struct FilePacket<'d>(&'d Device);

impl<'d> FilePacket<'d> {
    /// Counts the packet, if it is about a file.
    pub(crate) fn of(device: &'d Device, irp: Irp) -> Option<Self> {
        let major = u32::from(irp.parameters().MajorFunction);
        matches!(major, IRP_MJ_CREATE | IRP_MJ_CLEANUP | IRP_MJ_CLOSE).then(|| {
            device.file_packets.with(|count| *count += 1);
            Self(device)
        })
    }
}

impl Drop for FilePacket<'_> {
    fn drop(&mut self) {
        self.0.file_packets.with(|count| *count -= 1);
    }
}

/// Whether the framework passes packets about files down: `AutoForwardCleanupClose`, by default for
/// filters alone.
fn passes_on(device: &Device) -> bool {
    let config = device.settings.file;
    let forward = config.map_or(WdfUseDefault, |config| config.AutoForwardCleanupClose);
    if forward == WdfUseDefault {
        device.settings.filter
    } else {
        forward == WdfTrue
    }
}

/// As [`passes_on`]; stops the run if the device below never got the create of the file. The page of
/// `WDF_FILEOBJECT_CONFIG` requires as many creates as cleanups and closes there.
fn expect_create_below(device: &Reference<Device>, file: Option<Handle>) -> bool {
    let passes = passes_on(device);
    let object = file.and_then(objects::get::<FileObject>);
    if passes && object.is_some_and(|object| !object.is_known_below.with(|known| *known)) {
        stop(&Violation::WrongState {
            function: "AutoForwardCleanupClose",
            handle: device.handle(),
            problem: "passes on the end of a file whose create the device below never got",
        });
    }
    passes
}

/// Passes a packet about a file down, or completes it with success.
fn end(device: &Reference<Device>, irp: Irp, file: Option<Handle>) -> NTSTATUS {
    let passes = expect_create_below(device, file);
    finish(device, irp, passes)
}

fn finish(device: &Device, irp: Irp, pass: bool) -> NTSTATUS {
    if pass {
        return irp.pass_down(device.lower);
    }
    irp.set_information(0);
    irp.finish(status::SUCCESS)
}
