//! Attach, notification, answer and detach of the virtualization stack, and the Plug and Play
//! events that it gets.
//!
//! [`pf_state::rebalance`] decides; this completes the requests. No request is completed and no
//! thread sleeps with the lock held.

use block_broker::Kinds;
use pcivirt_abi::sriov::PnpEventComplete;
use pf_state::{
    event,
    rebalance::{Admission, PfEvent, Rebalance, Resumption, Verdict, Wake},
    status::{self, NtStatus},
};

use crate::{
    etw::{self, EtwEvent},
    os::request::Request,
    pf::Pf,
};

/// `IOCTL_SRIOV_ATTACH`. During a rebalance it waits for the end.
pub(crate) fn attach(pf: &Pf, request: Request) {
    request.forward_to(pf.pending.attaches);
    admit_attaches(pf);
}

/// Completes the attaches that need not wait, oldest first. After the removal [`Pf::drain`] does.
fn admit_attaches(pf: &Pf) {
    let Ok(_alive) = pf.pending.enter() else {
        return;
    };
    loop {
        let mut rebalance = pf.rebalance.lock();
        if rebalance.attach_waits() {
            return;
        }
        let Some(request) = pf.pending.attaches.next() else {
            return;
        };
        let admission = rebalance.attach(request.handle());
        // Under the lock, so that the changes of the attachment come one at a time.
        let changed = match admission {
            Admission::Granted => pf.note_attachment(true),
            _ => Kinds::NONE,
        };
        drop(rebalance);
        pf.pending.on_change(changed);
        match admission {
            Admission::Granted => {
                etw::write(&pf.source, &EtwEvent::of(&event::ATTACHED));
                request.complete(status::SUCCESS);
            }
            Admission::Refused(status) => request.complete(status),
            // The lock was held since `attach_waits` returned false.
            Admission::Wait => request.complete(status::DEVICE_BUSY),
        }
    }
}

/// `IOCTL_SRIOV_DETACH`.
pub(crate) fn detach(pf: &Pf, request: Request) {
    end_attachment(pf, Rebalance::detach);
    request.complete(status::SUCCESS);
}

/// A file was closed: if it is the attached one, that is a detach.
pub(crate) fn on_file_closed(pf: &Pf, handle: usize) {
    let Ok(_alive) = pf.pending.enter() else {
        return;
    };
    end_attachment(pf, |rebalance| rebalance.handle_gone(handle));
}

/// Makes a change that may end the attachment, and continues what waits for that.
fn end_attachment(pf: &Pf, change: impl FnOnce(&mut Rebalance) -> Option<Wake>) {
    let mut rebalance = pf.rebalance.lock();
    let was_attached = rebalance.is_attached();
    let wake = change(&mut rebalance);
    let is_attached = rebalance.is_attached();
    let has_ended = was_attached && !is_attached;
    let changed = if has_ended {
        pf.note_attachment(false)
    } else {
        Kinds::NONE
    };
    drop(rebalance);
    pf.pending.on_change(changed);
    // Trace this first, so its consequences follow it in the log.
    if has_ended {
        etw::write(&pf.source, &EtwEvent::of(&event::DETACHED));
    }
    pf.sleeper.wake(wake);
    if has_ended {
        admit_attaches(pf);
    }
}

/// `IOCTL_SRIOV_NOTIFICATION`: waits for an event, before the attach, too.
pub(crate) fn notification(pf: &Pf, request: Request, output_length: usize) {
    if output_length < size_of::<u32>() {
        request.complete(status::BUFFER_TOO_SMALL);
        return;
    }
    let admitted = pf.rebalance.lock().admit_notification();
    if let Err(status) = admitted {
        return request.complete(status);
    }
    request.forward_to(pf.pending.notifications);
    deliver_event(pf);
}

/// Delivers a pending event to the oldest notification. After the removal there is none.
fn deliver_event(pf: &Pf) {
    let Ok(_alive) = pf.pending.enter() else {
        return;
    };
    let mut rebalance = pf.rebalance.lock();
    let Some(event) = rebalance.pending_event() else {
        return;
    };
    let Some(request) = pf.pending.notifications.next() else {
        return;
    };
    rebalance.mark_delivered();
    drop(rebalance);
    etw::write(
        &pf.source,
        &EtwEvent {
            first: event as u64,
            ..EtwEvent::of(&event::EVENT_TOLD)
        },
    );
    request.reply(&(event as u32));
}

/// `IOCTL_SRIOV_EVENT_COMPLETE`: the virtualization stack's answer.
pub(crate) fn event_complete(pf: &Pf, request: Request, input_length: usize) {
    let Some(answer) = request.input::<PnpEventComplete>(input_length) else {
        request.complete(status::BUFFER_TOO_SMALL);
        return;
    };
    let outcome = pf.rebalance.lock().event_complete(answer.query_status);
    match outcome {
        Ok(wake) => {
            // Trace this first, so its consequences follow it in the log.
            etw::write(
                &pf.source,
                &EtwEvent {
                    status: answer.query_status,
                    ..EtwEvent::of(&event::EVENT_ANSWERED)
                },
            );
            pf.sleeper.wake(Some(wake));
            request.complete(status::SUCCESS);
            admit_attaches(pf);
        }
        Err(status) => request.complete(status),
    }
}

/// `IRP_MN_QUERY_STOP_DEVICE`, at `PASSIVE_LEVEL`: returns the virtualization stack's answer.
pub(crate) fn query_stop(pf: &Pf) -> NtStatus {
    let verdict = pf.rebalance.lock().query_stop();
    match verdict {
        Verdict::Proceed(status) => status,
        Verdict::Wait => wait_for_stack(pf, PfEvent::QueryStopDevice),
    }
}

/// Delivers an event to the stack, and waits without a limit for its answer; an ETW event announces
/// that.
fn wait_for_stack(pf: &Pf, event: PfEvent) -> NtStatus {
    let waiting = EtwEvent {
        first: event as u64,
        ..EtwEvent::of(&event::WAITING_FOR_STACK)
    };
    etw::write(&pf.source, &waiting);
    deliver_event(pf);
    pf.sleeper.sleep()
}

/// The PF runs again, or its stop was cancelled; at `PASSIVE_LEVEL`. Returns when the
/// virtualization stack has answered the event.
pub(crate) fn running_again(pf: &Pf) {
    let resumption = pf.rebalance.lock().running_again();
    if resumption == Resumption::Wait {
        // The status is the removal's or the answer's, and nothing depends on either.
        wait_for_stack(pf, PfEvent::Restart);
    }
    admit_attaches(pf);
}
