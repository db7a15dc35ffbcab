//! Plug and Play and power management, as the framework tells of them.
//!
//! Order of a start: `add` makes the objects; `prepare_hardware` finds the device's registers, and the
//! first time reads the parameters, compares the table's IDs with the device's, and takes the memory;
//! `d0_entry` turns the VFs on, finds their memory, and opens the way to the hardware. Everything
//! backwards for a stop. The VFs' blocks stay as they are from the first start to the removal.

use pcivirt_abi::{Guid, sriov};
use pf_state::{
    event::{self, InterfacePath},
    failure::StartFailure,
    status::{self, NtStatus},
};
use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, PIRP, PWDFDEVICE_INIT, UNICODE_STRING, WDF_FILEOBJECT_CONFIG,
    WDF_IO_QUEUE_CONFIG, WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_DEVICE_STATE,
    WDF_QUERY_INTERFACE_CONFIG, WDFCMRESLIST, WDFDEVICE, WDFDRIVER, WDFFILEOBJECT, WDFOBJECT,
    WDFSTRING,
};

use crate::{
    etw::{self, Happened, Source},
    events, invalidation, ioctl, opener,
    os::{object, request::create_queue, wdf},
    pf::{self, Pf},
    registers, virtualization,
};

/// The management interface's device interface class.
static MANAGEMENT: Guid = Guid::from_u128(pf_broker_abi::INTERFACE_CLASS);

/// `EvtDriverDeviceAdd`
pub(crate) unsafe extern "C" fn add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    match make_device(init) {
        Ok(()) => status::SUCCESS,
        Err(status) => failed(&etw::DRIVER, StartFailure::Framework(status)),
    }
}

/// Tells why the device does not start.
fn failed(source: &Source, failure: StartFailure) -> NtStatus {
    etw::start_failed(source, failure);
    failure.status()
}

