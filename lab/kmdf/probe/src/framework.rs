//! Framework calls, shortened to what the scenarios need.

use core::ptr;

use wdk_sys::{
    _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
    _WDF_IO_QUEUE_DISPATCH_TYPE::{WdfIoQueueDispatchManual, WdfIoQueueDispatchSequential},
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
    _WDF_TRI_STATE::WdfFalse,
    IO_STATUS_BLOCK, KEVENT, NTSTATUS, PCUNICODE_STRING, PDEVICE_OBJECT, PDRIVER_OBJECT,
    PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL, PIRP, PVOID, REG_SZ, UNICODE_STRING, WDF_DRIVER_CONFIG,
    WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFDRIVER, WDFKEY, WDFMEMORY, WDFOBJECT,
    WDFQUEUE, WDFSPINLOCK, WDFWAITLOCK, call_unsafe_wdf_function_binding,
    ntddk::{IoBuildDeviceIoControlRequest, IofCallDriver, KeInitializeEvent},
};

/// The size that a structure carries in its own first field.
pub(crate) const fn size<T>() -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no structure of the kernel has 4 GiB"
    )]
    {
        size_of::<T>() as u32
    }
}

/// A promise of the framework that was not kept.
pub(crate) struct Promise(pub(crate) &'static str);

/// `Ok` when the promise was kept.
pub(crate) fn promise(kept: bool, promise: &'static str) -> Result<(), Promise> {
    if kept { Ok(()) } else { Err(Promise(promise)) }
}

/// A control code: `METHOD_BUFFERED`, any access.
pub(crate) const CONTROL: u32 = 0x0022_2000;

/// The bound framework.
pub(crate) struct Framework {
    pub(crate) driver: WDFDRIVER,
}

/// A control device with a queue.
pub(crate) struct Device {
    pub(crate) handle: WDFDEVICE,
    pub(crate) queue: WDFQUEUE,
    pub(crate) object: PDEVICE_OBJECT,
}

/// Calls a framework function with arguments that live until it returns.
macro_rules! wdf {
    ($($call:tt)*) => {
        // SAFETY: handles and structures are the caller's own and live until the call returns, or
        // are wrong on purpose, which the framework must survive.
        unsafe { call_unsafe_wdf_function_binding!($($call)*) }
    };
}
pub(crate) use wdf;

/// Attributes with this parent; null for the default.
pub(crate) fn attributes<T>(parent: *mut T) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size::<WDF_OBJECT_ATTRIBUTES>(),
        ExecutionLevel: WdfExecutionLevelInheritFromParent,
        SynchronizationScope: WdfSynchronizationScopeInheritFromParent,
        ParentObject: parent.cast(),
        ..Default::default()
    }
}

/// A counted string over ASCII, in `room`.
pub(crate) fn unicode(text: &str, room: &mut [u16; 64]) -> UNICODE_STRING {
    let mut length = 0;
    for (to, from) in room.iter_mut().zip(text.encode_utf16()) {
        *to = from;
        length += 2;
    }
    UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: room.as_mut_ptr(),
    }
}

impl Framework {
    /// `WdfDriverCreate`.
    ///
    /// # Safety
    /// The arguments are those of the entry point.
    pub(crate) unsafe fn create(
        driver: PDRIVER_OBJECT,
        registry_path: PCUNICODE_STRING,
        config: &mut WDF_DRIVER_CONFIG,
    ) -> Result<Self, NTSTATUS> {
        let mut handle: WDFDRIVER = ptr::null_mut();
        let status = wdf!(
            WdfDriverCreate,
            driver,
            registry_path,
            ptr::null_mut(),
            config,
            &raw mut handle
        );
        if status < 0 {
            Err(status)
        } else {
            Ok(Self { driver: handle })
        }
    }

