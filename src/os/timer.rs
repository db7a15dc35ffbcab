//! Timers of the framework, whose callbacks run at `PASSIVE_LEVEL`.

use wdk_sys::{
    LONGLONG, PFN_WDF_TIMER, WDF_OBJECT_ATTRIBUTES, WDF_TIMER_CONFIG, WDFDEVICE, WDFTIMER,
};

use crate::os::{object, wdf};

/// A timer of a device. The framework stops it and waits for its callback before it deletes the
/// device, so the callback may use the device's PF.
#[derive(Clone, Copy)]
pub(crate) struct Timer(WDFTIMER);

// SAFETY: the framework synchronises the use of its timers.
unsafe impl Send for Timer {}
// SAFETY: as above.
unsafe impl Sync for Timer {}

impl Timer {
    /// Creates a timer that runs `callback` once for each start, and is deleted with the device.
    pub(crate) fn new(
        device: WDFDEVICE,
        callback: PFN_WDF_TIMER,
    ) -> Result<Self, wdk_sys::NTSTATUS> {
        let mut config = WDF_TIMER_CONFIG {
            Size: wdf::size_of_config::<WDF_TIMER_CONFIG>(),
            EvtTimerFunc: callback,
            ..WDF_TIMER_CONFIG::default()
        };
        let mut attributes = WDF_OBJECT_ATTRIBUTES {
            ExecutionLevel: wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
            ..object::child_of(device.cast())
        };
        let mut timer: WDFTIMER = core::ptr::null_mut();
        // SAFETY: the device is live, and both structures live through the call.
        let status = unsafe {
            wdf::call!(
                WdfTimerCreate,
                &raw mut config,
                &raw mut attributes,
                &raw mut timer,
            )
        };
        wdf::check(status)?;
        Ok(Self(timer))
    }

    /// Has the timer run after `delay`, in units of 100 ns; one that is started already runs then
    /// only. Callable up to `DISPATCH_LEVEL`, while the device is not removed.
    pub(crate) fn start(self, delay: u64) {
        // Negative: from now on.
        let due: LONGLONG = delay.cast_signed().saturating_neg();
        // SAFETY: the timer lives as long as the device, and the caller keeps that from being
        // removed.
        let _was_started = unsafe { wdf::call!(WdfTimerStart, self.0, due) };
    }
}

/// The device that a running timer belongs to.
pub(crate) fn device_of(timer: WDFTIMER) -> WDFDEVICE {
    // SAFETY: the framework calls with a live timer.
    let device = unsafe { wdf::call!(WdfTimerGetParentObject, timer) };
    device.cast()
}
