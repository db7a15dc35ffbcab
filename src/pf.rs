//! The state of one PF: what its conversations share.
//!
//! It is the context of a framework object of its own, a child of the driver and not of the device,
//! because an interface may be held longer than the device exists. The device holds it, each holder
//! of the interface does, and whoever is the last to let go deletes it.

use core::{
    cell::UnsafeCell,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use block_broker::{Kinds, Watch};
use pcivirt_abi::Luid;
use pf_broker_abi::Refusal;
use pf_state::{
    config::Identity,
    event,
    facts::DeviceFacts,
    failure::StartFailure,
    invalidation::Rotation,
    rebalance::{Rebalance, Sleeper},
    rundown::{Gate, Left, Pass, References},
    status::{self, NtStatus},
};
use wdk_sys::{WDFDEVICE, WDFOBJECT};

use crate::{
    changes,
    etw::{self, Happened, Source},
    os::{
        lock::Locked,
        object::{self, Context, ContextType},
        once::Once,
        request::Waiting,
        wait::{self, Event},
        wdf,
        work_item::WorkItem,
    },
    pci::Hardware,
    vfs::Served,
};

/// How many PFs there are in memory.
static LIVING: AtomicU32 = AtomicU32::new(0);

/// A holder of an interface has kept it longer than its device was there.
static OUTLIVED: AtomicBool = AtomicBool::new(false);

/// How long the thread of the last holder is given to leave this image.
const LAST_INSTRUCTIONS_MILLISECONDS: u32 = 20;

/// Waits until the last interface of the last PF was given back, at `PASSIVE_LEVEL`. An event says so
/// before, because the wait has no limit.
pub(crate) fn wait_until_none_is_left() {
    let held = LIVING.load(Ordering::Acquire);
    if held != 0 {
        let happened = Happened {
            first: u64::from(held),
            ..Happened::of(&event::WAITING_FOR_REFERENCES)
        };
        etw::write(&etw::DRIVER, &happened);
        wait::until(|| LIVING.load(Ordering::Acquire) == 0);
    }
    // The holder's thread lowers the count and then returns through this image. As long as it has a
    // handle to the device, or a reference to the device object that it sends its requests to, the
    // I/O manager keeps the image. Nothing that this image executes can wait for its own return, so
    // for a holder without either this pause is all that there is; docs/contract.md.
    if OUTLIVED.load(Ordering::Acquire) {
        wait::sleep(LAST_INSTRUCTIONS_MILLISECONDS);
    }
}

/// The queues in which requests of the PF as a whole wait.
pub(crate) struct Queues {
    /// `IOCTL_SRIOV_ATTACH` during a rebalance.
    pub(crate) attaches: Waiting,
    /// `IOCTL_SRIOV_NOTIFICATION` without an event.
    pub(crate) notifications: Waiting,
    /// `IOCTL_SRIOV_INVALIDATE_BLOCK` for any VF.
    pub(crate) invalidations: Waiting,
    /// `IOCTL_SRIOV_MITIGATED_RANGE_UPDATE`, which nothing ever completes: there are no ranges.
    pub(crate) range_updates: Waiting,
    /// The management interface's `IOCTL_WAIT` for each set of kinds, as `Kinds::SETS` has them.
    waits: [Waiting; 3],
}

impl Queues {
    fn new(device: WDFDEVICE) -> Result<Self, NtStatus> {
        Ok(Self {
            attaches: Waiting::new(device)?,
            notifications: Waiting::new(device)?,
            invalidations: Waiting::new(device)?,
            range_updates: Waiting::new(device)?,
            waits: [
                Waiting::new(device)?,
                Waiting::new(device)?,
                Waiting::new(device)?,
            ],
        })
    }

    /// The queue of requests that wait for exactly these kinds.
    pub(crate) fn waits_for(&self, kinds: Kinds) -> Waiting {
        let [changes, journal, both] = self.waits;
        match kinds {
            Kinds::CHANGES => changes,
            Kinds::JOURNAL => journal,
            _ => both,
        }
    }

    fn all(&self) -> impl Iterator<Item = Waiting> {
        [
            self.attaches,
            self.notifications,
            self.invalidations,
            self.range_updates,
        ]
        .into_iter()
        .chain(self.waits)
    }
}

/// One PF.
pub(crate) struct Pf {
    object: WDFOBJECT,
    references: References,
    /// Open while the device's framework objects may be used: its queues, above all.
    alive: Gate,
    /// Open while calls may reach the VFs: the device is in D0, and their registers are restored.
    powered: Gate,
    /// Open while the VFs are on, for resets and for what saves and restores registers; always when
    /// `powered` is. See [`pf_state::retention`].
    vfs_on: Gate,
    /// Written only while `powered` and `vfs_on` are closed and empty.
    hardware: UnsafeCell<Option<Hardware>>,
    served: Once<Served>,
    /// Set by the first start that succeeds. It outlives `hardware`, which each stop drops.
    facts: Once<DeviceFacts>,
    /// The PF's identifier, the same through the interface and through the proxy.
    pub(crate) luid: Luid,
    /// What events say of this PF.
    pub(crate) source: Source,
    pub(crate) queues: Queues,
    pub(crate) rebalance: Locked<Rebalance>,
    /// Which VF is the next to use an invalidation request that could carry any VF's.
    pub(crate) rotation: Locked<Rotation>,
    /// Who waits for changes of the VFs.
    pub(crate) watch: Watch,
    /// Answers those who wait.
    pub(crate) answers: WorkItem,
    /// Where a callback waits for the virtualization stack.
    pub(crate) sleeper: Sleeper<Event>,
    /// The removal was carried out to its end.
    drained: AtomicBool,
}

// SAFETY: the hardware follows the rule at its field; everything else synchronises itself.
unsafe impl Sync for Pf {}

impl Context for Pf {
    const TYPE: &'static ContextType = {
        static TYPE: ContextType = ContextType::of::<Pf>(c"Pf", &TYPE);
        &TYPE
    };
}

