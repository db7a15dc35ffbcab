//! Allocation of VFs, resets and their acknowledgement, power states and the removal of the device.

use block_broker::{Deliver, FollowUp, ResetBy, Ticks};
use pf_broker_abi::PowerState;

use crate::handle::{bb_broker, bb_follow_up, carry_out, operate, with};
use crate::pointers::put;
use crate::status::{BB_ALREADY_ALLOCATED, BB_INVALID_ARGUMENT, BB_SUCCESS, bb_status, refused};
use crate::vf_context::VfContext;

/// `by` of `bb_begin_reset`: the system or host software resets the VF, which may have another tenant
/// afterwards.
pub const BB_RESET_BY_HOST: u8 = 0;
/// `by` of `bb_begin_reset`: the VF's own driver has started a function level reset.
pub const BB_RESET_BY_VF: u8 = 1;

/// Holds every VF back until it is allocated.
pub(crate) fn hold_unallocated(broker: &bb_broker, now: Ticks) {
    for (vf, context) in (0..).zip(broker.contexts) {
        context.set_allocated(false);
        // The VF exists and is not removed, and nothing waits yet.
        let begun = broker.blocks.begin_reset(vf, ResetBy::Host, now);
        let _ = begun.without_waiters();
    }
}

/// Allocates a VF, for example at `OID_NIC_SWITCH_ALLOCATE_VF`. Its blocks are wiped as by a reset,
/// which it also counts and is journaled as, and it is served from here on, or waits for its
/// acknowledgement as after `bb_finish_reset`.
///
/// Before, and after `bb_free_vf`, every operation on the VF is refused as `BB_REFUSED_VF`, and
/// counted by `bb_host_refusals`, as for a VF that does not exist. Its counters and journal can
/// be read.
///
/// `bb_allocate_vf`, `bb_free_vf` and the functions for resets are called one at a time for a VF.
/// At `PASSIVE_LEVEL`. `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, `BB_ALREADY_ALLOCATED`, or `BB_REFUSED_` and: `VF`, `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_allocate_vf(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let allocate = |broker: &'static bb_broker| {
        let context = broker.context(vf);
        if context.is_some_and(VfContext::is_allocated) {
            return BB_ALREADY_ALLOCATED;
        }
        let reset = broker.blocks.reset(vf, Ticks(now));
        // SAFETY: as the caller promises.
        match unsafe { broker.settle(reset, follow_up) } {
            Ok(_) => {
                context.map(|context| context.set_allocated(true));
                BB_SUCCESS
            }
            Err(refusal) => refused(refusal),
        }
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, allocate) }
}

/// Frees a VF, for example at `OID_NIC_SWITCH_FREE_VF`. Its blocks are wiped before this returns. An
/// operation in progress has ended or will be refused, and one that is pending at the companion is
/// refused when it is finished.
///
/// IRQL, order, `now` and `follow_up` are as for `bb_allocate_vf`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF` if it is not allocated, `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_free_vf(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let free = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        let context = broker.context(vf);
        context.map(|context| context.set_allocated(false));
        broker.blocks.begin_reset(vf, ResetBy::Host, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, free) }
}

/// Begins a reset of a VF: wipes its blocks, and refuses every operation on it as `BB_REFUSED_STATE`
/// until `bb_finish_reset`. The caller resets the hardware in between.
///
/// `by` says who resets the VF: `BB_RESET_BY_HOST` or `BB_RESET_BY_VF`. It matters for a table with
/// `reset = "acknowledged"`: see `bb_finish_reset`.
///
/// At `PASSIVE_LEVEL`, one at a time for a VF. `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for another `by`; or `BB_REFUSED_` and: `VF`,
/// `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_begin_reset(
    broker: *const bb_broker,
    vf: u16,
    by: u8,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let by = match by {
        BB_RESET_BY_HOST => ResetBy::Host,
        BB_RESET_BY_VF => ResetBy::Vf,
        _ => return BB_INVALID_ARGUMENT,
    };
    let begin = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.begin_reset(vf, by, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, begin) }
}