    fn parameters(&self) -> WDFKEY {
        const KEY_ALL_ACCESS: u32 = 0x000F_003F;
        let mut key: WDFKEY = ptr::null_mut();
        let _ = wdf!(
            WdfDriverOpenParametersRegistryKey,
            self.driver,
            KEY_ALL_ACCESS,
            ptr::null_mut(),
            &raw mut key
        );
        key
    }

    /// The scenario's name as ASCII, and its length.
    pub(crate) fn scenario(&self, name: &mut [u8; 48]) -> usize {
        let key = self.parameters();
        let mut room = [0; 64];
        let value = unicode("Scenario", &mut room);
        let mut characters = [0_u16; 48];
        let mut length = 0;
        let status = wdf!(
            WdfRegistryQueryValue,
            key,
            &raw const value,
            96,
            characters.as_mut_ptr().cast(),
            &raw mut length,
            ptr::null_mut()
        );
        wdf!(WdfRegistryClose, key);
        if status < 0 {
            return 0;
        }
        let text = characters.iter().take_while(|&&character| character != 0);
        let mut count = 0;
        for (to, &from) in name.iter_mut().zip(text) {
            *to = u8::try_from(from).unwrap_or(b'?');
            count += 1;
        }
        count
    }

    /// Deletes what an earlier scenario wrote below the `Parameters` key.
    pub(crate) fn forget(&self, names: &[&str]) {
        let key = self.parameters();
        for name in names {
            let mut room = [0; 64];
            let name = unicode(name, &mut room);
            let _ = wdf!(WdfRegistryRemoveValue, key, &raw const name);
        }
        wdf!(WdfRegistryClose, key);
    }

    /// Writes a string value below the `Parameters` key.
    pub(crate) fn note(&self, name: &str, text: &str) {
        let mut room = [0; 64];
        let length = usize::from(unicode(text, &mut room).Length) / 2;
        self.note_characters(name, room.get_mut(..length).unwrap_or_default());
    }

    /// As [`Framework::note`], with the characters of the value.
    pub(crate) fn note_characters(&self, name: &str, characters: &mut [u16]) {
        let key = self.parameters();
        let mut room = [0; 64];
        let name = unicode(name, &mut room);
        let _ = wdf!(
            WdfRegistryAssignValue,
            key,
            &raw const name,
            REG_SZ,
            u32::try_from(characters.len() * 2).unwrap_or(0),
            characters.as_mut_ptr().cast()
        );
        wdf!(WdfRegistryClose, key);
    }

    /// A control device whose default queue calls `handler`, or hands requests out when there is
    /// none.
    pub(crate) fn device(&self, handler: PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL) -> Device {
        let mut room = [0; 64];
        let sddl = unicode("D:P(A;;GA;;;SY)", &mut room);
        let mut init = wdf!(WdfControlDeviceInitAllocate, self.driver, &raw const sddl);
        let mut handle: WDFDEVICE = ptr::null_mut();
        let _ = wdf!(
            WdfDeviceCreate,
            &raw mut init,
            ptr::null_mut(),
            &raw mut handle
        );
        let queue = queue(handle, handler, true);
        wdf!(WdfControlFinishInitializing, handle);
        let object = wdf!(WdfDeviceWdmGetDeviceObject, handle);
        Device {
            handle,
            queue,
            object,
        }
    }
}

/// A spin lock.
pub(crate) fn spin_lock() -> WDFSPINLOCK {
    let mut lock: WDFSPINLOCK = ptr::null_mut();
    let _ = wdf!(WdfSpinLockCreate, ptr::null_mut(), &raw mut lock);
    lock
}

/// A wait lock.
pub(crate) fn wait_lock() -> WDFWAITLOCK {
    let mut lock: WDFWAITLOCK = ptr::null_mut();
    let _ = wdf!(WdfWaitLockCreate, ptr::null_mut(), &raw mut lock);
    lock
}