/// The device's own context: its PF.
struct DeviceContext {
    pf: *const Pf,
}

impl Context for DeviceContext {
    const TYPE: &'static ContextType = {
        static TYPE: ContextType = ContextType::of::<DeviceContext>(c"DeviceContext", &TYPE);
        &TYPE
    };
}

/// Attributes of a device that can have a PF.
pub(crate) fn device_attributes() -> wdk_sys::WDF_OBJECT_ATTRIBUTES {
    object::with_context::<DeviceContext>()
}

/// The PF of a device; none before it was made.
pub(crate) fn of_device<'d>(device: WDFDEVICE) -> Option<&'d Pf> {
    let context = object::context::<DeviceContext>(device.cast())?;
    // SAFETY: the context lives as long as the device, and is written once, before anybody calls.
    let context = unsafe { context.as_ref() };
    // SAFETY: the device holds its PF until it is destroyed.
    unsafe { context.pf.as_ref() }
}

/// The PF that an interface's context points to.
///
/// # Safety
/// The context is that of an interface of this driver, which the caller holds a reference to.
pub(crate) unsafe fn of_interface<'i>(context: *mut core::ffi::c_void) -> Option<&'i Pf> {
    // SAFETY: as the caller promises.
    unsafe { context.cast::<Pf>().as_ref() }
}

