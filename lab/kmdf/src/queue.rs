//! I/O queues: presenting requests to the driver, cancelling, stopping, purging.
//!
//! The state machine is `kmdf_rules::queue`; this module adds packets, cancel routines and
//! callbacks (`fxioqueue.cpp`, `fxioqueueapi.cpp`).

use alloc::vec::Vec;
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::Handle,
    queue::{Dispatch, Queue as State},
    violation::Violation,
};
use wdk_sys::{
    _WDF_IO_QUEUE_DISPATCH_TYPE::{
        WdfIoQueueDispatchManual, WdfIoQueueDispatchParallel, WdfIoQueueDispatchSequential,
    },
    _WDF_TRI_STATE::{WdfTrue, WdfUseDefault},
    NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_IO_QUEUE_CONFIG, PWDF_OBJECT_ATTRIBUTES,
    WDF_IO_QUEUE_CONFIG, WDFDEVICE, WDFQUEUE,
};

use crate::{
    argument::In,
    body::Body,
    call::{self, Call, callback, pointer, thread},
    context::Attributes,
    device::Device,
    report::stop,
    request::{self, Place, Request},
    status, wait, work_item,
    world::{self, Order, Reference},
};

/// A `WDFQUEUE`.
pub(crate) struct Queue {
    pub(crate) device: Handle,
    pub(crate) config: WDF_IO_QUEUE_CONFIG,
    pub(crate) state: Locked<State<Handle>>,
    passive: bool,
    /// Threads that present requests of this queue at the moment.
    presenting: Locked<Vec<usize>>,
}

/// How long the framework's unbounded wait for the driver may last in the lab, seconds.
pub(crate) const PATIENCE: u32 = 10;

/// `WdfIoQueueCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    config: PWDF_IO_QUEUE_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    queue: *mut WDFQUEUE,
) -> NTSTATUS {
    let call = Call::enter("WdfIoQueueCreate", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "Config");
    if config.Size as usize != size_of::<WDF_IO_QUEUE_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    let default = config.DefaultQueue != 0;
    if default && device.queues.with(|queues| queues.default).is_some() {
        call.wrong_state(device.handle(), "has a default queue already");
    }
    let mut unwanted = ptr::null_mut();
    let output = if queue.is_null() {
        &raw mut unwanted
    } else {
        queue
    };
    // SAFETY: as above; the queue handle is optional.
    let order = unsafe { Order::new(attributes, Some(device.handle()), output, "Queue") };
    let made = world::create_for(&call, &order, |attributes| {
        build(&device, config, attributes)
    });
    if let Ok(handle) = made {
        device.queues.with(|queues| {
            queues.all.push(handle);
            if default {
                queues.default = Some(handle);
            }
        });
    }
    status::of(made)
}

fn build(
    device: &Reference<Device>,
    config: WDF_IO_QUEUE_CONFIG,
    attributes: Option<&Attributes>,
) -> Result<Body, NTSTATUS> {
    let dispatch = dispatch_of(&config)?;
    let handlers = has_handler(&config);
    // `FxIoQueue::Initialize`: a manual queue has no handler, every other one has at least one.
    if (dispatch == Dispatch::Manual) == handlers {
        return Err(if handlers {
            status::INVALID_PARAMETER
        } else {
            status::WDF_NO_CALLBACK
        });
    }
    let power_managed = if config.PowerManaged == WdfUseDefault {
        !device.lower.is_null() && !device.settings.filter
    } else {
        config.PowerManaged == WdfTrue
    };
    let mut state = State::new(dispatch, power_managed);
    state.set_power(
        device.machine.with(|machine| machine.state()) == kmdf_rules::pnp::State::Working,
    );
    Ok(Body::Queue(Queue {
        device: device.handle(),
        config,
        state: Locked::new(state),
        passive: attributes.is_some_and(Attributes::is_passive) || device.settings.passive,
        presenting: Locked::new(Vec::new()),
    }))
}

fn dispatch_of(config: &WDF_IO_QUEUE_CONFIG) -> Result<Dispatch, NTSTATUS> {
    if config.DispatchType == WdfIoQueueDispatchSequential {
        Ok(Dispatch::Sequential)
    } else if config.DispatchType == WdfIoQueueDispatchParallel {
        // SAFETY: the limit is the only member that a parallel queue's settings use.
        Ok(Dispatch::Parallel(unsafe {
            config.Settings.Parallel.NumberOfPresentedRequests
        }))
    } else if config.DispatchType == WdfIoQueueDispatchManual {
        Ok(Dispatch::Manual)
    } else {
        Err(status::INVALID_PARAMETER)
    }
}

