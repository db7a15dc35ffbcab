//! What an attached virtualization stack does: it keeps a notification request and invalidation
//! requests pending, answers events as the runner told it, and passes invalidations on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

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

use crate::bus;
use crate::kernel::clock;
use crate::kernel::irp::{Completion, Sent};
use crate::kernel::lock::Lock;
use crate::kernel::thread::{self, Thread};
use crate::pf_connection::invalidation_log;
use crate::pf_connection::{self, PfConnection};

const INVALIDATE_BYTES: u32 = 16;
/// The index of a VF that there is not, for an input that means nothing.
const GARBAGE: u16 = 0xA5A5;
/// How long the requests that are pending may take to end after their cancellation, milliseconds.
const PATIENCE: u32 = 10_000;

/// A request that is kept pending.
#[derive(Default)]
struct Lane {
    /// The request, while it is at the driver.
    sent: Lock<Option<Arc<Sent>>>,
    /// No further request is sent.
    ended: AtomicBool,
}

impl Lane {
    /// Sends a request and waits for its end.
    fn wait(&self, stop: &AtomicBool, sent: Sent) -> Option<Completion> {
        let sent = Arc::new(sent);
        *self.sent.lock() = Some(Arc::clone(&sent));
        if stop.load(Ordering::SeqCst) {
            sent.cancel();
        }
        let completion = sent.wait(None);
        *self.sent.lock() = None;
        completion
    }

    fn cancel(&self) {
        let sent = self.sent.lock().clone();
        if let Some(sent) = sent {
            sent.cancel();
        }
    }

    /// Whether the driver has nothing to say: it keeps the request.
    fn is_at_rest(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
            || self
                .sent
                .lock()
                .as_ref()
                .is_some_and(|sent| sent.is_pending())
    }
}

/// One attachment, from `ATTACH` to `DETACH`.
struct Attachment {
    partner: Arc<PfConnection>,
    stop: AtomicBool,
    policy: AtomicU32,
    mode: u32,
    vfs: u16,
    notification: Lane,
    invalidations: Vec<Lane>,
    threads: Lock<Vec<Thread>>,
    attached: AtomicBool,
    query_stop_events: AtomicU32,
    restart_events: AtomicU32,
}

/// How the requests ended that an attached stack kept pending.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ends {
    /// Those that ended with `STATUS_DEVICE_REMOVED`.
    pub(crate) removed: u32,
    /// Those that ended with another status that is no success.
    pub(crate) refused: u32,
    /// The status of one of those.
    pub(crate) status: u32,
}

/// Of the last attachment. It outlives it, because removal and detachment are what ends requests.
static ENDS: Lock<Ends> = Lock::new(Ends {
    removed: 0,
    refused: 0,
    status: 0,
});

/// Takes note of how a request ended that was kept pending.
fn note_end(status: NTSTATUS) {
    let mut ends = ENDS.lock();
    if status == STATUS_DEVICE_REMOVED {
        ends.removed += 1;
    } else {
        ends.refused += 1;
        ends.status = status.cast_unsigned();
    }
}

/// How the requests of the last attachment ended.
pub(crate) fn ends() -> Ends {
    *ENDS.lock()
}

static ATTACHMENT: Lock<Option<Arc<Attachment>>> = Lock::new(None);

