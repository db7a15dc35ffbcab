//! Creates, finds, references and deletes the framework object of a PF.
//!
//! A PF is the context of a framework object of its own, a child of the driver and not of the
//! device, because an interface may be held longer than the device exists. The device, each holder
//! of the interface and each companion hold it; the last release deletes it.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering},
};

use pcivirt_abi::Luid;
use pf_state::{
    event,
    event_log::WAITING_FOR_REFERENCES,
    failure::StartFailure,
    position::Position,
    rundown::{Holder, Released},
    status::{self, NtStatus},
};
use wdk_sys::{WDFDEVICE, WDFOBJECT};

use super::Pf;
use crate::{
    etw::{self, EtwEvent},
    event_log,
    os::{
        object::{self, Context, ContextType},
        once::Once,
        wait, wdf,
    },
    pending::Callbacks,
};

/// How many PFs exist.
static LIVING: AtomicU32 = AtomicU32::new(0);

/// A holder has kept a PF longer than its device existed.
static OUTLIVED: AtomicBool = AtomicBool::new(false);

/// The time that the thread of the last holder gets to leave this image.
const LAST_INSTRUCTIONS_MILLISECONDS: u32 = 20;

/// Waits until the last interface of the last PF was released, at `PASSIVE_LEVEL`. An event
/// announces that, because the wait has no limit.
pub(crate) fn wait_until_none_is_left() {
    let held = LIVING.load(Ordering::Acquire);
    if held != 0 {
        let waiting = EtwEvent {
            first: u64::from(held),
            ..EtwEvent::of(&event::WAITING_FOR_REFERENCES)
        };
        event_log::report_always(&etw::DRIVER, &WAITING_FOR_REFERENCES, 0, &waiting);
        wait::until(|| LIVING.load(Ordering::Acquire) == 0);
    }
    // The holder's thread lowers the count and then returns through this image. As long as it has a
    // handle to the device, or a reference to the device object that it sends its requests to, the
    // I/O manager keeps the image. Code in this image cannot wait for its own return, so for a
    // holder without either this pause is all that there is; docs/contract.md.
    if OUTLIVED.load(Ordering::Acquire) {
        wait::sleep(LAST_INSTRUCTIONS_MILLISECONDS);
    }
}

impl Context for Pf {
    const TYPE: &'static ContextType = {
        static TYPE: ContextType = ContextType::of::<Pf>(c"Pf", &TYPE);
        &TYPE
    };
}

/// The device's own context. The framework hands it out zeroed: no PF and no failure.
struct DeviceContext {
    /// Its PF, once it was created.
    pf: AtomicPtr<Pf>,
    /// Why the device must not start, if `EvtDriverDeviceAdd` found a reason.
    failure: Once<StartFailure>,
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

/// The PF of a device; none before it was created.
pub(crate) fn of_device<'d>(device: WDFDEVICE) -> Option<&'d Pf> {
    let pf = device_context(device)?.pf.load(Ordering::Acquire);
    // SAFETY: the device holds its PF until it is destroyed.
    unsafe { pf.as_ref() }
}

fn device_context<'d>(device: WDFDEVICE) -> Option<&'d DeviceContext> {
    let context = object::context::<DeviceContext>(device.cast())?;
    // SAFETY: the context lives as long as the device, and zeros are a value of it.
    Some(unsafe { context.as_ref() })
}

/// Keeps a device from starting, with the first cause that is given for it.
///
/// `EvtDriverDeviceAdd` must not fail: the framework then removes a filter from the stack, and the
/// device starts without it (`FxDriver::AddDevice`).
pub(crate) fn keep_from_starting(device: WDFDEVICE, failure: StartFailure) {
    if let Some(context) = device_context(device) {
        context.failure.set(failure);
    }
}

/// Why a device must not start.
pub(crate) fn failure(device: WDFDEVICE) -> Option<StartFailure> {
    device_context(device)?.failure.get().copied()
}

/// The PF that an interface's context points to.
///
/// # Safety
/// The context is that of an interface of this driver, which the caller holds a reference to.
pub(crate) unsafe fn of_interface<'i>(context: *mut core::ffi::c_void) -> Option<&'i Pf> {
    // SAFETY: as the caller promises.
    unsafe { context.cast::<Pf>().as_ref() }
}

/// Creates the PF of a device, which holds it.
pub(crate) fn create(
    device: WDFDEVICE,
    position: Position,
    callbacks: Callbacks,
) -> Result<&'static Pf, NtStatus> {
    let mut attributes = object::with_context::<Pf>();
    let mut handle: WDFOBJECT = core::ptr::null_mut();
    // SAFETY: the attributes live through the call. Without a parent of its own choice the object
    // is a child of the driver.
    let status = unsafe { wdf::call!(WdfObjectCreate, &raw mut attributes, &raw mut handle) };
    wdf::check(status)?;
    let new = Unfinished(handle);
    let place = object::context::<Pf>(handle).ok_or(status::UNSUCCESSFUL)?;
    let pf = Pf::new(handle, device, position, new_luid()?, callbacks)?;
    let owner = device_context(device).ok_or(status::UNSUCCESSFUL)?;
    // SAFETY: the context has room for a PF, aligned, and nothing else refers to it yet.
    unsafe { place.write(pf) };
    // SAFETY: it was just written, and lives until the last release.
    let pf: &'static Pf = unsafe { place.as_ref() };
    pf.sleeper.signal().initialize();
    LIVING.fetch_add(1, Ordering::AcqRel);
    core::mem::forget(new);
    owner.pf.store(place.as_ptr(), Ordering::Release);
    Ok(pf)
}

