//! `EvtDriverDeviceAdd`: creates the device, its PF, its default queue and its interfaces.

use pcivirt_abi::{Guid, sriov};
use pf_state::{
    event::InterfacePath,
    failure::StartFailure,
    position::Position,
    status::{self, NtStatus},
};
use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, PFN_WDFDEVICE_WDM_IRP_PREPROCESS, PWDFDEVICE_INIT, UNICODE_STRING,
    WDF_FILEOBJECT_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_PNPPOWER_EVENT_CALLBACKS,
    WDF_QUERY_INTERFACE_CONFIG, WDFDEVICE, WDFDRIVER, WDFSTRING,
};

use crate::{
    acknowledgement, deferred, etw, event_log, ioctl, opener,
    os::{object, packet, request::create_queue, wdf},
    pass_through,
    pending::Callbacks,
    pf::{Pf, lifetime},
    pnp, position, virtualization,
};

/// The management interface's device interface class.
static MANAGEMENT: Guid = Guid::from_u128(pf_broker_abi::INTERFACE_CLASS);

/// `EvtDriverDeviceAdd`: fails only without a device. Any other cause keeps the device from starting
/// ([`lifetime::keep_from_starting`]).
pub(crate) unsafe extern "C" fn add(driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    let position = position::find(driver, init);
    // The start of a device whose stack is not known fails. Until then a filter is in no way.
    let known = position.unwrap_or(Position::UpperFilter);
    let device = match create_device(init, known) {
        Ok(device) => device,
        Err(status) => {
            return event_log::start_failed(&etw::DRIVER, StartFailure::Framework(status));
        }
    };
    let furnished = position
        .and_then(|position| check_place(device, position))
        .and_then(|()| furnish(device, known).map_err(StartFailure::Framework));
    if let Err(failure) = furnished {
        lifetime::keep_from_starting(device, failure);
    }
    status::SUCCESS
}

/// An upper filter has the function driver below it.
fn check_place(device: WDFDEVICE, position: Position) -> Result<(), StartFailure> {
    if position == Position::UpperFilter && packet::is_directly_above_the_bus(device) {
        return Err(StartFailure::LowerFilter);
    }
    Ok(())
}

fn create_device(mut init: PWDFDEVICE_INIT, position: Position) -> Result<WDFDEVICE, NtStatus> {
    set_callbacks(init, position)?;
    if position == Position::UpperFilter {
        become_filter(init)?;
    }
    let mut attributes = lifetime::device_attributes();
    attributes.EvtCleanupCallback = Some(pnp::cleanup);
    attributes.EvtDestroyCallback = Some(pnp::destroy);
    let mut device: WDFDEVICE = core::ptr::null_mut();
    // SAFETY: the framework gave `init` for this call, and the rest lives through it.
    wdf::check(unsafe {
        wdf::call!(
            WdfDeviceCreate,
            &raw mut init,
            &raw mut attributes,
            &raw mut device
        )
    })?;
    Ok(device)
}

/// Creates what belongs to a device.
fn furnish(device: WDFDEVICE, position: Position) -> Result<(), NtStatus> {
    let callbacks = Callbacks {
        deferred: Some(deferred::run),
        on_time_limit: Some(acknowledgement::on_time_limit),
    };
    let pf = lifetime::create(device, position, callbacks)?;
    create_default_queue(device)?;
    offer_interface(device, pf)?;
    register(device, &sriov::GUID_DEVINTERFACE_VIRTUALIZABLE_DEVICE, None)?;
    let reference_string = opener::REFERENCE_STRING.as_unicode_string();
    register(device, &MANAGEMENT, Some(&reference_string))?;
    if let Some(path) = interface_path(device) {
        pf.source.set_interface(path);
    }
    Ok(())
}