/// Attaches to the PF driver and starts to keep requests pending.
pub(crate) fn attach(request: &Attach) -> Result<(), NTSTATUS> {
    let partner = pf_connection::get()?;
    simple(&partner, IOCTL_ATTACH, &mut [])?;
    let vfs = u16::try_from(request.vfs).map_err(|_| STATUS_INVALID_PARAMETER)?;
    let lanes = match request.mode {
        mode::EACH_VF | mode::DEVICE_CONTROL => usize::from(vfs),
        mode::THREE => 3,
        _ => 1,
    };
    let attachment = Arc::new(Attachment {
        partner,
        stop: AtomicBool::new(false),
        policy: AtomicU32::new(request.policy),
        mode: request.mode,
        vfs,
        notification: Lane::default(),
        invalidations: (0..lanes).map(|_| Lane::default()).collect(),
        threads: Lock::new(Vec::new()),
        attached: AtomicBool::new(true),
        query_stop_events: AtomicU32::new(0),
        restart_events: AtomicU32::new(0),
    });
    *ENDS.lock() = Ends::default();
    invalidation_log::begin(vfs);
    let mut threads = Vec::new();
    let listener = Arc::clone(&attachment);
    threads.push(thread::spawn(move || listener.listen())?);
    for index in 0..lanes {
        let carrier = Arc::clone(&attachment);
        threads.push(thread::spawn(move || carrier.carry(index))?);
    }
    *attachment.threads.lock() = threads;
    *ATTACHMENT.lock() = Some(attachment);
    Ok(())
}

