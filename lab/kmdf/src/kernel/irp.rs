//! I/O request packets: the inline functions of `wdm.h`, and sending packets down.

use core::{
    mem::offset_of,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};

use wdk_sys::{
    _EVENT_TYPE::NotificationEvent,
    _KWAIT_REASON::Executive,
    CCHAR, IO_SECURITY_CONTEXT, IO_STACK_LOCATION, IRP, IRP_MJ_INTERNAL_DEVICE_CONTROL, KEVENT,
    KPROCESSOR_MODE, NTSTATUS, PDEVICE_OBJECT, PDRIVER_CANCEL, PIO_COMPLETION_ROUTINE, PIRP, PVOID,
    SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_ERROR, SL_INVOKE_ON_SUCCESS, SL_PENDING_RETURNED,
    ntddk::{
        IoAllocateIrp, IoFreeIrp, IofCallDriver, IofCompleteRequest, KeInitializeEvent, KeSetEvent,
        KeWaitForSingleObject,
    },
};

use kmdf_rules::object::Handle;

use crate::kernel::{
    handle::{number, pointer},
    status,
};

/// A packet that a dispatch routine received or the double allocated, until it is completed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Irp(NonNull<IRP>);

/// Offsets in a packet.
const SYSTEM_BUFFER: usize = offset_of!(IRP, AssociatedIrp.SystemBuffer);
const STATUS: usize = offset_of!(IRP, IoStatus.__bindgen_anon_1.Status);
const DRIVER_CONTEXT: usize = offset_of!(
    IRP,
    Tail.Overlay.__bindgen_anon_1.__bindgen_anon_1.DriverContext
);
const CURRENT_LOCATION: usize = offset_of!(
    IRP,
    Tail.Overlay
        .__bindgen_anon_2
        .__bindgen_anon_1
        .CurrentStackLocation
);

/// `KernelMode`, in the type that waiting functions take.
pub(crate) const KERNEL_MODE: CCHAR = 0;

/// A constant of the headers that goes into a field of one byte.
pub(crate) const fn byte(constant: u32) -> u8 {
    constant.to_le_bytes()[0]
}

