//! One VF in its guest: invalidations, and the requests that wait for them.

use alloc::vec::Vec;
use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use kernel_runtime::lock::Locked;
use pcivirt_abi::vpci::InvalidateBlockOutput;
use wdk_sys::{
    DEVICE_OBJECT, IO_STACK_LOCATION, NTSTATUS, PIRP, STATUS_CANCELLED, STATUS_PENDING,
    STATUS_SUCCESS,
};

use crate::kernel::irp;

/// VFs' devices in memory: plugged in, or pulled out and still referenced.
static LIVING: AtomicU32 = AtomicU32::new(0);

/// VFs' devices in memory.
pub(crate) fn living() -> u32 {
    LIVING.load(Ordering::SeqCst)
}

/// One VF in its guest.
pub(crate) struct VirtualFunction {
    pub(crate) index: u16,
    waiting: Locked<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Invalidations that no request has returned yet.
    mask: u64,
    requests: Vec<PIRP>,
}

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
            waiting: Locked::new(Waiting::default()),
        }
    }

    /// Invalidates blocks: completes a waiting request, or latches the mask.
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

    /// Whether the guest has received every invalidation.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.lock().mask == 0
    }

    /// Forgets a request that is being cancelled.
    pub(super) fn remove(&self, irp: PIRP) {
        self.waiting.lock().requests.retain(|&queued| queued != irp);
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

    /// Completes an invalidation request with what is latched, or keeps it pending; `cancel` is its
    /// cancel routine.
    pub(super) fn pend(
        &self,
        irp: PIRP,
        location: &mut IO_STACK_LOCATION,
        cancel: CancelRoutine,
    ) -> NTSTATUS {
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

/// A request's cancel routine.
pub(super) type CancelRoutine = unsafe extern "C" fn(*mut DEVICE_OBJECT, PIRP);

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
