//! The companion interface: what pf_broker calls, and what is done then.
//!
//! pf_broker calls at `PASSIVE_LEVEL` without a lock, about one VF one call at a time and about
//! several VFs at the same time.

use core::{ffi::c_void, ptr, slice};

use pf_broker_abi::SCOPE_VF;
use pf_companion_abi::{BrokerFunctions, CompanionInterface, GUID_PF_BROKER_COMPANION, VERSION};
use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, STATUS_DEVICE_NOT_READY, STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED, STATUS_REVISION_MISMATCH, STATUS_SUCCESS, WDF_QUERY_INTERFACE_CONFIG,
    WDFDEVICE,
};

use crate::{
    blocks::{Command, Response},
    firmware,
    state::{self, Device, State},
    wdf::{self, ok},
};

#[expect(
    clippy::cast_possible_truncation,
    reason = "a block has at most 128 bytes"
)]
const RESPONSE_LENGTH: u32 = Response::LENGTH as u32;

/// Answers queries for the interface. The framework copies the structure.
pub(crate) fn offer(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    const SIZE: u16 = {
        assert!(size_of::<CompanionInterface>() <= 0xFFFF);
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let size = size_of::<CompanionInterface>() as u16;
        size
    };
    let mut interface = CompanionInterface {
        size: SIZE,
        version: VERSION,
        context: device.cast(),
        interface_reference: Some(reference),
        interface_dereference: Some(reference),
        attach: Some(attach),
        detach: Some(detach),
        vf_write: Some(vf_write),
        vf_read: None,
        vf_committed: None,
        vf_power: None,
        vf_reset: Some(vf_reset),
    };
    let mut config = WDF_QUERY_INTERFACE_CONFIG {
        Size: wdf::size_of_config::<WDF_QUERY_INTERFACE_CONFIG>(),
        Interface: (&raw mut interface).cast::<INTERFACE>(),
        InterfaceType: ptr::from_ref(&GUID_PF_BROKER_COMPANION).cast::<GUID>(),
        ..WDF_QUERY_INTERFACE_CONFIG::default()
    };
    // SAFETY: the device is live; both structures outlive the call.
    ok(unsafe { wdf::call!(WdfDeviceAddQueryInterface, device, &raw mut config) })
}

/// `InterfaceReference` and `InterfaceDereference`: nothing to count, because the device below a
/// filter exists as long as the filter.
unsafe extern "C" fn reference(_context: *mut c_void) {}

/// The context of the device with which the interface was offered.
fn device<'d>(context: *mut c_void) -> &'d Device {
    state::of(context.cast())
}

/// `Attach`: copies pf_broker's functions, which can be used from here on. The driver is not ready
/// until the firmware is.
unsafe extern "C" fn attach(context: *mut c_void, broker: *const BrokerFunctions) -> NTSTATUS {
    // SAFETY: the structure is valid during the call.
    let Some(&broker) = (unsafe { broker.as_ref() }) else {
        return STATUS_INVALID_PARAMETER;
    };
    if broker.version != VERSION {
        return STATUS_REVISION_MISMATCH;
    }
    let device = device(context);
    device.locked(|state| state.broker = Some(broker));
    firmware::watch(device);
    STATUS_SUCCESS
}

/// `Detach`: no call is in progress, and none follows.
unsafe extern "C" fn detach(context: *mut c_void) {
    // With the lock: from here on neither work item nor power callback uses the functions.
    let broker = device(context).locked(|state| state.broker.take());
    if let Some(broker) = broker {
        // SAFETY: this driver has just forgotten the functions.
        unsafe { (broker.release)(broker.broker) };
    }
}

/// `VfWrite`: the command of a VF, which every rule of the manifest allows. Accepted with
/// `STATUS_SUCCESS` only, and then the response is published.
unsafe extern "C" fn vf_write(
    context: *mut c_void,
    vf: u16,
    block: u32,
    data: *const u8,
    length: u32,
) -> NTSTATUS {
    if (block, length as usize) != (Command::BLOCK_ID, Command::LENGTH) {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the block has this length, which pf_broker keeps during the call.
    let bytes = unsafe { slice::from_raw_parts(data, Command::LENGTH) };
    let Ok(bytes) = bytes.try_into() else {
        return STATUS_INVALID_PARAMETER;
    };
    let command = Command::from_bytes(bytes);
    let device = device(context);
    let outcome = device.locked(|state| carry_out(state, vf, &command));
    match outcome {
        Ok((broker, pages)) => respond(&broker, vf, &command, pages),
        Err(status) => {
            if status == STATUS_DEVICE_NOT_READY {
                firmware::watch(device);
            }
            status
        }
    }
}

/// Has the device carry out a command. The status of a failure is the one with which the write is
/// declined, which the journal shows.
fn carry_out(
    state: &State,
    vf: u16,
    command: &Command,
) -> Result<(BrokerFunctions, u32), NTSTATUS> {
    let (Some(registers), Some(broker)) = (state.accessible(), state.broker) else {
        return Err(STATUS_DEVICE_NOT_READY);
    };
    if !registers.firmware_is_ready() {
        // The firmware restarts. pf_broker refuses what it would hand over until it is ready.
        state.set_ready(false);
        return Err(STATUS_DEVICE_NOT_READY);
    }
    if !registers.can_carry_out(command) {
        return Err(STATUS_NOT_SUPPORTED);
    }
    let pages = registers.carry_out(vf, command).inspect_err(|_| {
        registers.clear(vf);
    })?;
    Ok((broker, pages))
}

/// Publishes the response, and so notifies the VF, before its write returns. Without the lock:
/// `Detach` waits for this call.
fn respond(broker: &BrokerFunctions, vf: u16, command: &Command, pages: u32) -> NTSTATUS {
    let response = Response {
        sequence: command.sequence,
        pages,
    };
    let bytes = response.to_bytes();
    // SAFETY: the functions are valid during the call; the bytes live through it.
    unsafe {
        (broker.publish)(
            broker.broker,
            vf,
            SCOPE_VF,
            Response::BLOCK_ID,
            bytes.as_ptr().cast(),
            RESPONSE_LENGTH,
            ptr::null(),
        )
    }
}

/// `VfReset`: the next owner of the VF finds nothing of the last one. The VF is served again when
/// this returns.
unsafe extern "C" fn vf_reset(context: *mut c_void, vf: u16) {
    device(context).locked(|state| {
        if let Some(registers) = state.accessible() {
            registers.clear(vf);
        }
    });
}
