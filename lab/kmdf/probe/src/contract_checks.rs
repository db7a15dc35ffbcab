//! Scenarios that keep every rule, and check what the framework promises in return.

use core::{
    ptr,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use wdk_sys::{
    NTSTATUS, STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE,
    STATUS_PENDING, STATUS_SUCCESS, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO,
    WDF_TIMER_CONFIG, WDF_WORKITEM_CONFIG, WDFMEMORY, WDFOBJECT, WDFQUEUE, WDFREQUEST, WDFTIMER,
    WDFWORKITEM, call_unsafe_wdf_function_binding, ntddk::IoCancelIrp,
};

use crate::{
    device::{handle, object, remove, start_with_queue},
    framework::{Framework, attributes, delete, memory, memory_with, queue, wdf},
    kernel_types::size,
    packet::{CONTROL, last_information, last_status, send_buffered},
    promise::{Promise, promise},
    values, wait,
};

/// Plays the scenario, when it is one of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> Result<(), Promise> {
    match scenario {
        b"cleanup-order" => cleanup_order(framework),
        b"completion" => completion(framework),
        b"sequential-queue" => sequential(framework),
        b"cancel-waiting" => cancel_waiting(framework),
        b"forwarding" => forwarding(framework),
        b"work-item" => work_item(framework),
        b"timer" => timer(framework),
        b"without-device" => without_device(framework),
        b"contexts" => values::contexts(framework),
        b"registry-types" => values::registry_types(framework),
        _ => Err(Promise("a scenario of this name")),
    }
}

/// The order in which callbacks ran: each adds its digit.
static ORDER: AtomicU32 = AtomicU32::new(0);

fn add(digit: u32) {
    ORDER.store(
        ORDER.load(Ordering::Relaxed) * 10 + digit,
        Ordering::Relaxed,
    );
}

fn order() -> u32 {
    ORDER.load(Ordering::Relaxed)
}

macro_rules! callbacks {
    ($($name:ident = $digit:literal;)*) => {
        $(unsafe extern "C" fn $name(_object: WDFOBJECT) {
            add($digit);
        })*
    };
}

callbacks! {
    parent_cleanup = 3;
    first_cleanup = 1;
    first_destroy = 4;
    second_cleanup = 2;
    second_destroy = 5;
}