/// Makes the PF of a device, which holds it.
pub(crate) fn create(device: WDFDEVICE) -> Result<&'static Pf, NtStatus> {
    let mut attributes = object::with_context::<Pf>();
    let mut handle: WDFOBJECT = core::ptr::null_mut();
    // SAFETY: the attributes live through the call. Without a parent of its own choice the object
    // is a child of the driver.
    let status = unsafe { wdf::call!(WdfObjectCreate, &raw mut attributes, &raw mut handle) };
    wdf::check(status)?;
    let new = Unfinished(handle);
    let place = object::context::<Pf>(handle).ok_or(status::UNSUCCESSFUL)?;
    let luid = new_luid()?;
    let pf = Pf {
        object: handle,
        references: References::of_device(),
        alive: Gate::open(),
        powered: Gate::closed(),
        vfs_on: Gate::closed(),
        hardware: UnsafeCell::new(None),
        served: Once::new(),
        facts: Once::new(),
        luid,
        source: Source::of(luid),
        queues: Queues::new(device)?,
        rebalance: Locked::new(handle, Rebalance::new())?,
        rotation: Locked::new(handle, Rotation::new())?,
        watch: Watch::new(),
        answers: WorkItem::new(device, Some(changes::answer_waiters))?,
        sleeper: Sleeper::new(Event::unusable()),
        drained: AtomicBool::new(false),
    };
    let owner = object::context::<DeviceContext>(device.cast()).ok_or(status::UNSUCCESSFUL)?;
    // SAFETY: the context has room for a PF, aligned, and nobody else knows of it.
    unsafe { place.write(pf) };
    // SAFETY: it was just written, and lives until the last one lets go.
    let pf: &'static Pf = unsafe { place.as_ref() };
    pf.sleeper.signal().initialize();
    LIVING.fetch_add(1, Ordering::AcqRel);
    core::mem::forget(new);
    // SAFETY: the context has room for the pointer, and the device is not yet used.
    unsafe { owner.write(DeviceContext { pf: place.as_ptr() }) };
    Ok(pf)
}

/// An object that is deleted again unless its making comes to an end.
struct Unfinished(WDFOBJECT);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // SAFETY: nobody else knows of the object.
        unsafe { object::delete(self.0) };
    }
}

fn new_luid() -> Result<Luid, NtStatus> {
    let mut luid = wdk_sys::LUID::default();
    // SAFETY: the result lives through the call.
    let status = unsafe { wdk_sys::ntddk::ZwAllocateLocallyUniqueId(&raw mut luid) };
    wdf::check(status)?;
    Ok(Luid {
        low_part: luid.LowPart,
        high_part: luid.HighPart,
    })
}

/// The hardware, for as long as this is held.
pub(crate) struct Powered<'p> {
    hardware: &'p Hardware,
    _pass: Pass<'p>,
}

impl Deref for Powered<'_> {
    type Target = Hardware;

    fn deref(&self) -> &Hardware {
        self.hardware
    }
}

impl Pf {
    /// The address that stands for the PF in an interface.
    pub(crate) fn as_context(&self) -> *mut core::ffi::c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// Takes a reference to the interface. Callable up to `DISPATCH_LEVEL`.
    pub(crate) fn reference(&self) {
        self.references.take();
    }

    /// Gives a reference to the interface back. Callable up to `DISPATCH_LEVEL`.
    ///
    /// # Safety
    /// The caller uses the PF no more.
    pub(crate) unsafe fn dereference(this: NonNull<Self>) {
        // SAFETY: the caller's reference, or the device, keeps the PF alive until it is given back.
        let pf = unsafe { this.as_ref() };
        let object = pf.object;
        match pf.references.give_back() {
            Ok(Left::Nobody) => {
                OUTLIVED.store(true, Ordering::Release);
                // SAFETY: that was the last hold.
                unsafe { delete(object) };
            }
            Ok(Left::Somebody) => {}
            Err(_) => etw::write(&pf.source, &Happened::of(&event::UNBALANCED_DEREFERENCE)),
        }
    }

    /// The device lets go.
    ///
    /// # Safety
    /// The device uses the PF no more.
    pub(crate) unsafe fn device_gone(this: NonNull<Self>) {
        // SAFETY: the device holds the PF until here.
        let pf = unsafe { this.as_ref() };
        let object = pf.object;
        if pf.references.device_gone() == Left::Nobody {
            // SAFETY: that was the last hold.
            unsafe { delete(object) };
        }
    }

