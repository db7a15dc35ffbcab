//! File objects: open, cleanup and close of handles to the device.
//!
//! Rules (`fxpkggeneral.cpp`, `fxfileobject.cpp`): without `EvtDeviceFileCreate` an open succeeds,
//! and one that fails deletes its file object; cleanup cancels the requests of the file that wait on
//! queues, after `EvtFileCleanup`; close calls `EvtFileClose` and deletes the file object; both always
//! succeed. A sender in the kernel may use a file object that the device never saw, or none: with
//! `WdfFileObjectCanBeOptional` requests are served and `EvtFileCleanup` runs with a NULL handle,
//! without it the framework's verifier breaks in, and the double ends the run. The flag does not count
//! for a create without a file object and for a close of one that the device never saw
//! (`_CreateFileObject`, `_DestroyFileObject`); the system's I/O manager sends neither.

use alloc::vec::Vec;
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::{
        WdfFileObjectCanBeOptional, WdfFileObjectNotRequired, WdfFileObjectWdfCanUseFsContext,
        WdfFileObjectWdfCannotUseFsContexts,
    },
    IO_STACK_LOCATION, NTSTATUS, PFILE_OBJECT, PUNICODE_STRING, PWDF_DRIVER_GLOBALS,
    WDF_FILEOBJECT_CLASS, WDFDEVICE, WDFFILEOBJECT,
};

use crate::{
    alias,
    body::Body,
    call::{Call, callback, pointer},
    device::Device,
    irp::Irp,
    queue::{self, Queue},
    report::stop,
    request::{self, Place, Request},
    status, wait,
    world::{self, Reference},
};

/// A `WDFFILEOBJECT`.
pub(crate) struct FileObject {
    device: Handle,
    wdm: PFILE_OBJECT,
    cleaned_up: Locked<bool>,
}

/// How long a removal waits for packets about files, milliseconds.
const PATIENCE: u32 = 10_000;

/// Whether a driver may ask for this class: the flag goes with classes that have file objects.
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

/// What the driver asked for; nothing when it said nothing.
fn class(device: &Device) -> WDF_FILEOBJECT_CLASS {
    device
        .settings
        .file
        .map_or(WdfFileObjectNotRequired, |config| config.FileObjectClass)
}

/// An exclusive device has one file at a time, so it knows whose a packet without one is.
fn knows_without_file(device: &Device) -> bool {
    device.settings.exclusive && normalized(class(device)) == WdfFileObjectWdfCannotUseFsContexts
}

/// The framework file object of a packet, if it has one.
pub(crate) fn of(device: &Reference<Device>, location: &IO_STACK_LOCATION) -> Option<Handle> {
    known(device, location.FileObject)
}

fn known(device: &Device, wdm: PFILE_OBJECT) -> Option<Handle> {
    device.files.with(|files| {
        if wdm.is_null() && knows_without_file(device) {
            files.values().next().copied()
        } else {
            files.get(&wdm.addr()).copied()
        }
    })
}

/// As [`of`], for who cannot do without one unless the driver said that it can
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
    let location = irp.parameters();
    let file = match make(device, location.FileObject) {
        Ok(file) => file,
        Err(status) => return irp.finish(status),
    };
    let Some(event) = device
        .settings
        .file
        .and_then(|config| config.EvtDeviceFileCreate)
    else {
        if device.settings.filter {
            return irp.pass_down(device.lower);
        }
        irp.set_information(0);
        return irp.finish(status::SUCCESS);
    };
    let request = match request::create(device, irp, file) {
        Ok(request) => request,
        Err(status) => return irp.finish(status),
    };
    irp.mark_pending();
    irp.set_security_context_if_none(alias::security_context());
    request.set_place(Place::Loose);
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

fn make(device: &Reference<Device>, wdm: PFILE_OBJECT) -> Result<Option<Handle>, NTSTATUS> {
    if normalized(class(device)) == WdfFileObjectNotRequired {
        return Ok(None);
    }
    if wdm.is_null() && !knows_without_file(device) {
        stop(&Violation::WrongState {
            function: "IRP_MJ_CREATE",
            handle: device.handle(),
            problem: "got a create without a file object, and its class needs one",
        });
    }
    let body = Body::FileObject(FileObject {
        device: device.handle(),
        wdm,
        cleaned_up: Locked::new(false),
    });
    let attributes = device.settings.file_attributes.as_ref();
    let handle = world::create(body, Some(device.handle()), attributes)?;
    device.files.with(|files| files.insert(wdm.addr(), handle));
    Ok(Some(handle))
}

/// The driver completed an open with an error: nobody will close the file.
///
/// Windows then sends neither cleanup nor close; Wine gives the opener a handle all the same, and both
/// come when that goes.
pub(crate) fn open_failed(device: &Reference<Device>, file: Handle) {
    if let Some(object) = world::typed::<FileObject>(file) {
        device
            .closed_early
            .with(|files| files.push(object.wdm.addr()));
    }
    forget(device, file);
    world::delete("IRP_MJ_CREATE", file);
}

/// Takes a file from its device; `false` when somebody has done so before.
fn forget(device: &Device, file: Handle) -> bool {
    device.files.with(|files| {
        let before = files.len();
        files.retain(|_, &mut other| other != file);
        files.len() < before
    })
}

/// `IRP_MJ_CLEANUP`.
pub(crate) fn cleanup(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let wdm = irp.parameters().FileObject;
    if !was_closed_early(device, wdm) {
        let file = expect("IRP_MJ_CLEANUP", device, wdm);
        clean_up(device, file, wdm);
    }
    end(device, irp)
}