/// An object that is deleted again unless its creation succeeds.
struct Unfinished(WDFOBJECT);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // SAFETY: nothing else refers to the object.
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

impl Pf {
    /// Takes a reference to the interface. Callable up to `DISPATCH_LEVEL`.
    pub(crate) fn reference(&self) {
        self.references.take(Holder::Interface);
    }

    /// Releases a reference to the interface. Callable up to `DISPATCH_LEVEL`.
    ///
    /// # Safety
    /// The caller no longer uses the PF.
    pub(crate) unsafe fn dereference(this: NonNull<Self>) {
        // SAFETY: as the caller promises.
        unsafe { Self::release(this, Holder::Interface) };
    }

    /// Takes a reference for the companion, which is about to get the driver's functions.
    pub(crate) fn hold_for_companion(&self) {
        self.references.take(Holder::Companion);
    }

    /// Releases the reference of a companion that has declined, in a callback of the device.
    pub(crate) fn release_for_companion(&self) {
        // The device holds the PF, too, so this is not the last hold.
        let _ = self.references.release(Holder::Companion);
    }

    /// The companion releases its reference. Callable up to `DISPATCH_LEVEL`.
    ///
    /// # Safety
    /// The companion no longer uses the PF.
    pub(crate) unsafe fn released_by_companion(this: NonNull<Self>) {
        // SAFETY: as the caller promises.
        unsafe { Self::release(this, Holder::Companion) };
    }

    /// Releases a reference.
    ///
    /// # Safety
    /// The holder no longer uses the PF.
    unsafe fn release(this: NonNull<Self>, holder: Holder) {
        // SAFETY: the caller's reference, or the device, keeps the PF alive until it is released.
        let pf = unsafe { this.as_ref() };
        let object = pf.object;
        match pf.references.release(holder) {
            Ok(Released::Last) => {
                OUTLIVED.store(true, Ordering::Release);
                // SAFETY: that was the last hold.
                unsafe { delete(object) };
            }
            Ok(Released::NotLast) => {}
            Err(_) => etw::write(&pf.source, &EtwEvent::of(&event::UNBALANCED_DEREFERENCE)),
        }
    }

    /// The device releases its hold.
    ///
    /// # Safety
    /// The device no longer uses the PF.
    pub(crate) unsafe fn device_gone(this: NonNull<Self>) {
        // SAFETY: the device holds the PF until here.
        let pf = unsafe { this.as_ref() };
        let object = pf.object;
        if pf.references.device_gone() == Released::Last {
            // SAFETY: that was the last hold.
            unsafe { delete(object) };
        }
    }

    /// Whether the interface is held. A companion is detached by a removal, and vetoes none.
    pub(crate) fn is_referenced(&self) -> bool {
        self.references.are_held(Holder::Interface)
    }
}

/// Deletes a PF after its last release.
///
/// # Safety
/// The last hold on it was released.
unsafe fn delete(object: WDFOBJECT) {
    // SAFETY: as the caller promises.
    unsafe { object::delete(object) };
    LIVING.fetch_sub(1, Ordering::AcqRel);
}
