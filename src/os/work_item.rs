//! Work items of the framework: work that is requested at a raised IRQL and runs at
//! `PASSIVE_LEVEL`.

use wdk_sys::{PFN_WDF_WORKITEM, WDF_WORKITEM_CONFIG, WDFDEVICE, WDFWORKITEM};

use crate::os::{object, wdf};

/// A work item of a device. The framework waits for its callback before it deletes the device, so
/// the callback may use the device's PF.
#[derive(Clone, Copy)]
pub(crate) struct WorkItem(WDFWORKITEM);

// SAFETY: the framework synchronises the use of its work items.
unsafe impl Send for WorkItem {}
// SAFETY: as above.
unsafe impl Sync for WorkItem {}

impl WorkItem {
    /// Creates a work item that runs `work` and is deleted with the device.
    pub(crate) fn new(
        device: WDFDEVICE,
        work: PFN_WDF_WORKITEM,
    ) -> Result<Self, wdk_sys::NTSTATUS> {
        let mut config = WDF_WORKITEM_CONFIG {
            Size: wdf::size_of_config::<WDF_WORKITEM_CONFIG>(),
            EvtWorkItemFunc: work,
            ..WDF_WORKITEM_CONFIG::default()
        };
        let mut attributes = object::child_of(device.cast());
        let mut item: WDFWORKITEM = core::ptr::null_mut();
        // SAFETY: the device is live, and both structures live through the call.
        let status = unsafe {
            wdf::call!(
                WdfWorkItemCreate,
                &raw mut config,
                &raw mut attributes,
                &raw mut item,
            )
        };
        wdf::check(status)?;
        Ok(Self(item))
    }

    /// Queues the work item, which runs at `PASSIVE_LEVEL`; one that is queued already runs once.
    /// Callable up to `DISPATCH_LEVEL`, while the device is not removed.
    pub(crate) fn enqueue(self) {
        // SAFETY: the work item lives as long as the device, and the caller keeps that from being
        // removed.
        unsafe { wdf::call!(WdfWorkItemEnqueue, self.0) };
    }
}

/// The device that a running work item belongs to.
pub(crate) fn device_of(item: WDFWORKITEM) -> WDFDEVICE {
    // SAFETY: the framework calls with a live work item.
    let device = unsafe { wdf::call!(WdfWorkItemGetParentObject, item) };
    device.cast()
}
