//! Plug and Play and power callbacks.
//!
//! Order of a start: `device::add` creates the objects; `prepare_hardware` finds the device's
//! registers, the first time reads the parameters, compares the table's IDs with the device's, and
//! allocates the memory, and attaches the companion; `d0_entry` turns the VFs on, finds their
//! memory, and admits calls to the hardware. A stop is the reverse. The VFs' blocks stay as they
//! are from the first start to the removal.

use pf_state::{event, event_log::REMOVE_VETOED, failure::StartFailure, status};
use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, PIRP, WDF_POWER_DEVICE_STATE, WDFCMRESLIST, WDFDEVICE,
    WDFFILEOBJECT, WDFOBJECT,
};

use crate::{
    companion,
    etw::{self, EtwEvent},
    event_log, events,
    os::{packet, wdf},
    pci::Hardware,
    pf::{Pf, lifetime},
    registers, reset,
};

/// `EvtDeviceProcessQueryInterfaceRequest`: refuses the interface of a removed device. The
/// framework takes the reference.
pub(crate) unsafe extern "C" fn query_interface(
    device: WDFDEVICE,
    _interface_type: *mut GUID,
    _interface: *mut INTERFACE,
    _specific_data: *mut core::ffi::c_void,
) -> NTSTATUS {
    match lifetime::of_device(device) {
        Some(pf) if !pf.is_removed() => status::SUCCESS,
        _ => status::DEVICE_REMOVED,
    }
}

/// `EvtDevicePrepareHardware`, at the first start and after each rebalance.
pub(crate) unsafe extern "C" fn prepare_hardware(
    device: WDFDEVICE,
    raw: WDFCMRESLIST,
    translated: WDFCMRESLIST,
) -> NTSTATUS {
    if let Some(failure) = lifetime::failure(device) {
        return event_log::start_failed(&etw::DRIVER, failure);
    }
    let Some(pf) = lifetime::of_device(device) else {
        return status::DEVICE_NOT_READY;
    };
    let prepare = || {
        let hardware = Hardware::find(device, raw, translated)?;
        // The VFs start only with a table that is known to be for this device.
        let vfs = pf.start_vfs(device, hardware.pf_identity())?;
        hardware.admit(vfs.num_vfs)?;
        pf.confirm_facts(&hardware.facts())?;
        // SAFETY: this is EvtDevicePrepareHardware.
        unsafe { pf.hardware.change(|place| *place = Some(hardware)) };
        // SAFETY: as above. It is last: a start that fails has no companion.
        unsafe { companion::attach(pf, vfs, device) };
        Ok(())
    };
    prepare().map_or_else(
        |failure| event_log::start_failed(&pf.source, failure),
        |()| status::SUCCESS,
    )
}

/// `EvtDeviceReleaseHardware`: detaches the companion and releases the bus's interfaces.
pub(crate) unsafe extern "C" fn release_hardware(
    device: WDFDEVICE,
    _translated: WDFCMRESLIST,
) -> NTSTATUS {
    if let Some(pf) = lifetime::of_device(device) {
        // SAFETY: this is EvtDeviceReleaseHardware.
        unsafe { companion::detach(pf) };
        // SAFETY: this is EvtDeviceReleaseHardware.
        unsafe { pf.hardware.change(|place| *place = None) };
    }
    status::SUCCESS
}

/// `EvtDeviceD0Entry`: turns the same VFs on after a start and whenever the PF returns to D0, with
/// the registers that their drivers had set. Their memory is lost, so every time but the first it
/// invalidates the blocks with `notify`.
pub(crate) unsafe extern "C" fn d0_entry(
    device: WDFDEVICE,
    _previous: WDF_POWER_DEVICE_STATE,
) -> NTSTATUS {
    let Some(pf) = lifetime::of_device(device) else {
        return status::DEVICE_NOT_READY;
    };
    let enter = || {
        let not_ready = StartFailure::Framework(status::DEVICE_NOT_READY);
        let num_vfs = pf.vfs().map_err(|_| not_ready)?.num_vfs;
        // SAFETY: this is EvtDeviceD0Entry.
        let facts = unsafe {
            pf.hardware.change(|place| {
                let hardware = place.as_mut().ok_or(not_ready)?;
                hardware.enable(num_vfs)?;
                Ok(hardware.facts())
            })
        }?;
        let first = pf.keep_facts(facts);
        pf.hardware.rundowns.admit_resets();
        registers::restore(pf);
        pf.hardware.rundowns.power_up();
        etw::write(
            &pf.source,
            &EtwEvent {
                first: u64::from(num_vfs),
                ..EtwEvent::of(&event::ENABLED)
            },
        );
        if !first {
            reset::after_power_loss(pf);
        }
        Ok(())
    };
    enter().map_or_else(
        |failure| event_log::start_failed(&pf.source, failure),
        |()| status::SUCCESS,
    )
}