const fn has_handler(config: &WDF_IO_QUEUE_CONFIG) -> bool {
    config.EvtIoDefault.is_some()
        || config.EvtIoRead.is_some()
        || config.EvtIoWrite.is_some()
        || config.EvtIoDeviceControl.is_some()
        || config.EvtIoInternalDeviceControl.is_some()
}

/// A request arrives from the dispatch routine. The packet is pending from here on.
pub(crate) fn arrive(queue: &Reference<Queue>, request: &Reference<Request>) {
    if enqueue(queue, request) {
        present(queue);
    } else {
        request::complete(request, status::INVALID_DEVICE_STATE, 0);
    }
}

/// Puts a request into the queue; `false` when the queue does not accept.
pub(crate) fn enqueue(queue: &Reference<Queue>, request: &Reference<Request>) -> bool {
    let handle = request.handle();
    let cancelled = queue.state.with(|state| {
        state.arrive(handle).ok()?;
        request.set_place(Place::Waiting(queue.handle()));
        Some(request.arm(Some(cancel_waiting)))
    });
    match cancelled {
        None => false,
        Some(armed) => {
            if !armed {
                cancelled_on_queue(queue, request);
            }
            true
        }
    }
}

/// `WdfRequestRequeue`: the request waits again, before all others, unless the queue is being purged
/// or somebody has cancelled it.
pub(crate) fn put_back(queue: &Reference<Queue>, request: &Reference<Request>) {
    let waits = queue.state.with(|state| {
        request.set_place(Place::Waiting(queue.handle()));
        state.requeue(request.handle()) && request.arm(Some(cancel_waiting))
    });
    if !waits {
        cancelled_on_queue(queue, request);
    }
}

/// Takes waiting requests, one after the other, that no cancel routine has taken first.
fn take(
    queue: &Reference<Queue>,
    mut next: impl FnMut(&mut State<Handle>) -> Option<Handle>,
) -> Option<Reference<Request>> {
    loop {
        let (request, mine) = queue.state.with(|state| {
            let handle = next(state)?;
            let Some(request) = world::typed::<Request>(handle) else {
                state.forget(handle);
                return Some((None, false));
            };
            let mine = request.disarm();
            if mine {
                request.set_place(Place::Driver(queue.handle()));
            } else {
                // The cancel routine is about to run and finishes the request.
                state.forget(handle);
                request.set_place(Place::Cancelling(queue.handle()));
            }
            Some((Some(request), mine))
        })?;
        if mine {
            return request;
        }
    }
}

/// Presents whatever may be presented now.
pub(crate) fn present(queue: &Reference<Queue>) {
    if queue.passive && thread(|thread| thread.level()) > Level::Passive {
        let queue = queue.clone();
        let device = queue.device;
        work_item::later(device, move || present(&queue));
        return;
    }
    let me = call::thread_id();
    let nested = queue.presenting.with(|threads| {
        let nested = threads.contains(&me);
        if !nested {
            threads.push(me);
        }
        nested
    });
    // The framework does not recurse either: the outer call goes on when the callback returns.
    if nested {
        return;
    }
    while let Some(request) = take(queue, State::present) {
        request::present(queue, &request);
    }
    queue
        .presenting
        .with(|threads| threads.retain(|&other| other != me));
}

/// The cancel routine of a waiting packet.
unsafe extern "C" fn cancel_waiting(_device: wdk_sys::PDEVICE_OBJECT, irp: wdk_sys::PIRP) {
    // SAFETY: the system calls cancel routines with a packet that cannot be completed meanwhile.
    let Some(request) = (unsafe { request::of_cancelled(irp) }) else {
        return;
    };
    let (Place::Waiting(queue) | Place::Cancelling(queue)) = request.place() else {
        return;
    };
    if let Some(queue) = world::typed::<Queue>(queue) {
        cancelled_on_queue(&queue, &request);
        present(&queue);
    }
}

/// A waiting request was cancelled: `EvtIoCanceledOnQueue`, or `STATUS_CANCELLED`. The callback is
/// for requests that the driver saw before only (`FxIoQueue::CancelForQueue`).
fn cancelled_on_queue(queue: &Reference<Queue>, request: &Reference<Request>) {
    queue.state.with(|state| state.cancel(request.handle()));
    request.set_cancelled();
    if let Some(event) = queue.config.EvtIoCanceledOnQueue
        && request.was_presented()
    {
        request.set_place(Place::Driver(queue.handle()));
        queue.state.with(|state| state.adopt(request.handle()));
        callback("EvtIoCanceledOnQueue", Level::Passive, || {
            // SAFETY: the driver's callback with its queue and a request that it owns now.
            unsafe { event(pointer(queue.handle()), pointer(request.handle())) }
        });
    } else {
        request.set_place(Place::Driver(queue.handle()));
        request::complete(request, status::CANCELLED, 0);
    }
}