/// Creates the default queue, which passes every control code to `ioctl` at `PASSIVE_LEVEL`, any
/// number at a time: the framework moves a request that arrives above it to a work item.
fn create_default_queue(device: WDFDEVICE) -> Result<(), NtStatus> {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: wdf::size_of_config::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: wdk_sys::_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel,
        PowerManaged: wdf::FALSE,
        DefaultQueue: 1,
        EvtIoDeviceControl: Some(ioctl::device_control),
        EvtIoInternalDeviceControl: Some(ioctl::device_control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    // No limit.
    config.Settings.Parallel.NumberOfPresentedRequests = u32::MAX;
    let passive = wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive;
    create_queue(device, config, passive).map(drop)
}

/// Registers a device interface.
fn register(
    device: WDFDEVICE,
    class: &'static Guid,
    reference_string: Option<&UNICODE_STRING>,
) -> Result<(), NtStatus> {
    // SAFETY: the device is live, and class and string live through the call.
    wdf::check(unsafe {
        wdf::call!(
            WdfDeviceCreateDeviceInterface,
            device,
            core::ptr::from_ref(class).cast::<GUID>(),
            reference_string.map_or(core::ptr::null(), core::ptr::from_ref),
        )
    })
}

/// The path of the management interface, for events; none when the framework fails to return it,
/// which does not keep the device from starting.
fn interface_path(device: WDFDEVICE) -> Option<InterfacePath> {
    let mut attributes = object::child_of(device.cast());
    let mut string: WDFSTRING = core::ptr::null_mut();
    // SAFETY: the device is live, and both structures live through the call.
    let created = unsafe {
        wdf::call!(
            WdfStringCreate,
            core::ptr::null(),
            &raw mut attributes,
            &raw mut string
        )
    };
    wdf::check(created).ok()?;
    let reference_string = opener::REFERENCE_STRING.as_unicode_string();
    // SAFETY: device and string are live, and class and reference string live through the call.
    let status = unsafe {
        wdf::call!(
            WdfDeviceRetrieveDeviceInterfaceString,
            device,
            (&raw const MANAGEMENT).cast::<GUID>(),
            &raw const reference_string,
            string,
        )
    };
    let path = wdf::check(status).ok().and_then(|()| text_of(string));
    // SAFETY: nothing else refers to the string.
    unsafe { object::delete(string.cast()) };
    path
}

fn text_of(string: WDFSTRING) -> Option<InterfacePath> {
    let mut text = UNICODE_STRING::default();
    // SAFETY: the string is live, and the result lives through the call.
    unsafe { wdf::call!(WdfStringGetUnicodeString, string, &raw mut text) };
    if text.Buffer.is_null() {
        return None;
    }
    // SAFETY: the buffer is the string's, which the caller keeps, and has `Length` bytes.
    let units = unsafe { core::slice::from_raw_parts(text.Buffer, usize::from(text.Length / 2)) };
    Some(InterfacePath::from_utf16(units))
}

fn set_callbacks(init: PWDFDEVICE_INIT, position: Position) -> Result<(), NtStatus> {
    let mut callbacks = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: wdf::size_of_config::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDevicePrepareHardware: Some(pnp::prepare_hardware),
        EvtDeviceReleaseHardware: Some(pnp::release_hardware),
        EvtDeviceD0Entry: Some(pnp::d0_entry),
        EvtDeviceD0Exit: Some(pnp::d0_exit),
        EvtDeviceSelfManagedIoRestart: Some(pnp::self_managed_io_restart),
        EvtDeviceSelfManagedIoFlush: Some(pnp::self_managed_io_flush),
        EvtDeviceSurpriseRemoval: Some(pnp::surprise_removal),
        EvtDeviceQueryRemove: Some(pnp::query_remove),
        EvtDeviceQueryStop: Some(pnp::query_stop),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    // SAFETY: the framework gave `init` for this, and copies the structure.
    unsafe {
        wdf::call!(
            WdfDeviceInitSetPnpPowerEventCallbacks,
            init,
            &raw mut callbacks
        );
    }
    let mut files = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(match position {
            Position::FunctionDriver => opener::create,
            Position::UpperFilter => pass_through::create,
        }),
        EvtFileClose: Some(pnp::file_gone),
        EvtFileCleanup: Some(pnp::file_gone),
        // A filter passes on some of them, which the framework cannot tell apart.
        AutoForwardCleanupClose: wdf::FALSE,
        // A request of another driver may come without a file object, and the driver that opened
        // the device may use the file object's contexts itself.
        FileObjectClass: wdk_sys::_WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts
            | wdk_sys::_WDF_FILEOBJECT_CLASS::WdfFileObjectCanBeOptional,
    };
    let mut file_attributes = opener::file_attributes();
    // SAFETY: the framework gave `init` for this, and copies both structures.
    unsafe {
        wdf::call!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut files,
            &raw mut file_attributes,
        );
    }
    let cancel_stop = Some(wdk_sys::IRP_MN_CANCEL_STOP_DEVICE);
    preprocess(
        init,
        wdk_sys::IRP_MJ_PNP,
        cancel_stop,
        Some(pnp::cancel_stop),
    )
}

