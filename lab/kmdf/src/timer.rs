//! Timers.
//!
//! Rules (`fxtimer.cpp`): the parent is a device or has one as an ancestor; starting a running timer moves its due time and returns true; stopping
//! returns whether it was running, and with waiting it also waits for a running callback; the
//! callback runs at `DISPATCH_LEVEL`, or at `PASSIVE_LEVEL` when the attributes ask for it.
//! Each start has its own system thread, because Wine ignores the DPC of a kernel timer.

use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::level::Level;
use wdk_sys::{
    BOOLEAN, LONGLONG, NTSTATUS, PWDF_DRIVER_GLOBALS, PWDF_OBJECT_ATTRIBUTES, PWDF_TIMER_CONFIG,
    WDF_TIMER_CONFIG, WDFOBJECT, WDFTIMER,
};

use crate::{
    argument::In,
    body::Body,
    call::{Call, callback, pointer},
    context::Attributes,
    status, wait, work_item,
    world::{self, Order, Reference},
};

/// A `WDFTIMER`.
pub(crate) struct Timer {
    config: WDF_TIMER_CONFIG,
    passive: bool,
    state: Locked<State>,
}

#[derive(Default)]
struct State {
    /// Grows with each start and stop; a thread of an older start ends.
    generation: u64,
    armed: bool,
    running: u32,
}

impl Timer {
    /// Stops the timer and waits for its callback.
    pub(crate) fn dispose(&self) {
        self.stop();
        wait::until(u32::MAX, || self.state.with(|state| state.running == 0));
    }

    fn stop(&self) -> bool {
        self.state.with(|state| {
            state.generation += 1;
            core::mem::replace(&mut state.armed, false)
        })
    }
}

/// `WdfTimerCreate`.
pub(crate) unsafe extern "C" fn create(
    _globals: PWDF_DRIVER_GLOBALS,
    config: PWDF_TIMER_CONFIG,
    attributes: PWDF_OBJECT_ATTRIBUTES,
    timer: *mut WDFTIMER,
) -> NTSTATUS {
    let call = Call::enter("WdfTimerCreate", Level::Dispatch);
    // SAFETY: the driver vouches for what it passes.
    let config = unsafe { In::new(config) }.required(&call, "Config");
    if config.Size as usize != size_of::<WDF_TIMER_CONFIG>() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if config.EvtTimerFunc.is_none() {
        return status::INVALID_PARAMETER;
    }
    // SAFETY: as above.
    let order = unsafe { Order::new(attributes, None, timer, "Timer") };
    status::of(world::create_for(
        &call,
        &order.with_parent(),
        |attributes| {
            world::device_of(attributes)?;
            Ok(Body::Timer(Timer {
                config,
                passive: attributes.is_some_and(Attributes::is_passive),
                state: Locked::default(),
            }))
        },
    ))
}

/// `WdfTimerStart`: relative due times only, in units of 100 ns.
pub(crate) unsafe extern "C" fn start(
    _globals: PWDF_DRIVER_GLOBALS,
    timer: WDFTIMER,
    due: LONGLONG,
) -> BOOLEAN {
    let call = Call::enter("WdfTimerStart", Level::Dispatch);
    let timer = call.object::<Timer, _>(timer);
    if due > 0 {
        call.bad_parameter(
            "DueTime",
            "is absolute, which the KMDF double does not have",
            due.cast_unsigned(),
        );
    }
    let (generation, was_armed) = timer.state.with(|state| {
        state.generation += 1;
        (state.generation, core::mem::replace(&mut state.armed, true))
    });
    let first = u32::try_from(due.unsigned_abs() / 10_000).unwrap_or(u32::MAX);
    let job = timer.clone();
    work_item::later(timer.handle(), move || run(&job, generation, first));
    u8::from(was_armed)
}

fn run(timer: &Reference<Timer>, generation: u64, first: u32) {
    let current = || {
        timer
            .state
            .with(|state| state.generation == generation && state.armed)
    };
    let mut delay = first;
    loop {
        wait::until(delay, || !current());
        let period = timer.config.Period;
        let due = timer.state.with(|state| {
            let due = state.generation == generation && state.armed;
            if due {
                state.armed = period != 0;
                state.running += 1;
            }
            due
        });
        if !due {
            return;
        }
        if let Some(event) = timer.config.EvtTimerFunc {
            let level = if timer.passive {
                Level::Passive
            } else {
                Level::Dispatch
            };
            callback("EvtTimerFunc", level, || {
                // SAFETY: the driver's callback with its timer, which waits for it before it goes.
                unsafe { event(pointer(timer.handle())) }
            });
        }
        timer.state.with(|state| state.running -= 1);
        if period == 0 {
            return;
        }
        delay = period;
    }
}

/// `WdfTimerStop`.
pub(crate) unsafe extern "C" fn stop(
    _globals: PWDF_DRIVER_GLOBALS,
    timer: WDFTIMER,
    wait: BOOLEAN,
) -> BOOLEAN {
    let maximum = if wait == 0 {
        Level::Dispatch
    } else {
        Level::Passive
    };
    let call = Call::enter("WdfTimerStop", maximum);
    let timer = call.object::<Timer, _>(timer);
    let was_armed = timer.stop();
    if wait != 0 {
        timer.dispose();
    }
    u8::from(was_armed)
}

/// `WdfTimerGetParentObject`.
pub(crate) unsafe extern "C" fn get_parent(
    _globals: PWDF_DRIVER_GLOBALS,
    timer: WDFTIMER,
) -> WDFOBJECT {
    let call = Call::enter("WdfTimerGetParentObject", Level::Dispatch);
    let timer = call.object::<Timer, _>(timer);
    world::parent(timer.handle()).map_or(ptr::null_mut(), pointer)
}