/// Memory of 16 bytes below `parent`.
pub(crate) fn memory<T>(parent: *mut T) -> WDFMEMORY {
    let mut attributes = attributes(parent);
    memory_with(&mut attributes)
}

/// Memory of 16 bytes.
pub(crate) fn memory_with(attributes: &mut WDF_OBJECT_ATTRIBUTES) -> WDFMEMORY {
    let mut memory: WDFMEMORY = ptr::null_mut();
    let _ = wdf!(
        WdfMemoryCreate,
        attributes,
        512,
        0,
        16,
        &raw mut memory,
        ptr::null_mut()
    );
    memory
}

/// A queue of `device`; manual without a handler, sequential with one.
pub(crate) fn queue(
    device: WDFDEVICE,
    handler: PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL,
    default: bool,
) -> WDFQUEUE {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: size::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: if handler.is_some() {
            WdfIoQueueDispatchSequential
        } else {
            WdfIoQueueDispatchManual
        },
        PowerManaged: WdfFalse,
        DefaultQueue: u8::from(default),
        EvtIoDeviceControl: handler,
        ..Default::default()
    };
    let mut queue: WDFQUEUE = ptr::null_mut();
    let _ = wdf!(
        WdfIoQueueCreate,
        device,
        &raw mut config,
        ptr::null_mut(),
        &raw mut queue
    );
    queue
}

/// A packet on its way, with what the kernel writes when it comes back.
pub(crate) struct Packet {
    pub(crate) irp: PIRP,
    /// What the device's dispatch routine returned.
    pub(crate) returned: NTSTATUS,
}

/// The kernel writes here when a packet comes back; one packet at a time.
pub(crate) static mut STATUS_BLOCK: IO_STATUS_BLOCK =
    // SAFETY: an all-zero status block is valid.
    unsafe { core::mem::zeroed() };
// SAFETY: an all-zero event is initialised before its use.
static mut EVENT: KEVENT = unsafe { core::mem::zeroed() };
static mut BUFFER: [u8; 16] = [0; 16];

/// Sends `CONTROL` with 4 bytes in and 8 bytes out.
pub(crate) fn send(device: &Device) -> Packet {
    let event = &raw mut EVENT;
    // SAFETY: the event is static.
    unsafe { KeInitializeEvent(event, 0, 0) };
    let buffer: PVOID = (&raw mut BUFFER).cast();
    let status_block = &raw mut STATUS_BLOCK;
    // SAFETY: buffer, event and status block are static, and the device exists.
    let irp = unsafe {
        IoBuildDeviceIoControlRequest(
            CONTROL,
            device.object,
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
    let returned = unsafe { IofCallDriver(device.object, irp) };
    Packet { irp, returned }
}

/// The status with which the last packet came back.
pub(crate) fn last_status() -> NTSTATUS {
    // The status is the first member.
    let status = (&raw const STATUS_BLOCK).cast::<NTSTATUS>();
    // SAFETY: the kernel wrote the block when the packet came back, on this thread.
    unsafe { status.read() }
}

/// The information with which the last packet came back.
pub(crate) fn last_information() -> u64 {
    // SAFETY: as above.
    unsafe { STATUS_BLOCK.Information }
}

/// Deletes an object.
pub(crate) fn delete<T>(object: *mut T) {
    wdf!(
        WdfObjectDelete,
        object.cast::<core::ffi::c_void>() as WDFOBJECT
    );
}

/// Takes a reference.
pub(crate) fn reference<T>(object: *mut T) {
    wdf!(
        WdfObjectReferenceActual,
        object.cast::<core::ffi::c_void>() as WDFOBJECT,
        ptr::null_mut(),
        0,
        ptr::null()
    );
}

/// Gives a reference back.
pub(crate) fn dereference<T>(object: *mut T) {
    wdf!(
        WdfObjectDereferenceActual,
        object.cast::<core::ffi::c_void>() as WDFOBJECT,
        ptr::null_mut(),
        0,
        ptr::null()
    );
}
