//! Queues of requests.
//!
//! None is power managed: an event of a rebalance is answered while the device is not in D0, and a
//! pending request must not keep the device from leaving it.

use wdk_sys::{
    NTSTATUS, WDF_EXECUTION_LEVEL, WDF_IO_QUEUE_CONFIG, WDFDEVICE, WDFQUEUE, WDFREQUEST,
};

use crate::{control, object, request::Request, wdf};

/// The handlers of the default queue need `PASSIVE_LEVEL`: the framework moves a request that arrives
/// above it to a work item. A manual queue calls no handler, so it has nothing to need.
const PASSIVE: WDF_EXECUTION_LEVEL = wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive;
const INHERIT: WDF_EXECUTION_LEVEL =
    wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent;

/// A queue in which requests wait until the driver takes them out. The framework takes out those
/// that are cancelled, and completes them.
#[derive(Clone, Copy)]
pub(crate) struct Waiting(WDFQUEUE);

// SAFETY: the framework synchronises the use of its queues.
unsafe impl Send for Waiting {}
// SAFETY: as above.
unsafe impl Sync for Waiting {}

impl Waiting {
    /// Makes an empty queue that is deleted with the device.
    pub(crate) fn new(device: WDFDEVICE) -> Result<Self, NTSTATUS> {
        let config = WDF_IO_QUEUE_CONFIG {
            Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
            DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchManual,
            PowerManaged: wdf::FALSE,
            ..WDF_IO_QUEUE_CONFIG::default()
        };
        create(device, config, INHERIT).map(Self)
    }

    /// Takes the oldest request out, up to `DISPATCH_LEVEL`.
    pub(crate) fn next(self) -> Option<Request> {
        let mut request: WDFREQUEST = core::ptr::null_mut();
        // SAFETY: the queue lives as long as the device, whose gate the caller is inside of.
        let status = unsafe { wdf::call!(WdfIoQueueRetrieveNextRequest, self.0, &raw mut request) };
        if status < 0 || request.is_null() {
            return None;
        }
        // SAFETY: a request that came out of the queue is the driver's to complete.
        Some(unsafe { Request::own(request) })
    }

    /// How many requests wait, up to `DISPATCH_LEVEL`.
    pub(crate) fn length(self) -> usize {
        let mut waiting = 0;
        // SAFETY: the queue lives as long as the device, whose gate the caller is inside of; the
        // count lives through the call, and the other is optional.
        let _ = unsafe {
            wdf::call!(
                WdfIoQueueGetState,
                self.0,
                &raw mut waiting,
                core::ptr::null_mut(),
            )
        };
        waiting as usize
    }

    /// The framework's handle, for forwarding.
    pub(crate) const fn handle(self) -> WDFQUEUE {
        self.0
    }
}

/// Makes the device's default queue, which hands every control code to `control` as it comes, at
/// `PASSIVE_LEVEL`.
pub(crate) fn create_default(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel,
        PowerManaged: wdf::FALSE,
        DefaultQueue: 1,
        EvtIoDeviceControl: Some(control::device_control),
        EvtIoInternalDeviceControl: Some(control::device_control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    // As many at once as come.
    config.Settings.Parallel.NumberOfPresentedRequests = u32::MAX;
    create(device, config, PASSIVE).map(|_| ())
}

fn create(
    device: WDFDEVICE,
    mut config: WDF_IO_QUEUE_CONFIG,
    execution_level: WDF_EXECUTION_LEVEL,
) -> Result<WDFQUEUE, NTSTATUS> {
    let mut attributes = object::plain();
    attributes.ExecutionLevel = execution_level;
    let mut queue: WDFQUEUE = core::ptr::null_mut();
    // SAFETY: the device is live, and both structures live through the call.
    let status = unsafe {
        wdf::call!(
            WdfIoQueueCreate,
            device,
            &raw mut config,
            &raw mut attributes,
            &raw mut queue,
        )
    };
    wdf::check(status)?;
    Ok(queue)
}
