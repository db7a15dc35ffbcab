//! Packets that the probe sends to its own device, as the system would.

use core::{
    fmt, ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use wdk_sys::{
    _EVENT_TYPE::NotificationEvent,
    _KWAIT_REASON::Executive,
    _POWER_STATE_TYPE::{DevicePowerState, SystemPowerState},
    GUID, INTERFACE, IO_STACK_LOCATION, IO_STATUS_BLOCK, IRP, IRP_MJ_CLEANUP, IRP_MJ_CLOSE,
    IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MN_QUERY_INTERFACE,
    IRP_MN_SET_POWER, KEVENT, NTSTATUS, PDEVICE_OBJECT, PFILE_OBJECT, PIRP, PVOID,
    SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_ERROR, SL_INVOKE_ON_SUCCESS, STATUS_NOT_SUPPORTED,
    STATUS_UNSUCCESSFUL,
    ntddk::{
        IoAllocateIrp, IoBuildDeviceIoControlRequest, IoCancelIrp, IoFreeIrp, IofCallDriver,
        KeInitializeEvent, KeSetEvent, KeWaitForSingleObject,
    },
};

use crate::{kernel_types::byte, record::record};

/// A control code: `METHOD_BUFFERED`, any access.
pub(crate) const CONTROL: u32 = 0x0022_2000;

/// `STATUS_MORE_PROCESSING_REQUIRED`: the sender keeps the packet.
const MORE_PROCESSING: NTSTATUS = 0xC000_0016_u32.cast_signed();

/// The current stack location of a packet.
pub(crate) fn location(irp: PIRP) -> *mut IO_STACK_LOCATION {
    // SAFETY: callers hold the packet.
    let packet = unsafe { &*irp };
    // SAFETY: a packet that a driver holds has this form of the union.
    let overlay = unsafe { &packet.Tail.Overlay };
    // SAFETY: as above; the location is not used as anything else meanwhile.
    unsafe {
        overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    }
}

/// The status of a packet that came back.
pub(crate) fn status(irp: PIRP) -> NTSTATUS {
    // SAFETY: callers hold the packet.
    let block = unsafe { &(*irp).IoStatus };
    // SAFETY: the other member of the union is the kernel's own.
    unsafe { block.__bindgen_anon_1.Status }
}

/// Sets the status of a packet that the caller holds.
pub(crate) fn set_status(irp: PIRP, status: NTSTATUS) {
    // SAFETY: callers hold the packet.
    let block = unsafe { &mut (*irp).IoStatus };
    block.__bindgen_anon_1.Status = status;
}

type Routine = unsafe extern "C" fn(PDEVICE_OBJECT, PIRP, PVOID) -> NTSTATUS;

/// A packet for `device` whose first location `prepare` fills.
fn build(
    device: PDEVICE_OBJECT,
    routine: Routine,
    context: PVOID,
    prepare: impl FnOnce(&mut IO_STACK_LOCATION),
) -> PIRP {
    // SAFETY: the scenario keeps its device.
    let locations = unsafe { (*device).StackSize };
    // SAFETY: allocates a packet.
    let irp = unsafe { IoAllocateIrp(locations, 0) };
    set_status(irp, STATUS_NOT_SUPPORTED);
    let next = location(irp).wrapping_sub(1);
    // SAFETY: a new packet has at least one location, which no other code uses.
    let next = unsafe { &mut *next };
    prepare(next);
    next.CompletionRoutine = Some(routine);
    next.Context = context;
    next.Control = byte(SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL);
    irp
}

unsafe extern "C" fn wake(_device: PDEVICE_OBJECT, _irp: PIRP, event: PVOID) -> NTSTATUS {
    // SAFETY: the event of the thread that waits for the packet.
    unsafe { KeSetEvent(event.cast(), 0, 0) };
    MORE_PROCESSING
}

/// Sends a packet and waits for it. Its status and information.
pub(crate) fn send(
    device: PDEVICE_OBJECT,
    prepare: impl FnOnce(&mut IO_STACK_LOCATION),
) -> (NTSTATUS, u64) {
    send_with(device, wake, prepare)
}

/// As [`send`], with a completion routine that ends in [`wake`].
fn send_with(
    device: PDEVICE_OBJECT,
    routine: Routine,
    prepare: impl FnOnce(&mut IO_STACK_LOCATION),
) -> (NTSTATUS, u64) {
    let mut event = KEVENT::default();
    // SAFETY: the event lives until the wait ended.
    unsafe { KeInitializeEvent(&raw mut event, NotificationEvent, 0) };
    let irp = build(device, routine, (&raw mut event).cast(), prepare);
    // SAFETY: the packet was built for this device.
    let _ = unsafe { IofCallDriver(device, irp) };
    // SAFETY: the completion routine signals the event, which lives until then.
    let _ =
        unsafe { KeWaitForSingleObject((&raw mut event).cast(), Executive, 0, 0, ptr::null_mut()) };
    let status = status(irp);
    // SAFETY: the packet is the sender's again.
    let information = unsafe { (*irp).IoStatus.Information };
    // SAFETY: nothing uses the packet any more.
    unsafe { IoFreeIrp(irp) };
    (status, information)
}

/// Sends a Plug and Play packet without parameters.
pub(crate) fn pnp(device: PDEVICE_OBJECT, minor: u32) -> NTSTATUS {
    let prepare = |location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(IRP_MJ_PNP);
        location.MinorFunction = byte(minor);
    };
    send(device, prepare).0
}

