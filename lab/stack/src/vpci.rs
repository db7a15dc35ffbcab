//! The VPCI double: what the guest's VPCI bus driver offers the driver of a VF.
//!
//! After `vpci.h` and its documentation: `VPCI_INTERFACE_STANDARD` by `IRP_MN_QUERY_INTERFACE`, and
//! `IOCTL_VPCI_READ_BLOCK`, `IOCTL_VPCI_WRITE_BLOCK` and `IOCTL_VPCI_INVALIDATE_BLOCK` as
//! `IRP_MJ_INTERNAL_DEVICE_CONTROL` with `METHOD_NEITHER`. In the documentation
//! `IOCTL_VPCI_INVALIDATE_BLOCK` leaves open which of the two buffers takes the mask: it goes to the
//! output buffer, and to the input buffer where there is no output buffer.

pub(crate) mod guest_driver;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use pcivirt_abi::sriov::MAX_BLOCK_SIZE;
use pcivirt_abi::vpci::{
    GUID_VPCI_INTERFACE_STANDARD, INTERFACE_VERSION, IOCTL_INVALIDATE_BLOCK, IOCTL_READ_BLOCK,
    IOCTL_WRITE_BLOCK, Interface, InvalidateBlockOutput, ReadBlockInput, WriteBlockHeader,
};
use wdk_sys::ntddk::IoReleaseCancelSpinLock;
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, NTSTATUS, PIRP, STATUS_BUFFER_TOO_SMALL, STATUS_CANCELLED,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER, STATUS_PENDING, STATUS_SUCCESS,
};

use crate::bus::device_object::{self, Kind};
use crate::bus::pnp::{Query, offer};
use crate::kernel::irp;
use crate::kernel::lock::Lock;
use crate::pf_connection;

/// How many VFs' devices there are, those that were pulled out and are still held included.
static LIVING: AtomicU32 = AtomicU32::new(0);

/// How many VFs' devices there are in memory.
pub(crate) fn living() -> u32 {
    LIVING.load(Ordering::SeqCst)
}

/// The guest's side of one VF.
pub(crate) struct VirtualFunction {
    pub(crate) index: u16,
    waiting: Lock<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Invalidations that no request has taken yet.
    mask: u64,
    requests: Vec<PIRP>,
}

// SAFETY: requests belong to no thread.
unsafe impl Send for Waiting {}

impl Drop for VirtualFunction {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::SeqCst);
    }
}

impl VirtualFunction {
    pub(crate) fn new(index: u16) -> Self {
        LIVING.fetch_add(1, Ordering::SeqCst);
        Self {
            index,
            waiting: Lock::new(Waiting::default()),
        }
    }

    /// Invalidates blocks: a waiting request is completed, else the mask waits.
    pub(crate) fn invalidate(&self, mask: u64) {
        let request = {
            let mut waiting = self.waiting.lock();
            waiting.mask |= mask;
            match take_request(&mut waiting) {
                Some(request) => (request, core::mem::take(&mut waiting.mask)),
                None => return,
            }
        };
        deliver(request.0, request.1);
    }

    /// Whether the guest has been told everything: nothing waits for a request.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.waiting.lock().mask == 0
    }

    /// Completes every waiting request with a status.
    pub(crate) fn fail_pending(&self, status: NTSTATUS) {
        loop {
            let Some(request) = take_request(&mut self.waiting.lock()) else {
                return;
            };
            // SAFETY: the request is ours: its cancel routine is gone.
            unsafe { irp::complete(request, status, 0) };
        }
    }

    fn wait(&self, irp: PIRP, location: &mut IO_STACK_LOCATION) -> NTSTATUS {
        let mut waiting = self.waiting.lock();
        if waiting.mask != 0 {
            let mask = core::mem::take(&mut waiting.mask);
            drop(waiting);
            deliver(irp, mask);
            return STATUS_SUCCESS;
        }
        // SAFETY: the request is ours.
        let request = unsafe { &mut *irp };
        irp::mark_pending(location);
        waiting.requests.push(irp);
        set_cancel_routine(irp, Some(cancel));
        if request.Cancel != 0 && set_cancel_routine(irp, None).is_some() {
            waiting.requests.retain(|&queued| queued != irp);
            drop(waiting);
            // SAFETY: the request is ours again.
            unsafe { irp::complete(irp, STATUS_CANCELLED, 0) };
        }
        STATUS_PENDING
    }
}

