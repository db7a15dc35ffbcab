//! I/O queues: presenting requests to the driver, cancelling them, and the queue's end.
//!
//! `kmdf_rules::queue` is the state machine; this file adds packets, cancel routines and callbacks
//! (`fxioqueue.cpp`, `fxioqueueapi.cpp`).

use alloc::vec::Vec;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
    pnp,
    queue::{Dispatch, Queue as Requests},
    violation::Violation,
};
use wdk_sys::{
    _WDF_IO_QUEUE_DISPATCH_TYPE::{
        WdfIoQueueDispatchManual, WdfIoQueueDispatchParallel, WdfIoQueueDispatchSequential,
    },
    _WDF_TRI_STATE::{WdfTrue, WdfUseDefault},
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE, NTSTATUS,
    PDEVICE_OBJECT, PIRP, WDF_IO_QUEUE_CONFIG,
};

use crate::{
    kernel::{handle::pointer, report::stop, status, system_thread, wait},
    model::{
        context::Attributes,
        device::Device,
        objects::{self, Body, Reference},
        request::{self, Request, Source, State},
        threads::{callback, thread, thread_id},
    },
};

/// A `WDFQUEUE`.
pub(crate) struct Queue {
    pub(crate) device: Handle,
    config: WDF_IO_QUEUE_CONFIG,
    pub(crate) requests: Locked<Requests<Handle>>,
    /// Handlers must run at `PASSIVE_LEVEL`.
    passive: bool,
    /// Threads that are presenting requests of this queue.
    presenting: Locked<Vec<usize>>,
}

/// The limit of the framework's unbounded waits for the driver, seconds.
const TIMEOUT: u32 = 10;

impl Queue {
    /// A queue of `device`. Rules (`FxIoQueue::Initialize`): a manual queue has no handler, every
    /// other one has at least one.
    ///
    /// # Errors
    /// `STATUS_INVALID_PARAMETER` for a manual queue with a handler or an unknown dispatch type,
    /// `STATUS_WDF_NO_CALLBACK` for another one without.
    pub(crate) fn new(
        device: &Reference<Device>,
        config: WDF_IO_QUEUE_CONFIG,
        attributes: Option<&Attributes>,
    ) -> Result<Self, NTSTATUS> {
        let dispatch = dispatch_of(&config)?;
        let has_handler = config.EvtIoDeviceControl.is_some()
            || config.EvtIoInternalDeviceControl.is_some()
            || config.EvtIoRead.is_some()
            || config.EvtIoWrite.is_some();
        match (dispatch, has_handler) {
            (Dispatch::Manual, true) => return Err(status::INVALID_PARAMETER),
            (Dispatch::Sequential | Dispatch::Parallel(_), false) => {
                return Err(status::WDF_NO_CALLBACK);
            }
            _ => {}
        }
        let power_managed = if config.PowerManaged == WdfUseDefault {
            !device.settings.filter
        } else {
            config.PowerManaged == WdfTrue
        };
        let mut requests = Requests::new(dispatch, power_managed);
        let works = device.machine.with(|machine| machine.state()) == pnp::State::Working;
        requests.set_power(works);
        Ok(Self {
            device: device.handle(),
            config,
            requests: Locked::new(requests),
            passive: attributes.is_some_and(|attributes| attributes.passive) || device.passive,
            presenting: Locked::new(Vec::new()),
        })
    }

    /// Whether the driver handles packets of this major function from the queue. A filter without a
    /// handler passes them down (`FxPkgIo::DispatchStep2`).
    pub(crate) const fn handles(&self, major: u32) -> bool {
        match major {
            IRP_MJ_READ => self.config.EvtIoRead.is_some(),
            IRP_MJ_WRITE => self.config.EvtIoWrite.is_some(),
            IRP_MJ_DEVICE_CONTROL => self.config.EvtIoDeviceControl.is_some(),
            IRP_MJ_INTERNAL_DEVICE_CONTROL => self.config.EvtIoInternalDeviceControl.is_some(),
            _ => false,
        }
    }

