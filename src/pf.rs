//! The state of one PF, which all callbacks and calls share.

pub(crate) mod lifetime;

use core::sync::atomic::{AtomicBool, Ordering};

use block_broker::{FollowUp, Kinds};
use pcivirt_abi::Luid;
use pf_broker_abi::Refusal;
use pf_state::{
    alarm::Alarm,
    companion::{Attachment, REPORTED_AFTER},
    config::Identity,
    event,
    event_log::{Limits, WAITING_FOR_COMPANION},
    facts::DeviceFacts,
    failure::StartFailure,
    hardware_rundowns::HardwareRundowns,
    invalidation::Rotation,
    position::Position,
    rebalance::{Rebalance, Sleeper},
    removal::{self, Removal},
    rundown::{References, Rundown},
    status::{self, NtStatus},
};
use wdk_sys::{WDFDEVICE, WDFOBJECT};

use crate::{
    companion_access::CompanionAccess,
    etw::{self, EtwEvent, Source},
    event_log,
    hardware_access::{HardwareAccess, Powered},
    os::{
        kernel,
        lock::Locked,
        once::Once,
        wait::{self, Event},
    },
    pending::{Callbacks, PendingRequests},
    vfs::{VfContext, VfSet},
};

/// One PF.
pub(crate) struct Pf {
    object: WDFOBJECT,
    references: References,
    pub(crate) position: Position,
    pub(crate) hardware: HardwareAccess,
    pub(crate) companion: CompanionAccess,
    vfs: Once<VfSet>,
    /// Set by the first start that succeeds. It outlives the hardware, which each stop drops.
    facts: Once<DeviceFacts>,
    /// The PF's identifier, the same through the interface and through the proxy.
    pub(crate) luid: Luid,
    /// How events name this PF.
    pub(crate) source: Source,
    /// When entries of the event log about this PF, and not about a VF, may be written.
    pub(crate) log_limits: Limits,
    pub(crate) pending: PendingRequests,
    /// When the time for the next acknowledgement of a reset is up.
    pub(crate) alarm: Alarm,
    pub(crate) rebalance: Locked<Rebalance>,
    /// Which VF is the next to use an invalidation request that could carry any VF's.
    pub(crate) rotation: Locked<Rotation>,
    /// Where a callback waits for the virtualization stack.
    pub(crate) sleeper: Sleeper<Event>,
    /// The removal was completed.
    drained: AtomicBool,
}

impl Pf {
    fn new(
        object: WDFOBJECT,
        device: WDFDEVICE,
        position: Position,
        luid: Luid,
        callbacks: Callbacks,
    ) -> Result<Self, NtStatus> {
        Ok(Self {
            object,
            references: References::of_device(),
            position,
            hardware: HardwareAccess::none(),
            companion: CompanionAccess::none(),
            vfs: Once::new(),
            facts: Once::new(),
            luid,
            source: Source::of(luid),
            log_limits: Limits::new(),
            pending: PendingRequests::new(device, callbacks)?,
            alarm: Alarm::new(),
            rebalance: Locked::new(object, Rebalance::new())?,
            rotation: Locked::new(object, Rotation::new())?,
            sleeper: Sleeper::new(Event::unusable()),
            drained: AtomicBool::new(false),
        })
    }

    /// The address that stands for the PF in an interface.
    pub(crate) fn as_context(&self) -> *mut core::ffi::c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The VFs; none before the first start and after the removal. The broker refuses a call that
    /// was admitted before the removal.
    #[inline]
    pub(crate) fn vfs(&self) -> Result<&VfSet, NtStatus> {
        if self.is_removed() {
            return Err(status::DEVICE_REMOVED);
        }
        self.vfs.get().ok_or(status::DEVICE_NOT_READY)
    }

    /// A VF of a PF that is not removed.
    pub(crate) fn vf(&self, vf: u16) -> Result<&VfContext, NtStatus> {
        self.vfs()?.vf(vf).ok_or(status::INVALID_PARAMETER)
    }

    /// At the first start, reads the parameters and allocates all memory; afterwards the VFs exist.
    /// `identity` holds the PF's IDs.
    pub(crate) fn start_vfs(
        &self,
        device: WDFDEVICE,
        identity: Identity,
    ) -> Result<&VfSet, StartFailure> {
        if let Some(vfs) = self.vfs.get() {
            return Ok(vfs);
        }
        // SAFETY: the VFs are part of the PF and reached through it alone, and the PF's object owns
        // their memory.
        let vfs = unsafe { VfSet::new(device, self.object, identity, self.start_id()) }?;
        self.vfs
            .set(vfs)
            .ok_or(StartFailure::Framework(status::DEVICE_BUSY))
    }

    /// Identifies this start of the device: the LUID differs from that of every other device until
    /// the system stops, and the time from that of every earlier boot.
    fn start_id(&self) -> [u64; 2] {
        let Luid {
            low_part,
            high_part,
        } = self.luid;
        let luid = u64::from(high_part.cast_unsigned()) << 32 | u64::from(low_part);
        [luid, kernel::system_time()]
    }

