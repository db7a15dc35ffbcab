//! Device objects: creation, the WDM devices behind them, and their end.
//!
//! Rules (`fxdevicekm.cpp`, `fxdeviceapi.cpp`): a device is attached above its physical device when
//! it is created; the default I/O type is buffered; the device object is deleted after the remove
//! packet was passed down.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ptr;

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    object::{Handle, Kind},
    pnp::Machine,
    power_policy::Policy,
};
use wdk_sys::{
    _WDF_POWER_DEVICE_STATE::WdfPowerDeviceD3Final,
    DO_BUFFERED_IO, DO_DEVICE_INITIALIZING, DO_DIRECT_IO, DO_POWER_INRUSH, DO_POWER_PAGABLE,
    DRIVER_OBJECT, FILE_DEVICE_UNKNOWN, NTSTATUS, PDEVICE_OBJECT, WDF_POWER_DEVICE_STATE,
    ntddk::{IoAttachDeviceToDeviceStack, IoCreateDevice, IoDeleteDevice, IoDetachDevice},
};

use crate::{
    kernel::{argument::size, report::log, status},
    model::{
        context::Attributes,
        device_init::{Init, Settings},
        device_interface::DeviceInterface,
        objects::{self, Body, Reference},
        query_interface::QueryInterface,
    },
};

/// A `WDFDEVICE`.
pub(crate) struct Device {
    pub(crate) driver: Handle,
    pub(crate) fdo: PDEVICE_OBJECT,
    pub(crate) pdo: PDEVICE_OBJECT,
    /// The next lower device object.
    pub(crate) lower: PDEVICE_OBJECT,
    pub(crate) settings: Settings,
    /// Callbacks must run at `PASSIVE_LEVEL`.
    pub(crate) passive: bool,
    pub(crate) machine: Locked<Machine>,
    pub(crate) policy: Locked<Policy>,
    /// System power packets that are being answered with device power packets.
    pub(crate) power_requests: Locked<u32>,
    /// The device's power state, or the one before when it enters D0.
    pub(crate) power: Locked<WDF_POWER_DEVICE_STATE>,
    /// A thread moves the device between power states.
    pub(crate) in_transition: Locked<bool>,
    pub(crate) queues: Locked<Queues>,
    /// Framework file objects, by the address of the WDM file object.
    pub(crate) files: Locked<BTreeMap<usize, Handle>>,
    /// Addresses of WDM file objects that the driver saw closed before the system closed them.
    pub(crate) closed_early: Locked<Vec<usize>>,
    /// Packets about files that are being handled.
    pub(crate) file_packets: Locked<u32>,
    pub(crate) interfaces: Locked<Vec<DeviceInterface>>,
    pub(crate) query_interfaces: Locked<Vec<QueryInterface>>,
    /// The raw and the translated resource list, between start and release.
    pub(crate) resources: Locked<Option<(Handle, Handle)>>,
    pub(crate) io_target: Locked<Option<Handle>>,
}

impl Body for Device {
    const KIND: Kind = Kind::Device;

    fn dispose(&self, _handle: Handle) {
        drop(self.interfaces.with(core::mem::take));
    }
}

impl Device {
    /// The system's driver object.
    pub(crate) fn driver_object(&self) -> *mut DRIVER_OBJECT {
        // SAFETY: the device object exists as long as the framework device.
        unsafe { (*self.fdo).DriverObject }
    }

    /// `EvtDriverDeviceAdd` succeeded: the device may receive packets.
    pub(crate) fn finish_initializing(&self) {
        // SAFETY: the device object exists as long as the framework device.
        unsafe { (*self.fdo).Flags &= !DO_DEVICE_INITIALIZING };
    }

    /// Enables the device's interfaces, up to the first that fails.
    pub(crate) fn enable_interfaces(&self) -> NTSTATUS {
        self.interfaces.with(|interfaces| {
            interfaces
                .iter_mut()
                .map(|interface| interface.enable(self.driver_object(), self.pdo))
                .find(|&status| !status::is_success(status))
                .unwrap_or(status::SUCCESS)
        })
    }

    /// Disables the device's interfaces.
    pub(crate) fn disable_interfaces(&self) {
        self.interfaces.with(|interfaces| {
            interfaces.iter_mut().for_each(DeviceInterface::disable);
        });
    }
}

/// The queues of a device.
#[derive(Default)]
pub(crate) struct Queues {
    pub(crate) all: Vec<Handle>,
    /// The queue that takes the device's requests.
    pub(crate) default: Option<Handle>,
}

/// The double's part of a WDM device object.
#[repr(C)]
struct Extension {
    mark: u64,
    handle: Handle,
}

/// Marks the extensions of the double's device objects.
const MARK: u64 = u64::from_le_bytes(*b"WdfDevic");

/// The extension of a device object that exists.
fn extension(device: PDEVICE_OBJECT) -> *mut Extension {
    // SAFETY: callers pass device objects that exist.
    unsafe { (*device).DeviceExtension }.cast()
}

