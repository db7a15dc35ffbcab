//! Scenarios of file objects that the device saw opened, and of ones that it never saw.

use core::cell::UnsafeCell;

use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::{
        WdfFileObjectCanBeOptional, WdfFileObjectNotRequired, WdfFileObjectWdfCannotUseFsContexts,
    },
    _WDF_TRI_STATE::WdfUseDefault,
    FILE_OBJECT, NTSTATUS, PFILE_OBJECT, PWDFDEVICE_INIT, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
    WDF_FILEOBJECT_CLASS, WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFFILEOBJECT, WDFQUEUE, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, object, remove, start},
    framework::{Framework, queue, wdf},
    kernel_types::size,
    packet,
    record::record,
};

/// File objects that no object manager knows: the framework uses only their addresses.
struct Files(UnsafeCell<[FILE_OBJECT; 2]>);

// SAFETY: only addresses are taken; the framework reads none of the fields.
unsafe impl Sync for Files {}

// SAFETY: an all-zero file object is valid.
static FILES: Files = Files(UnsafeCell::new(unsafe { core::mem::zeroed() }));

fn file(index: usize) -> PFILE_OBJECT {
    FILES.0.get().cast::<FILE_OBJECT>().wrapping_add(index)
}

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    let (prepare, play): (fn(PWDFDEVICE_INIT), fn()) = match scenario {
        b"file-cleanup" => (with_files, clean_up_one_of_two),
        b"file-optional" => (with_optional_files, clean_up_unknown),
        b"file-closed-unseen" => (with_optional_files, end_unknown),
        b"file-not-required" => (without_files, open_and_end),
        b"file-open-fails" => (with_failing_open, open_once),
        b"file-missing" => (with_files, open_nothing),
        b"file-unknown" => (with_files, end_unknown),
        b"file-null-handle" => (with_curious_cleanup, clean_up_unknown),
        b"file-asked-for" => (with_files, send_unknown),
        _ => return false,
    };
    let furnish: fn(WDFDEVICE) = if scenario == b"file-asked-for" {
        asking
    } else {
        waiting
    };
    add(
        framework,
        Plan {
            prepare,
            furnish,
            ..PLAIN
        },
    );
    start();
    play();
    remove();
    true
}

/// A queue whose requests wait.
fn waiting(device: WDFDEVICE) {
    queue(device, None, true);
}

/// A queue whose handler gets the file of each request.
fn asking(device: WDFDEVICE) {
    queue(device, Some(ask), true);
}

unsafe extern "C" fn ask(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    let _ = wdf!(WdfRequestGetFileObject, request);
}

fn send_unknown() {
    packet::control(object(), 0, file(0));
}

fn said(handle: WDFFILEOBJECT) -> &'static str {
    if handle.is_null() {
        "of NULL"
    } else {
        "of a file"
    }
}

unsafe extern "C" fn create(_: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    record!("EvtDeviceFileCreate {}", said(file));
    wdf!(WdfRequestComplete, request, STATUS_SUCCESS);
}

unsafe extern "C" fn fail_create(_: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    record!("EvtDeviceFileCreate {}", said(file));
    wdf!(WdfRequestComplete, request, STATUS_UNSUCCESSFUL);
}

unsafe extern "C" fn cleanup(file: WDFFILEOBJECT) {
    record!("EvtFileCleanup {}", said(file));
}

unsafe extern "C" fn close(file: WDFFILEOBJECT) {
    record!("EvtFileClose {}", said(file));
}

/// As a driver that forgets that the handle may be NULL.
unsafe extern "C" fn curious_cleanup(file: WDFFILEOBJECT) {
    let _ = wdf!(WdfFileObjectGetDevice, file);
}

fn config(class: WDF_FILEOBJECT_CLASS) -> WDF_FILEOBJECT_CONFIG {
    WDF_FILEOBJECT_CONFIG {
        Size: size::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(create),
        EvtFileClose: Some(close),
        EvtFileCleanup: Some(cleanup),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: class,
    }
}

fn configure(init: PWDFDEVICE_INIT, mut config: WDF_FILEOBJECT_CONFIG) {
    wdf!(
        WdfDeviceInitSetFileObjectConfig,
        init,
        &raw mut config,
        core::ptr::null_mut()
    );
}

fn with_files(init: PWDFDEVICE_INIT) {
    configure(init, config(WdfFileObjectWdfCannotUseFsContexts));
}

const OPTIONAL: WDF_FILEOBJECT_CLASS =
    WdfFileObjectWdfCannotUseFsContexts | WdfFileObjectCanBeOptional;

fn with_optional_files(init: PWDFDEVICE_INIT) {
    configure(init, config(OPTIONAL));
}

fn without_files(init: PWDFDEVICE_INIT) {
    configure(init, config(WdfFileObjectNotRequired));
}

fn with_failing_open(init: PWDFDEVICE_INIT) {
    configure(
        init,
        WDF_FILEOBJECT_CONFIG {
            EvtDeviceFileCreate: Some(fail_create),
            ..config(WdfFileObjectWdfCannotUseFsContexts)
        },
    );
}

fn with_curious_cleanup(init: PWDFDEVICE_INIT) {
    configure(
        init,
        WDF_FILEOBJECT_CONFIG {
            EvtFileCleanup: Some(curious_cleanup),
            ..config(OPTIONAL)
        },
    );
}

fn ends(what: &str, status: NTSTATUS) {
    record!("{what} ends with {status:#010x}");
}

fn clean_up_one_of_two() {
    for index in 0..2 {
        ends("CREATE", packet::open(object(), file(index)));
        packet::control(object(), index, file(index));
    }
    for index in 0..2 {
        ends("CLEANUP", packet::clean_up(object(), file(index)));
        ends("CLOSE", packet::close(object(), file(index)));
    }
}

/// Of a file object that the device never saw opened.
fn clean_up_unknown() {
    send_unknown();
    ends("CLEANUP", packet::clean_up(object(), file(0)));
}

fn end_unknown() {
    clean_up_unknown();
    ends("CLOSE", packet::close(object(), file(0)));
}

fn open_and_end() {
    ends("CREATE", packet::open(object(), file(0)));
    end_unknown();
}

fn open_once() {
    ends("CREATE", packet::open(object(), file(0)));
}

fn open_nothing() {
    ends("CREATE", packet::open(object(), core::ptr::null_mut()));
}