/// A description of context space that any thread may read.
struct Description(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: the pointers inside name constants.
unsafe impl Sync for Description {}

static DESCRIPTION: Description = Description(WDF_OBJECT_CONTEXT_TYPE_INFO {
    Size: size::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
    ContextName: c"DIGIT".as_ptr(),
    ContextSize: size_of::<u32>(),
    UniqueType: ptr::null(),
    EvtDriverGetUniqueContextType: None,
});

/// The context of an object: a digit.
fn digit(object: WDFOBJECT) -> *mut u32 {
    wdf!(
        WdfObjectGetTypedContextWorker,
        object,
        &raw const DESCRIPTION.0
    )
    .cast()
}

/// Adds the digit in the object's context, which is there until its destroy callback returns.
unsafe extern "C" fn parent_destroy(object: WDFOBJECT) {
    // SAFETY: the context holds a digit since the object was made.
    add(unsafe { digit(object).read() });
}

/// A parent with two children, whose callbacks add a digit each.
fn family(framework: &Framework) -> WDFMEMORY {
    let mut parent = attributes(framework.driver);
    parent.EvtCleanupCallback = Some(parent_cleanup);
    parent.EvtDestroyCallback = Some(parent_destroy);
    parent.ContextTypeInfo = &raw const DESCRIPTION.0;
    let parent = memory_with(&mut parent);
    // SAFETY: the context was made with the object.
    unsafe { digit(parent.cast()).write(6) };
    let mut first = attributes(parent);
    first.EvtCleanupCallback = Some(first_cleanup);
    first.EvtDestroyCallback = Some(first_destroy);
    memory_with(&mut first);
    let mut second = attributes(parent);
    second.EvtCleanupCallback = Some(second_cleanup);
    second.EvtDestroyCallback = Some(second_destroy);
    memory_with(&mut second);
    parent
}

fn cleanup_order(framework: &Framework) -> Result<(), Promise> {
    let parent = family(framework);
    delete(parent);
    promise(
        order() == 123_456,
        "children first, then the parent; cleanup before destroy",
    )
}

unsafe extern "C" fn answer(
    _: WDFQUEUE,
    request: WDFREQUEST,
    output: usize,
    input: usize,
    code: u32,
) {
    let right = (output, input, code) == (8, 4, CONTROL);
    let status = if right {
        STATUS_SUCCESS
    } else {
        STATUS_INVALID_DEVICE_STATE
    };
    wdf!(WdfRequestCompleteWithInformation, request, status, 8);
}

fn completion(framework: &Framework) -> Result<(), Promise> {
    start_with_queue(framework, Some(answer));
    let packet = send_buffered(object());
    promise(
        packet.returned == STATUS_PENDING,
        "a dispatch routine answers STATUS_PENDING",
    )?;
    promise(
        last_status() == STATUS_SUCCESS,
        "lengths and code reach the handler",
    )?;
    promise(last_information() == 8, "information reaches the sender")?;
    remove();
    Ok(())
}

/// The request that a handler kept.
static KEPT: AtomicUsize = AtomicUsize::new(0);
static PRESENTED: AtomicU32 = AtomicU32::new(0);

fn kept() -> WDFREQUEST {
    ptr::with_exposed_provenance_mut(KEPT.load(Ordering::Relaxed))
}

unsafe extern "C" fn keep(_: WDFQUEUE, request: WDFREQUEST, _: usize, _: usize, _: u32) {
    KEPT.store(request.expose_provenance(), Ordering::Relaxed);
    PRESENTED.fetch_add(1, Ordering::Relaxed);
}

fn presented() -> u32 {
    PRESENTED.load(Ordering::Relaxed)
}

fn sequential(framework: &Framework) -> Result<(), Promise> {
    start_with_queue(framework, Some(keep));
    send_buffered(object());
    send_buffered(object());
    promise(
        presented() == 1,
        "a sequential queue presents one request at a time",
    )?;
    wdf!(WdfRequestComplete, kept(), STATUS_SUCCESS);
    promise(presented() == 2, "completion presents the next one")?;
    wdf!(WdfRequestComplete, kept(), STATUS_SUCCESS);
    remove();
    Ok(())
}

fn retrieve(queue: WDFQUEUE) -> WDFREQUEST {
    let mut request: WDFREQUEST = ptr::null_mut();
    let _ = wdf!(WdfIoQueueRetrieveNextRequest, queue, &raw mut request);
    request
}

fn cancel_waiting(framework: &Framework) -> Result<(), Promise> {
    let queue = start_with_queue(framework, None);
    let packet = send_buffered(object());
    // SAFETY: the packet waits on the manual queue.
    let cancelled = unsafe { IoCancelIrp(packet.irp) };
    promise(cancelled != 0, "a waiting request can be cancelled")?;
    promise(
        last_status() == STATUS_CANCELLED,
        "a cancelled request ends with STATUS_CANCELLED",
    )?;
    promise(
        retrieve(queue).is_null(),
        "a cancelled request is not handed out",
    )?;
    remove();
    Ok(())
}

fn forwarding(framework: &Framework) -> Result<(), Promise> {
    let manual = start_with_queue(framework, None);
    let other = queue(handle(), Some(answer), false);
    send_buffered(object());
    let request = retrieve(manual);
    promise(!request.is_null(), "a manual queue hands out what waits")?;
    let status = wdf!(WdfRequestForwardToIoQueue, request, other);
    promise(status == STATUS_SUCCESS, "a request can be forwarded")?;
    promise(
        last_information() == 8,
        "the queue forwarded to presents it at once",
    )?;
    remove();
    Ok(())
}

unsafe extern "C" fn on_work(_item: WDFWORKITEM) {
    PRESENTED.fetch_add(1, Ordering::Relaxed);
}

/// Creates a work item below `parent`. Returns the status, and the handle when there is one.
fn create_work_item<T>(parent: *mut T) -> (NTSTATUS, WDFWORKITEM) {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: size::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: Some(on_work),
        ..Default::default()
    };
    let mut attributes = attributes(parent);
    let mut item: WDFWORKITEM = ptr::null_mut();
    let status = wdf!(
        WdfWorkItemCreate,
        &raw mut config,
        &raw mut attributes,
        &raw mut item
    );
    (status, item)
}