fn make_device(mut init: PWDFDEVICE_INIT) -> Result<(), NtStatus> {
    set_callbacks(init)?;
    let mut attributes = pf::device_attributes();
    attributes.EvtCleanupCallback = Some(cleanup);
    attributes.EvtDestroyCallback = Some(destroy);
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
    let pf = pf::create(device)?;
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

/// Makes the default queue, which hands every control code to `ioctl` as it comes, at
/// `PASSIVE_LEVEL`: the framework moves a request that arrives above it to a work item.
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
    // As many at once as come.
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

/// The path of the management interface, for events; none when the framework cannot say it, which
/// keeps no device from starting.
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
    // SAFETY: nobody else knows of the string.
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

fn set_callbacks(init: PWDFDEVICE_INIT) -> Result<(), NtStatus> {
    let mut callbacks = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: wdf::size_of_config::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDevicePrepareHardware: Some(prepare_hardware),
        EvtDeviceReleaseHardware: Some(release_hardware),
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0Exit: Some(d0_exit),
        EvtDeviceSelfManagedIoRestart: Some(self_managed_io_restart),
        EvtDeviceSelfManagedIoFlush: Some(self_managed_io_flush),
        EvtDeviceSurpriseRemoval: Some(surprise_removal),
        EvtDeviceQueryRemove: Some(query_remove),
        EvtDeviceQueryStop: Some(query_stop),
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
        EvtDeviceFileCreate: Some(opener::create),
        EvtFileClose: Some(file_gone),
        EvtFileCleanup: Some(file_gone),
        AutoForwardCleanupClose: wdk_sys::_WDF_TRI_STATE::WdfUseDefault,
        // A request of another driver may come without a file object, and whoever opened the device
        // may have put the file object's contexts to a use of its own.
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
    let mut minors = [function_code(wdk_sys::IRP_MN_CANCEL_STOP_DEVICE)];
    // SAFETY: the framework gave `init` for this, and copies the array.
    wdf::check(unsafe {
        wdf::call!(
            WdfDeviceInitAssignWdmIrpPreprocessCallback,
            init,
            Some(cancel_stop),
            function_code(wdk_sys::IRP_MJ_PNP),
            minors.as_mut_ptr(),
            1,
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
        EvtDeviceProcessQueryInterfaceRequest: Some(query_interface),
        ..WDF_QUERY_INTERFACE_CONFIG::default()
    };
    // SAFETY: the device is live, and the framework copies the interface and its description.
    wdf::check(unsafe { wdf::call!(WdfDeviceAddQueryInterface, device, &raw mut config) })
}

/// `EvtDeviceProcessQueryInterfaceRequest`: a device that is gone is not handed out any more. The
/// framework takes the reference.
unsafe extern "C" fn query_interface(
    device: WDFDEVICE,
    _interface_type: *mut GUID,
    _interface: *mut INTERFACE,
    _specific_data: *mut core::ffi::c_void,
) -> NTSTATUS {
    match pf::of_device(device) {
        Some(pf) if !pf.is_removed() => status::SUCCESS,
        _ => status::DEVICE_REMOVED,
    }
}

/// `EvtDevicePrepareHardware`, at the first start and after each rebalance.
unsafe extern "C" fn prepare_hardware(
    device: WDFDEVICE,
    raw: WDFCMRESLIST,
    translated: WDFCMRESLIST,
) -> NTSTATUS {
    let Some(pf) = pf::of_device(device) else {
        return status::DEVICE_NOT_READY;
    };
    let prepare = || {
        let hardware = crate::pci::Hardware::find(device, raw, translated)?;
        // No VF is served before the table is known to be for this device.
        let served = pf.serve(device, hardware.pf_identity())?;
        hardware.admit(served.num_vfs)?;
        pf.confirm_facts(&hardware.facts())?;
        // SAFETY: this is EvtDevicePrepareHardware.
        unsafe { pf.change_hardware(|place| *place = Some(hardware)) };
        Ok(())
    };
    prepare().map_or_else(|failure| failed(&pf.source, failure), |()| status::SUCCESS)
}

/// `EvtDeviceReleaseHardware`: gives the bus's interfaces back.
unsafe extern "C" fn release_hardware(device: WDFDEVICE, _translated: WDFCMRESLIST) -> NTSTATUS {
    if let Some(pf) = pf::of_device(device) {
        // SAFETY: this is EvtDeviceReleaseHardware.
        unsafe { pf.change_hardware(|place| *place = None) };
    }
    status::SUCCESS
}

/// `EvtDeviceD0Entry`: after a start and whenever the PF gets its power back, the same VFs are on, with
/// the registers that their drivers had set. What their memory held is lost, so every time but the
/// first their drivers are told to read again what is told to them.
unsafe extern "C" fn d0_entry(device: WDFDEVICE, _previous: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    let Some(pf) = pf::of_device(device) else {
        return status::DEVICE_NOT_READY;
    };
    let enter = || {
        let not_ready = StartFailure::Framework(status::DEVICE_NOT_READY);
        let num_vfs = pf.served().map_err(|_| not_ready)?.num_vfs;
        // SAFETY: this is EvtDeviceD0Entry.
        let facts = unsafe {
            pf.change_hardware(|place| {
                let hardware = place.as_mut().ok_or(not_ready)?;
                hardware.enable(num_vfs)?;
                Ok(hardware.facts())
            })
        }?;
        let first = pf.keep_facts(facts);
        pf.admit_resets();
        registers::restore(pf);
        pf.power_up();
        etw::write(
            &pf.source,
            &Happened {
                first: u64::from(num_vfs),
                ..Happened::of(&event::ENABLED)
            },
        );
        if !first {
            invalidation::after_power_loss(pf);
        }
        Ok(())
    };
    enter().map_or_else(|failure| failed(&pf.source, failure), |()| status::SUCCESS)
}

/// `EvtDeviceD0Exit`: turns the VFs off, unless the device does not answer any more. A device that was
/// removed by surprise may still be there, as one whose driver failed or whose bus is reset: its VFs
/// must not go on without their PF.
unsafe extern "C" fn d0_exit(device: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    if let Some(pf) = pf::of_device(device) {
        let leave = |place: &mut Option<crate::pci::Hardware>| {
            if let Some(hardware) = place
                && hardware.is_present()
            {
                hardware.disable();
            }
        };
        pf.hold_calls();
        registers::save(pf);
        // SAFETY: this is EvtDeviceD0Exit.
        unsafe { pf.change_hardware(leave) };
    }
    status::SUCCESS
}

/// `EvtDeviceSelfManagedIoRestart`: the PF runs again, after a rebalance or out of a sleep. It cannot
/// fail, as the framework takes a device down whose callback does.
unsafe extern "C" fn self_managed_io_restart(device: WDFDEVICE) -> NTSTATUS {
    if let Some(pf) = pf::of_device(device) {
        events::running_again(pf);
    }
    status::SUCCESS
}

/// `EvtDeviceSelfManagedIoFlush`: the device was removed, and has left D0 and released its hardware.
unsafe extern "C" fn self_managed_io_flush(device: WDFDEVICE) {
    if let Some(pf) = pf::of_device(device) {
        pf.drain();
    }
}

/// `EvtDeviceSurpriseRemoval`: the device is gone already. The framework does not synchronize this with
/// other callbacks: `EvtDeviceD0Exit`, or a query that waits, may run at the same time.
unsafe extern "C" fn surprise_removal(device: WDFDEVICE) {
    if let Some(pf) = pf::of_device(device) {
        pf.mark_removed();
    }
}

/// `EvtDeviceQueryRemove`: not while somebody may call. Not synchronized with the power callbacks.
unsafe extern "C" fn query_remove(device: WDFDEVICE) -> NTSTATUS {
    match pf::of_device(device) {
        Some(pf) if pf.is_referenced() => {
            etw::write(
                &pf.source,
                &Happened {
                    status: status::DEVICE_BUSY,
                    ..Happened::of(&event::REMOVE_VETOED)
                },
            );
            status::DEVICE_BUSY
        }
        _ => status::SUCCESS,
    }
}

/// `EvtDeviceQueryStop`: the virtualization stack may veto. Not synchronized with the power callbacks.
unsafe extern "C" fn query_stop(device: WDFDEVICE) -> NTSTATUS {
    pf::of_device(device).map_or(status::SUCCESS, events::query_stop)
}

/// `IRP_MN_CANCEL_STOP_DEVICE`, for which the framework has no callback. The virtualization stack is
/// told before the request goes on: the device has not stopped, and once the request is completed
/// the device may be gone while this thread still waits.
unsafe extern "C" fn cancel_stop(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    if let Some(pf) = pf::of_device(device) {
        events::running_again(pf);
    }
    // SAFETY: the request is this driver's until it is passed on.
    unsafe { skip_stack_location(irp) };
    // SAFETY: the request goes back to the framework, whose it is.
    unsafe { wdf::call!(WdfDeviceWdmDispatchPreprocessedIrp, device, irp) }
}

/// `IoSkipCurrentIrpStackLocation`, which the headers have inline only: the next driver gets this
/// driver's stack location.
///
/// # Safety
/// The request is this driver's, which has not changed its stack location.
unsafe fn skip_stack_location(irp: PIRP) {
    // The request is not borrowed whole: other threads may cancel it meanwhile.
    // SAFETY: only whoever has the request touches its location.
    let location = unsafe { &mut (*irp).CurrentLocation };
    *location = location.wrapping_add(1);
    // SAFETY: as for the location.
    let tail = unsafe { &mut (*irp).Tail };
    // SAFETY: in a request that is under way the union holds the stack location.
    let overlay = unsafe { &mut tail.Overlay };
    // SAFETY: as above.
    let current = unsafe {
        &mut overlay
            .__bindgen_anon_2
            .__bindgen_anon_1
            .CurrentStackLocation
    };
    *current = current.wrapping_add(1);
}

/// `EvtFileCleanup` and `EvtFileClose`: a kernel-mode opener's handle may be closed long before its
/// file object, or right after.
unsafe extern "C" fn file_gone(file: WDFFILEOBJECT) {
    // As file objects are optional, the framework also calls for one that it has never seen.
    if file.is_null() {
        return;
    }
    // SAFETY: the file object is one of a live device.
    let device = unsafe { wdf::call!(WdfFileObjectGetDevice, file) };
    if let Some(pf) = pf::of_device(device) {
        events::handle_gone(pf, file.addr());
    }
}

/// `EvtCleanupCallback` of the device: also for one that never started.
unsafe extern "C" fn cleanup(device: WDFOBJECT) {
    if let Some(pf) = pf::of_device(device.cast()) {
        pf.drain();
    }
}

/// `EvtDestroyCallback` of the device: the device lets go of its PF.
unsafe extern "C" fn destroy(device: WDFOBJECT) {
    if let Some(pf) = pf::of_device(device.cast()) {
        // SAFETY: the device is used no more.
        unsafe { Pf::device_gone(core::ptr::NonNull::from(pf)) };
    }
}
