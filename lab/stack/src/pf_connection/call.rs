//! Calls of the PF driver's `SRIOV_DEVICE_INTERFACE_STANDARD`.

use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::stack::{Call, Called, PATTERN, function, null};
use pcivirt_abi::sriov::{DeviceInterface, ReadBlock};
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

use super::connection;
use crate::kernel::status::checked;

/// Calls of block functions that run.
static CALLS: AtomicU32 = AtomicU32::new(0);
static MOST_CALLS: AtomicU32 = AtomicU32::new(0);

/// The most calls of block functions that ran at one time since the last take.
pub(crate) fn take_most_calls() -> u32 {
    MOST_CALLS.swap(0, Ordering::SeqCst)
}

/// Counts a call of the interface while it runs.
struct Running;

impl Running {
    fn start() -> Self {
        let running = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
        MOST_CALLS.fetch_max(running, Ordering::SeqCst);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Calls the PF driver's `ReadVfConfigBlock` with these arguments, unchecked.
pub(crate) fn read_block(
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
) -> Result<(), NTSTATUS> {
    let function = |interface: &DeviceInterface| interface.read_vf_config_block;
    call_for_block(function, vf, block, buffer, length)
}

/// Calls the PF driver's `WriteVfConfigBlock` with these arguments, unchecked.
pub(crate) fn write_block(
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
) -> Result<(), NTSTATUS> {
    let function = |interface: &DeviceInterface| interface.write_vf_config_block;
    call_for_block(function, vf, block, buffer, length)
}

/// Calls one of the two functions for blocks, which have the same signature.
fn call_for_block(
    function: impl FnOnce(&DeviceInterface) -> Option<ReadBlock>,
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
) -> Result<(), NTSTATUS> {
    let connection = connection::get()?;
    let interface = connection.interface();
    let function = function(interface).ok_or(STATUS_INVALID_PARAMETER)?;
    let _running = Running::start();
    // SAFETY: the interface is referenced; a buffer that is shorter than `length` is what the PF
    // driver has to refuse by the length alone.
    checked(unsafe { function(interface.context, vf, block, buffer, length) })
}

/// Bytes of a VF's configuration space.
pub(crate) const CONFIG_SPACE: usize = 4096;

/// Reads all of a VF's configuration space.
pub(crate) fn read_config(vf: u16, space: &mut [u8; CONFIG_SPACE]) -> NTSTATUS {
    let connection = match connection::get() {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let interface = connection.interface();
    let Some(read) = interface.read_vf_config else {
        return STATUS_INVALID_PARAMETER;
    };
    let length = u32::try_from(CONFIG_SPACE).unwrap_or(0);
    // SAFETY: the interface is referenced, and the buffer has the length that is passed.
    unsafe { read(interface.context, space.as_mut_ptr().cast(), vf, 0, length) }
}

/// Calls one of the functions of [`function`] that need no data.
pub(crate) fn call_without_data(function: u32, vf: u16, offset: u32) -> NTSTATUS {
    let call = Call {
        function,
        vf,
        null: null::NOTHING,
        offset,
        length: 0,
        data: [0; 64],
    };
    let status = self::call(&call).map_or_else(NTSTATUS::cast_unsigned, |called| called.status);
    status.cast_signed()
}

/// Calls one of the functions of [`function`].
pub(crate) fn call(call: &Call) -> Result<Called, NTSTATUS> {
    let connection = connection::get()?;
    let interface = connection.interface();
    let mut data = [PATTERN; 64];
    let mut long = Vec::new();
    if call.function == function::WRITE_CONFIG {
        data = call.data;
        // A write that is longer than its data repeats them.
        let length = usize::try_from(call.length).unwrap_or(0);
        if (data.len()..=CONFIG_SPACE).contains(&length) {
            long.extend(data.iter().copied().cycle().take(length));
        }
    }
    let (mut context, mut buffer) = (interface.context, data.as_mut_ptr());
    if !long.is_empty() {
        buffer = long.as_mut_ptr();
    }
    match call.null {
        null::DATA => buffer = ptr::null_mut(),
        null::CONTEXT => context = ptr::null_mut(),
        _ => {}
    }
    // SAFETY: the interface is referenced. The buffer holds each function's result, and a
    // configuration write up to the space's size; a longer access has to be refused by its length.
    let status =
        unsafe { dispatch(interface, context, call, buffer) }.ok_or(STATUS_INVALID_PARAMETER)?;
    Ok(Called {
        status: status.cast_unsigned(),
        data,
    })
}

/// Calls the function that `call` names; `None` if there is none.
///
/// # Safety
/// The interface is referenced, and `buffer` is NULL or holds what the function reads or writes.
unsafe fn dispatch(
    interface: &DeviceInterface,
    context: *mut c_void,
    call: &Call,
    buffer: *mut u8,
) -> Option<NTSTATUS> {
    // A value behind the first one; NULL stays NULL.
    let behind = |bytes: usize| {
        if buffer.is_null() {
            buffer
        } else {
            buffer.wrapping_add(bytes)
        }
    };
    let (vf, offset, length) = (call.vf, call.offset, call.length);
    let status = match call.function {
        function::READ_CONFIG => {
            let read = interface.read_vf_config?;
            // SAFETY: as the caller promises.
            unsafe { read(context, buffer.cast(), vf, offset, length) }
        }
        function::WRITE_CONFIG => {
            let write = interface.write_vf_config?;
            // SAFETY: as the caller promises.
            unsafe { write(context, buffer.cast(), vf, offset, length) }
        }
        function::QUERY_PROBED_BARS => {
            let query = interface.query_probed_bars?;
            // SAFETY: as the caller promises: six values.
            unsafe { query(context, buffer.cast()) }
        }
        function::GET_VENDOR_AND_DEVICE => {
            let query = interface.get_vendor_and_device?;
            // SAFETY: as the caller promises.
            unsafe { query(context, vf, buffer.cast(), behind(2).cast()) };
            STATUS_SUCCESS
        }
        function::GET_DEVICE_LOCATION => {
            let query = interface.get_device_location?;
            // SAFETY: as the caller promises.
            unsafe { query(context, vf, buffer.cast(), behind(2), behind(3)) };
            STATUS_SUCCESS
        }
        function::RESET_VF => {
            let reset = interface.reset_vf?;
            // SAFETY: as the caller promises.
            unsafe { reset(context, vf) }
        }
        function::SET_VF_POWER_STATE => {
            let set = interface.set_vf_power_state?;
            // SAFETY: as the caller promises.
            unsafe { set(context, vf, offset.cast_signed(), u8::from(length != 0)) }
        }
        function::GET_RESOURCE_FOR_BAR => {
            let get = interface.get_resource_for_bar?;
            let bar = u16::try_from(offset).unwrap_or(u16::MAX);
            // SAFETY: as the caller promises: a descriptor.
            unsafe { get(context, vf, bar, buffer.cast()) }
        }
        function::QUERY_LUID => {
            let query = interface.query_luid?;
            // SAFETY: as the caller promises: a LUID, which the function need not find aligned.
            unsafe { query(context, buffer.cast()) }
        }
        function::REFERENCE => {
            let reference = interface.interface_reference?;
            // SAFETY: as the caller promises.
            unsafe { reference(context) };
            STATUS_SUCCESS
        }
        function::DEREFERENCE => {
            let dereference = interface.interface_dereference?;
            // SAFETY: the runner gives back only what it took.
            unsafe { dereference(context) };
            STATUS_SUCCESS
        }
        _ => return None,
    };
    Some(status)
}