    /// Whether anybody holds the interface.
    pub(crate) fn is_referenced(&self) -> bool {
        self.references.are_held()
    }

    /// The VFs; none before the first start and after the removal. A call that was let in before the
    /// removal is the broker's to refuse.
    #[inline]
    pub(crate) fn served(&self) -> Result<&Served, NtStatus> {
        if self.is_removed() {
            return Err(status::DEVICE_REMOVED);
        }
        self.served.get().ok_or(status::DEVICE_NOT_READY)
    }

    /// Reads the parameters and takes the memory, the first time; afterwards the VFs are there.
    /// `identity` holds the PF's IDs.
    pub(crate) fn serve(
        &self,
        device: WDFDEVICE,
        identity: Identity,
    ) -> Result<&Served, StartFailure> {
        if let Some(served) = self.served.get() {
            return Ok(served);
        }
        // SAFETY: it is kept in the PF and reached through it alone, and the PF's object is what
        // the memory belongs to.
        let served = unsafe { Served::new(device, self, self.object, identity) }?;
        self.served
            .set(served)
            .ok_or(StartFailure::Framework(status::DEVICE_BUSY))
    }

    /// The constant facts of the device, from the first start to the removal, whatever the power
    /// state.
    pub(crate) fn facts(&self) -> Result<&DeviceFacts, NtStatus> {
        if self.is_removed() {
            return Err(status::DEVICE_REMOVED);
        }
        self.facts.get().ok_or(status::DEVICE_NOT_READY)
    }

    /// Whether what a start found may be served: it is the first start, or it found the same.
    pub(crate) fn confirm_facts(&self, found: &DeviceFacts) -> Result<(), StartFailure> {
        self.facts
            .get()
            .map_or(Ok(()), |first| found.confirm(first))
    }

    /// The VFs are on and these are the facts. Those of the first time stay; whether this is it.
    pub(crate) fn keep_facts(&self, found: DeviceFacts) -> bool {
        let first = self.facts.get().is_none();
        self.facts.set(found);
        first
    }

