//! Waits until the firmware is ready, and tells pf_broker.
//!
//! A driver whose device raises an interrupt when its firmware is ready calls `SetReady` in the
//! interrupt's DPC instead.

use wdk_sys::{
    LARGE_INTEGER, NTSTATUS, WDF_WORKITEM_CONFIG, WDFDEVICE, WDFWORKITEM,
    ntddk::KeDelayExecutionThread,
};

use crate::{
    state::{self, Device, State},
    wdf::{self, ok},
};

/// Milliseconds between two reads of the register, and how often it is read before the firmware
/// counts as broken.
const INTERVAL: i64 = 10;
const READS: u32 = 1000;

/// Creates the work item that waits.
pub(crate) fn create(device: WDFDEVICE) -> Result<WDFWORKITEM, NTSTATUS> {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: wdf::size_of_config::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: Some(wait),
        AutomaticSerialization: 0,
    };
    let mut attributes = wdf::attributes(device.cast());
    let mut item: WDFWORKITEM = core::ptr::null_mut();
    // SAFETY: the device is live; all three structures outlive the call.
    ok(unsafe {
        wdf::call!(
            WdfWorkItemCreate,
            &raw mut config,
            &raw mut attributes,
            &raw mut item
        )
    })?;
    Ok(item)
}

/// Starts to wait, up to `DISPATCH_LEVEL`.
pub(crate) fn watch(device: &Device) {
    // SAFETY: the item was created with the device and is deleted with it.
    unsafe { wdf::call!(WdfWorkItemEnqueue, device.firmware.get()) };
}

/// `EvtWorkItem`, at `PASSIVE_LEVEL`.
unsafe extern "C" fn wait(item: WDFWORKITEM) {
    // SAFETY: the framework calls with the item that `create` made, whose parent is the device.
    let device = unsafe { wdf::call!(WdfWorkItemGetParentObject, item) };
    let device = state::of(device.cast());
    for _ in 0..READS {
        if device.locked(|state| is_over(state)) {
            return;
        }
        sleep();
    }
}

/// Whether there is nothing to wait for any more. Tells pf_broker when the firmware is ready.
fn is_over(state: &State) -> bool {
    let Some(registers) = state.accessible().filter(|_| state.broker.is_some()) else {
        return true;
    };
    let ready = registers.firmware_is_ready();
    if ready {
        state.set_ready(true);
    }
    ready
}

fn sleep() {
    const KERNEL_MODE: i8 = 0;
    let mut interval = LARGE_INTEGER {
        QuadPart: INTERVAL * -10_000,
    };
    // SAFETY: the interval lives through the call, and the thread is at PASSIVE_LEVEL.
    let _ = unsafe { KeDelayExecutionThread(KERNEL_MODE, 0, &raw mut interval) };
}
