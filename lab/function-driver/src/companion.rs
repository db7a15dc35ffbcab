//! The driver as the companion of the driver above it: it answers as the runner says.
//!
//! | file | holds |
//! |---|---|
//! | `calls.rs` | the calls of the driver above |
//! | `functions.rs` | the functions that it gave |
//! | `state.rs` | what the runner has set, and what has happened |

mod calls;
mod functions;
mod state;

use core::ffi::c_void;
use core::ptr;

use alloc::vec::Vec;
use lab_control::companion::{
    Answer, BrokerCall, CompanionRecord, Handed, IOCTL_CALL_BROKER, IOCTL_KEEP_FUNCTIONS,
    IOCTL_SET_ANSWER, IOCTL_SET_OFFER, IOCTL_SET_READY, IOCTL_TAKE_COMPANION_RECORD,
    IOCTL_TAKE_HANDED, offer,
};
use pcivirt_abi::Guid;
use pf_companion_abi::{CompanionInterface, GUID_PF_BROKER_COMPANION, VERSION};
use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS, STATUS_UNSUCCESSFUL,
    WDF_QUERY_INTERFACE_CONFIG, WDFDEVICE, WDFREQUEST,
};
use zerocopy::IntoBytes as _;

use crate::buffers::{input, reply};
use crate::wdf::{self, ok};
use state::{RECORD, STATE};

static COMPANION: Guid = GUID_PF_BROKER_COMPANION;

/// Offers the companion interface.
pub(crate) fn offer(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let mut interface = complete();
    let mut config = WDF_QUERY_INTERFACE_CONFIG {
        Size: wdf::size_of_config::<WDF_QUERY_INTERFACE_CONFIG>(),
        Interface: (&raw mut interface).cast::<INTERFACE>(),
        InterfaceType: ptr::from_ref(&COMPANION).cast::<GUID>(),
        EvtDeviceProcessQueryInterfaceRequest: Some(answer_query),
        ..WDF_QUERY_INTERFACE_CONFIG::default()
    };
    // SAFETY: the device is live, and the framework copies the interface and its description.
    ok(unsafe { wdf::call!(WdfDeviceAddQueryInterface, device, &raw mut config) })
}

fn complete() -> CompanionInterface {
    CompanionInterface {
        size: u16::try_from(size_of::<CompanionInterface>()).unwrap_or(0),
        version: VERSION,
        context: calls::context(),
        interface_reference: Some(reference),
        interface_dereference: Some(dereference),
        attach: Some(calls::attach),
        detach: Some(calls::detach),
        vf_write: Some(calls::vf_write),
        vf_read: Some(calls::vf_read),
        vf_committed: Some(calls::vf_committed),
        vf_power: Some(calls::vf_power),
        vf_reset: Some(calls::vf_reset),
    }
}

/// `InterfaceReference`
unsafe extern "C" fn reference(_context: *mut c_void) {
    RECORD.references.count();
}

/// `InterfaceDereference`
unsafe extern "C" fn dereference(_context: *mut c_void) {
    RECORD.references.uncount();
}

/// `EvtDeviceProcessQueryInterfaceRequest`: makes the flaw that the runner has set.
unsafe extern "C" fn answer_query(
    _device: WDFDEVICE,
    _class: *mut GUID,
    exposed: *mut INTERFACE,
    _specific: *mut c_void,
) -> NTSTATUS {
    // SAFETY: the framework has copied the interface to the sender's structure.
    let it = unsafe { &mut *exposed.cast::<CompanionInterface>() };
    match STATE.lock().offer {
        offer::NOTHING => return STATUS_UNSUCCESSFUL,
        offer::SIZE => it.size -= 1,
        offer::VERSION => it.version += 1,
        offer::NO_REFERENCE => it.interface_reference = None,
        offer::NO_DEREFERENCE => it.interface_dereference = None,
        offer::NO_ATTACH => it.attach = None,
        offer::NO_DETACH => it.detach = None,
        offer::NO_VF_WRITE => it.vf_write = None,
        offer::NO_VF_READ => it.vf_read = None,
        offer::LEAST => (it.vf_committed, it.vf_power, it.vf_reset) = (None, None, None),
        // Without a reference, as the structure says that it has no room for one.
        offer::EMPTY => (it.size, it.interface_reference) = (0, None),
        _ => {}
    }
    STATUS_SUCCESS
}

/// Handles a control code of the companion; the number of bytes of output.
pub(crate) fn control(request: WDFREQUEST, output: usize, code: u32) -> Result<usize, NTSTATUS> {
    match code {
        IOCTL_SET_READY => functions::set_ready(input::<u32>(request)? != 0).map(|()| 0),
        IOCTL_SET_ANSWER => {
            let answer = input::<Answer>(request)?;
            let place = (answer.block, answer.reads);
            STATE.lock().answers.insert(place, answer);
            Ok(0)
        }
        IOCTL_TAKE_HANDED => {
            let fitting = output / size_of::<Handed>();
            let taken = {
                let mut state = STATE.lock();
                let count = fitting.min(state.handed.len());
                state.handed.drain(..count).collect::<Vec<_>>()
            };
            reply(request, taken.as_bytes())
        }
        IOCTL_SET_OFFER => {
            STATE.lock().offer = input(request)?;
            Ok(0)
        }
        IOCTL_TAKE_COMPANION_RECORD => {
            let record: CompanionRecord = RECORD.take();
            reply(request, record.as_bytes())
        }
        IOCTL_CALL_BROKER => {
            let call = input::<BrokerCall>(request)?;
            reply(request, functions::call(&call)?.as_bytes())
        }
        IOCTL_KEEP_FUNCTIONS => {
            STATE.lock().keeps_functions = input::<u32>(request)? != 0;
            Ok(0)
        }
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// Whether a control code is the companion's.
pub(crate) const fn is_own_code(code: u32) -> bool {
    code >= IOCTL_SET_READY && code <= IOCTL_KEEP_FUNCTIONS
}