/// The framework device of a WDM device object; `None` for other drivers' and deleted ones.
pub(crate) fn of_wdm(device: PDEVICE_OBJECT) -> Option<Reference<Device>> {
    let extension = extension(device);
    if extension.is_null() {
        return None;
    }
    // SAFETY: the extension of every device object that the double creates is an `Extension`.
    let extension = unsafe { extension.read() };
    (extension.mark == MARK)
        .then(|| objects::get(extension.handle))
        .flatten()
}

/// Creates the device that `init` describes, and attaches it above its physical device.
///
/// # Errors
/// What the kernel returns; `STATUS_DELETE_PENDING` when the physical device cannot be attached to;
/// the errors of [`objects::create`].
pub(crate) fn create(init: &mut Init, attributes: Option<&Attributes>) -> Result<Handle, NTSTATUS> {
    let fdo = create_wdm(init.driver.object)?;
    // SAFETY: both device objects exist.
    let lower = unsafe { IoAttachDeviceToDeviceStack(fdo, init.pdo) };
    if lower.is_null() {
        // SAFETY: created above and attached to nothing.
        unsafe { IoDeleteDevice(fdo) };
        return Err(status::DELETE_PENDING);
    }
    if init.settings.filter {
        copy_from_below(fdo, lower);
    }
    let body = Device {
        driver: init.driver.handle(),
        fdo,
        pdo: init.pdo,
        lower,
        settings: init.settings.clone(),
        passive: attributes.is_some_and(|attributes| attributes.passive),
        machine: Locked::new(Machine::new()),
        policy: Locked::new(Policy::new(!init.settings.filter)),
        power_requests: Locked::default(),
        power: Locked::new(WdfPowerDeviceD3Final),
        in_transition: Locked::default(),
        queues: Locked::default(),
        files: Locked::default(),
        closed_early: Locked::default(),
        file_packets: Locked::default(),
        interfaces: Locked::default(),
        query_interfaces: Locked::default(),
        resources: Locked::default(),
        io_target: Locked::default(),
    };
    let created = objects::create(body, Some(init.driver.handle()), attributes);
    let handle = created.inspect_err(|_| delete_wdm(fdo, lower))?.handle();
    init.device = Some(handle);
    // SAFETY: the device object and its extension were created above.
    unsafe { extension(fdo).write(Extension { mark: MARK, handle }) };
    Ok(handle)
}

fn create_wdm(driver: *mut DRIVER_OBJECT) -> Result<PDEVICE_OBJECT, NTSTATUS> {
    let mut fdo: PDEVICE_OBJECT = ptr::null_mut();
    // SAFETY: the driver object lives as long as the driver.
    let status = unsafe {
        IoCreateDevice(
            driver,
            size::<Extension>(),
            ptr::null_mut(),
            FILE_DEVICE_UNKNOWN,
            0,
            0,
            &raw mut fdo,
        )
    };
    if !status::is_success(status) {
        return Err(status);
    }
    // SAFETY: the device object was created above.
    unsafe { (*fdo).Flags |= DO_BUFFERED_IO | DO_POWER_PAGABLE };
    Ok(fdo)
}

/// A filter takes type, characteristics, I/O type and power flags from the device below
/// (`FxDevice::FdoInitialize`, `FxPkgFdo`).
fn copy_from_below(fdo: PDEVICE_OBJECT, lower: PDEVICE_OBJECT) {
    const COPIED: u32 = DO_BUFFERED_IO | DO_DIRECT_IO | DO_POWER_PAGABLE | DO_POWER_INRUSH;
    // SAFETY: the device below exists as long as another one is attached to it.
    let lower = unsafe { &*lower };
    // SAFETY: the device object was created for this device, and no packet reaches it yet.
    let own = unsafe { &mut *fdo };
    own.DeviceType = lower.DeviceType;
    own.Characteristics = lower.Characteristics;
    own.Flags = (own.Flags & !COPIED) | (lower.Flags & COPIED);
}

fn delete_wdm(fdo: PDEVICE_OBJECT, lower: PDEVICE_OBJECT) {
    // SAFETY: the device was attached above `lower`.
    unsafe { IoDetachDevice(lower) };
    // SAFETY: nothing uses the device object any more.
    unsafe { IoDeleteDevice(fdo) };
}

/// Deletes the framework device with everything below it, then the device object. `between` passes
/// the remove packet down, after the cleanup callbacks and before the device's destroy callback.
pub(crate) fn delete(device: &Reference<Device>, why: &'static str, between: impl FnOnce()) {
    let (fdo, lower) = (device.fdo, device.lower);
    objects::delete_around(why, device.handle(), between);
    let unmarked = Extension {
        mark: 0,
        handle: Handle(0),
    };
    // SAFETY: the device object still exists; later packets find no framework device.
    unsafe { extension(fdo).write(unmarked) };
    delete_wdm(fdo, lower);
    log!("device {} removed", device.handle());
}