fn work_item(framework: &Framework) -> Result<(), Promise> {
    let queue = start_with_queue(framework, None);
    let (status, item) = create_work_item(queue);
    promise(
        status == STATUS_SUCCESS,
        "the parent of a work item may be below a device",
    )?;
    let parent = wdf!(WdfWorkItemGetParentObject, item);
    promise(parent == queue.cast(), "a work item knows its parent")?;
    wdf!(WdfWorkItemEnqueue, item);
    promise(wait::until(|| presented() == 1), "a queued item runs")?;
    remove();
    Ok(())
}

unsafe extern "C" fn on_timer(_timer: WDFTIMER) {
    PRESENTED.fetch_add(1, Ordering::Relaxed);
}

/// Creates a timer below `parent`. Returns the status, and the handle when there is one.
fn create_timer<T>(parent: *mut T) -> (NTSTATUS, WDFTIMER) {
    let mut config = WDF_TIMER_CONFIG {
        Size: size::<WDF_TIMER_CONFIG>(),
        EvtTimerFunc: Some(on_timer),
        ..Default::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        ExecutionLevel: wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
        ..attributes(parent)
    };
    let mut timer: WDFTIMER = ptr::null_mut();
    let status = wdf!(
        WdfTimerCreate,
        &raw mut config,
        &raw mut attributes,
        &raw mut timer
    );
    (status, timer)
}

/// Starts a timer after so many milliseconds. Returns whether it was started already.
fn start_timer(timer: WDFTIMER, milliseconds: i64) -> bool {
    wdf!(WdfTimerStart, timer, -10_000 * milliseconds) != 0
}

fn timer(framework: &Framework) -> Result<(), Promise> {
    let queue = start_with_queue(framework, None);
    let (status, timer) = create_timer(queue);
    promise(
        status == STATUS_SUCCESS,
        "the parent of a timer may be below a device",
    )?;
    let parent = wdf!(WdfTimerGetParentObject, timer);
    promise(parent == queue.cast(), "a timer knows its parent")?;
    promise(!start_timer(timer, 60_000), "a new timer is not started")?;
    promise(
        start_timer(timer, 1),
        "a start of a started timer replaces the one before",
    )?;
    promise(
        wait::until(|| presented() == 1),
        "a started timer runs once",
    )?;
    promise(
        !start_timer(timer, 60_000),
        "a timer that has run is not started",
    )?;
    // The deletion below does not wait for a timer that is stopped.
    remove();
    promise(presented() == 1, "a timer that is stopped does not run")?;
    let memory = memory(framework.driver);
    promise(
        create_timer(memory).0 == STATUS_INVALID_DEVICE_REQUEST,
        "a timer needs a device above it",
    )
}

/// Work items belong to a device, which the driver and an object below it alone have not.
fn without_device(framework: &Framework) -> Result<(), Promise> {
    let memory = memory(framework.driver);
    let parents: [WDFOBJECT; 2] = [framework.driver.cast(), memory.cast()];
    for parent in parents {
        promise(
            create_work_item(parent).0 == STATUS_INVALID_DEVICE_REQUEST,
            "a work item needs a device above it",
        )?;
    }
    Ok(())
}