/// Finishes a reset that has succeeded: the VF is served again. The follow-up says whether
/// invalidations arrived meanwhile.
///
/// With `reset = "acknowledged"` in the table the VF waits instead, if a reset by the host has begun
/// since it was served: operations of host software on it are served, its own are refused as
/// `BB_REFUSED_STATE`, and invalidations stay latched. `bb_acknowledge` or `bb_expire` serves it.
/// Call `bb_expire` after this function to learn when the time is up.
///
/// IRQL, order, `now` and `follow_up` are as for `bb_begin_reset`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `REMOVED`, `STATE` while `bb_begin_reset` still
/// runs.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_finish_reset(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let finish = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.finish_reset(vf, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { operate(broker, follow_up, finish, |_| BB_SUCCESS) }
}

/// Records in the journal that the hardware did not reset. The VF stays held back until another
/// reset succeeds.
///
/// IRQL, order, `now` and `follow_up` are as for `bb_begin_reset`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_VF`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_fail_reset(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let fail = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.fail_reset(vf, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, fail) }
}

/// `bb_begin_reset` and `bb_finish_reset` together, for a VF without hardware to wait for.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_reset(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let reset = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.reset(vf, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { operate(broker, follow_up, reset, |_| BB_SUCCESS) }
}

/// Acknowledges a reset by the host, in a table with `reset = "acknowledged"`: the VF is served again.
/// `resets` is the number of the reset: `resets` of `bb_vf_status`, read before the VF's blocks were
/// prepared.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `REMOVED`, `STATE` for a VF that does not wait,
/// `CHANGED` if its last reset is another one.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_acknowledge(
    broker: *const bb_broker,
    vf: u16,
    resets: u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let acknowledge = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.acknowledge(vf, resets, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, acknowledge) }
}

/// Serves each VF again whose time for an acknowledgement is up, and sets `next` to the time at which
/// the next one's is up, or to `UINT64_MAX` if no VF waits. Call it then. For a table without
/// `reset = "acknowledged"` no VF ever waits.
///
/// At `PASSIVE_LEVEL`: it visits every VF. `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`.
///
/// # Safety
/// `next` and `follow_up` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_expire(
    broker: *const bb_broker,
    now: u64,
    next: *mut u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let expire = |broker: &'static bb_broker| {
        let mut of_all = FollowUp::NOTHING;
        let deadline = broker.blocks.expire(Ticks(now), |_, of_vf| {
            of_all.changed = of_all.changed.union(of_vf.changed);
            if of_vf.deliver != Deliver::Nothing {
                of_all.deliver = Deliver::ToAllVfs;
            }
        });
        // SAFETY: as the caller promises.
        unsafe { broker.follow_up(of_all, follow_up) };
        // SAFETY: as the caller promises.
        unsafe { put(next, deadline.map_or(u64::MAX, |Ticks(deadline)| deadline)) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, expire) }
}

/// Records the power state of a VF: `BB_POWER_STATE_D0` to `BB_POWER_STATE_D3`. The VF is served in
/// each of them.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`; `BB_INVALID_ARGUMENT` for another state; or `BB_REFUSED_` and: `VF`,
/// `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_set_power(
    broker: *const bb_broker,
    vf: u16,
    state: u8,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let Some(state) = PowerState::from_code(state) else {
        return BB_INVALID_ARGUMENT;
    };
    let set = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.set_power(vf, state, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, set) }
}

/// The device was removed: from here on every operation on a VF is refused as `BB_REFUSED_REMOVED`.
/// Counters and journal can still be read.
///
/// At `PASSIVE_LEVEL`: it visits every VF. `now` and `follow_up` are as for `bb_write`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_remove(
    broker: *const bb_broker,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let remove = |broker: &'static bb_broker| {
        let removed = broker.blocks.remove(Ticks(now));
        // SAFETY: as the caller promises.
        unsafe { broker.follow_up(removed, follow_up) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, remove) }
}
