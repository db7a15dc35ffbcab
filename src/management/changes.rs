//! Host software that waits for a change: a VF's committed write, or a VF's reset.

use core::sync::atomic::{Ordering, fence};

use pf_broker_abi as abi;
use pf_state::status;

use super::input;
use crate::{control::Control, pf::Pf, served::Served};

/// `IOCTL_WAIT`. The request is queued and announced before the count is looked at, and a change
/// looks for an announcement after it is counted: one of the two sees the other.
pub(super) fn wait_for_change(pf: &Pf, served: &Served, control: Control) {
    let request = match input::<abi::WaitRequest>(&control) {
        Ok(request) => request,
        Err(status) => return control.request.complete(status),
    };
    if control.output_length < size_of::<abi::WaitReply>() {
        return control.request.complete(status::BUFFER_TOO_SMALL);
    }
    control.request.wait_in(pf.queues.waits);
    pf.waited_for.store(true, Ordering::SeqCst);
    if served.broker.change_count() > request.seen {
        changed(pf);
    }
}

/// Something changed: whoever waits is told. Callable up to `DISPATCH_LEVEL`; one atomic load when
/// nobody waits.
#[inline]
pub(crate) fn changed(pf: &Pf) {
    // Between the change, which the caller has counted, and the look for whoever waits.
    fence(Ordering::SeqCst);
    if pf.waited_for.load(Ordering::Relaxed) {
        tell_those_who_wait(pf);
    }
}

#[cold]
fn tell_those_who_wait(pf: &Pf) {
    let (Ok(_alive), Ok(served)) = (pf.alive(), pf.served()) else {
        return;
    };
    if !pf.waited_for.swap(false, Ordering::SeqCst) {
        return;
    }
    while let Some(request) = pf.queues.waits.next() {
        // Counted behind the request's arrival, so that it is not less than what its sender has seen.
        // This visits every VF.
        let changes = served.broker.change_count();
        request.reply(&abi::WaitReply { changes });
    }
}
