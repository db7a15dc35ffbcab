//! `WdfTimer…` (`fxtimerapi.cpp`, `fxtimer.cpp`).

use core::ptr;

use kmdf_rules::level::Level;
use wdk_sys::{
    BOOLEAN, LONGLONG, NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDF_TIMER_CONFIG,
    WDF_TIMER_CONFIG, WDFOBJECT, WDFTIMER,
};

use crate::{
    api::{call::Call, new_object::NewObject},
    kernel::{argument::In, handle::pointer, status},
    model::{
        objects,
        timer::{self, Timer},
    },
};

/// `WdfTimerCreate`: the parent is a device or has one as an ancestor. The double has one-shot
/// timers whose callbacks run at `PASSIVE_LEVEL`, and stops a driver that wants another one.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    config: PWDF_TIMER_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    output: *mut WDFTIMER,
) -> NTSTATUS {
    let call = Call::enter("WdfTimerCreate", Level::Dispatch);
    // SAFETY: the driver guarantees its pointers.
    let config = unsafe { In::new(config) }.required(call.function, "Config");
    if config.Size as usize != size_of::<WDF_TIMER_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.EvtTimerFunc.is_none() {
        return status::INVALID_PARAMETER;
    }
    for (name, value) in [
        ("Period", config.Period),
        (
            "AutomaticSerialization",
            config.AutomaticSerialization.into(),
        ),
        ("TolerableDelay", config.TolerableDelay),
    ] {
        if value != 0 {
            call.bad_parameter(
                name,
                "is a kind of timer that the KMDF double does not have",
                value.into(),
            );
        }
    }
    // SAFETY: as above.
    let new = unsafe { NewObject::new(attributes, None, output, "Timer") };
    status::of(new.with_parent().create(&call, |attributes| {
        objects::device_of(attributes)?;
        if !attributes.is_some_and(|attributes| attributes.passive) {
            call.bad_parameter(
                "ExecutionLevel",
                "is not passive, and the KMDF double has no other timers",
                0,
            );
        }
        Ok(Timer::new(config))
    }))
}

/// `WdfTimerStart`: returns whether the timer was started already. The time is relative.
pub(crate) unsafe extern "C" fn start(
    _globals: PWDF_DRIVER_GLOBALS,
    timer: WDFTIMER,
    due_time: LONGLONG,
) -> BOOLEAN {
    let call = Call::enter("WdfTimerStart", Level::Dispatch);
    if due_time >= 0 {
        call.bad_parameter(
            "DueTime",
            "is not relative, as the KMDF double needs it",
            due_time.cast_unsigned(),
        );
    }
    timer::start(&call.object(timer), due_time.unsigned_abs()).into()
}

/// `WdfTimerGetParentObject`.
pub(crate) unsafe extern "C" fn get_parent(
    _globals: PWDF_DRIVER_GLOBALS,
    timer: WDFTIMER,
) -> WDFOBJECT {
    let call = Call::enter("WdfTimerGetParentObject", Level::Dispatch);
    let timer = call.object::<Timer, _>(timer);
    objects::parent(timer.handle()).map_or(ptr::null_mut(), pointer)
}