    /// The virtualization stack has attached or detached. Calls come one at a time. Returns the
    /// kinds of changes that [`PendingRequests::on_change`] needs.
    pub(crate) fn note_attachment(&self, attached: bool) -> Kinds {
        self.vfs().map_or(Kinds::NONE, |vfs| {
            vfs.broker.note_attachment(attached).changed
        })
    }

    /// The constant facts of the device, from the first start to the removal, whatever the power
    /// state.
    pub(crate) fn facts(&self) -> Result<&DeviceFacts, NtStatus> {
        if self.is_removed() {
            return Err(status::DEVICE_REMOVED);
        }
        self.facts.get().ok_or(status::DEVICE_NOT_READY)
    }

    /// Accepts what a start found if it is the first start, or if it found the same as that.
    pub(crate) fn confirm_facts(&self, found: &DeviceFacts) -> Result<(), StartFailure> {
        self.facts
            .get()
            .map_or(Ok(()), |first| found.confirm(first))
    }

    /// Keeps the facts of the first start; whether this is it. The VFs are on.
    pub(crate) fn keep_facts(&self, found: DeviceFacts) -> bool {
        let first = self.facts.get().is_none();
        self.facts.set(found);
        first
    }

    /// Whether the device is removed.
    pub(crate) fn is_removed(&self) -> bool {
        self.pending.alive.is_shut()
    }

    /// The hardware, for calls, while the device is in D0.
    pub(crate) fn powered(&self) -> Result<Powered<'_>, NtStatus> {
        self.hardware.powered().ok_or_else(|| {
            if self.is_removed() {
                status::DEVICE_REMOVED
            } else {
                status::DEVICE_NOT_READY
            }
        })
    }

    /// Reports that a reset of a VF, or with `FFFFh` a stop or a removal, waits for a call into the
    /// companion that does not return.
    pub(crate) fn report_waiting_for_companion(&self, vf: u16) {
        let waiting = EtwEvent {
            vf,
            first: u64::from(REPORTED_AFTER),
            ..EtwEvent::of(&event::WAITING_FOR_COMPANION)
        };
        // A VF is reset only once there are VFs.
        let of_vf = self.vfs.get().and_then(|vfs| vfs.vf(vf));
        let limits = of_vf.map_or(&self.log_limits, |vf| &vf.log_limits);
        event_log::report(&self.source, limits, &WAITING_FOR_COMPANION, &waiting);
    }

    /// The device is removed: [`removal::mark_removed`].
    ///
    /// It completes no request, because `EvtDeviceSurpriseRemoval` is not synchronized with the
    /// callbacks of a power-down (its documentation page, and the rule
    /// `NoCancelFromEvtSurpriseRemove`). [`drain`](Self::drain) does the rest.
    pub(crate) fn mark_removed(&self) {
        removal::mark_removed(self);
    }

    /// The device is removed, and none of its other callbacks runs: [`removal::drain`].
    ///
    /// It is called from `EvtDeviceSelfManagedIoFlush`, which the framework calls when the device
    /// has left D0 and released its hardware, and from the device's `EvtCleanupCallback` for a
    /// device that the framework never flushed.
    pub(crate) fn drain(&self) {
        removal::drain(self);
    }
}

impl Removal for Pf {
    type Signal = Event;

    fn alive(&self) -> &Rundown {
        &self.pending.alive
    }

    fn hardware(&self) -> &HardwareRundowns {
        &self.hardware.rundowns
    }

    fn sleeper(&self) -> &Sleeper<Event> {
        &self.sleeper
    }

    fn with_rebalance<R>(&self, function: impl FnOnce(&mut Rebalance) -> R) -> R {
        function(&mut self.rebalance.lock())
    }

    fn remove_vfs(&self) {
        if let Some(vfs) = self.vfs.get() {
            // A removed device delivers nothing.
            let FollowUp { changed, .. } = vfs.broker.remove(wait::now());
            self.pending.on_change(changed);
            for vf in vfs.all() {
                vf.turn.remove();
            }
        }
    }

    fn companion(&self) -> Option<&Attachment> {
        Some(&self.companion.attachment)
    }

    fn pause(&self, milliseconds: u32) {
        wait::sleep(milliseconds);
    }

    fn report_companion(&self) {
        self.report_waiting_for_companion(u16::MAX);
    }

    fn is_first_drain(&self) -> bool {
        !self.drained.swap(true, Ordering::AcqRel)
    }

    fn complete_pending(&self) {
        let vf_queues = self
            .vfs
            .get()
            .into_iter()
            .flat_map(|vfs| vfs.all().iter().map(|vf| vf.invalidations));
        for queue in self.pending.queues().chain(vf_queues) {
            while let Some(request) = queue.next() {
                request.complete(status::DEVICE_REMOVED);
            }
        }
        etw::write(&self.source, &EtwEvent::of(&event::REMOVED));
    }
}

/// The NTSTATUS of a refusal.
#[inline]
pub(crate) const fn status_of(refusal: Refusal) -> NtStatus {
    refusal.status().cast_signed()
}