/// The oldest waiting request that is not being cancelled.
fn take_request(waiting: &mut Waiting) -> Option<PIRP> {
    while !waiting.requests.is_empty() {
        let request = waiting.requests.remove(0);
        if set_cancel_routine(request, None).is_some() {
            return Some(request);
        }
    }
    None
}

type CancelRoutine = unsafe extern "C" fn(*mut DEVICE_OBJECT, PIRP);

/// `IoSetCancelRoutine`
fn set_cancel_routine(irp: PIRP, routine: Option<CancelRoutine>) -> Option<CancelRoutine> {
    // SAFETY: the request exists.
    let field = unsafe { &raw mut (*irp).CancelRoutine }.cast::<*mut c_void>();
    // SAFETY: the field is a pointer, and the kernel exchanges it atomically too.
    let field = unsafe { AtomicPtr::from_ptr(field) };
    let new = routine.map_or(core::ptr::null_mut(), |routine| routine as *mut c_void);
    let old = field.swap(new, Ordering::AcqRel);
    if old.is_null() {
        None
    } else {
        // SAFETY: only routines of this type are ever stored in requests that we hold.
        Some(unsafe { core::mem::transmute::<*mut c_void, CancelRoutine>(old) })
    }
}

unsafe extern "C" fn cancel(device: *mut DEVICE_OBJECT, irp: PIRP) {
    // SAFETY: the kernel left the level of the cancel lock in the request.
    let level = unsafe { (*irp).CancelIrql };
    // SAFETY: the kernel holds the cancel lock for us.
    unsafe { IoReleaseCancelSpinLock(level) };
    if let Some(child) = device_object::child(device)
        && let Kind::VirtualFunction(vf) = &child.kind
    {
        vf.waiting.lock().requests.retain(|&queued| queued != irp);
    }
    // SAFETY: whoever runs the cancel routine owns the request.
    unsafe { irp::complete(irp, STATUS_CANCELLED, 0) };
}

/// Completes an invalidation request with a mask.
fn deliver(irp: PIRP, mask: u64) {
    // SAFETY: the caller owns the request.
    let (request, location) = unsafe { irp::parts(irp) };
    // SAFETY: device control requests use this member.
    let parameters = unsafe { &location.Parameters.DeviceIoControl };
    let needed = u32::try_from(size_of::<InvalidateBlockOutput>()).unwrap_or(u32::MAX);
    let buffer = if parameters.OutputBufferLength >= needed {
        request.UserBuffer
    } else {
        parameters.Type3InputBuffer
    };
    // SAFETY: the length was checked when the request came, and the caller keeps its buffer until
    // the request is complete.
    unsafe {
        buffer
            .cast::<InvalidateBlockOutput>()
            .write_unaligned(InvalidateBlockOutput { block_mask: mask });
    };
    // SAFETY: the caller owns the request.
    unsafe { irp::complete(irp, STATUS_SUCCESS, 0) };
}

