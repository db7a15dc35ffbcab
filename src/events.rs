//! The virtualization stack and Plug and Play: attach, notification, answer, detach.
//!
//! [`pf_state::rebalance`] decides; here its answers become completed requests. No request is
//! completed and nobody sleeps with the lock held.

use pcivirt_abi::sriov::PnpEventComplete;
use pf_state::{
    event,
    rebalance::{Admission, PfEvent, Rebalance, Resumption, Verdict, Wake},
    status::{self, NtStatus},
};

use crate::{
    etw::{self, Happened},
    os::request::Request,
    pf::Pf,
};

/// `IOCTL_SRIOV_ATTACH`. During a rebalance it waits for the end.
pub(crate) fn attach(pf: &Pf, request: Request) {
    request.wait_in(pf.queues.attaches);
    admit_attaches(pf);
}

/// Answers the attaches that can be answered, oldest first. After the removal [`Pf::drain`] does.
fn admit_attaches(pf: &Pf) {
    let Ok(_alive) = pf.alive() else { return };
    loop {
        let mut rebalance = pf.rebalance.lock();
        if rebalance.attach_waits() {
            return;
        }
        let Some(request) = pf.queues.attaches.next() else {
            return;
        };
        let admission = rebalance.attach(request.handle());
        drop(rebalance);
        match admission {
            Admission::Granted => {
                etw::write(&pf.source, &Happened::of(&event::ATTACHED));
                request.complete(status::SUCCESS);
            }
            Admission::Refused(status) => request.complete(status),
            // The lock was held since it said that nobody has to wait.
            Admission::Wait => request.complete(status::DEVICE_BUSY),
        }
    }
}

/// `IOCTL_SRIOV_DETACH`.
pub(crate) fn detach(pf: &Pf, request: Request) {
    end_attachment(pf, Rebalance::detach);
    request.complete(status::SUCCESS);
}

/// A handle was closed: if it is the attached one, that is a detach.
pub(crate) fn handle_gone(pf: &Pf, handle: usize) {
    let Ok(_alive) = pf.alive() else { return };
    end_attachment(pf, |rebalance| rebalance.handle_gone(handle));
}

/// Carries out what may end the attachment, and goes on with whoever waits for that.
fn end_attachment(pf: &Pf, change: impl FnOnce(&mut Rebalance) -> Option<Wake>) {
    let mut rebalance = pf.rebalance.lock();
    let was_attached = rebalance.is_attached();
    let wake = change(&mut rebalance);
    let is_attached = rebalance.is_attached();
    drop(rebalance);
    let has_ended = was_attached && !is_attached;
    // What happens because of it is told behind it.
    if has_ended {
        etw::write(&pf.source, &Happened::of(&event::DETACHED));
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
    request.wait_in(pf.queues.notifications);
    tell(pf);
}

/// Gives an event that nobody was told to the oldest notification. After the removal there is none.
fn tell(pf: &Pf) {
    let Ok(_alive) = pf.alive() else { return };
    let mut rebalance = pf.rebalance.lock();
    let Some(event) = rebalance.untold() else {
        return;
    };
    let Some(request) = pf.queues.notifications.next() else {
        return;
    };
    rebalance.told();
    drop(rebalance);
    etw::write(
        &pf.source,
        &Happened {
            first: event as u64,
            ..Happened::of(&event::EVENT_TOLD)
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
            // What happens because of it is told behind it.
            etw::write(
                &pf.source,
                &Happened {
                    status: answer.query_status,
                    ..Happened::of(&event::EVENT_ANSWERED)
                },
            );
            pf.sleeper.wake(Some(wake));
            request.complete(status::SUCCESS);
            admit_attaches(pf);
        }
        Err(status) => request.complete(status),
    }
}

/// `IRP_MN_QUERY_STOP_DEVICE`, at `PASSIVE_LEVEL`: returns what the virtualization stack says.
pub(crate) fn query_stop(pf: &Pf) -> NtStatus {
    let verdict = pf.rebalance.lock().query_stop();
    match verdict {
        Verdict::Proceed(status) => status,
        Verdict::Wait => wait_for_stack(pf, PfEvent::QueryStopDevice),
    }
}

/// Tells the stack of an event, if it listens, and waits for its answer, for as long as it takes: an
/// event of the driver says so before.
fn wait_for_stack(pf: &Pf, event: PfEvent) -> NtStatus {
    let happened = Happened {
        first: event as u64,
        ..Happened::of(&event::WAITING_FOR_STACK)
    };
    etw::write(&pf.source, &happened);
    tell(pf);
    pf.sleeper.sleep()
}

/// The PF runs again, or its stop was called off; at `PASSIVE_LEVEL`. Returns when the
/// virtualization stack knows.
pub(crate) fn running_again(pf: &Pf) {
    let resumption = pf.rebalance.lock().running_again();
    if resumption == Resumption::Wait {
        // The status is the removal's or the answer's, and nothing depends on either.
        wait_for_stack(pf, PfEvent::Restart);
    }
    admit_attaches(pf);
}
