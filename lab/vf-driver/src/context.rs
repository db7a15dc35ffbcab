//! The context of a device: what the callbacks of one device share.

use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pcivirt_abi::vpci::{Interface, InvalidateBlockOutput};
use wdk_sys::{KEVENT, WDFDEVICE, WDFMEMORY, WDFQUEUE, WDFREQUEST};

use crate::wdf::{self, ContextType};

/// The context of a device. The framework allocates it, zeroed, with the device object.
pub(crate) struct Device {
    /// `VPCI_INTERFACE_STANDARD`, from `EvtDevicePrepareHardware` to `EvtDeviceReleaseHardware`.
    pub(crate) interface: UnsafeCell<Interface>,
    /// Requests of programs that wait for a change.
    pub(crate) waiters: Cell<WDFQUEUE>,
    pub(crate) changes: Changes,
}

/// The description of the context.
pub(crate) static DEVICE_CONTEXT: ContextType =
    ContextType::of::<Device>(c"vf_driver::Device", &DEVICE_CONTEXT);

/// The context of a device.
pub(crate) fn of<'d>(device: WDFDEVICE) -> &'d Device {
    // SAFETY: the device is live and was created with this context.
    let context = unsafe {
        wdf::call!(
            WdfObjectGetTypedContextWorker,
            device.cast(),
            &raw const DEVICE_CONTEXT.0
        )
    };
    // SAFETY: the context lives as long as the device, and is shared through atomics and cells
    // whose writes the framework orders.
    unsafe { &*context.cast::<Device>() }
}

impl Device {
    /// The bus's functions for this VF.
    pub(crate) fn interface(&self) -> Interface {
        // SAFETY: written in EvtDevicePrepareHardware alone, before any request can arrive.
        unsafe { *self.interface.get() }
    }
}

/// Which blocks changed, and the request by which the driver learns it.
pub(crate) struct Changes {
    /// Blocks to be read again.
    mask: AtomicU64,
    /// Cleared to stop listening.
    pub(crate) listening: AtomicBool,
    /// Set while no request is at the bus.
    pub(crate) idle: UnsafeCell<KEVENT>,
    /// The buffer that the bus writes the mask to.
    pub(crate) output: UnsafeCell<InvalidateBlockOutput>,
    /// The one request, and its buffer; both are set before the device starts.
    pub(crate) request: Cell<WDFREQUEST>,
    pub(crate) memory: Cell<WDFMEMORY>,
}

impl Changes {
    /// Takes the blocks to be read again.
    pub(crate) fn take(&self) -> u64 {
        self.mask.swap(0, Ordering::AcqRel)
    }

    /// Whether a block is to be read again.
    pub(crate) fn is_any(&self) -> bool {
        self.mask.load(Ordering::Acquire) != 0
    }

    /// Adds blocks to be read again.
    pub(crate) fn add(&self, mask: u64) {
        self.mask.fetch_or(mask, Ordering::AcqRel);
    }
}