macro_rules! field {
    ($(#[$doc:meta])* $name:ident: $type:ty = $($path:ident).+) => {
        $(#[$doc])*
        pub(crate) fn $name(self) -> $type {
            // SAFETY: the packet is alive until it is completed; see `Irp::new`.
            unsafe { (*self.raw()).$($path).+ }
        }
    };
}

impl Irp {
    /// Takes a packet.
    ///
    /// # Safety
    /// The packet stays allocated for as long as the value is used.
    pub(crate) unsafe fn new(irp: PIRP) -> Option<Self> {
        NonNull::new(irp).map(Self)
    }

    /// Allocates a packet for the stack whose top is `device`; [`Irp::free`] frees it.
    pub(crate) fn allocate(device: PDEVICE_OBJECT) -> Option<Self> {
        // SAFETY: callers hold a reference to the device.
        let locations = unsafe { (*device).StackSize };
        // SAFETY: the function may return NULL, which `new` handles.
        let irp = unsafe { IoAllocateIrp(locations, 0) };
        // SAFETY: the packet was just allocated and belongs to the caller.
        unsafe { Self::new(irp) }
    }

    /// The packet's address.
    pub(crate) const fn raw(self) -> PIRP {
        self.0.as_ptr()
    }

    field!(
        /// `IoStatus.Information`.
        information: u64 = IoStatus.Information
    );
    field!(
        /// Whether `IoCancelIrp` was called.
        cancel_requested: u8 = Cancel
    );
    field!(
        /// The level to restore when a cancel routine releases the cancel spin lock.
        cancel_irql: u8 = CancelIrql
    );
    field!(
        /// The mode of the sender: kernel or user.
        requestor_mode: KPROCESSOR_MODE = RequestorMode
    );

    /// The address of a part of the packet. Paths through unions are unsafe; offsets are not.
    const fn at<T>(self, offset: usize) -> *mut T {
        self.raw().cast::<u8>().wrapping_add(offset).cast()
    }

    /// Buffer of `METHOD_BUFFERED`.
    pub(crate) fn system_buffer(self) -> PVOID {
        // SAFETY: the packet is alive, and the buffer pointer is at this offset.
        unsafe { self.at::<PVOID>(SYSTEM_BUFFER).read() }
    }

    /// `IoStatus.Status`.
    pub(crate) fn status(self) -> NTSTATUS {
        // SAFETY: the packet is alive, and the status is at this offset.
        unsafe { self.at::<NTSTATUS>(STATUS).read() }
    }

    /// Sets `IoStatus.Status`.
    pub(crate) fn set_status(self, status: NTSTATUS) {
        // SAFETY: the packet is alive and owned by this driver.
        unsafe { self.at::<NTSTATUS>(STATUS).write(status) };
    }

    /// Sets `IoStatus.Information`.
    pub(crate) fn set_information(self, information: u64) {
        // SAFETY: the packet is alive and owned by this driver.
        unsafe { (*self.raw()).IoStatus.Information = information };
    }

    /// Sets the buffers of a packet that the double builds.
    pub(crate) fn set_buffers(self, system: PVOID, user: PVOID) {
        // SAFETY: the packet is alive and owned by this driver.
        unsafe { self.at::<PVOID>(SYSTEM_BUFFER).write(system) };
        // SAFETY: as above.
        unsafe { (*self.raw()).UserBuffer = user };
    }

    /// Stores the framework request of the packet in the driver's own context of the packet.
    pub(crate) fn set_owner(self, owner: Handle) {
        // SAFETY: the packet is alive and owned by this driver.
        unsafe { self.at::<PVOID>(DRIVER_CONTEXT).write(pointer(owner)) };
    }

    /// The request that [`Irp::set_owner`] stored.
    pub(crate) fn owner(self) -> Handle {
        // SAFETY: the packet is alive; the context holds a handle value.
        number(unsafe { self.at::<PVOID>(DRIVER_CONTEXT).read() })
    }

    /// The device object of this driver's location.
    pub(crate) fn device(self) -> PDEVICE_OBJECT {
        self.parameters().DeviceObject
    }

    const fn location(self) -> *mut *mut IO_STACK_LOCATION {
        self.at(CURRENT_LOCATION)
    }

    /// This driver's stack location.
    pub(crate) fn stack(self) -> *mut IO_STACK_LOCATION {
        // SAFETY: the field is part of a live packet.
        unsafe { *self.location() }
    }

    /// This driver's stack location, copied.
    pub(crate) fn parameters(self) -> IO_STACK_LOCATION {
        // SAFETY: the packet is at this driver's location.
        unsafe { self.stack().read_unaligned() }
    }

    /// The location of the next lower driver.
    pub(crate) fn next(self) -> *mut IO_STACK_LOCATION {
        self.stack().wrapping_sub(1)
    }

    fn move_location(self, by: i8) {
        let location = self.stack().wrapping_offset(isize::from(by));
        // SAFETY: the packet is alive and owned by this driver.
        unsafe { *self.location() = location };
        // SAFETY: as above; the number follows the pointer.
        unsafe { (*self.raw()).CurrentLocation += by };
    }

    /// `IoSkipCurrentIrpStackLocation`.
    pub(crate) fn skip(self) {
        self.move_location(1);
    }

    /// `IoSetNextIrpStackLocation`.
    pub(crate) fn set_next(self) {
        self.move_location(-1);
    }

    /// `IoCopyCurrentIrpStackLocationToNext`.
    pub(crate) fn copy_to_next(self) {
        let mut location = self.parameters();
        location.CompletionRoutine = None;
        location.Context = ptr::null_mut();
        location.Control = 0;
        // SAFETY: the sender allocated a location for each driver of the stack.
        unsafe { self.next().write_unaligned(location) };
    }

    /// Fills the location of the next lower driver.
    pub(crate) fn set_next_location(self, location: IO_STACK_LOCATION) {
        // SAFETY: the sender allocated a location for each driver of the stack.
        unsafe { self.next().write_unaligned(location) };
    }

    /// Fills the location of the next lower driver with an internal device control.
    pub(crate) fn set_next_internal_control(
        self,
        code: u32,
        input: usize,
        output: usize,
        type3_input: PVOID,
    ) {
        let mut location = IO_STACK_LOCATION {
            MajorFunction: byte(IRP_MJ_INTERNAL_DEVICE_CONTROL),
            ..Default::default()
        };
        let parameters = &mut location.Parameters;
        parameters.DeviceIoControl.IoControlCode = code;
        parameters.DeviceIoControl.InputBufferLength = u32::try_from(input).unwrap_or(u32::MAX);
        parameters.DeviceIoControl.OutputBufferLength = u32::try_from(output).unwrap_or(u32::MAX);
        parameters.DeviceIoControl.Type3InputBuffer = type3_input;
        self.set_next_location(location);
    }

    /// `IoMarkIrpPending`.
    pub(crate) fn mark_pending(self) {
        let stack = self.stack();
        // SAFETY: the packet is at this driver's location.
        unsafe { (*stack).Control |= byte(SL_PENDING_RETURNED) };
    }

    /// Sets the security context of a create packet that has none.
    pub(crate) fn set_security_context_if_none(self, context: *mut IO_SECURITY_CONTEXT) {
        // SAFETY: the packet is at this driver's location.
        let parameters = unsafe { &mut (*self.stack()).Parameters };
        // SAFETY: a create packet uses this member.
        let place = unsafe { &mut parameters.Create.SecurityContext };
        if place.is_null() {
            *place = context;
        }
    }

    /// `IoSetCancelRoutine`; returns whether the packet had a routine before.
    pub(crate) fn swap_cancel_routine(self, routine: PDRIVER_CANCEL) -> bool {
        let new = routine.map_or(ptr::null_mut(), |routine| routine as *mut ());
        // SAFETY: the packet is alive; only the address of the field is computed.
        let field = unsafe { &raw mut (*self.raw()).CancelRoutine };
        // SAFETY: the field is a pointer that is exchanged atomically by every user.
        let field = unsafe { AtomicPtr::from_ptr(field.cast::<*mut ()>()) };
        !field.swap(new, Ordering::AcqRel).is_null()
    }

    /// `IoSetCompletionRoutine` for every outcome.
    pub(crate) fn set_completion_routine(self, routine: PIO_COMPLETION_ROUTINE, context: PVOID) {
        let next = self.next();
        // SAFETY: the location of the next lower driver, filled before.
        unsafe { (*next).CompletionRoutine = routine };
        // SAFETY: as above.
        unsafe { (*next).Context = context };
        // SAFETY: as above.
        unsafe {
            (*next).Control = byte(SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL);
        }
    }

    /// `IoCompleteRequest`. The packet must not be used any more.
    pub(crate) fn complete(self) {
        // SAFETY: the packet is owned by this driver, which gives it up here.
        unsafe { IofCompleteRequest(self.raw(), 0) };
    }

    /// Completes with a status and no information.
    pub(crate) fn finish(self, status: NTSTATUS) -> NTSTATUS {
        self.set_status(status);
        self.complete();
        status
    }

    /// `IoCallDriver`.
    pub(crate) fn call(self, device: PDEVICE_OBJECT) -> NTSTATUS {
        // SAFETY: the next location is filled, and `device` is the next lower device object.
        unsafe { IofCallDriver(device, self.raw()) }
    }

    /// Passes the packet down, which ends this driver's part in it.
    pub(crate) fn pass_down(self, device: PDEVICE_OBJECT) -> NTSTATUS {
        self.skip();
        self.call(device)
    }

    /// Passes the packet down and waits until the lower drivers have completed it; it then belongs
    /// to this driver again.
    pub(crate) fn pass_down_synchronously(self, device: PDEVICE_OBJECT) -> NTSTATUS {
        self.copy_to_next();
        self.send_synchronously(device)
    }

    /// As [`Irp::pass_down_synchronously`], with the next location already filled.
    pub(crate) fn send_synchronously(self, device: PDEVICE_OBJECT) -> NTSTATUS {
        let mut event = KEVENT::default();
        // SAFETY: the event lives until the wait below ended.
        unsafe { KeInitializeEvent(&raw mut event, NotificationEvent, 0) };
        self.set_completion_routine(Some(signal), (&raw mut event).cast());
        self.call(device);
        // The completion routine signals in every case; the status of the call is not needed.
        // SAFETY: the event lives until the wait ended.
        let _ = unsafe {
            KeWaitForSingleObject(
                (&raw mut event).cast(),
                Executive,
                KERNEL_MODE,
                0,
                ptr::null_mut(),
            )
        };
        self.status()
    }

    /// `IoFreeIrp`.
    pub(crate) fn free(self) {
        // SAFETY: the double allocated the packet, and nothing uses it any more.
        unsafe { IoFreeIrp(self.raw()) };
    }
}

/// Wakes the thread that waits in [`Irp::send_synchronously`].
unsafe extern "C" fn signal(_device: PDEVICE_OBJECT, _irp: PIRP, event: PVOID) -> NTSTATUS {
    // SAFETY: the context is the event of the waiting thread.
    unsafe { KeSetEvent(event.cast(), 0, 0) };
    status::MORE_PROCESSING_REQUIRED
}