/// Makes the device a filter, which leaves the power policy and all that is not the driver's own to
/// the function driver.
fn become_filter(init: PWDFDEVICE_INIT) -> Result<(), NtStatus> {
    // SAFETY: the framework gave `init` for this.
    unsafe { wdf::call!(WdfFdoInitSetFilter, init) };
    for (major, callback) in FILTERED {
        preprocess(init, major, None, callback)?;
    }
    Ok(())
}

/// The packets of which some are for the function driver below.
const FILTERED: [(u32, PFN_WDFDEVICE_WDM_IRP_PREPROCESS); 9] = [
    (
        wdk_sys::IRP_MJ_DEVICE_CONTROL,
        Some(pass_through::device_control),
    ),
    (
        wdk_sys::IRP_MJ_INTERNAL_DEVICE_CONTROL,
        Some(pass_through::device_control),
    ),
    (wdk_sys::IRP_MJ_READ, Some(pass_through::file_access)),
    (wdk_sys::IRP_MJ_WRITE, Some(pass_through::file_access)),
    (
        wdk_sys::IRP_MJ_FLUSH_BUFFERS,
        Some(pass_through::file_access),
    ),
    (
        wdk_sys::IRP_MJ_QUERY_INFORMATION,
        Some(pass_through::file_access),
    ),
    (
        wdk_sys::IRP_MJ_SET_INFORMATION,
        Some(pass_through::file_access),
    ),
    (wdk_sys::IRP_MJ_CLEANUP, Some(pass_through::end_of_file)),
    (wdk_sys::IRP_MJ_CLOSE, Some(pass_through::end_of_file)),
];

/// Has packets of a major function go to `callback` before the framework handles them: all, or
/// those of one minor function.
fn preprocess(
    init: PWDFDEVICE_INIT,
    major: u32,
    minor: Option<u32>,
    callback: PFN_WDFDEVICE_WDM_IRP_PREPROCESS,
) -> Result<(), NtStatus> {
    let mut minor = minor.map(function_code);
    let (address, count) = match &mut minor {
        None => (core::ptr::null_mut(), 0),
        Some(minor) => (core::ptr::from_mut(minor), 1),
    };
    // SAFETY: the framework gave `init` for this, and copies the minor function.
    wdf::check(unsafe {
        wdf::call!(
            WdfDeviceInitAssignWdmIrpPreprocessCallback,
            init,
            callback,
            function_code(major),
            address,
            count,
        )
    })
}

/// The code of a major or minor function, which is one byte.
#[expect(clippy::cast_possible_truncation, reason = "asserted")]
const fn function_code(code: u32) -> u8 {
    assert!(code <= u8::MAX as u32);
    code as u8
}

fn offer_interface(device: WDFDEVICE, pf: &Pf) -> Result<(), NtStatus> {
    let mut interface = virtualization::interface(pf);
    let mut config = WDF_QUERY_INTERFACE_CONFIG {
        Size: wdf::size_of_config::<WDF_QUERY_INTERFACE_CONFIG>(),
        Interface: (&raw mut interface).cast::<INTERFACE>(),
        InterfaceType: core::ptr::from_ref(&sriov::GUID_SRIOV_DEVICE_INTERFACE_STANDARD)
            .cast::<GUID>(),
        EvtDeviceProcessQueryInterfaceRequest: Some(pnp::query_interface),
        ..WDF_QUERY_INTERFACE_CONFIG::default()
    };
    // SAFETY: the device is live, and the framework copies the interface and its description.
    wdf::check(unsafe { wdf::call!(WdfDeviceAddQueryInterface, device, &raw mut config) })
}