    /// A pass to use the device's framework objects.
    pub(crate) fn alive(&self) -> Result<Pass<'_>, NtStatus> {
        self.alive.enter().ok_or(status::DEVICE_REMOVED)
    }

    /// Whether the device is gone.
    pub(crate) fn is_removed(&self) -> bool {
        self.alive.is_shut()
    }

    /// The hardware, for calls, while the device is in D0.
    pub(crate) fn powered(&self) -> Result<Powered<'_>, NtStatus> {
        self.reach(&self.powered)
    }

    /// The hardware, for a reset and for saving and restoring registers, while the VFs are on.
    pub(crate) fn vfs_on(&self) -> Result<Powered<'_>, NtStatus> {
        self.reach(&self.vfs_on)
    }

    /// The hardware through `powered` or `vfs_on`.
    fn reach<'p>(&'p self, gate: &'p Gate) -> Result<Powered<'p>, NtStatus> {
        let pass = gate.enter().ok_or_else(|| self.unpowered())?;
        // SAFETY: the pass keeps `powered` or `vfs_on` from becoming empty, so nobody writes.
        let hardware = unsafe { &*self.hardware.get() };
        let hardware = hardware.as_ref().ok_or(status::DEVICE_NOT_READY)?;
        Ok(Powered {
            hardware,
            _pass: pass,
        })
    }

    fn unpowered(&self) -> NtStatus {
        if self.is_removed() {
            status::DEVICE_REMOVED
        } else {
            status::DEVICE_NOT_READY
        }
    }

    /// The hardware, for `EvtDevicePrepareHardware`, `EvtDeviceD0Entry`, `EvtDeviceD0Exit` and
    /// `EvtDeviceReleaseHardware`. The framework calls these one at a time: the two about power from
    /// its power state machine, and its Plug and Play state machine calls the others when that one
    /// rests.
    ///
    /// `EvtDeviceSurpriseRemoval`, `EvtDeviceQueryStop` and `EvtDeviceQueryRemove` may run at the same
    /// time and must not call this. They may shut the gates, which only keeps more calls away.
    ///
    /// # Safety
    /// The caller is one of the four callbacks.
    pub(crate) unsafe fn change_hardware<R>(
        &self,
        change: impl FnOnce(&mut Option<Hardware>) -> R,
    ) -> R {
        self.hold_calls();
        close_and_wait(&self.vfs_on);
        // SAFETY: both gates are closed and empty, so no call reads, and the framework calls the
        // callbacks that may write one at a time.
        change(unsafe { &mut *self.hardware.get() })
    }

    /// The VFs are on: lets resets reach them.
    pub(crate) fn admit_resets(&self) {
        self.vfs_on.reopen();
    }

    /// The VFs' registers are restored: lets calls reach the hardware.
    pub(crate) fn power_up(&self) {
        self.powered.reopen();
    }

    /// Keeps new calls away from the hardware and waits for those that are there, at
    /// `PASSIVE_LEVEL`. Resets go on.
    pub(crate) fn hold_calls(&self) {
        close_and_wait(&self.powered);
    }

    /// The device is gone: no call is let in any more, and a callback that waits for the
    /// virtualization stack returns. Callable any number of times, at `PASSIVE_LEVEL`.
    ///
    /// It waits for nothing and completes no request, because `EvtDeviceSurpriseRemoval` is not
    /// synchronized with the callbacks of a power-down (its documentation page, and the rule
    /// `NoCancelFromEvtSurpriseRemove`). What it leaves [`drain`](Self::drain) ends. It may run beside
    /// every other callback; `crates/pf-state/tests/loom.rs` has the models.
    pub(crate) fn mark_removed(&self) {
        if self.is_removed() {
            return;
        }
        if let Some(served) = self.served.get() {
            served.broker.remove(wait::now());
        }
        let wake = self.rebalance.lock().removed();
        self.sleeper.wake(wake);
        self.powered.shut();
        self.vfs_on.shut();
        // Last: whoever sees this gate shut relies on everything before.
        self.alive.shut();
    }

    /// The device is gone, and no other callback of it runs: calls in flight end, and every waiting
    /// request is completed. Only the first call counts; at `PASSIVE_LEVEL`.
    ///
    /// It is called from `EvtDeviceSelfManagedIoFlush`, which the framework calls when the device has
    /// left D0 and released its hardware, and from the device's `EvtCleanupCallback` for a device
    /// that never got so far as to be flushed.
    pub(crate) fn drain(&self) {
        self.mark_removed();
        if self.drained.swap(true, Ordering::AcqRel) {
            return;
        }
        // A request is put into its queue by a call that is in flight: afterwards there is none more.
        let gates = [&self.powered, &self.vfs_on, &self.alive];
        wait::until(|| gates.iter().all(|gate| gate.is_empty()));
        let vf_queues = self
            .served
            .get()
            .into_iter()
            .flat_map(|served| served.cells().iter().map(|cell| cell.invalidations));
        for queue in self.queues.all().chain(vf_queues) {
            while let Some(request) = queue.next() {
                request.complete(status::DEVICE_REMOVED);
            }
        }
        etw::write(&self.source, &Happened::of(&event::REMOVED));
    }
}

/// Closes a gate and waits until it is empty, at `PASSIVE_LEVEL`.
fn close_and_wait(gate: &Gate) {
    // It may be closed already, which is as good.
    let _ = gate.close();
    wait::until(|| gate.is_empty());
}

/// Deletes a PF that nobody holds any more.
///
/// # Safety
/// The last hold on it was given back.
unsafe fn delete(object: WDFOBJECT) {
    // SAFETY: as the caller promises.
    unsafe { object::delete(object) };
    LIVING.fetch_sub(1, Ordering::AcqRel);
}

/// The NTSTATUS of a refusal.
#[inline]
pub(crate) const fn status_of(refusal: Refusal) -> NtStatus {
    refusal.status().cast_signed()
}