    /// Whether zero-length transfers reach the driver.
    pub(crate) const fn allows_zero_length(&self) -> bool {
        self.config.AllowZeroLengthRequests != 0
    }
}

impl Body for Queue {
    const KIND: Kind = Kind::Queue;

    /// Empties the queue, then takes it from its device.
    fn dispose(&self, handle: Handle) {
        if let Some(queue) = objects::get::<Self>(handle) {
            shut_down(&queue);
            wait_until_empty(&queue, "device removal");
        }
        if let Some(device) = objects::get::<Device>(self.device) {
            device.queues.with(|queues| {
                queues.all.retain(|&other| other != handle);
                if queues.default == Some(handle) {
                    queues.default = None;
                }
            });
        }
    }
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

/// Queues a request that arrived. The packet is pending from here on.
pub(crate) fn arrive(queue: &Reference<Queue>, request: &Reference<Request>) {
    if enqueue(queue, request) {
        present(queue);
    } else {
        request::complete(request, status::INVALID_DEVICE_STATE, 0);
    }
}

/// Puts a request into the queue; `false` when the queue does not accept it.
pub(crate) fn enqueue(queue: &Reference<Queue>, request: &Reference<Request>) -> bool {
    let armed = queue.requests.with(|requests| {
        requests.arrive(request.handle()).ok()?;
        request.set_state(State::Queued(queue.handle()));
        Some(request.arm(Some(cancel_queued)))
    });
    if armed == Some(false) {
        end_cancelled(queue, request);
    }
    armed.is_some()
}

/// Takes the waiting requests that `next` returns, up to one that no cancel routine took first.
fn take(
    queue: &Reference<Queue>,
    mut next: impl FnMut(&mut Requests<Handle>) -> Option<Handle>,
) -> Option<Reference<Request>> {
    loop {
        let (request, mine) = queue.requests.with(|requests| {
            let handle = next(requests)?;
            let Some(request) = objects::get::<Request>(handle) else {
                requests.forget(handle);
                return Some((None, false));
            };
            let mine = request.disarm();
            if mine {
                request.set_state(State::Owned(Source {
                    queue: queue.handle(),
                    released,
                }));
            } else {
                // The cancel routine is about to run and finishes the request.
                requests.forget(handle);
                request.set_state(State::CancelPending(queue.handle()));
            }
            Some((Some(request), mine))
        })?;
        if mine {
            return request;
        }
    }
}

/// [`Source::released`] of this file's queues.
fn released(queue: Handle, request: Handle) {
    if let Some(queue) = objects::get::<Queue>(queue) {
        queue.requests.with(|requests| requests.forget(request));
        present(&queue);
    }
}

/// Presents every request that may be presented now.
pub(crate) fn present(queue: &Reference<Queue>) {
    if queue.passive && thread(|thread| thread.level()) > Level::Passive {
        let queue = queue.clone();
        let device = queue.device;
        system_thread::run_later(device, move || present(&queue));
        return;
    }
    let me = thread_id();
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
    while let Some(request) = take(queue, Requests::present) {
        call_handler(queue, &request);
    }
    queue
        .presenting
        .with(|threads| threads.retain(|&other| other != me));
}

/// Presents a request to the handler of its type.
fn call_handler(queue: &Reference<Queue>, request: &Reference<Request>) {
    let location = request.irp.parameters();
    let transfer = match u32::from(location.MajorFunction) {
        IRP_MJ_READ => queue.config.EvtIoRead.map(|handler| ("EvtIoRead", handler)),
        IRP_MJ_WRITE => queue
            .config
            .EvtIoWrite
            .map(|handler| ("EvtIoWrite", handler)),
        _ => None,
    };
    if let Some((name, handler)) = transfer {
        // SAFETY: every member of the union is plain data; reads and writes share this length.
        let length = unsafe { location.Parameters.Read.Length };
        return callback(name, Level::Passive, || {
            // SAFETY: the driver's callback with its queue and a request that it owns now.
            unsafe {
                handler(
                    pointer(queue.handle()),
                    pointer(request.handle()),
                    length as usize,
                );
            }
        });
    }
    let (name, handler) = match u32::from(location.MajorFunction) {
        IRP_MJ_DEVICE_CONTROL => ("EvtIoDeviceControl", queue.config.EvtIoDeviceControl),
        IRP_MJ_INTERNAL_DEVICE_CONTROL => (
            "EvtIoInternalDeviceControl",
            queue.config.EvtIoInternalDeviceControl,
        ),
        _ => ("", None),
    };
    let Some(handler) = handler else {
        return request::complete(request, status::INVALID_DEVICE_REQUEST, 0);
    };
    let control = request::io_control(&location);
    callback(name, Level::Passive, || {
        // SAFETY: the driver's callback with its queue and a request that it owns now.
        unsafe {
            handler(
                pointer(queue.handle()),
                pointer(request.handle()),
                control.output,
                control.input,
                control.code,
            );
        }
    });
}

/// The cancel routine of a waiting packet.
unsafe extern "C" fn cancel_queued(_device: PDEVICE_OBJECT, irp: PIRP) {
    // SAFETY: the system calls cancel routines with a packet that cannot be completed meanwhile.
    let Some(request) = (unsafe { request::of_cancelled(irp) }) else {
        return;
    };
    if let State::Queued(queue) | State::CancelPending(queue) = request.state()
        && let Some(queue) = objects::get::<Queue>(queue)
    {
        end_cancelled(&queue, &request);
    }
}

/// Ends a waiting request that was cancelled.
fn end_cancelled(queue: &Reference<Queue>, request: &Reference<Request>) {
    queue
        .requests
        .with(|requests| requests.cancel(request.handle()));
    request::complete(request, status::CANCELLED, 0);
    present(queue);
}

/// Cancels one waiting request, unless its cancel routine is faster.
pub(crate) fn cancel(queue: &Reference<Queue>, request: &Reference<Request>) {
    if request.disarm() {
        end_cancelled(queue, request);
    }
}

/// Cancels what waits, and accepts nothing any more.
pub(crate) fn shut_down(queue: &Reference<Queue>) {
    for handle in queue.requests.with(Requests::shut_down) {
        let Some(request) = objects::get::<Request>(handle) else {
            continue;
        };
        if request.disarm() {
            end_cancelled(queue, &request);
        } else {
            request.set_state(State::CancelPending(queue.handle()));
        }
    }
}

/// Waits until the driver owns no request of the queue; a driver that keeps one stops the run.
pub(crate) fn wait_until_empty(queue: &Reference<Queue>, at: &'static str) {
    let first = || {
        queue
            .requests
            .with(|requests| requests.owned().first().copied())
    };
    if !wait::until(TIMEOUT * 1000, || first().is_none())
        && let Some(request) = first()
    {
        stop(&Violation::RequestKept {
            at,
            request,
            queue: queue.handle(),
            seconds: TIMEOUT,
        });
    }
}

/// Takes the oldest waiting request out for the driver.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_STATE` from a parallel queue, which hands out nothing
/// (`FxIoQueue::GetRequest`); `STATUS_WDF_PAUSED` without power; `STATUS_NO_MORE_ENTRIES`.
pub(crate) fn retrieve(queue: &Reference<Queue>) -> Result<Reference<Request>, NTSTATUS> {
    let (dispatch, powered) = queue
        .requests
        .with(|requests| (requests.dispatch(), requests.is_powered()));
    if matches!(dispatch, Dispatch::Parallel(_)) {
        return Err(status::INVALID_DEVICE_STATE);
    }
    if !powered {
        return Err(status::WDF_PAUSED);
    }
    take(queue, Requests::retrieve).ok_or(status::NO_MORE_ENTRIES)
}
