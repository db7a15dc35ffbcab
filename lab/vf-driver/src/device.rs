//! The device: what the driver creates for it, and its Plug and Play and power callbacks.

use core::ffi::c_void;
use core::ptr;

use lab_control::sample;
use pcivirt_abi::vpci::{GUID_VPCI_INTERFACE_STANDARD, INTERFACE_VERSION, Interface};
use wdk_sys::_WDF_EXECUTION_LEVEL::{WdfExecutionLevelInheritFromParent, WdfExecutionLevelPassive};
use wdk_sys::{
    GUID, NTSTATUS, PWDFDEVICE_INIT, STATUS_SUCCESS, WDF_EXECUTION_LEVEL, WDF_IO_QUEUE_CONFIG,
    WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_DEVICE_STATE, WDFCMRESLIST, WDFDEVICE, WDFDRIVER,
    WDFQUEUE,
};

use crate::changes;
use crate::context::{DEVICE_CONTEXT, of};
use crate::requests;
use crate::wdf::{self, ok};

/// `EvtDriverDeviceAdd`
pub(crate) unsafe extern "C" fn add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    create(init).err().unwrap_or(STATUS_SUCCESS)
}

fn create(mut init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    let mut callbacks = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: wdf::size_of_config::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDevicePrepareHardware: Some(prepare_hardware),
        EvtDeviceReleaseHardware: Some(release_hardware),
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0Exit: Some(d0_exit),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    // SAFETY: the framework's init structure is ours until the device is created.
    unsafe {
        wdf::call!(
            WdfDeviceInitSetPnpPowerEventCallbacks,
            init,
            &raw mut callbacks
        );
    };
    let mut attributes = wdf::attributes(ptr::null_mut());
    attributes.ContextTypeInfo = &raw const DEVICE_CONTEXT.0;
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: as before; the framework takes the init structure over.
    ok(unsafe {
        wdf::call!(
            WdfDeviceCreate,
            &raw mut init,
            &raw mut attributes,
            &raw mut device
        )
    })?;
    let class = interface_class();
    // SAFETY: the device was just created; no reference string.
    ok(unsafe {
        wdf::call!(
            WdfDeviceCreateDeviceInterface,
            device,
            &raw const class,
            ptr::null()
        )
    })?;
    create_queues(device)?;
    changes::create(device)
}

/// One queue presents requests as they arrive; the other holds those that wait for a change.
///
/// The first one has the execution level passive: its handler waits for the bus, and another driver
/// may send its requests at `DISPATCH_LEVEL`. The framework then presents them in a work item.
fn create_queues(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
        PowerManaged: wdk_sys::_WDF_TRI_STATE::WdfUseDefault,
        DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel,
        DefaultQueue: 1,
        EvtIoDeviceControl: Some(requests::device_control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    config.Settings.Parallel.NumberOfPresentedRequests = u32::MAX;
    create_queue(device, WdfExecutionLevelPassive, config)?;
    let queue = create_queue(
        device,
        WdfExecutionLevelInheritFromParent,
        WDF_IO_QUEUE_CONFIG {
            Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
            // A program may wait while the device sleeps.
            PowerManaged: wdk_sys::_WDF_TRI_STATE::WdfFalse,
            DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchManual,
            ..WDF_IO_QUEUE_CONFIG::default()
        },
    )?;
    of(device).waiters.set(queue);
    Ok(())
}

fn create_queue(
    device: WDFDEVICE,
    level: WDF_EXECUTION_LEVEL,
    mut config: WDF_IO_QUEUE_CONFIG,
) -> Result<WDFQUEUE, NTSTATUS> {
    let mut attributes = wdf::attributes(ptr::null_mut());
    attributes.ExecutionLevel = level;
    let mut queue: WDFQUEUE = ptr::null_mut();
    // SAFETY: the device is live, and the configuration outlives the call.
    ok(unsafe {
        wdf::call!(
            WdfIoQueueCreate,
            device,
            &raw mut config,
            &raw mut attributes,
            &raw mut queue
        )
    })?;
    Ok(queue)
}

/// The device interface class that programs find the device by.
fn interface_class() -> GUID {
    let guid = pcivirt_abi::Guid::from_u128(sample::INTERFACE_CLASS);
    GUID {
        Data1: guid.data1,
        Data2: guid.data2,
        Data3: guid.data3,
        Data4: guid.data4,
    }
}

/// `EvtDevicePrepareHardware`: queries the bus's interface, which takes a reference to it.
unsafe extern "C" fn prepare_hardware(
    device: WDFDEVICE,
    _raw: WDFCMRESLIST,
    _translated: WDFCMRESLIST,
) -> NTSTATUS {
    let guid = GUID_VPCI_INTERFACE_STANDARD;
    let place: *mut Interface = of(device).interface.get();
    // SAFETY: the bus writes at most the size that is passed, which is the context's field.
    unsafe {
        wdf::call!(
            WdfFdoQueryForInterface,
            device,
            (&raw const guid).cast(),
            place.cast(),
            u16::try_from(size_of::<Interface>()).unwrap_or(0),
            INTERFACE_VERSION,
            ptr::null_mut::<c_void>()
        )
    }
}

/// `EvtDeviceReleaseHardware`: releases the bus's interface.
unsafe extern "C" fn release_hardware(device: WDFDEVICE, _translated: WDFCMRESLIST) -> NTSTATUS {
    let interface = of(device).interface();
    if let Some(dereference) = interface.interface_dereference {
        // SAFETY: this gives back the reference that the query took.
        unsafe { dereference(interface.context) };
    }
    let place: *mut Interface = of(device).interface.get();
    // SAFETY: no request can be under way; zero is a value for every field.
    unsafe { place.write_bytes(0, 1) };
    STATUS_SUCCESS
}

/// `EvtDeviceD0Entry`: starts listening.
unsafe extern "C" fn d0_entry(device: WDFDEVICE, _previous: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    changes::start(device);
    STATUS_SUCCESS
}

/// `EvtDeviceD0Exit`: stops listening. The bus keeps what is invalidated meanwhile.
unsafe extern "C" fn d0_exit(device: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    changes::stop(device);
    STATUS_SUCCESS
}
