//! Scenarios of a filter driver: packets that it passes on, and requests that it sends down.

use core::{cell::UnsafeCell, ptr};

use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts,
    _WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchSequential,
    _WDF_REQUEST_SEND_OPTIONS_FLAGS::WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET,
    _WDF_TRI_STATE::WdfUseDefault, FILE_OBJECT, NTSTATUS, PFILE_OBJECT,
    PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL, PWDF_REQUEST_COMPLETION_PARAMS, PWDFDEVICE_INIT,
    WDF_FILEOBJECT_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_REQUEST_SEND_OPTIONS, WDFCONTEXT, WDFDEVICE,
    WDFFILEOBJECT, WDFIOTARGET, WDFQUEUE, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, handle, object, remove, start},
    framework::{Framework, wdf},
    kernel_types::size,
    packet::{self, number},
    record::record,
};

/// A file object that no object manager knows: only its address is used.
struct File(UnsafeCell<FILE_OBJECT>);

// SAFETY: only the address is taken.
unsafe impl Sync for File {}

// SAFETY: an all-zero file object is valid.
static FILE: File = File(UnsafeCell::new(unsafe { core::mem::zeroed() }));

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    let (furnish, play): (fn(WDFDEVICE), fn()) = match scenario {
        b"filter-passes-files-on" | b"forwards-close-alone" => (PLAIN.furnish, open_and_close),
        b"filter-passes-controls-on" => (PLAIN.furnish, control),
        b"filter-sends-and-forgets" => (
            |device| create_queue(device, Some(send_and_forget)),
            control,
        ),
        b"filter-sends-and-completes" => (
            |device| create_queue(device, Some(send_and_complete)),
            control,
        ),
        b"forgets-with-completion" => (
            |device| create_queue(device, Some(forget_with_completion)),
            control,
        ),
        _ => return false,
    };
    let prepare: fn(PWDFDEVICE_INIT) = if scenario == b"forwards-close-alone" {
        keep_creates
    } else {
        |init| wdf!(WdfFdoInitSetFilter, init)
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

fn ends(what: &str, status: NTSTATUS) {
    record!("{what} ends with {status:#010x}");
}

fn open_and_close() {
    let file: PFILE_OBJECT = FILE.0.get();
    ends("CREATE", packet::open(object(), file));
    ends("CLEANUP", packet::clean_up(object(), file));
    ends("CLOSE", packet::close(object(), file));
}

fn control() {
    packet::control(object(), 0, ptr::null_mut());
}

/// A default queue that follows the device's power if the framework chooses so, which it does not
/// for filters.
fn create_queue(device: WDFDEVICE, handler: PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL) {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: size::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: WdfIoQueueDispatchSequential,
        PowerManaged: WdfUseDefault,
        DefaultQueue: 1,
        EvtIoDeviceControl: handler,
        ..Default::default()
    };
    let status = wdf!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        ptr::null_mut(),
        ptr::null_mut()
    );
    if status < 0 {
        ends("WdfIoQueueCreate", status);
    }
}

/// Makes the device a filter that completes creates, while the framework forwards their ends.
fn keep_creates(init: PWDFDEVICE_INIT) {
    wdf!(WdfFdoInitSetFilter, init);
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: size::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(complete_create),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: WdfFileObjectWdfCannotUseFsContexts,
        ..Default::default()
    };
    wdf!(
        WdfDeviceInitSetFileObjectConfig,
        init,
        &raw mut config,
        ptr::null_mut()
    );
}

unsafe extern "C" fn complete_create(_: WDFDEVICE, request: WDFREQUEST, _: WDFFILEOBJECT) {
    record!("EvtDeviceFileCreate");
    wdf!(WdfRequestComplete, request, 0);
}

unsafe extern "C" fn forget_with_completion(
    queue: WDFQUEUE,
    request: WDFREQUEST,
    output: usize,
    input: usize,
    code: u32,
) {
    wdf!(
        WdfRequestSetCompletionRoutine,
        request,
        Some(completed),
        ptr::null_mut()
    );
    // SAFETY: the same callback's arguments.
    unsafe { send_and_forget(queue, request, output, input, code) };
}

/// Sends a request to the device below, with these options.
fn send(request: WDFREQUEST, options: *mut WDF_REQUEST_SEND_OPTIONS) {
    let target = wdf!(WdfDeviceGetIoTarget, handle());
    if wdf!(WdfRequestSend, request, target, options) == 0 {
        record!("WdfRequestSend fails");
    }
}

unsafe extern "C" fn send_and_forget(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    code: u32,
) {
    record!("EvtIoDeviceControl {}", number(code));
    let mut options = WDF_REQUEST_SEND_OPTIONS {
        Size: size::<WDF_REQUEST_SEND_OPTIONS>(),
        Flags: WDF_REQUEST_SEND_OPTION_SEND_AND_FORGET.cast_unsigned(),
        ..Default::default()
    };
    send(request, &raw mut options);
}

unsafe extern "C" fn send_and_complete(
    _: WDFQUEUE,
    request: WDFREQUEST,
    _: usize,
    _: usize,
    code: u32,
) {
    record!("EvtIoDeviceControl {}", number(code));
    wdf!(WdfRequestFormatRequestUsingCurrentType, request);
    wdf!(
        WdfRequestSetCompletionRoutine,
        request,
        Some(completed),
        ptr::null_mut()
    );
    send(request, ptr::null_mut());
}

unsafe extern "C" fn completed(
    request: WDFREQUEST,
    _target: WDFIOTARGET,
    _parameters: PWDF_REQUEST_COMPLETION_PARAMS,
    _context: WDFCONTEXT,
) {
    let status = wdf!(WdfRequestGetStatus, request);
    record!("EvtRequestCompletionRoutine with {status:#010x}");
    wdf!(WdfRequestComplete, request, status);
}
