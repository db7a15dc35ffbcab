//! The requests of a PF that wait, and the host software among them (`IOCTL_CHANGES`).
//!
//! The queues, the work item and the timer are objects of the device: they may be used until it is
//! removed, which the rundown in [`PendingRequests`] ends.

use block_broker::{Kinds, Queue, Watch};
use pf_state::{
    rundown::{Rundown, RundownGuard},
    status::{self, NtStatus},
};
use wdk_sys::{PFN_WDF_TIMER, PFN_WDF_WORKITEM, WDFDEVICE};

use crate::os::{request::ManualQueue, timer::Timer, work_item::WorkItem};

/// The queues of a PF, a work item, and a timer.
pub(crate) struct PendingRequests {
    /// Open until the device is removed.
    pub(crate) alive: Rundown,
    /// `IOCTL_SRIOV_ATTACH` during a rebalance.
    pub(crate) attaches: ManualQueue,
    /// `IOCTL_SRIOV_NOTIFICATION` without an event.
    pub(crate) notifications: ManualQueue,
    /// `IOCTL_SRIOV_INVALIDATE_BLOCK` for any VF.
    pub(crate) invalidations: ManualQueue,
    /// `IOCTL_SRIOV_MITIGATED_RANGE_UPDATE`, which is never completed: there are no ranges.
    pub(crate) range_updates: ManualQueue,
    /// The management interface's `IOCTL_CHANGES` while there are none.
    waits: [ManualQueue; 2],
    /// Which changes of the VFs host software waits for.
    pub(crate) watch: Watch,
    /// Does at `PASSIVE_LEVEL` what guests' operations leave to be done: answers that host software,
    /// and reports floods.
    deferred: WorkItem,
    /// Serves VFs again whose reset was not acknowledged in time, at `PASSIVE_LEVEL`.
    pub(crate) time_limit: Timer,
}

/// The callbacks of the objects of [`PendingRequests`].
#[derive(Clone, Copy)]
pub(crate) struct Callbacks {
    /// That of the work item.
    pub(crate) deferred: PFN_WDF_WORKITEM,
    /// That of the timer for acknowledgements.
    pub(crate) on_time_limit: PFN_WDF_TIMER,
}

impl PendingRequests {
    /// Creates the objects of a device.
    pub(crate) fn new(device: WDFDEVICE, callbacks: Callbacks) -> Result<Self, NtStatus> {
        Ok(Self {
            alive: Rundown::open(),
            attaches: ManualQueue::new(device)?,
            notifications: ManualQueue::new(device)?,
            invalidations: ManualQueue::new(device)?,
            range_updates: ManualQueue::new(device)?,
            waits: [ManualQueue::new(device)?, ManualQueue::new(device)?],
            watch: Watch::new(),
            deferred: WorkItem::new(device, callbacks.deferred)?,
            time_limit: Timer::new(device, callbacks.on_time_limit)?,
        })
    }

    /// Keeps the objects usable while the guard lives.
    pub(crate) fn enter(&self) -> Result<RundownGuard<'_>, NtStatus> {
        self.alive.enter().ok_or(status::DEVICE_REMOVED)
    }

    /// One of the queues of host software that waits.
    pub(crate) const fn waits_in(&self, queue: Queue) -> ManualQueue {
        let [first, second] = self.waits;
        match queue {
            Queue::First => first,
            Queue::Second => second,
        }
    }

    /// All queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = ManualQueue> {
        [
            self.attaches,
            self.notifications,
            self.invalidations,
            self.range_updates,
        ]
        .into_iter()
        .chain(self.waits)
    }

    /// Changes of these kinds happened to a VF and are stamped. Callable up to `DISPATCH_LEVEL`
    /// without a lock: one atomic load when no host software waits; otherwise it queues the work
    /// item, whatever the number of waiters and of VFs.
    #[inline]
    pub(crate) fn on_change(&self, kinds: Kinds) {
        if self.watch.mark_due(kinds) {
            self.run_later();
        }
    }

    /// Queues the work item. After a removal the removal completes the requests. Callable up to
    /// `DISPATCH_LEVEL`.
    #[cold]
    pub(crate) fn run_later(&self) {
        if let Ok(_alive) = self.enter() {
            self.deferred.enqueue();
        }
    }
}
