//! File objects: open, cleanup and close of handles to the device.
//!
//! Rules (`fxpkggeneral.cpp`, `fxfileobject.cpp`): without `EvtDeviceFileCreate` an open succeeds;
//! cleanup cancels the requests of the file that wait on queues, after `EvtFileCleanup`; close calls
//! `EvtFileClose` and deletes the file object; both always succeed.

use alloc::vec::Vec;

use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    IO_STACK_LOCATION, NTSTATUS, PFILE_OBJECT, PUNICODE_STRING, PWDF_DRIVER_GLOBALS, WDFDEVICE,
    WDFFILEOBJECT,
};

use crate::{
    body::Body,
    call::{Call, callback, pointer},
    device::Device,
    irp::Irp,
    queue::{self, Queue},
    request::{self, Place, Request},
    status,
    sync::Locked,
    wait,
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

/// The framework file object of a packet.
pub(crate) fn of(device: &Reference<Device>, location: &IO_STACK_LOCATION) -> Option<Handle> {
    let key = location.FileObject.addr();
    device.files.with(|files| files.get(&key).copied())
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
    request.set_place(Place::Loose);
    callback("EvtDeviceFileCreate", Level::Passive, || {
        // SAFETY: the driver's callback with its device, a request that it owns, and its file.
        unsafe {
            event(
                pointer(device.handle()),
                pointer(request.handle()),
                file.map_or(core::ptr::null_mut(), pointer),
            );
        }
    });
    status::PENDING
}

fn make(device: &Reference<Device>, wdm: PFILE_OBJECT) -> Result<Option<Handle>, NTSTATUS> {
    if device.settings.file.is_none() || wdm.is_null() {
        return Ok(None);
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

/// `IRP_MJ_CLEANUP`.
pub(crate) fn cleanup(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    if let Some(file) = of(device, &irp.parameters()) {
        clean_up(device, file);
    }
    end(device, irp)
}

/// The last handle to a file was closed.
fn clean_up(device: &Reference<Device>, file: Handle) {
    let Some(object) = world::typed::<FileObject>(file) else {
        return;
    };
    if object
        .cleaned_up
        .with(|done| core::mem::replace(done, true))
    {
        return;
    }
    if let Some(event) = device
        .settings
        .file
        .and_then(|config| config.EvtFileCleanup)
    {
        callback("EvtFileCleanup", Level::Passive, || {
            // SAFETY: the driver's callback with its file.
            unsafe { event(pointer(file)) }
        });
    }
    for queue in device.queues.with(|queues| queues.all.clone()) {
        if let Some(queue) = world::typed::<Queue>(queue) {
            flush(&queue, file);
        }
    }
}

/// Cancels the requests of a file that wait (`FxIoQueue::FlushByFileObject`).
fn flush(queue: &Reference<Queue>, file: Handle) {
    let waiting = queue.state.with(|state| state.waiting_requests().collect());
    let waiting: Vec<Handle> = waiting;
    for handle in waiting {
        if let Some(request) = world::typed::<Request>(handle)
            && request.file == Some(file)
        {
            queue::cancel_one(queue, &request);
        }
    }
}

/// `IRP_MJ_CLOSE`.
pub(crate) fn close(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    if let Some(file) = of(device, &irp.parameters()) {
        close_file(device, file);
    }
    end(device, irp)
}

fn close_file(device: &Reference<Device>, file: Handle) {
    let open = device.files.with(|files| {
        let before = files.len();
        files.retain(|_, &mut other| other != file);
        files.len() < before
    });
    if !open {
        return;
    }
    if let Some(event) = device.settings.file.and_then(|config| config.EvtFileClose) {
        callback("EvtFileClose", Level::Passive, || {
            // SAFETY: the driver's callback with its file.
            unsafe { event(pointer(file)) }
        });
    }
    world::delete("IRP_MJ_CLOSE", file);
}

/// Windows sends no remove packet while a handle to the device is open; Wine does. So that a driver
/// sees the order it may rely on, handles that are still open are cleaned up and closed before the
/// device is removed, and packets about files that are under way come to their end.
pub(crate) fn close_all(device: &Reference<Device>) {
    for file in device
        .files
        .with(|files| files.values().copied().collect::<Vec<_>>())
    {
        clean_up(device, file);
        close_file(device, file);
    }
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
    let found = device.files.with(|files| files.get(&wdm.addr()).copied());
    found.map_or(core::ptr::null_mut(), pointer)
}
