//! Carries out the follow-up of the broker's operations: wakes host software and delivers
//! invalidations.

use block_broker::{Deliver, FollowUp, Outcome};
use pf_broker_abi::Refusal;
use pf_state::status::NtStatus;

use crate::{
    floods, invalidation,
    pf::{Pf, status_of},
    vfs::VfSet,
};

/// Carries out the follow-up of an operation, then returns its result. Callable up to
/// `DISPATCH_LEVEL`, and at `PASSIVE_LEVEL` for an operation on all VFs. For a VF's write it is one
/// atomic load when no host software waits; otherwise it queues a work item.
#[inline]
pub(crate) fn complete<T>(pf: &Pf, vfs: &VfSet, outcome: Outcome<T>) -> Result<T, NtStatus> {
    outcome
        .follow_up(|follow_up| carry_out(pf, vfs, follow_up))
        .map_err(status_of)
}

/// [`complete`] for a VF's write, which may begin a flood.
#[inline]
pub(crate) fn complete_write<T>(
    pf: &Pf,
    vfs: &VfSet,
    vf: u16,
    outcome: Outcome<T>,
) -> Result<T, NtStatus> {
    let mut is_journaled = false;
    outcome
        .follow_up(|follow_up| {
            is_journaled = true;
            carry_out(pf, vfs, follow_up);
        })
        .map_err(|refusal| {
            // Of a flood only the first write is journaled, and so has a follow-up.
            if refusal == Refusal::Limit && is_journaled {
                floods::begin(pf, vfs, vf);
            }
            status_of(refusal)
        })
}

/// Carries out a follow-up; see [`complete`].
#[inline]
pub(crate) fn carry_out(pf: &Pf, vfs: &VfSet, follow_up: FollowUp) {
    pf.pending.on_change(follow_up.changed);
    match follow_up.deliver {
        Deliver::Nothing => {}
        Deliver::ToVf(vf) => invalidation::try_deliver(pf, vfs, vf),
        Deliver::ToAllVfs => invalidation::try_deliver_all(pf, vfs),
    }
}
