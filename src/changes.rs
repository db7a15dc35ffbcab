//! `IOCTL_CHANGES`, with which host software learns what changed and waits for changes.
//!
//! The broker lists changes, and [`Watch`](block_broker::Watch) decides when a request waits. A
//! request that waits keeps its kinds and its cookie in its own buffer. An operation that changes
//! something queues a work item if a request waits for that; the work item answers, at
//! `PASSIVE_LEVEL`.

use block_broker::{Kinds, Queue, Waiters};
use pf_broker_abi as abi;
use pf_broker_abi::{CHANGES_POLL, CHANGES_RESTARTED, ChangesCookie, ChangesReply, ChangesRequest};
use pf_state::status::{self, NtStatus};
use zerocopy::IntoBytes;

use crate::{
    os::request::{Control, Request, require_zero},
    pending::PendingRequests,
    pf::Pf,
    vfs::VfSet,
};

/// Bytes of the smallest output: the head and one entry.
const SMALLEST: usize = size_of::<ChangesReply>() + size_of::<abi::Change>();

/// `IOCTL_CHANGES`
pub(crate) fn list(pf: &Pf, vfs: &VfSet, control: Control) {
    if let Err(status) = check(&control) {
        return control.request.complete(status);
    }
    let listeners = Listeners {
        pending: &pf.pending,
        vfs,
    };
    let watch = &pf.pending.watch;
    if watch.arrive(&vfs.broker, &listeners, control.request) {
        pf.pending.run_later();
    }
}

/// Checks everything but the cookie's place, which the broker checks.
fn check(control: &Control) -> Result<(), NtStatus> {
    let request: ChangesRequest = control.input()?;
    require_zero(request.flags & !CHANGES_POLL)?;
    require_zero(request.reserved)?;
    require_zero(request.cookie.reserved)?;
    Kinds::from_bits(request.kinds).ok_or(status::INVALID_PARAMETER_1)?;
    if control.output_length < SMALLEST {
        return Err(status::BUFFER_TOO_SMALL);
    }
    Ok(())
}

/// Answers the requests for which there are changes, at `PASSIVE_LEVEL`. The caller keeps the device
/// from being removed.
pub(crate) fn answer_waits(pf: &Pf, vfs: &VfSet) {
    let listeners = Listeners {
        pending: &pf.pending,
        vfs,
    };
    if pf.pending.watch.serve(&vfs.broker, &listeners) {
        pf.pending.run_later();
    }
}

/// The requests that wait, and the VFs whose changes they wait for.
struct Listeners<'p> {
    pending: &'p PendingRequests,
    vfs: &'p VfSet,
}

/// The result of one request.
enum Listed {
    /// The output has so many bytes.
    Answer(usize),
    /// There is no change; the request waits from this cookie on.
    Nothing(ChangesCookie),
}

impl Listeners<'_> {
    /// Writes the changes for a request to its output. Writes nothing if there are none.
    fn list(
        &self,
        request: &Request,
        asked: &ChangesRequest,
        kinds: Kinds,
    ) -> Result<Listed, NtStatus> {
        let head = size_of::<ChangesReply>();
        let mut output = request.output(SMALLEST)?;
        output.leave(head)?;
        let end = self
            .vfs
            .broker
            .changes(kinds, &asked.cookie, |change| {
                output.push(change.as_bytes())
            })
            .map_err(|_| status::INVALID_PARAMETER_2)?;
        let ends_at_once = asked.flags & CHANGES_POLL != 0 || end.flags & CHANGES_RESTARTED != 0;
        if output.written() == head && !ends_at_once {
            return Ok(Listed::Nothing(end.cookie));
        }
        let reply = ChangesReply {
            cookie: end.cookie,
            flags: end.flags,
            reserved: 0,
        };
        output.fill_front(reply.as_bytes());
        Ok(Listed::Answer(output.written()))
    }
}

impl Waiters for Listeners<'_> {
    type Request = Request;

    fn waiting(&self, queue: Queue) -> usize {
        self.pending.waits_in(queue).length()
    }

    fn next(&self, queue: Queue) -> Option<Request> {
        self.pending.waits_in(queue).next()
    }

    fn answer(&self, request: Request) -> Option<(Request, Kinds, ChangesCookie)> {
        // The output overwrites the input, so this is a copy.
        let asked = request.input::<ChangesRequest>(size_of::<ChangesRequest>())?;
        let kinds = Kinds::from_bits(asked.kinds)?;
        match self.list(&request, &asked, kinds) {
            Ok(Listed::Answer(length)) => request.complete_with(status::SUCCESS, length),
            Err(status) => request.complete(status),
            Ok(Listed::Nothing(cookie)) => {
                // The next look does not visit again what has no change of these kinds.
                request.replace_input(&ChangesRequest { cookie, ..asked });
                return Some((request, kinds, cookie));
            }
        }
        None
    }

    fn queue(&self, request: Request, queue: Queue) {
        request.forward_to(self.pending.waits_in(queue));
    }
}