pub(crate) unsafe extern "C" fn dispatch(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the caller hands the request over.
    let (request, location) = unsafe { irp::parts(irp) };
    let vf = match device_object::child(device).map(|child| &child.kind) {
        Some(Kind::VirtualFunction(vf)) => Arc::clone(vf),
        _ => {
            // SAFETY: the request is ours.
            return unsafe { irp::complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0) };
        }
    };
    // SAFETY: device control requests use this member.
    let parameters = unsafe { &location.Parameters.DeviceIoControl };
    let input = (parameters.Type3InputBuffer, parameters.InputBufferLength);
    let output = (request.UserBuffer, parameters.OutputBufferLength);
    let result = match parameters.IoControlCode {
        IOCTL_READ_BLOCK => read(&vf, input, output),
        IOCTL_WRITE_BLOCK => write(&vf, input),
        IOCTL_INVALIDATE_BLOCK => {
            let needed = 8;
            if input.1 >= needed || output.1 >= needed {
                return vf.wait(irp, location);
            }
            Err(STATUS_BUFFER_TOO_SMALL)
        }
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    };
    let (status, information) = match result {
        Ok(information) => (STATUS_SUCCESS, u64::from(information)),
        Err(status) => (status, 0),
    };
    // SAFETY: the request is ours.
    unsafe { irp::complete(irp, status, information) }
}

type Buffer = (*mut c_void, u32);

fn read(vf: &VirtualFunction, input: Buffer, output: Buffer) -> Result<u32, NTSTATUS> {
    if input.1 < 8 || input.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    // SAFETY: the input was checked to hold the structure.
    let request = unsafe { input.0.cast::<ReadBlockInput>().read_unaligned() };
    if output.1 < request.bytes_requested || output.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    transfer_checked(request.bytes_requested)?;
    pf_connection::read_block(
        vf.index,
        request.block_id,
        output.0,
        request.bytes_requested,
    )?;
    Ok(request.bytes_requested)
}

fn write(vf: &VirtualFunction, input: Buffer) -> Result<u32, NTSTATUS> {
    if input.1 < 8 || input.0.is_null() {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    // SAFETY: the input was checked to hold the header.
    let header = unsafe { input.0.cast::<WriteBlockHeader>().read_unaligned() };
    if u64::from(input.1) < 8 + u64::from(header.data_length) {
        return Err(STATUS_BUFFER_TOO_SMALL);
    }
    transfer_checked(header.data_length)?;
    // SAFETY: the data lies right behind the header, inside the input.
    let data = unsafe { input.0.byte_add(8) };
    pf_connection::write_block(vf.index, header.block_id, data, header.data_length)?;
    Ok(header.data_length)
}

/// What the VPCI bus driver refuses by itself: no byte, or more than the channel carries.
fn transfer_checked(length: u32) -> Result<(), NTSTATUS> {
    if (1..=MAX_BLOCK_SIZE).contains(&length) {
        Ok(())
    } else {
        Err(STATUS_INVALID_PARAMETER)
    }
}

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
    // SAFETY: the context is an `Arc` that somebody holds.
    unsafe { Arc::increment_strong_count(context.cast::<VirtualFunction>()) };
}

fn virtual_function<'c>(context: *mut c_void) -> &'c VirtualFunction {
    // SAFETY: whoever calls by the interface holds a reference to it, and each keeps the context.
    unsafe { &*context.cast::<VirtualFunction>() }
}

unsafe extern "C" fn interface_reference(context: *mut c_void) {
    reference(context);
}

unsafe extern "C" fn interface_dereference(context: *mut c_void) {
    // SAFETY: this gives back what `reference` took.
    unsafe { Arc::decrement_strong_count(context.cast::<VirtualFunction>()) };
}

/// `ReadVfConfigBlock` of the guest, which the batch player calls too.
pub(crate) unsafe extern "C" fn read_block(
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtResult {
    if buffer.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let index = virtual_function(context).index;
    match transfer_checked(length)
        .and_then(|()| pf_connection::read_block(index, block_id, buffer, length))
    {
        Ok(()) => STATUS_SUCCESS,
        Err(status) => status,
    }
}

/// `WriteVfConfigBlock` of the guest, which the batch player calls too.
pub(crate) unsafe extern "C" fn write_block(
    context: *mut c_void,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtResult {
    if buffer.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let index = virtual_function(context).index;
    match transfer_checked(length)
        .and_then(|()| pf_connection::write_block(index, block_id, buffer, length))
    {
        Ok(()) => STATUS_SUCCESS,
        Err(status) => status,
    }
}

type NtResult = NTSTATUS;