/// Cancels one waiting request, unless its cancel routine is faster.
pub(crate) fn cancel_one(queue: &Reference<Queue>, request: &Reference<Request>) {
    if request.disarm() {
        cancelled_on_queue(queue, request);
    }
}

/// Cancels requests that the state machine gave up.
fn cancel_all(queue: &Reference<Queue>, requests: Vec<Handle>) {
    for handle in requests {
        let Some(request) = world::typed::<Request>(handle) else {
            continue;
        };
        if request.disarm() {
            cancelled_on_queue(queue, &request);
        } else {
            request.set_place(Place::Cancelling(queue.handle()));
        }
    }
}

/// Cancels what the driver owns and marked cancelable.
fn cancel_owned(queue: &Reference<Queue>) {
    for handle in queue.state.with(|state| state.owned().to_vec()) {
        if let Some(request) = world::typed::<Request>(handle) {
            request::cancel_owned(&request);
        }
    }
}

/// Waits until the driver owns no request of the queue; a driver that keeps one stops the run.
pub(crate) fn wait_until_empty(queue: &Reference<Queue>, at: &'static str) {
    wait_until(queue, at, |state| state.owned().is_empty());
}

fn wait_until(
    queue: &Reference<Queue>,
    at: &'static str,
    through: impl Fn(&State<Handle>) -> bool,
) {
    if wait::until(PATIENCE * 1000, || queue.state.with(|state| through(state))) {
        return;
    }
    if let Some(request) = queue.state.with(|state| state.owned().first().copied()) {
        stop(&Violation::RequestKept {
            at,
            request,
            queue: queue.handle(),
            seconds: PATIENCE,
        });
    }
}

/// Everything is cancelled, and nothing is accepted any more.
pub(crate) fn shut_down(queue: &Reference<Queue>) {
    let waiting = queue.state.with(State::shut_down);
    cancel_all(queue, waiting);
    cancel_owned(queue);
}

impl Queue {
    /// The queue is being deleted: it is emptied, then it leaves its device.
    pub(crate) fn dispose(&self, handle: Handle) {
        if let Some(queue) = world::typed::<Self>(handle) {
            shut_down(&queue);
            wait_until_empty(&queue, "device removal");
        }
        if let Some(device) = world::typed::<Device>(self.device) {
            device.queues.with(|queues| {
                queues.all.retain(|&other| other != handle);
                queues.by_type.retain(|_, other| *other != handle);
                if queues.default == Some(handle) {
                    queues.default = None;
                }
            });
        }
    }
}

/// Takes the next waiting request for which `wanted` holds. A parallel queue hands out nothing
/// (`FxIoQueue::GetRequest`).
pub(crate) fn retrieve(
    queue: &Reference<Queue>,
    mut wanted: impl FnMut(Handle) -> bool,
) -> Result<Reference<Request>, NTSTATUS> {
    if matches!(
        queue.state.with(|state| state.dispatch()),
        Dispatch::Parallel(_)
    ) {
        return Err(status::INVALID_DEVICE_STATE);
    }
    if !queue.state.with(|state| state.is_dispatching()) {
        return Err(status::WDF_PAUSED);
    }
    let request = take(queue, |state| state.retrieve(|&handle| wanted(handle)));
    let request = request.ok_or(status::NO_MORE_ENTRIES)?;
    request.set_presented();
    Ok(request)
}

/// `Start`.
pub(crate) fn start(queue: &Reference<Queue>) {
    queue.state.with(State::start);
    present(queue);
}

/// `Stop`, `Drain` and `Purge`, without waiting.
pub(crate) fn change(queue: &Reference<Queue>, change: Change) {
    let cancelled = queue.state.with(|state| match change {
        Change::Stop => {
            state.stop();
            Vec::new()
        }
        Change::Drain => {
            state.drain();
            Vec::new()
        }
        Change::Purge => state.purge(),
        Change::StopAndPurge => state.stop_and_purge(),
    });
    cancel_all(queue, cancelled);
    match change {
        Change::Stop => {}
        Change::Drain => present(queue),
        Change::Purge | Change::StopAndPurge => cancel_owned(queue),
    }
}

/// Waits until a change is through that `function` asked for.
pub(crate) fn wait_for(queue: &Reference<Queue>, change: Change, function: &'static str) {
    wait_until(queue, function, |state| match change {
        Change::Stop | Change::StopAndPurge => state.owned().is_empty(),
        Change::Drain | Change::Purge => state.is_empty(),
    });
}

/// What `WdfIoQueueStop`, `Drain`, `Purge` and `StopAndPurge` do.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Stop,
    Drain,
    Purge,
    StopAndPurge,
}
