//! Work items, and work that the double itself puts off to `PASSIVE_LEVEL`.
//!
//! Rules (`fxworkitem.cpp`): the parent is a device or has one as an ancestor; an item that is queued already is not queued again; the callback runs
//! at `PASSIVE_LEVEL`; flushing waits for it; deleting flushes first.

use alloc::boxed::Box;
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{
    HANDLE, NTSTATUS, PVOID, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDF_WORKITEM_CONFIG,
    WDF_WORKITEM_CONFIG, WDFOBJECT, WDFWORKITEM,
    ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose},
};

use crate::{
    argument::In,
    body::Body,
    call::{Call, callback, pointer},
    report::note,
    status, wait,
    world::{self, Order, Reference},
};

/// All access to a thread object.
const THREAD_ALL_ACCESS: u32 = 0x001F_FFFF;

type Job = Box<dyn FnOnce()>;

/// Runs a job on a system thread at `PASSIVE_LEVEL`. The object it works for is named for the log.
pub(crate) fn later(owner: Handle, job: impl FnOnce() + 'static) {
    let job: Job = Box::new(job);
    let context = Box::into_raw(Box::new(job));
    let mut thread: HANDLE = ptr::null_mut();
    // SAFETY: the thread takes the job over; the handle is closed below.
    let status = unsafe {
        PsCreateSystemThread(
            &raw mut thread,
            THREAD_ALL_ACCESS,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            Some(run),
            context.cast(),
        )
    };
    if status::is_success(status) {
        // SAFETY: the handle was opened above and is not used again.
        let _ = unsafe { ZwClose(thread) };
    } else {
        // SAFETY: no thread took the job over.
        drop(unsafe { Box::from_raw(context) });
        note!("no thread for work of {owner}: {status:#010x}");
    }
}

unsafe extern "C" fn run(context: PVOID) {
    // SAFETY: `later` passes a boxed job to this thread alone.
    let job = unsafe { Box::from_raw(context.cast::<Job>()) };
    job();
    // SAFETY: ends the thread that `later` made.
    let _ = unsafe { PsTerminateSystemThread(status::SUCCESS) };
}

/// A `WDFWORKITEM`.
pub(crate) struct WorkItem {
    config: WDF_WORKITEM_CONFIG,
    state: Locked<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    queued: bool,
    running: u32,
}

impl WorkItem {
    /// Waits for what was queued.
    pub(crate) fn dispose(&self) {
        wait::until(u32::MAX, || {
            self.state.with(|state| !state.queued && state.running == 0)
        });
    }
}

/// `WdfWorkItemCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    config: PWDF_WORKITEM_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    item: *mut WDFWORKITEM,
) -> NTSTATUS {
    let call = Call::enter("WdfWorkItemCreate", Level::Dispatch);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "Config");
    if config.Size as usize != size_of::<WDF_WORKITEM_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.EvtWorkItemFunc.is_none() {
        return status::INVALID_PARAMETER;
    }
    // SAFETY: as above.
    let order = unsafe { Order::new(attributes, None, item, "WorkItem") };
    status::of(world::create_for(
        &call,
        &order.with_parent(),
        |attributes| {
            world::device_of(attributes)?;
            Ok(Body::WorkItem(WorkItem {
                config,
                state: Locked::default(),
            }))
        },
    ))
}

/// `WdfWorkItemEnqueue`.
pub(crate) unsafe extern "C" fn enqueue(_globals: PWDF_DRIVER_GLOBALS, item: WDFWORKITEM) {
    let call = Call::enter("WdfWorkItemEnqueue", Level::Dispatch);
    let item = call.object::<WorkItem, _>(item);
    let queued = item
        .state
        .with(|state| core::mem::replace(&mut state.queued, true));
    if queued {
        return;
    }
    let job = item.clone();
    later(item.handle(), move || run_item(&job));
}

fn run_item(item: &Reference<WorkItem>) {
    item.state.with(|state| {
        state.queued = false;
        state.running += 1;
    });
    if let Some(event) = item.config.EvtWorkItemFunc {
        callback("EvtWorkItem", Level::Passive, || {
            // SAFETY: the driver's callback with its item, which waits for it before it goes.
            unsafe { event(pointer(item.handle())) }
        });
    }
    item.state.with(|state| state.running -= 1);
}

/// `WdfWorkItemFlush`.
pub(crate) unsafe extern "C" fn flush(_globals: PWDF_DRIVER_GLOBALS, item: WDFWORKITEM) {
    let call = Call::enter("WdfWorkItemFlush", Level::Passive);
    call.object::<WorkItem, _>(item).dispose();
}

/// `WdfWorkItemGetParentObject`.
pub(crate) unsafe extern "C" fn get_parent(
    _globals: PWDF_DRIVER_GLOBALS,
    item: WDFWORKITEM,
) -> WDFOBJECT {
    let call = Call::enter("WdfWorkItemGetParentObject", Level::Dispatch);
    let item = call.object::<WorkItem, _>(item);
    world::parent(item.handle()).map_or(ptr::null_mut(), pointer)
}
