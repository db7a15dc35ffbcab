//! The device: what the driver creates for it, and its Plug and Play and power callbacks.

use core::ptr;

use wdk_sys::{
    CM_PARTIAL_RESOURCE_DESCRIPTOR, NTSTATUS, PWDFDEVICE_INIT, STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_SUCCESS, WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_DEVICE_STATE, WDFCMRESLIST, WDFDEVICE,
    WDFDRIVER,
};

use crate::{
    companion, firmware,
    registers::Registers,
    state::{self, DEVICE_CONTEXT},
    wdf::{self, ok},
};

/// `EvtDriverDeviceAdd`
pub(crate) unsafe extern "C" fn add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    create(init).err().unwrap_or(STATUS_SUCCESS)
}

fn create(mut init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    let mut power = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: wdf::size_of_config::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDevicePrepareHardware: Some(prepare_hardware),
        EvtDeviceReleaseHardware: Some(release_hardware),
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0Exit: Some(d0_exit),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    // SAFETY: the framework's init structure is the driver's until the device is created.
    unsafe {
        wdf::call!(WdfDeviceInitSetPnpPowerEventCallbacks, init, &raw mut power);
    };
    let mut attributes = wdf::attributes(ptr::null_mut());
    attributes.ContextTypeInfo = &raw const DEVICE_CONTEXT.0;
    let mut device: WDFDEVICE = ptr::null_mut();
    // SAFETY: the framework takes over the init structure of this call.
    ok(unsafe {
        wdf::call!(
            WdfDeviceCreate,
            &raw mut init,
            &raw mut attributes,
            &raw mut device
        )
    })?;
    let context = state::of(device);
    context.create_lock(device)?;
    context.firmware.set(firmware::create(device)?);
    companion::offer(device)
}

/// `EvtDevicePrepareHardware`: maps the registers. pf_broker's own callback, which queries this
/// driver, comes after this one and after [`d0_entry`].
unsafe extern "C" fn prepare_hardware(
    device: WDFDEVICE,
    _raw: WDFCMRESLIST,
    translated: WDFCMRESLIST,
) -> NTSTATUS {
    match first_memory(translated) {
        Ok(registers) => {
            state::of(device).locked(|state| state.registers = Some(registers));
            STATUS_SUCCESS
        }
        Err(status) => status,
    }
}

/// Maps the first memory range of the list: base address register 0. The ranges after it are the
/// memory of the VFs, which belongs to pf_broker.
fn first_memory(translated: WDFCMRESLIST) -> Result<Registers, NTSTATUS> {
    // SAFETY: the framework hands the list to the callback that this runs in.
    let count = unsafe { wdf::call!(WdfCmResourceListGetCount, translated) };
    for index in 0..count {
        // SAFETY: as above.
        let descriptor = unsafe { wdf::call!(WdfCmResourceListGetDescriptor, translated, index) };
        // SAFETY: the index is one of the list's.
        let descriptor: CM_PARTIAL_RESOURCE_DESCRIPTOR = unsafe { descriptor.read_unaligned() };
        if u32::from(descriptor.Type) == wdk_sys::CmResourceTypeMemory {
            // SAFETY: the type selects this member.
            let memory = unsafe { descriptor.u.Memory };
            return Registers::map(memory.Start, memory.Length as usize);
        }
    }
    Err(STATUS_DEVICE_CONFIGURATION_ERROR)
}

/// `EvtDeviceReleaseHardware`: after this no callback accesses the registers, in whatever order
/// pf_broker detaches.
unsafe extern "C" fn release_hardware(device: WDFDEVICE, _translated: WDFCMRESLIST) -> NTSTATUS {
    let registers = state::of(device).locked(|state| state.registers.take());
    if let Some(registers) = registers {
        registers.unmap();
    }
    STATUS_SUCCESS
}

/// `EvtDeviceD0Entry`: the registers can be accessed, and the firmware starts.
unsafe extern "C" fn d0_entry(device: WDFDEVICE, _previous: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    let context = state::of(device);
    context.locked(|state| state.in_d0 = true);
    firmware::watch(context);
    STATUS_SUCCESS
}

/// `EvtDeviceD0Exit`: pf_broker refuses from now on what it would hand over.
unsafe extern "C" fn d0_exit(device: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    state::of(device).locked(|state| {
        state.in_d0 = false;
        state.set_ready(false);
    });
    STATUS_SUCCESS
}
