//! Work items.
//!
//! Rules (`fxworkitem.cpp`): a queued item is not queued again; the callback runs at
//! `PASSIVE_LEVEL`; deletion waits for it.

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
};
use wdk_sys::WDF_WORKITEM_CONFIG;

use crate::{
    kernel::{handle::pointer, system_thread, wait},
    model::{
        objects::{Body, Reference},
        threads::callback,
    },
};

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

impl Body for WorkItem {
    const KIND: Kind = Kind::WorkItem;

    fn dispose(&self, _handle: Handle) {
        wait::until(u32::MAX, || {
            self.state.with(|state| !state.queued && state.running == 0)
        });
    }
}

impl WorkItem {
    pub(crate) fn new(config: WDF_WORKITEM_CONFIG) -> Self {
        Self {
            config,
            state: Locked::default(),
        }
    }
}

/// Queues the item, unless it is queued already.
pub(crate) fn enqueue(item: &Reference<WorkItem>) {
    let queued = item
        .state
        .with(|state| core::mem::replace(&mut state.queued, true));
    if !queued {
        let job = item.clone();
        system_thread::run_later(item.handle(), move || run(&job));
    }
}

fn run(item: &Reference<WorkItem>) {
    item.state.with(|state| {
        state.queued = false;
        state.running += 1;
    });
    if let Some(event) = item.config.EvtWorkItemFunc {
        callback("EvtWorkItem", Level::Passive, || {
            // SAFETY: the driver's callback with its item, whose deletion waits for it.
            unsafe { event(pointer(item.handle())) }
        });
    }
    item.state.with(|state| state.running -= 1);
}
