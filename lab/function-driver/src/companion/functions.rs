//! The functions of the driver above.

use core::ffi::c_void;
use core::ptr;

use lab_control::MAX_BLOCK_LENGTH;
use lab_control::companion::{BrokerCall, BrokerCalled, function, omitted};
use pf_broker_abi::{Message, SCOPE_VF, StatsReply};
use pf_companion_abi::BrokerFunctions;
use wdk_sys::{NTSTATUS, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use zerocopy::FromZeros as _;

use super::state::STATE;
use crate::wdf::ok;

/// The functions that the companion has.
fn broker() -> Result<BrokerFunctions, NTSTATUS> {
    STATE.lock().broker.ok_or(STATUS_INVALID_DEVICE_STATE)
}

/// `Release`
pub(super) fn release(all: &BrokerFunctions) {
    // SAFETY: the companion has them no more.
    unsafe { (all.release)(all.broker) };
}

/// `SetReady`
pub(super) fn set_ready(ready: bool) -> Result<(), NTSTATUS> {
    let all = broker()?;
    // SAFETY: the companion has not released the functions.
    ok(unsafe { (all.set_ready)(all.broker, ready.into()) })
}

/// `Publish` to one VF.
pub(super) fn publish(
    vf: u16,
    block: u32,
    data: &[u8; MAX_BLOCK_LENGTH],
    length: u32,
) -> Result<(), NTSTATUS> {
    let all = broker()?;
    let data = data.as_ptr().cast();
    // SAFETY: as above; no block is longer than the data.
    ok(unsafe { (all.publish)(all.broker, vf, SCOPE_VF, block, data, length, ptr::null()) })
}

/// `Reset`; its status.
pub(super) fn reset(vf: u16) -> u32 {
    let status = match broker() {
        // SAFETY: as above.
        Ok(all) => unsafe { (all.reset)(all.broker, vf) },
        Err(status) => status,
    };
    status.cast_unsigned()
}

/// `Invalidate` of block 0.
pub(super) fn invalidate_first(vf: u16) {
    if let Ok(all) = broker() {
        // SAFETY: as above.
        let _ = unsafe { (all.invalidate)(all.broker, vf, SCOPE_VF, 1) };
    }
}

/// Calls a function as the runner says.
pub(super) fn call(call: &BrokerCall) -> Result<BrokerCalled, NTSTATUS> {
    const PATTERN: u8 = 0xA5;
    let all = broker()?;
    let mut called = BrokerCalled {
        status: 0,
        count: u32::MAX,
        value: u64::MAX,
        data: [PATTERN; MAX_BLOCK_LENGTH],
    };
    let is_omitted = |bit| call.omitted & bit != 0;
    let broker = if is_omitted(omitted::BROKER) {
        ptr::null_mut()
    } else {
        all.broker
    };
    let status = match call.function {
        function::SET_READY => {
            // SAFETY: the companion has not released the functions.
            unsafe { (all.set_ready)(broker, u8::from(call.value != 0)) }
        }
        function::READ => read(&all, broker, call, &mut called),
        function::PUBLISH => {
            let data: *const c_void =
                unless(is_omitted(omitted::DATA), &raw const call.data).cast();
            let expected = unless(is_omitted(omitted::NUMBER), &raw const call.value);
            let (vf, scope) = (call.vf, call.scope);
            // SAFETY: as above; no block is longer than the data.
            unsafe { (all.publish)(broker, vf, scope, call.block, data, call.length, expected) }
        }
        function::INVALIDATE => {
            // SAFETY: as above.
            unsafe { (all.invalidate)(broker, call.vf, call.scope, call.value) }
        }
        function::DRAIN => drain(&all, broker, call, &mut called),
        function::RESET => {
            // SAFETY: as above.
            unsafe { (all.reset)(broker, call.vf) }
        }
        function::STATISTICS => {
            let mut found = StatsReply::new_zeroed();
            let to = unless_mut(is_omitted(omitted::DATA), &raw mut found);
            // SAFETY: as above.
            let status = unsafe { (all.statistics)(broker, call.vf, to) };
            called.value = found.writes;
            status
        }
        function::RELEASE => {
            STATE.lock().broker = None;
            release(&all);
            STATUS_SUCCESS
        }
        _ => return Err(STATUS_INVALID_PARAMETER),
    };
    called.status = status.cast_unsigned();
    Ok(called)
}

fn read(
    all: &BrokerFunctions,
    broker: *mut c_void,
    call: &BrokerCall,
    called: &mut BrokerCalled,
) -> NTSTATUS {
    let buffer = unless_mut(call.omitted & omitted::DATA != 0, &raw mut called.data);
    let revision = unless_mut(call.omitted & omitted::NUMBER != 0, &raw mut called.value);
    let (vf, block, length) = (call.vf, call.block, call.length);
    // SAFETY: the companion has not released the functions; no read beyond 128 bytes succeeds.
    unsafe { (all.read)(broker, vf, block, buffer.cast(), length, revision) }
}

fn drain(
    all: &BrokerFunctions,
    broker: *mut c_void,
    call: &BrokerCall,
    called: &mut BrokerCalled,
) -> NTSTATUS {
    let mut messages = [Message::new_zeroed(); 2];
    if call.length as usize > messages.len() {
        return STATUS_INVALID_PARAMETER;
    }
    let first = unless_mut(call.omitted & omitted::DATA != 0, messages.as_mut_ptr());
    let count = unless_mut(call.omitted & omitted::NUMBER != 0, &raw mut called.count);
    let (vf, block, capacity) = (call.vf, call.block, call.length);
    // SAFETY: the companion has not released the functions, and there is room for the capacity.
    let status = unsafe { (all.drain)(broker, vf, block, first, capacity, count) };
    if matches!(called.count, 1 | 2) {
        called.data = messages[0].data;
    }
    status
}

fn unless<T>(omitted: bool, pointer: *const T) -> *const T {
    if omitted { ptr::null() } else { pointer }
}

fn unless_mut<T>(omitted: bool, pointer: *mut T) -> *mut T {
    if omitted { ptr::null_mut() } else { pointer }
}
