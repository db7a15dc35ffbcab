//! An attached virtualization stack: keeps a notification request and invalidation requests
//! pending, answers events as the runner says, and passes invalidations on to the guests.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel_runtime::clock;
use kernel_runtime::lock::Locked;
use kernel_runtime::thread::{self, Thread};
use lab_control::stack::{Attach, mode, policy};
use pcivirt_abi::sriov::{
    ALL_VFS, IOCTL_ATTACH, IOCTL_DETACH, IOCTL_EVENT_COMPLETE, IOCTL_INVALIDATE_BLOCK,
    IOCTL_NOTIFICATION, InvalidateBlock, PfEvent,
};
use wdk_sys::{
    NTSTATUS, STATUS_DEVICE_BUSY, STATUS_DEVICE_NOT_CONNECTED, STATUS_DEVICE_REMOVED,
    STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT, STATUS_SUCCESS,
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::connection::{self, PfConnection};
use super::{attachment_log, invalidation_log};
use crate::bus;
use crate::kernel::irp::{Completion, Sent};
use crate::kernel::status::checked;

/// Bytes of `IOCTL_SRIOV_INVALIDATE_BLOCK`'s input and output.
const INVALIDATE_BYTES: u32 = 16;
/// A VF index that no device has, for an input without meaning.
const GARBAGE: u16 = 0xA5A5;
/// How long cancelled requests may take to end, milliseconds.
const END_LIMIT: u32 = 10_000;

/// A request that the stack keeps pending.
#[derive(Default)]
struct PendingRequest {
    /// The request, while the driver has it.
    sent: Locked<Option<Arc<Sent>>>,
    /// No further request is sent.
    ended: AtomicBool,
}

impl PendingRequest {
    /// Waits for the end of a request. Records it and returns `None` unless it succeeded.
    fn completed(&self, stop: &AtomicBool, sent: Result<Sent, NTSTATUS>) -> Option<Completion> {
        let sent = match sent {
            Ok(sent) => Arc::new(sent),
            Err(status) => {
                attachment_log::record_end(status);
                return None;
            }
        };
        *self.sent.lock() = Some(Arc::clone(&sent));
        if stop.load(Ordering::SeqCst) {
            sent.cancel();
        }
        let completion = sent.wait(None);
        *self.sent.lock() = None;
        let completion = completion?;
        if completion.status != STATUS_SUCCESS {
            attachment_log::record_end(completion.status);
            return None;
        }
        Some(completion)
    }

    fn cancel(&self) {
        let sent = self.sent.lock().clone();
        if let Some(sent) = sent {
            sent.cancel();
        }
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Whether the driver has nothing to deliver: the request pends, or has ended for good.
    fn is_idle(&self) -> bool {
        self.has_ended()
            || self
                .sent
                .lock()
                .as_ref()
                .is_some_and(|sent| sent.is_pending())
    }
}

/// One attachment, from `ATTACH` to `DETACH`.
struct Attachment {
    connection: Arc<PfConnection>,
    stop: AtomicBool,
    policy: AtomicU32,
    mode: u32,
    vfs: u16,
    notification: PendingRequest,
    invalidations: Vec<PendingRequest>,
    threads: Locked<Vec<Thread>>,
    attached: AtomicBool,
}

static ATTACHMENT: Locked<Option<Arc<Attachment>>> = Locked::new(None);

/// Attaches to the PF driver and starts to keep requests pending.
pub(crate) fn attach(request: &Attach) -> Result<(), NTSTATUS> {
    let connection = connection::get()?;
    send_bytes(&connection, IOCTL_ATTACH, &mut [])?;
    let vfs = u16::try_from(request.vfs).map_err(|_| STATUS_INVALID_PARAMETER)?;
    let invalidations = match request.mode {
        mode::EACH_VF | mode::DEVICE_CONTROL => usize::from(vfs),
        mode::THREE => 3,
        _ => 1,
    };
    let attachment = Arc::new(Attachment {
        connection,
        stop: AtomicBool::new(false),
        policy: AtomicU32::new(request.policy),
        mode: request.mode,
        vfs,
        notification: PendingRequest::default(),
        invalidations: (0..invalidations)
            .map(|_| PendingRequest::default())
            .collect(),
        threads: Locked::new(Vec::new()),
        attached: AtomicBool::new(true),
    });
    attachment_log::clear();
    invalidation_log::clear(vfs);
    let mut threads = Vec::new();
    let this = Arc::clone(&attachment);
    threads.push(thread::spawn(move || this.answer_events())?);
    for index in 0..invalidations {
        let this = Arc::clone(&attachment);
        threads.push(thread::spawn(move || this.deliver_invalidations(index))?);
    }
    *attachment.threads.lock() = threads;
    *ATTACHMENT.lock() = Some(attachment);
    Ok(())
}

/// Cancels every pending request; `detach` says whether `DETACH` is sent first.
pub(crate) fn detach(detach: bool) -> Result<(), NTSTATUS> {
    let Some(attachment) = ATTACHMENT.lock().take() else {
        return Ok(());
    };
    attachment.stop.store(true, Ordering::SeqCst);
    let result = if detach && attachment.attached.swap(false, Ordering::SeqCst) {
        send_bytes(&attachment.connection, IOCTL_DETACH, &mut [])
    } else {
        Ok(())
    };
    attachment.notification.cancel();
    for pending in &attachment.invalidations {
        pending.cancel();
    }
    let threads = core::mem::take(&mut *attachment.threads.lock());
    // A driver that keeps a request after its cancellation must not hang the caller.
    let ended = threads.iter().all(|thread| thread.join_within(END_LIMIT));
    attachment_log::clear_events();
    if ended {
        result
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Changes how events are answered.
pub(crate) fn set_policy(policy: u32) {
    if let Some(attachment) = ATTACHMENT.lock().as_ref() {
        attachment.policy.store(policy, Ordering::SeqCst);
    }
}

/// Whether a stack is attached, as far as the PF driver knows.
pub(crate) fn is_attached() -> bool {
    ATTACHMENT
        .lock()
        .as_ref()
        .is_some_and(|attachment| attachment.attached.load(Ordering::SeqCst))
}

/// Waits until the PF driver has delivered every invalidation, and every guest has taken its own.
pub(crate) fn wait_until_idle(milliseconds: u32) -> Result<(), NTSTATUS> {
    let attachment = ATTACHMENT.lock().clone();
    let Some(attachment) = attachment else {
        return Ok(());
    };
    let idle = || {
        attachment.invalidations.iter().all(PendingRequest::is_idle)
            && (0..attachment.vfs).all(|vf| bus::virtual_function(vf).is_none_or(|vf| vf.is_idle()))
    };
    if clock::wait_until(milliseconds, idle) {
        Ok(())
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Waits until the PF driver has delivered every invalidation of one VF. Fails if no request is
/// left that it could deliver one by.
pub(crate) fn wait_until_delivered(vf: u16) -> Result<(), NTSTATUS> {
    let attachment = ATTACHMENT.lock().clone();
    let attachment = attachment.ok_or(STATUS_DEVICE_NOT_CONNECTED)?;
    let pending = match attachment.mode {
        mode::EACH_VF | mode::DEVICE_CONTROL => {
            let pending = attachment.invalidations.get(usize::from(vf));
            core::slice::from_ref(pending.ok_or(STATUS_INVALID_PARAMETER)?)
        }
        _ => &attachment.invalidations[..],
    };
    if !clock::wait_until(END_LIMIT, || pending.iter().all(PendingRequest::is_idle)) {
        return Err(STATUS_IO_TIMEOUT);
    }
    if !pending.iter().any(PendingRequest::has_ended) {
        return Ok(());
    }
    // Refusals end requests, too. They must not look like a removal.
    let ended = attachment_log::ended_requests();
    if ended.refused == 0 {
        Err(STATUS_DEVICE_REMOVED)
    } else {
        Err(ended.status.cast_signed())
    }
}

/// Sends a request with at most a few bytes of input and waits for its end.
fn send_bytes(connection: &PfConnection, code: u32, input: &mut [u8]) -> Result<(), NTSTATUS> {
    let length = u32::try_from(input.len()).unwrap_or(0);
    let sent = connection.send(code, true, input, (length, 0))?;
    let completion = sent.wait(None).ok_or(STATUS_IO_TIMEOUT)?;
    checked(completion.status)
}

impl Attachment {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Keeps one notification request pending and answers events.
    fn answer_events(&self) {
        let mut unanswered = None;
        while !self.stopped() {
            let mut buffer = Box::new([0_u8; 4]);
            let sent = self
                .connection
                .send(IOCTL_NOTIFICATION, true, &mut buffer[..], (0, 4));
            // The documentation allows to send the next request before the answer: so a driver that
            // delivers an event twice is caught.
            if sent.is_ok()
                && let Some(event) = unanswered.take()
            {
                clock::sleep(2);
                self.answer(event);
            }
            let Some(completion) = self.notification.completed(&self.stop, sent) else {
                break;
            };
            if completion.information != 4 {
                attachment_log::record_end(completion.status);
                break;
            }
            let event = u32::from_le_bytes(*buffer);
            attachment_log::record_event(event);
            unanswered = Some(event);
        }
        if let Some(event) = unanswered {
            self.answer(event);
        }
        self.notification.end();
    }

    /// Answers an event as the policy says.
    fn answer(&self, event: u32) {
        while self.policy.load(Ordering::SeqCst) == policy::SILENCE && !self.stopped() {
            clock::sleep(2);
        }
        let may_veto = event == PfEvent::QueryStopDevice as u32;
        let status = match self.policy.load(Ordering::SeqCst) {
            policy::CLOSE => {
                self.attached.store(false, Ordering::SeqCst);
                self.connection.close_handle();
                return;
            }
            policy::DETACH => {
                self.attached.store(false, Ordering::SeqCst);
                let _ = send_bytes(&self.connection, IOCTL_DETACH, &mut []);
                return;
            }
            policy::VETO if may_veto => STATUS_DEVICE_BUSY,
            _ => STATUS_SUCCESS,
        };
        let _ = send_bytes(
            &self.connection,
            IOCTL_EVENT_COMPLETE,
            &mut status.to_le_bytes(),
        );
    }

    /// Keeps one invalidation request pending and passes invalidations on.
    fn deliver_invalidations(&self, index: usize) {
        let Some(pending) = self.invalidations.get(index) else {
            return;
        };
        let internal = self.mode != mode::DEVICE_CONTROL;
        let (vf, input) = match self.mode {
            mode::EACH_VF | mode::DEVICE_CONTROL => {
                (u16::try_from(index).unwrap_or(ALL_VFS), INVALIDATE_BYTES)
            }
            mode::ALL_VFS => (ALL_VFS, INVALIDATE_BYTES),
            mode::GARBAGE_INPUT => (GARBAGE, INVALIDATE_BYTES),
            _ => (0, 0),
        };
        while !self.stopped() {
            let mut request = InvalidateBlock {
                vf_index: vf,
                padding: [0; 6],
                block_mask: 0,
            };
            let sent = self.connection.send(
                IOCTL_INVALIDATE_BLOCK,
                internal,
                request.as_mut_bytes(),
                (input, INVALIDATE_BYTES),
            );
            if pending.completed(&self.stop, sent).is_none() {
                break;
            }
            let Ok(reply) = InvalidateBlock::read_from_bytes(request.as_bytes()) else {
                break;
            };
            self.pass_on(reply.vf_index, reply.block_mask);
        }
        pending.end();
    }

    /// Invalidates blocks of a VF, or of all VFs, in the guests.
    fn pass_on(&self, vf: u16, mask: u64) {
        let vfs = if vf == ALL_VFS {
            0..self.vfs
        } else {
            vf..vf.saturating_add(1)
        };
        for vf in vfs {
            invalidation_log::record(vf, mask);
            if let Some(function) = bus::virtual_function(vf) {
                function.invalidate(mask);
            }
        }
    }
}