/// Stops everything that is kept pending; `detach` says whether `DETACH` is sent first.
pub(crate) fn detach(detach: bool) -> Result<(), NTSTATUS> {
    let Some(attachment) = ATTACHMENT.lock().take() else {
        return Ok(());
    };
    attachment.stop.store(true, Ordering::SeqCst);
    let result = if detach && attachment.attached.swap(false, Ordering::SeqCst) {
        simple(&attachment.partner, IOCTL_DETACH, &mut [])
    } else {
        Ok(())
    };
    attachment.notification.cancel();
    for lane in &attachment.invalidations {
        lane.cancel();
    }
    let threads = core::mem::take(&mut *attachment.threads.lock());
    // A driver that keeps a request beyond its cancellation must not hang whoever detaches.
    if threads.iter().all(|thread| thread.join_within(PATIENCE)) {
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

/// What the attachment saw: events of both kinds, and whether it is attached.
pub(crate) fn seen() -> (u32, u32, bool) {
    ATTACHMENT.lock().as_ref().map_or((0, 0, false), |seen| {
        (
            seen.query_stop_events.load(Ordering::SeqCst),
            seen.restart_events.load(Ordering::SeqCst),
            seen.attached.load(Ordering::SeqCst),
        )
    })
}

/// Waits until the PF driver has nothing more to say and every guest has been told.
pub(crate) fn come_to_rest(milliseconds: u32) -> Result<(), NTSTATUS> {
    let attachment = ATTACHMENT.lock().clone();
    let Some(attachment) = attachment else {
        return Ok(());
    };
    let rest = || {
        attachment.invalidations.iter().all(Lane::is_at_rest)
            && (0..attachment.vfs)
                .all(|vf| bus::virtual_function(vf).is_none_or(|vf| vf.is_at_rest()))
    };
    if clock::wait_until(milliseconds, rest) {
        Ok(())
    } else {
        Err(STATUS_IO_TIMEOUT)
    }
}

/// Waits until the PF driver has nothing more to say about one VF, and fails when it cannot say
/// anything any more.
pub(crate) fn hear_out(vf: u16) -> Result<(), NTSTATUS> {
    let attachment = ATTACHMENT.lock().clone();
    let attachment = attachment.ok_or(STATUS_DEVICE_NOT_CONNECTED)?;
    let lanes = match attachment.mode {
        mode::EACH_VF | mode::DEVICE_CONTROL => {
            let lane = attachment.invalidations.get(usize::from(vf));
            core::slice::from_ref(lane.ok_or(STATUS_INVALID_PARAMETER)?)
        }
        _ => &attachment.invalidations[..],
    };
    if !clock::wait_until(PATIENCE, || lanes.iter().all(Lane::is_at_rest)) {
        return Err(STATUS_IO_TIMEOUT);
    }
    if !lanes.iter().any(|lane| lane.ended.load(Ordering::SeqCst)) {
        return Ok(());
    }
    // Not only a removal ends requests: a driver that refuses them is not to be taken for gone.
    let ends = ends();
    if ends.refused == 0 {
        Err(STATUS_DEVICE_REMOVED)
    } else {
        Err(ends.status.cast_signed())
    }
}

/// Sends a request with at most a few bytes of input and waits for its end.
fn simple(partner: &PfConnection, code: u32, input: &mut [u8]) -> Result<(), NTSTATUS> {
    let length = u32::try_from(input.len()).unwrap_or(0);
    let sent = partner.send(code, true, false, input, (length, 0))?;
    let completion = sent.wait(None).ok_or(STATUS_IO_TIMEOUT)?;
    if completion.status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err(completion.status)
    }
}

impl Attachment {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Keeps one notification request pending and answers events.
    fn listen(&self) {
        let mut unanswered = None;
        while !self.stopped() {
            let mut buffer = Box::new([0_u8; 4]);
            let sent = self
                .partner
                .send(IOCTL_NOTIFICATION, true, false, &mut buffer[..], (0, 4));
            let sent = match sent {
                Ok(sent) => sent,
                Err(status) => {
                    note_end(status);
                    break;
                }
            };
            // The next request is there before the answer, as the documentation allows: a driver
            // that delivers an event twice is caught.
            if let Some(event) = unanswered.take() {
                clock::sleep(2);
                self.answer(event);
            }
            let Some(completion) = self.notification.wait(&self.stop, sent) else {
                break;
            };
            if completion.status != STATUS_SUCCESS || completion.information != 4 {
                note_end(completion.status);
                break;
            }
            let event = u32::from_le_bytes(*buffer);
            let counter = if event == PfEvent::QueryStopDevice as u32 {
                &self.query_stop_events
            } else {
                &self.restart_events
            };
            counter.fetch_add(1, Ordering::SeqCst);
            unanswered = Some(event);
        }
        if let Some(event) = unanswered {
            self.answer(event);
        }
        self.notification.ended.store(true, Ordering::SeqCst);
    }

    fn answer(&self, event: u32) {
        while self.policy.load(Ordering::SeqCst) == policy::SILENCE && !self.stopped() {
            clock::sleep(2);
        }
        let veto = event == PfEvent::QueryStopDevice as u32;
        let status = match self.policy.load(Ordering::SeqCst) {
            policy::CLOSE => {
                self.attached.store(false, Ordering::SeqCst);
                self.partner.close_handle();
                return;
            }
            policy::DETACH => {
                self.attached.store(false, Ordering::SeqCst);
                let _ = simple(&self.partner, IOCTL_DETACH, &mut []);
                return;
            }
            policy::VETO if veto => STATUS_DEVICE_BUSY,
            _ => STATUS_SUCCESS,
        };
        let _ = simple(
            &self.partner,
            IOCTL_EVENT_COMPLETE,
            &mut status.to_le_bytes(),
        );
    }

    /// Keeps one invalidation request pending and passes on what it brings.
    fn carry(&self, index: usize) {
        let Some(lane) = self.invalidations.get(index) else {
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
            let sent = self.partner.send(
                IOCTL_INVALIDATE_BLOCK,
                internal,
                false,
                request.as_mut_bytes(),
                (input, INVALIDATE_BYTES),
            );
            let sent = match sent {
                Ok(sent) => sent,
                Err(status) => {
                    note_end(status);
                    break;
                }
            };
            let Some(completion) = lane.wait(&self.stop, sent) else {
                break;
            };
            if completion.status != STATUS_SUCCESS {
                note_end(completion.status);
                break;
            }
            let Ok(reply) = InvalidateBlock::read_from_bytes(request.as_bytes()) else {
                break;
            };
            self.pass_on(reply.vf_index, reply.block_mask);
        }
        lane.ended.store(true, Ordering::SeqCst);
    }

    fn pass_on(&self, vf: u16, mask: u64) {
        let vfs = if vf == ALL_VFS {
            0..self.vfs
        } else {
            vf..vf.saturating_add(1)
        };
        for vf in vfs {
            invalidation_log::note(vf, mask);
            if let Some(function) = bus::virtual_function(vf) {
                function.invalidate(mask);
            }
        }
    }
}