/// The last handle to a file was closed.
fn clean_up(device: &Reference<Device>, file: Option<Handle>, wdm: PFILE_OBJECT) {
    let object = file.and_then(world::typed::<FileObject>);
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
            // SAFETY: the driver's callback with its file, or NULL for one that it never saw opened.
            unsafe { event(file.map_or(ptr::null_mut(), pointer)) }
        });
    }
    if wdm.is_null() {
        return;
    }
    for queue in device.queues.with(|queues| queues.all.clone()) {
        if let Some(queue) = world::typed::<Queue>(queue) {
            flush(&queue, wdm);
        }
    }
}

/// Cancels the requests of a file that wait (`FxIoQueue::FlushByFileObject`).
fn flush(queue: &Reference<Queue>, wdm: PFILE_OBJECT) {
    let waiting = queue.state.with(|state| state.waiting_requests().collect());
    let waiting: Vec<Handle> = waiting;
    for handle in waiting {
        if let Some(request) = world::typed::<Request>(handle)
            && request.wdm_file == wdm
        {
            queue::cancel_one(queue, &request);
        }
    }
}

/// `IRP_MJ_CLOSE`.
pub(crate) fn close(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let wdm = irp.parameters().FileObject;
    if !was_closed_early(device, wdm) {
        let file = expect("IRP_MJ_CLOSE", device, wdm);
        if file.is_none() && normalized(class(device)) != WdfFileObjectNotRequired {
            stop(&Violation::WrongState {
                function: "IRP_MJ_CLOSE",
                handle: device.handle(),
                problem: "got the close of a file object that it never saw opened",
            });
        }
        close_file(device, file);
    }
    // Another file object may come to lie at the same address.
    device
        .closed_early
        .with(|files| files.retain(|&file| file != wdm.addr()));
    end(device, irp)
}

fn close_file(device: &Reference<Device>, file: Option<Handle>) {
    let config = device.settings.file;
    if let Some(event) = config.and_then(|config| config.EvtFileClose) {
        callback("EvtFileClose", Level::Passive, || {
            // SAFETY: the driver's callback with its file, or NULL for one that it never saw opened.
            unsafe { event(file.map_or(ptr::null_mut(), pointer)) }
        });
    }
    if let Some(file) = file
        && forget(device, file)
    {
        world::delete("IRP_MJ_CLOSE", file);
    }
}

/// Whether [`close_all`] told the driver of the file's end before the system did.
fn was_closed_early(device: &Device, wdm: PFILE_OBJECT) -> bool {
    device
        .closed_early
        .with(|files| files.contains(&wdm.addr()))
}

/// Windows sends no remove packet while a handle to the device is open; Wine does. So that a driver
/// sees the order it may rely on, handles that are still open are cleaned up and closed before the
/// device is removed, and packets about files that are under way come to their end: first those that
/// may clean up or close the same files.
pub(crate) fn close_all(device: &Reference<Device>) {
    let open = device.files.with(|files| files.clone());
    device
        .closed_early
        .with(|closed| closed.extend(open.keys().copied()));
    await_packets(device);
    for (wdm, file) in open {
        let is_open = device.files.with(|files| files.get(&wdm) == Some(&file));
        if is_open && let Some(object) = world::typed::<FileObject>(file) {
            clean_up(device, Some(file), object.wdm);
            close_file(device, Some(file));
        }
    }
    await_packets(device);
}

fn await_packets(device: &Device) {
    wait::until(PATIENCE, || device.file_packets.with(|count| *count == 0));
}

/// Handles a packet about a file while the device waits with its end.
pub(crate) fn counted(
    device: &Reference<Device>,
    irp: Irp,
    handle: fn(&Reference<Device>, Irp) -> NTSTATUS,
) -> NTSTATUS {
    device.file_packets.with(|count| *count += 1);
    let status = handle(device, irp);
    device.file_packets.with(|count| *count -= 1);
    status
}

fn end(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    if device.settings.filter {
        return irp.pass_down(device.lower);
    }
    irp.set_information(0);
    irp.finish(status::SUCCESS)
}

/// `WdfFileObjectGetDevice`.
pub(crate) unsafe extern "C" fn get_device(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> WDFDEVICE {
    let call = Call::enter("WdfFileObjectGetDevice", Level::Dispatch);
    pointer(call.object::<FileObject, _>(file).device)
}

/// `WdfFileObjectWdmGetFileObject`.
pub(crate) unsafe extern "C" fn wdm_get_file_object(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> PFILE_OBJECT {
    let call = Call::enter("WdfFileObjectWdmGetFileObject", Level::Dispatch);
    call.object::<FileObject, _>(file).wdm
}

/// `WdfFileObjectGetFileName`.
pub(crate) unsafe extern "C" fn get_file_name(
    _globals: PWDF_DRIVER_GLOBALS,
    file: WDFFILEOBJECT,
) -> PUNICODE_STRING {
    let call = Call::enter("WdfFileObjectGetFileName", Level::Passive);
    let wdm = call.object::<FileObject, _>(file).wdm;
    // SAFETY: the WDM file object lives until its close packet was completed.
    unsafe { &raw mut (*wdm).FileName }
}

/// `WdfDeviceGetFileObject`.
pub(crate) unsafe extern "C" fn of_device(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    wdm: PFILE_OBJECT,
) -> WDFFILEOBJECT {
    let call = Call::enter("WdfDeviceGetFileObject", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    expect(call.function(), &device, wdm).map_or(ptr::null_mut(), pointer)
}