/// A power state that a packet sets.
#[derive(Clone, Copy)]
pub(crate) enum Power {
    /// `PowerSystemWorking` and its siblings.
    System(i32),
    /// `PowerDeviceD0` and its siblings.
    Device(i32),
}

impl Power {
    /// The state in the stack location of a power packet.
    pub(crate) fn of(location: &IO_STACK_LOCATION) -> Self {
        // SAFETY: the packet is a power packet, so this member of the union is in use.
        let power = unsafe { location.Parameters.Power };
        if power.Type == SystemPowerState {
            // SAFETY: the type selects the member.
            Self::System(unsafe { power.State.SystemState })
        } else {
            // SAFETY: as above.
            Self::Device(unsafe { power.State.DeviceState })
        }
    }
}

impl fmt::Display for Power {
    /// `S0` and `D0` are 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(state) => write!(f, "S{}", state - 1),
            Self::Device(state) => write!(f, "D{}", state - 1),
        }
    }
}

/// Records the end of a power packet, then wakes its sender. The framework may still be handling
/// its consequences.
unsafe extern "C" fn powered(device: PDEVICE_OBJECT, irp: PIRP, event: PVOID) -> NTSTATUS {
    record!("SET_POWER ends with {:#010x}", status(irp));
    // SAFETY: as for `wake`, which takes the same arguments.
    unsafe { wake(device, irp, event) }
}

/// Sends a packet that sets a power state, and records its end.
pub(crate) fn power(device: PDEVICE_OBJECT, power: Power) {
    set_power(device, powered, power);
}

/// As [`power`], for an end that may come at any time: it is not recorded.
pub(crate) fn power_unrecorded(device: PDEVICE_OBJECT, power: Power) {
    set_power(device, wake, power);
}

fn set_power(device: PDEVICE_OBJECT, routine: Routine, power: Power) {
    send_with(device, routine, |location| {
        location.MajorFunction = byte(IRP_MJ_POWER);
        location.MinorFunction = byte(IRP_MN_SET_POWER);
        let parameters = &mut location.Parameters;
        match power {
            Power::System(state) => {
                parameters.Power.Type = SystemPowerState;
                parameters.Power.State.SystemState = state;
            }
            Power::Device(state) => {
                parameters.Power.Type = DevicePowerState;
                parameters.Power.State.DeviceState = state;
            }
        }
    });
}

/// Asks for an interface.
pub(crate) fn query_interface(
    device: PDEVICE_OBJECT,
    class: &GUID,
    interface: *mut INTERFACE,
    size: u16,
    version: u16,
) -> (NTSTATUS, u64) {
    send(device, |location| {
        location.MajorFunction = byte(IRP_MJ_PNP);
        location.MinorFunction = byte(IRP_MN_QUERY_INTERFACE);
        let query = &mut location.Parameters;
        query.QueryInterface.InterfaceType = class;
        query.QueryInterface.Size = size;
        query.QueryInterface.Version = version;
        query.QueryInterface.Interface = interface;
    })
}

/// Sends a packet about a file.
fn file(device: PDEVICE_OBJECT, major: u32, file: PFILE_OBJECT) -> NTSTATUS {
    let prepare = |location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(major);
        location.FileObject = file;
    };
    send(device, prepare).0
}

/// `IRP_MJ_CREATE`.
pub(crate) fn open(device: PDEVICE_OBJECT, object: PFILE_OBJECT) -> NTSTATUS {
    file(device, IRP_MJ_CREATE, object)
}

/// `IRP_MJ_CLEANUP`.
pub(crate) fn clean_up(device: PDEVICE_OBJECT, object: PFILE_OBJECT) -> NTSTATUS {
    file(device, IRP_MJ_CLEANUP, object)
}