/// `EvtDeviceD0Exit`: turns the VFs off, unless the device does not answer any more. A device that
/// was removed by surprise may still be present, such as one whose driver failed or whose bus is
/// reset: its VFs must not run without their PF.
pub(crate) unsafe extern "C" fn d0_exit(
    device: WDFDEVICE,
    _target: WDF_POWER_DEVICE_STATE,
) -> NTSTATUS {
    if let Some(pf) = lifetime::of_device(device) {
        let leave = |place: &mut Option<Hardware>| {
            if let Some(hardware) = place
                && hardware.is_present()
            {
                hardware.disable();
            }
        };
        pf.hardware.hold_calls();
        registers::save(pf);
        // SAFETY: this is EvtDeviceD0Exit.
        unsafe { pf.hardware.change(leave) };
    }
    status::SUCCESS
}

/// `EvtDeviceSelfManagedIoRestart`: the PF runs again, after a rebalance or a sleep. It always
/// succeeds, because the framework removes a device whose callback fails.
pub(crate) unsafe extern "C" fn self_managed_io_restart(device: WDFDEVICE) -> NTSTATUS {
    if let Some(pf) = lifetime::of_device(device) {
        events::running_again(pf);
    }
    status::SUCCESS
}

/// `EvtDeviceSelfManagedIoFlush`: the device was removed, and has left D0 and released its
/// hardware.
pub(crate) unsafe extern "C" fn self_managed_io_flush(device: WDFDEVICE) {
    if let Some(pf) = lifetime::of_device(device) {
        pf.drain();
    }
}

/// `EvtDeviceSurpriseRemoval`: the device is no longer present. The framework does not synchronize
/// this with other callbacks: `EvtDeviceD0Exit`, or a query that waits, may run at the same time.
pub(crate) unsafe extern "C" fn surprise_removal(device: WDFDEVICE) {
    if let Some(pf) = lifetime::of_device(device) {
        pf.mark_removed();
    }
}

/// `EvtDeviceQueryRemove`: refuses while the interface is held. Not synchronized with the power
/// callbacks.
pub(crate) unsafe extern "C" fn query_remove(device: WDFDEVICE) -> NTSTATUS {
    match lifetime::of_device(device) {
        Some(pf) if pf.is_referenced() => {
            let vetoed = EtwEvent {
                status: status::DEVICE_BUSY,
                ..EtwEvent::of(&event::REMOVE_VETOED)
            };
            event_log::report(&pf.source, &pf.log_limits, &REMOVE_VETOED, &vetoed);
            status::DEVICE_BUSY
        }
        _ => status::SUCCESS,
    }
}

/// `EvtDeviceQueryStop`: the virtualization stack may veto. Not synchronized with the power
/// callbacks.
pub(crate) unsafe extern "C" fn query_stop(device: WDFDEVICE) -> NTSTATUS {
    lifetime::of_device(device).map_or(status::SUCCESS, events::query_stop)
}

/// `IRP_MN_CANCEL_STOP_DEVICE`, for which the framework has no callback. The virtualization stack
/// gets its event before the request goes on: the device has not stopped, and once the request is
/// completed the device may be removed while this thread still waits.
pub(crate) unsafe extern "C" fn cancel_stop(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    if let Some(pf) = lifetime::of_device(device) {
        events::running_again(pf);
    }
    // SAFETY: the packet is the callback's, which ends here.
    unsafe { packet::return_to_framework(device, irp) }
}

/// `EvtFileCleanup` and `EvtFileClose`: a kernel-mode opener's handle may be closed long before its
/// file object, or right after.
pub(crate) unsafe extern "C" fn file_gone(file: WDFFILEOBJECT) {
    // As file objects are optional, the framework also calls for one that is unknown to it.
    if file.is_null() {
        return;
    }
    // SAFETY: the file object is one of a live device.
    let device = unsafe { wdf::call!(WdfFileObjectGetDevice, file) };
    if let Some(pf) = lifetime::of_device(device) {
        events::on_file_closed(pf, file.addr());
    }
}

/// `EvtCleanupCallback` of the device: also for one that never started.
pub(crate) unsafe extern "C" fn cleanup(device: WDFOBJECT) {
    if let Some(pf) = lifetime::of_device(device.cast()) {
        pf.drain();
    }
}

/// `EvtDestroyCallback` of the device: the device releases its PF.
pub(crate) unsafe extern "C" fn destroy(device: WDFOBJECT) {
    if let Some(pf) = lifetime::of_device(device.cast()) {
        // SAFETY: the device is no longer used.
        unsafe { Pf::device_gone(core::ptr::NonNull::from(pf)) };
    }
}
