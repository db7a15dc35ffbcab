//! Event Tracing for Windows: a provider of self-describing (`TraceLogging`) events named
//! `PfBroker`.
//!
//! Each event names its PF by LUID and interface path, so a trace that began after the device did tells
//! two PFs apart all the same. Everything told here is rare; nothing is told on the way of a block read or write, where the
//! broker counts and keeps a journal. The events are those of [`pf_state::event`].
//!
//! The kernel's functions are looked up when the driver loads, not imported: a kernel without them
//! runs the driver without events. (The `tracelogging` crate imports them.) The layouts are those of
//! `evntprov.h` and of the `TraceLogging` format that `TraceLoggingProvider.h` documents.

use core::{
    ffi::{CStr, c_void},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

use pcivirt_abi::{Guid, Luid};
use pf_state::{
    event::{self, InterfacePath, Kind},
    failure::StartFailure,
    status::{self, NtStatus},
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
}

/// Something that happened.
pub(crate) struct Happened {
    pub(crate) kind: &'static Kind,
    /// The VF, or `FFFFh` when it is about none.
    pub(crate) vf: u16,
    pub(crate) status: NtStatus,
    pub(crate) first: u64,
    pub(crate) second: u64,
    pub(crate) sentence: &'static CStr,
}

impl Happened {
    /// An event without values.
    pub(crate) const fn of(kind: &'static Kind) -> Self {
        Self {
            kind,
            vf: u16::MAX,
            status: status::SUCCESS,
            first: 0,
            second: 0,
            sentence: kind.sentence(),
        }
    }
}

/// Tells why a device does not start: as an event, and to a debugger, for the one case in which
/// nothing else of the driver is there to be asked.
pub(crate) fn start_failed(source: &Source, failure: StartFailure) {
    let (first, second) = failure.values();
    let happened = Happened {
        status: failure.status(),
        first,
        second,
        sentence: failure.sentence(),
        ..Happened::of(&event::START_FAILED)
    };
    write(source, &happened);
    // SAFETY: the arguments are as the format asks, and the strings end with a zero.
    unsafe {
        wdk_sys::ntddk::DbgPrintEx(
            wdk_sys::_DPFLTR_TYPE::DPFLTR_IHVDRIVER_ID.cast_unsigned(),
            wdk_sys::DPFLTR_ERROR_LEVEL,
            c"pf_broker: %s (status 0x%08x, values %I64u and %I64u)\n".as_ptr(),
            failure.sentence().as_ptr(),
            failure.status(),
            first,
            second,
        )
    };
}

/// `EVENT_DESCRIPTOR` of `evntprov.h`.
#[repr(C)]
struct EventDescriptor {
    id: u16,
    version: u8,
    channel: u8,
    level: u8,
    opcode: u8,
    task: u16,
    keyword: u64,
}

/// `EVENT_DATA_DESCRIPTOR` of `evntprov.h`.
#[repr(C)]
struct EventData {
    address: u64,
    size: u32,
    kind: u32,
}

/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`
const EVENT_METADATA: u32 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`
const PROVIDER_METADATA: u32 = 2;
/// The channel of self-describing events.
const TRACE_LOGGING_CHANNEL: u8 = 11;
/// `EventProviderSetTraits` of `EVENT_INFO_CLASS`.
const SET_TRAITS: i32 = 2;

impl EventData {
    const fn typed<T: ?Sized>(value: &T, kind: u32) -> Self {
        let size = size_of_val(value);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "all values are a few bytes long"
        )]
        let size = size as u32;
        Self {
            address: 0,
            size,
            kind,
        }
    }

    fn at<T: ?Sized>(value: &T, kind: u32) -> Self {
        let address = core::ptr::from_ref(value).cast::<u8>().addr() as u64;
        Self {
            address,
            ..Self::typed(value, kind)
        }
    }

    fn field<T: ?Sized>(value: &T) -> Self {
        Self::at(value, 0)
    }
}

type EtwRegister =
    unsafe extern "C" fn(*const Guid, *const c_void, *const c_void, *mut u64) -> NtStatus;
type EtwUnregister = unsafe extern "C" fn(u64) -> NtStatus;
type EtwSetInformation = unsafe extern "C" fn(u64, i32, *const c_void, u32) -> NtStatus;
type EtwWriteTransfer = unsafe extern "C" fn(
    u64,
    *const EventDescriptor,
    *const Guid,
    *const Guid,
    u32,
    *const EventData,
) -> NtStatus;

static REGISTER: Name<11> = Name::new(b"EtwRegister");
static UNREGISTER: Name<13> = Name::new(b"EtwUnregister");
static SET_INFORMATION: Name<17> = Name::new(b"EtwSetInformation");
static WRITE_TRANSFER: Name<16> = Name::new(b"EtwWriteTransfer");

/// The registration; 0 while there is none.
static HANDLE: AtomicU64 = AtomicU64::new(0);
/// `EtwWriteTransfer`, once the provider is registered.
static WRITE: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

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
    // SAFETY: the result lives through the call, and no callback is asked for.
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
        let traits = EventData::typed(&event::PROVIDER_TRAITS, 0);
        // Older kernels do not know traits; events carry them, too.
        // SAFETY: the registration is live, and the traits are static.
        let _ = unsafe {
            set(
                handle,
                SET_TRAITS,
                event::PROVIDER_TRAITS.as_ptr().cast(),
                traits.size,
            )
        };
    }
    WRITE.store(write, Ordering::Release);
    HANDLE.store(handle, Ordering::Release);
}

/// Ends the registration, at `PASSIVE_LEVEL`, when nothing is told any more.
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

/// Pieces of an event: two of metadata, and its seven fields.
const PIECES: u32 = 9;

/// Writes an event, at any IRQL. The kernel drops it at once when nobody listens.
pub(crate) fn write(source: &Source, happened: &Happened) {
    let handle = HANDLE.load(Ordering::Acquire);
    if handle == 0 {
        return;
    }
    let function = WRITE.load(Ordering::Acquire);
    // SAFETY: it was stored before the handle, and is the kernel's function of this signature.
    let function = unsafe { core::mem::transmute::<*mut c_void, EtwWriteTransfer>(function) };
    let descriptor = EventDescriptor {
        id: 0,
        version: 0,
        channel: TRACE_LOGGING_CHANNEL,
        level: happened.kind.level(),
        opcode: 0,
        task: 0,
        keyword: 0,
    };
    let data: [_; PIECES as usize] = [
        EventData::at(&event::PROVIDER_TRAITS, PROVIDER_METADATA),
        EventData::at(happened.kind.metadata(), EVENT_METADATA),
        EventData::field(&source.luid),
        EventData::field(source.interface()),
        EventData::field(&happened.vf),
        EventData::field(&happened.status),
        EventData::field(&happened.first),
        EventData::field(&happened.second),
        EventData::field(happened.sentence),
    ];
    // SAFETY: the provider is registered, and everything that is pointed to lives through the call.
    // An event that cannot be written is lost, as events may be.
    let _ = unsafe {
        function(
            handle,
            &raw const descriptor,
            core::ptr::null(),
            core::ptr::null(),
            PIECES,
            data.as_ptr(),
        )
    };
}
