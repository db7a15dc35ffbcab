//! The device: what the driver creates for it, and its Plug and Play and power callbacks.

use core::ptr;

use wdk_sys::{
    IRP_MJ_SYSTEM_CONTROL, NTSTATUS, PWDFDEVICE_INIT, STATUS_SUCCESS, WDF_FILEOBJECT_CONFIG,
    WDF_IO_QUEUE_CONFIG, WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_DEVICE_STATE, WDFDEVICE,
    WDFDRIVER,
};

use crate::{
    companion, configuration,
    record::COUNTERS,
    requests,
    wdf::{self, ok},
};

/// `EvtDriverDeviceAdd`
pub(crate) unsafe extern "C" fn add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    create(init).err().unwrap_or(STATUS_SUCCESS)
}

fn create(mut init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    set_callbacks(init)?;
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: the framework takes over the init structure of this call.
    ok(unsafe {
        wdf::call!(
            WdfDeviceCreate,
            &raw mut init,
            ptr::null_mut(),
            &raw mut device
        )
    })?;
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
        // What is sent while the device sleeps is counted, too.
        PowerManaged: wdk_sys::_WDF_TRI_STATE::WdfFalse,
        DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel,
        DefaultQueue: 1,
        EvtIoRead: Some(requests::read),
        EvtIoWrite: Some(requests::write),
        EvtIoDeviceControl: Some(requests::device_control),
        EvtIoInternalDeviceControl: Some(requests::internal_device_control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    config.Settings.Parallel.NumberOfPresentedRequests = u32::MAX;
    // SAFETY: the device is live, and the configuration outlives the call.
    ok(unsafe {
        wdf::call!(
            WdfIoQueueCreate,
            device,
            &raw mut config,
            ptr::null_mut(),
            ptr::null_mut()
        )
    })?;
    companion::offer(device)
}

fn set_callbacks(init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    let mut power = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: wdf::size_of_config::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0Exit: Some(d0_exit),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    // SAFETY: the framework's init structure is the driver's until the device is created.
    unsafe {
        wdf::call!(WdfDeviceInitSetPnpPowerEventCallbacks, init, &raw mut power);
    };
    let mut files = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(requests::create),
        EvtFileCleanup: Some(requests::cleanup),
        EvtFileClose: Some(requests::close),
        AutoForwardCleanupClose: wdk_sys::_WDF_TRI_STATE::WdfUseDefault,
        FileObjectClass: wdk_sys::_WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts
            | wdk_sys::_WDF_FILEOBJECT_CLASS::WdfFileObjectCanBeOptional,
    };
    // SAFETY: as above.
    unsafe {
        wdf::call!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut files,
            ptr::null_mut()
        );
    };
    let major = u8::try_from(IRP_MJ_SYSTEM_CONTROL).unwrap_or(u8::MAX);
    // SAFETY: as above; every minor function.
    ok(unsafe {
        wdf::call!(
            WdfDeviceInitAssignWdmIrpPreprocessCallback,
            init,
            Some(requests::wmi),
            major,
            ptr::null_mut(),
            0
        )
    })
}

/// `EvtDeviceD0Entry`: the VFs come on after the PF.
unsafe extern "C" fn d0_entry(device: WDFDEVICE, _previous: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    COUNTERS.d0_entries.count();
    note_vfs(device);
    STATUS_SUCCESS
}

/// `EvtDeviceD0Exit`: the VFs go off before the PF.
unsafe extern "C" fn d0_exit(device: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    COUNTERS.d0_exits.count();
    note_vfs(device);
    STATUS_SUCCESS
}

fn note_vfs(device: WDFDEVICE) {
    if configuration::vfs_are_on(device) {
        COUNTERS.with_vfs_on.count();
    }
}
