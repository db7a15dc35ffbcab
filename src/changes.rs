//! `IOCTL_WAIT`, with which host software waits for a change of a VF.
//!
//! [`Watch`](block_broker::Watch) holds the rules. An operation that changes something queues a
//! work item if a request waits for that; the work item counts and answers, at `PASSIVE_LEVEL`.

use block_broker::{Arrival, Kinds, Waiters};
use pf_broker_abi as abi;
use pf_state::status::{self, NtStatus};
use wdk_sys::WDFWORKITEM;

use crate::{
    os::{
        request::{Control, Request, require_zero},
        work_item,
    },
    pending::PendingRequests,
    pf::{Pf, lifetime},
    vfs::VfSet,
};

/// `IOCTL_WAIT`
pub(crate) fn wait_for_change(pf: &Pf, vfs: &VfSet, control: Control) {
    let (seen, kinds) = match asked(&control) {
        Ok(asked) => asked,
        Err(status) => return control.request.complete(status),
    };
    if control.output_length < size_of::<abi::WaitReply>() {
        return control.request.complete(status::BUFFER_TOO_SMALL);
    }
    let arrival = pf.pending.watch.begin_wait(
        control.request,
        kinds,
        seen,
        |kinds| vfs.broker.count(kinds),
        |request| request.forward_to(pf.pending.waits_for(kinds)),
    );
    match arrival {
        Arrival::Answer(request, count) => answer(request, count),
        Arrival::Due => pf.pending.answer_later(),
        Arrival::Waits => {}
    }
}

fn asked(control: &Control) -> Result<(u64, Kinds), NtStatus> {
    const {
        assert!(
            matches!(Kinds::from_bits(abi::WAIT_CHANGES), Some(kinds) if kinds.intersects(Kinds::CHANGES))
        );
        assert!(
            matches!(Kinds::from_bits(abi::WAIT_JOURNAL), Some(kinds) if kinds.intersects(Kinds::JOURNAL))
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

/// `EvtWorkItem`: answers the requests whose kinds have changed.
pub(crate) unsafe extern "C" fn answer_waits(item: WDFWORKITEM) {
    let Some(pf) = lifetime::of_device(work_item::device_of(item)) else {
        return;
    };
    if let (Ok(_alive), Ok(vfs)) = (pf.pending.enter(), pf.vfs()) {
        let pending = &pf.pending;
        pending
            .watch
            .complete_due(pending, |kinds| vfs.broker.count(kinds));
    }
}

impl Waiters for PendingRequests {
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
