//! Framework calls in the short forms that scenarios need.

use core::ptr;

use wdk_sys::{
    _WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
    _WDF_IO_QUEUE_DISPATCH_TYPE::{WdfIoQueueDispatchManual, WdfIoQueueDispatchSequential},
    _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
    _WDF_TRI_STATE::WdfFalse,
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL,
    WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFDRIVER, WDFMEMORY,
    WDFOBJECT, WDFQUEUE, WDFSPINLOCK, call_unsafe_wdf_function_binding,
};

use crate::{kernel_types::size, parameters::Parameters};

/// The bound framework.
pub(crate) struct Framework {
    pub(crate) driver: WDFDRIVER,
    /// The system's driver object.
    pub(crate) object: PDRIVER_OBJECT,
    pub(crate) parameters: Parameters,
}

/// Calls a framework function with arguments that live until it returns.
macro_rules! wdf {
    ($($call:tt)*) => {
        // SAFETY: handles and structures are the caller's own and live until the call returns, or
        // are wrong on purpose, which the framework must handle.
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

impl Framework {
    /// `WdfDriverCreate`.
    ///
    /// # Errors
    /// What the framework or the registry returns.
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
            return Err(status);
        }
        Ok(Self {
            driver: handle,
            object: driver,
            // SAFETY: the caller guarantees it.
            parameters: unsafe { Parameters::open(registry_path) }?,
        })
    }
}

/// A spin lock.
pub(crate) fn spin_lock() -> WDFSPINLOCK {
    let mut lock: WDFSPINLOCK = ptr::null_mut();
    let _ = wdf!(WdfSpinLockCreate, ptr::null_mut(), &raw mut lock);
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

/// Deletes an object.
pub(crate) fn delete<T>(object: *mut T) {
    wdf!(
        WdfObjectDelete,
        object.cast::<core::ffi::c_void>() as WDFOBJECT
    );
}
