//! Host software that waits until something happens to a VF: `IOCTL_WAIT`.
//!
//! [`Watch`](block_broker::Watch) holds the rules. An operation that changes something queues a work
//! item if somebody waits; the work item counts and answers, at `PASSIVE_LEVEL`.

use block_broker::{Arrival, Kinds, Waiters};
use pf_broker_abi as abi;
use pf_state::status::{self, NtStatus};
use wdk_sys::WDFWORKITEM;

use crate::{
    os::{
        request::{Control, Request, require_zero},
        work_item,
    },
    pf::{Pf, Queues},
    vfs::Served,
};

/// `IOCTL_WAIT`
pub(crate) fn wait_for_change(pf: &Pf, served: &Served, control: Control) {
    let (seen, kinds) = match asked(&control) {
        Ok(asked) => asked,
        Err(status) => return control.request.complete(status),
    };
    if control.output_length < size_of::<abi::WaitReply>() {
        return control.request.complete(status::BUFFER_TOO_SMALL);
    }
    let arrival = pf.watch.arrive(
        control.request,
        kinds,
        seen,
        |kinds| served.broker.count(kinds),
        |request| request.wait_in(pf.queues.waits_for(kinds)),
    );
    match arrival {
        Arrival::Answer(request, count) => answer(request, count),
        Arrival::Due => answer_later(pf),
        Arrival::Waits => {}
    }
}

fn asked(control: &Control) -> Result<(u64, Kinds), NtStatus> {
    const {
        assert!(
            matches!(Kinds::from_bits(abi::WAIT_CHANGES), Some(kinds) if kinds.meets(Kinds::CHANGES))
        );
        assert!(
            matches!(Kinds::from_bits(abi::WAIT_JOURNAL), Some(kinds) if kinds.meets(Kinds::JOURNAL))
        );
    }
    let request: abi::WaitRequest = control.input()?;
    require_zero(request.reserved)?;
    let kinds = Kinds::from_bits(request.kinds).ok_or(status::INVALID_PARAMETER)?;
    Ok((request.seen, kinds))
}

fn answer(request: Request, count: u64) {
    request.reply(&abi::WaitReply { count });
}

/// Something of these kinds happened to a VF and was counted. Callable up to `DISPATCH_LEVEL`
/// without a lock: one atomic load when nobody waits; otherwise a work item is queued, whatever the
/// number of waiters and of VFs.
#[inline]
pub(crate) fn happened(pf: &Pf, kinds: Kinds) {
    if pf.watch.happened(kinds) {
        answer_later(pf);
    }
}

#[cold]
fn answer_later(pf: &Pf) {
    // A device that is gone has its waiters answered by the removal.
    if let Ok(_alive) = pf.alive() {
        pf.answers.enqueue();
    }
}

/// `EvtWorkItem`: answers those who wait.
pub(crate) unsafe extern "C" fn answer_waiters(item: WDFWORKITEM) {
    let Some(pf) = work_item::pf_of(item) else {
        return;
    };
    if let (Ok(_alive), Ok(served)) = (pf.alive(), pf.served()) {
        pf.watch
            .serve(&pf.queues, |kinds| served.broker.count(kinds));
    }
}

impl Waiters for Queues {
    type Request = Request;

    fn waiting(&self, kinds: Kinds) -> usize {
        self.waits_for(kinds).length()
    }

    fn next(&self, kinds: Kinds) -> Option<Request> {
        self.waits_for(kinds).next()
    }

    fn answer(&self, request: Request, count: u64) {
        answer(request, count);
    }
}
