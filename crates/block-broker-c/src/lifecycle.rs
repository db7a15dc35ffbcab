//! Allocation of VFs, resets, power states and the removal of the device.

use block_broker::Ticks;
use pf_broker_abi::PowerState;

use crate::handle::{bb_broker, bb_follow_up, carry_out, with};
use crate::status::{BB_ALREADY_ALLOCATED, BB_INVALID_ARGUMENT, BB_SUCCESS, bb_status, refused};
use crate::vf_context::VfContext;

/// Holds every VF back until it is allocated.
pub(crate) fn hold_unallocated(broker: &bb_broker, now: Ticks) {
    for (vf, context) in (0..).zip(broker.contexts) {
        context.set_allocated(false);
        // The VF exists and is not removed, and nothing waits yet.
        let _ = broker.blocks.begin_reset(vf, now).without_waiters();
    }
}

/// Allocates a VF, for example at `OID_NIC_SWITCH_ALLOCATE_VF`. Its blocks are wiped as by a reset,
/// which it also counts and is journaled as, and it is served from here on.
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
            Ok(()) => {
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
        broker.blocks.begin_reset(vf, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, free) }
}

/// Begins a reset of a VF: wipes its blocks, and refuses every operation on it as `BB_REFUSED_STATE`
/// until `bb_finish_reset`. The caller resets the hardware in between.
///
/// At `PASSIVE_LEVEL`, one at a time for a VF. `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_begin_reset(
    broker: *const bb_broker,
    vf: u16,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let begin = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.begin_reset(vf, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, begin) }
}

/// Finishes a reset that has succeeded: the VF is served again. The follow-up says whether
/// invalidations arrived meanwhile.
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
    unsafe { carry_out(broker, follow_up, finish) }
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
    unsafe { carry_out(broker, follow_up, reset) }
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
