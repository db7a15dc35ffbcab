//! The removal of a PF: its two parts and the order of their steps, on a [`Removal`].
//!
//! 1. [`mark_removed`] refuses everything from now on, and wakes a callback that waits for the
//!    virtualization stack. It waits for nothing, so it may run beside every other callback.
//! 2. [`drain`] waits for the calls in flight, those into the companion too, and completes the
//!    pending requests.

use crate::{
    companion::{Attachment, wait_for_calls},
    hardware_rundowns::HardwareRundowns,
    rebalance::{Rebalance, Signal, Sleeper},
    rundown::Rundown,
};

/// The parts of a PF that its removal ends. All functions run at `PASSIVE_LEVEL`.
pub trait Removal {
    /// Where a callback sleeps.
    type Signal: Signal;

    /// The rundown of the queues, open until the removal.
    fn alive(&self) -> &Rundown;

    /// The rundowns of the hardware.
    fn hardware(&self) -> &HardwareRundowns;

    /// Where a callback waits for the virtualization stack.
    fn sleeper(&self) -> &Sleeper<Self::Signal>;

    /// Runs `function` on the rebalance machine, under its lock.
    fn with_rebalance<R>(&self, function: impl FnOnce(&mut Rebalance) -> R) -> R;

    /// Refuses the VFs' reads and writes for good, and ends their turns
    /// ([`Turn::remove`](crate::companion::Turn::remove)).
    fn remove_vfs(&self);

    /// The companion; `None` in a shell that never has one.
    fn companion(&self) -> Option<&Attachment>;

    /// Lets this many milliseconds pass for calls in flight.
    fn pause(&self, milliseconds: u32);

    /// Reports a call into the companion that does not return.
    fn report_companion(&self);

    /// Whether this is the first call of this function.
    fn is_first_drain(&self) -> bool;

    /// Completes all pending requests; none is added any more.
    fn complete_pending(&self);
}

/// The device is removed: refuses calls from now on, and wakes a callback that waits for the
/// virtualization stack. Callable any number of times.
pub fn mark_removed(pf: &impl Removal) {
    if pf.alive().is_shut() {
        return;
    }
    pf.remove_vfs();
    // After the VFs: a call that is admitted now finds its VF removed before or after it.
    if let Some(companion) = pf.companion() {
        companion.detach();
    }
    let wake = pf.with_rebalance(Rebalance::removed);
    pf.sleeper().wake(wake);
    pf.hardware().shut();
    // Last: the caller that finds this shut relies on everything before.
    pf.alive().shut();
}

/// The device is removed, and none of its other callbacks runs: waits for calls in flight, which
/// may add requests to queues, and completes every pending request. Only the first call has an
/// effect.
pub fn drain(pf: &impl Removal) {
    mark_removed(pf);
    if !pf.is_first_drain() {
        return;
    }
    while !(pf.hardware().are_empty() && pf.alive().is_empty()) {
        pf.pause(1);
    }
    wait_for_calls(
        || pf.companion().is_none_or(Attachment::is_idle),
        |milliseconds| pf.pause(milliseconds),
        || pf.report_companion(),
    );
    pf.complete_pending();
}
