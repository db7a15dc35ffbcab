//! Event Tracing for Windows: a provider of self-describing (`TraceLogging`) events named
//! `PfBroker`.
//!
//! Each event names its PF by LUID and interface path, so that also a trace that began after the
//! device tells two PFs apart. Events are rare: block reads and writes cause none, there the broker
//! counts and keeps a journal. [`pf_state::event`] holds the events and their layout.
//!
//! The kernel's functions are looked up when the driver loads, not imported: a kernel without them
//! runs the driver without events. (The `tracelogging` crate imports them.)

use core::{
    ffi::{CStr, c_void},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use pcivirt_abi::{Guid, Luid};
pub(crate) use pf_state::event::EtwEvent;
use pf_state::{
    event::{self, EtwData, EtwDescriptor, EtwRecord, InterfacePath},
    event_log::DeviceName,
    status::NtStatus,
};

use crate::os::{kernel, once::Once, unicode::Name};

/// Where an event comes from: a PF, or the driver as a whole.
pub(crate) struct Source {
    luid: u64,
    interface: Once<InterfacePath>,
}

/// The driver as a whole.
pub(crate) static DRIVER: Source = Source {
    luid: 0,
    interface: Once::new(),
};

impl Source {
    /// A PF, whose interface path is not known yet.
    pub(crate) const fn of(luid: Luid) -> Self {
        Self {
            luid: event::luid_number(luid),
            interface: Once::new(),
        }
    }

    /// From now on events have this path.
    pub(crate) fn set_interface(&self, path: InterfacePath) {
        let _ = self.interface.set(path);
    }

    fn interface(&self) -> &CStr {
        self.interface.get().map_or(c"", InterfacePath::as_c_str)
    }

    /// How entries of the event log name the PF.
    pub(crate) fn device_name(&self) -> DeviceName<'_> {
        self.interface
            .get()
            .map_or(DeviceName::UNNAMED, DeviceName::of)
    }
}

/// `EventProviderSetTraits` of `EVENT_INFO_CLASS`.
const SET_TRAITS: i32 = 2;

type EtwRegister =
    unsafe extern "C" fn(*const Guid, *const c_void, *const c_void, *mut u64) -> NtStatus;
type EtwUnregister = unsafe extern "C" fn(u64) -> NtStatus;
type EtwSetInformation = unsafe extern "C" fn(u64, i32, *const c_void, u32) -> NtStatus;
type EtwWriteTransfer = unsafe extern "C" fn(
    u64,
    *const EtwDescriptor,
    *const Guid,
    *const Guid,
    u32,
    *const EtwData<'_>,
) -> NtStatus;

static REGISTER: Name<11> = Name::new(b"EtwRegister");
static UNREGISTER: Name<13> = Name::new(b"EtwUnregister");
static SET_INFORMATION: Name<17> = Name::new(b"EtwSetInformation");
static WRITE_TRANSFER: Name<16> = Name::new(b"EtwWriteTransfer");

/// The registration; 0 while there is none.
static HANDLE: AtomicU64 = AtomicU64::new(0);
/// `EtwWriteTransfer`, once the provider is registered.
static WRITE: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// The number of data descriptors of each event.
#[expect(clippy::cast_possible_truncation, reason = "there are nine")]
const DATA_COUNT: u32 = event::PIECES as u32;
/// The size of the provider's traits.
#[expect(clippy::cast_possible_truncation, reason = "there are 11 bytes")]
const TRAITS_SIZE: u32 = size_of_val(&event::PROVIDER_TRAITS) as u32;

/// Registers the provider, at `PASSIVE_LEVEL`.
pub(crate) fn register() {
    let (Some(register), Some(write)) =
        (kernel::look_up(&REGISTER), kernel::look_up(&WRITE_TRANSFER))
    else {
        return;
    };
    // SAFETY: the kernel's function of this name has this signature.
    let register = unsafe { core::mem::transmute::<*mut c_void, EtwRegister>(register) };
    let mut handle = 0;
    // SAFETY: the result lives through the call, and there is no callback.
    let status = unsafe {
        register(
            &raw const event::PROVIDER,
            core::ptr::null(),
            core::ptr::null(),
            &raw mut handle,
        )
    };
    if status < 0 {
        return;
    }
    if let Some(set) = kernel::look_up(&SET_INFORMATION) {
        // SAFETY: the kernel's function of this name has this signature.
        let set = unsafe { core::mem::transmute::<*mut c_void, EtwSetInformation>(set) };
        // Older kernels do not know traits; events carry them, too.
        // SAFETY: the registration is live, and the traits are static.
        let _ = unsafe {
            set(
                handle,
                SET_TRAITS,
                event::PROVIDER_TRAITS.as_ptr().cast(),
                TRAITS_SIZE,
            )
        };
    }
    WRITE.store(write, Ordering::Release);
    HANDLE.store(handle, Ordering::Release);
}

/// Ends the registration, at `PASSIVE_LEVEL`, when no event is written any more.
pub(crate) fn unregister() {
    let handle = HANDLE.swap(0, Ordering::AcqRel);
    if handle == 0 {
        return;
    }
    if let Some(unregister) = kernel::look_up(&UNREGISTER) {
        // SAFETY: the kernel's function of this name has this signature.
        let unregister = unsafe { core::mem::transmute::<*mut c_void, EtwUnregister>(unregister) };
        // SAFETY: the registration is live and used no more.
        let _ = unsafe { unregister(handle) };
    }
}

/// Writes an event, at any IRQL. Without a listener the kernel drops it at once.
pub(crate) fn write(source: &Source, event: &EtwEvent) {
    let handle = HANDLE.load(Ordering::Acquire);
    if handle == 0 {
        return;
    }
    let function = WRITE.load(Ordering::Acquire);
    // SAFETY: it was stored before the handle, and is the kernel's function of this signature.
    let function = unsafe { core::mem::transmute::<*mut c_void, EtwWriteTransfer>(function) };
    let record = EtwRecord::new(event, source.luid, source.interface());
    let data = record.data();
    // SAFETY: the provider is registered, and record and data, which point to all bytes of the
    // event, live through the call. An event that cannot be written is lost, as events may be.
    let _ = unsafe {
        function(
            handle,
            record.descriptor(),
            core::ptr::null(),
            core::ptr::null(),
            DATA_COUNT,
            data.as_ptr(),
        )
    };
}
