//! Timers.
//!
//! Rules (`fxtimer.cpp`): a start replaces the one before, so the callback runs once for any number
//! of starts before it; deletion stops the timer and waits for its callback.

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
};
use wdk_sys::WDF_TIMER_CONFIG;

use crate::{
    kernel::{handle::pointer, system_thread, wait},
    model::{
        objects::{Body, Reference},
        threads::callback,
    },
};

/// Units of 100 ns in a millisecond.
const MILLISECOND: u64 = 10_000;

/// A `WDFTIMER`.
pub(crate) struct Timer {
    config: WDF_TIMER_CONFIG,
    state: Locked<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// The number of the start that counts, until the callback runs.
    started: Option<u64>,
    starts: u64,
    /// Threads that wait for a start, or run its callback.
    threads: u32,
}

impl Body for Timer {
    const KIND: Kind = Kind::Timer;

    fn dispose(&self, _handle: Handle) {
        self.state.with(|state| state.started = None);
        wait::until(u32::MAX, || self.state.with(|state| state.threads == 0));
    }
}

impl Timer {
    pub(crate) fn new(config: WDF_TIMER_CONFIG) -> Self {
        Self {
            config,
            state: Locked::default(),
        }
    }
}

/// Starts the timer, after `delay` in units of 100 ns. Returns whether it was started already.
pub(crate) fn start(timer: &Reference<Timer>, delay: u64) -> bool {
    let (number, was_started) = timer.state.with(|state| {
        state.starts += 1;
        state.threads += 1;
        (state.starts, state.started.replace(state.starts).is_some())
    });
    let milliseconds = u32::try_from(delay.div_ceil(MILLISECOND)).unwrap_or(u32::MAX - 1);
    let job = timer.clone();
    system_thread::run_later(timer.handle(), move || run(&job, number, milliseconds));
    was_started
}

/// Waits until this start is due, and runs the callback unless the timer was stopped or started
/// anew.
fn run(timer: &Reference<Timer>, number: u64, milliseconds: u32) {
    let counts = |state: &State| state.started == Some(number);
    wait::until(milliseconds, || !timer.state.with(|state| counts(state)));
    let is_due = timer.state.with(|state| {
        let counts = counts(state);
        if counts {
            state.started = None;
        }
        counts
    });
    if is_due && let Some(event) = timer.config.EvtTimerFunc {
        callback("EvtTimerFunc", Level::Passive, || {
            // SAFETY: the driver's callback with its timer, whose deletion waits for it.
            unsafe { event(pointer(timer.handle())) }
        });
    }
    timer.state.with(|state| state.threads -= 1);
}