/// `IRP_MJ_CLOSE`.
pub(crate) fn close(device: PDEVICE_OBJECT, object: PFILE_OBJECT) -> NTSTATUS {
    file(device, IRP_MJ_CLOSE, object)
}

/// How many device controls may be under way.
pub(crate) const CONTROLS: usize = 4;
static UNDER_WAY: [AtomicPtr<IRP>; CONTROLS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; CONTROLS];

/// The control code of the device control with this number.
pub(crate) const fn code(number: usize) -> u32 {
    // The function is at bit 2; the numbers are small.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "numbers are below `CONTROLS`"
    )]
    {
        CONTROL + ((number as u32) << 2)
    }
}

/// The number of a device control with this code.
pub(crate) const fn number(code: u32) -> usize {
    ((code - CONTROL) >> 2) as usize
}

/// Sends device control `number`, without buffers, and goes on. Its end is recorded.
pub(crate) fn control(device: PDEVICE_OBJECT, number: usize, object: PFILE_OBJECT) {
    let context = ptr::without_provenance_mut(number);
    let irp = build(device, back, context, |location| {
        location.MajorFunction = byte(IRP_MJ_DEVICE_CONTROL);
        location.FileObject = object;
        location.Parameters.DeviceIoControl.IoControlCode = code(number);
    });
    if let Some(place) = UNDER_WAY.get(number) {
        place.store(irp, Ordering::Release);
    }
    // SAFETY: the packet was built for this device.
    let _ = unsafe { IofCallDriver(device, irp) };
}

unsafe extern "C" fn back(_device: PDEVICE_OBJECT, irp: PIRP, context: PVOID) -> NTSTATUS {
    let number = context.addr();
    record!("control {number} ends with {:#010x}", status(irp));
    if let Some(place) = UNDER_WAY.get(number) {
        place.store(ptr::null_mut(), Ordering::Release);
    }
    // SAFETY: the packet is the sender's again, and nothing uses it any more.
    unsafe { IoFreeIrp(irp) };
    MORE_PROCESSING
}

/// Cancels device control `number`, which is under way.
pub(crate) fn cancel(number: usize) -> NTSTATUS {
    let Some(irp) = UNDER_WAY
        .get(number)
        .map(|place| place.load(Ordering::Acquire))
    else {
        return STATUS_UNSUCCESSFUL;
    };
    if irp.is_null() {
        return STATUS_UNSUCCESSFUL;
    }
    // SAFETY: the packet has not come back.
    NTSTATUS::from(unsafe { IoCancelIrp(irp) })
}

/// The kernel writes here when a packet of [`send_buffered`] comes back; one packet at a time.
// SAFETY: an all-zero status block is valid.
static mut STATUS_BLOCK: IO_STATUS_BLOCK = unsafe { core::mem::zeroed() };
// SAFETY: an all-zero event is initialised before its use.
static mut EVENT: KEVENT = unsafe { core::mem::zeroed() };
static mut BUFFER: [u8; 16] = [0; 16];

/// A packet of [`send_buffered`].
pub(crate) struct Buffered {
    pub(crate) irp: PIRP,
    /// The status that the device's dispatch routine returned.
    pub(crate) returned: NTSTATUS,
}

/// Sends `CONTROL` with 4 bytes in and 8 bytes out, and goes on.
pub(crate) fn send_buffered(device: PDEVICE_OBJECT) -> Buffered {
    let event = &raw mut EVENT;
    // SAFETY: the event is static.
    unsafe { KeInitializeEvent(event, NotificationEvent, 0) };
    let buffer: PVOID = (&raw mut BUFFER).cast();
    let status_block = &raw mut STATUS_BLOCK;
    // SAFETY: buffer, event and status block are static, and the device exists.
    let irp = unsafe {
        IoBuildDeviceIoControlRequest(
            CONTROL,
            device,
            buffer,
            4,
            buffer,
            8,
            0,
            event,
            status_block,
        )
    };
    // SAFETY: the packet was built for this device.
    let returned = unsafe { IofCallDriver(device, irp) };
    Buffered { irp, returned }
}

/// The status with which the last packet of [`send_buffered`] came back.
pub(crate) fn last_status() -> NTSTATUS {
    // The status is the first member.
    let status = (&raw const STATUS_BLOCK).cast::<NTSTATUS>();
    // SAFETY: the kernel wrote the block when the packet came back, on this thread.
    unsafe { status.read() }
}

/// The information with which the last packet of [`send_buffered`] came back.
pub(crate) fn last_information() -> u64 {
    // SAFETY: as above.
    unsafe { STATUS_BLOCK.Information }
}
