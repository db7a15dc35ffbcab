//! `VPCI_INTERFACE_STANDARD`, as the guest's bus offers it to the driver of a VF.

use alloc::sync::Arc;
use core::ffi::c_void;

use pcivirt_abi::sriov::MAX_BLOCK_SIZE;
use pcivirt_abi::vpci::{GUID_VPCI_INTERFACE_STANDARD, INTERFACE_VERSION, Interface};
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER};

use super::virtual_function::VirtualFunction;
use crate::bus::interface_query::{Query, offer};
use crate::kernel::status::status_of;
use crate::pf_connection::call;

/// Refuses a length of zero, or beyond what the channel carries, as the VPCI bus driver does
/// itself.
pub(super) fn check_length(length: u32) -> Result<(), NTSTATUS> {
    if (1..=MAX_BLOCK_SIZE).contains(&length) {
        Ok(())
    } else {
        Err(STATUS_INVALID_PARAMETER)
    }
}

/// Answers a query for `VPCI_INTERFACE_STANDARD`; `None` when it is about another interface.
pub(crate) fn query_interface(vf: &Arc<VirtualFunction>, query: &Query) -> Option<NTSTATUS> {
    offer(
        query,
        &GUID_VPCI_INTERFACE_STANDARD,
        INTERFACE_VERSION,
        || {
            reference(context(vf));
            Interface {
                size: u16::try_from(size_of::<Interface>()).unwrap_or(0),
                version: INTERFACE_VERSION,
                context: context(vf),
                interface_reference: Some(interface_reference),
                interface_dereference: Some(interface_dereference),
                write_vf_config_block: Some(write_block),
                read_vf_config_block: Some(read_block),
                serial_number: 0x5000_0000 + u32::from(vf.index),
            }
        },
    )
}

fn context(vf: &Arc<VirtualFunction>) -> *mut c_void {
    Arc::as_ptr(vf).cast_mut().cast()
}

fn reference(context: *mut c_void) {
    // SAFETY: the context is an `Arc` with at least one reference.
    unsafe { Arc::increment_strong_count(context.cast::<VirtualFunction>()) };
}

fn virtual_function<'c>(context: *mut c_void) -> &'c VirtualFunction {
    // SAFETY: the caller holds a reference to the interface, which keeps the context.
    unsafe { &*context.cast::<VirtualFunction>() }
}

unsafe extern "C" fn interface_reference(context: *mut c_void) {
    reference(context);
}

unsafe extern "C" fn interface_dereference(context: *mut c_void) {
    // SAFETY: this gives back what `reference` took.
    unsafe { Arc::decrement_strong_count(context.cast::<VirtualFunction>()) };
}

/// `ReadVfConfigBlock` of the guest.
pub(crate) unsafe extern "C" fn read_block(
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NTSTATUS {
    transfer(call::read_block, context, block_id, buffer, length)
}

/// `WriteVfConfigBlock` of the guest.
pub(crate) unsafe extern "C" fn write_block(
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NTSTATUS {
    transfer(call::write_block, context, block_id, buffer, length)
}

/// Checks the arguments, then calls the PF driver with them.
fn transfer(
    call: fn(u16, u32, *mut c_void, u32) -> Result<(), NTSTATUS>,
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NTSTATUS {
    if buffer.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let index = virtual_function(context).index;
    status_of(check_length(length).and_then(|()| call(index, block_id, buffer, length)))
}
