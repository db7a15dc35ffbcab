//! Invalidations: the VF should read blocks again.

use core::ffi::c_void;

use block_broker::Ticks;

use crate::handle::{bb_broker, bb_follow_up, carry_out, operate, with};
use crate::pointers::put;
use crate::status::{BB_SUCCESS, bb_status};

/// Takes what carries an invalidation, such as a pending request, and returns whether there is one.
///
/// It is called under the VF's lock, and calls no function of this library.
pub type bb_carrier = Option<unsafe extern "C" fn(context: *mut c_void) -> bool>;

/// Latches invalidations for one VF. Bit n of `mask` stands for block n.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`; the follow-up says that the VF has
/// invalidations.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `INVALIDATE` for a bit of a block that does not
/// exist, `STATE`, `REMOVED`.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_invalidate(
    broker: *const bb_broker,
    vf: u16,
    mask: u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let invalidate = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.invalidate(vf, mask, Ticks(now))
    };
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, invalidate) }
}

/// Latches invalidations for every VF. Better at `PASSIVE_LEVEL`: it visits every VF.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_INVALIDATE` for a bit of a block that does not exist.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_invalidate_all(
    broker: *const bb_broker,
    mask: u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let invalidate = |broker: &'static bb_broker| broker.blocks.invalidate_all(mask, Ticks(now));
    // SAFETY: as the caller promises.
    unsafe { carry_out(broker, follow_up, invalidate) }
}

/// Latches an invalidation of every block with `notify` for every VF: after the hardware of the VFs
/// has lost its state without a reset of the VFs, such as a power-down of the PF. Better at
/// `PASSIVE_LEVEL`: it visits every VF.
///
/// # Safety
/// `follow_up` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_invalidate_notifying(
    broker: *const bb_broker,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    let invalidate = |broker: &'static bb_broker| {
        let invalidated = broker.blocks.invalidate_notifying(Ticks(now));
        // SAFETY: as the caller promises.
        unsafe { broker.follow_up(invalidated, follow_up) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { with(broker, invalidate) }
}

/// Takes the latched invalidations of a VF: `mask` gets them, 0 if there are none. Each is taken
/// once. The caller delivers them, for example with `NdisMInvalidateConfigBlock`.
///
/// IRQL, `now` and `follow_up` are as for `bb_write`.
///
/// Returns `BB_SUCCESS`, or `BB_REFUSED_` and: `VF`, `STATE`, `REMOVED`. `mask` is 0 then.
///
/// # Safety
/// `mask` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_take_invalidation(
    broker: *const bb_broker,
    vf: u16,
    mask: *mut u64,
    now: u64,
    follow_up: *mut bb_follow_up,
) -> bb_status {
    // SAFETY: as the caller promises.
    unsafe { put(mask, 0) };
    let take = |broker: &'static bb_broker| {
        let vf = broker.allocated(vf);
        broker.blocks.take_invalidation(vf, Ticks(now))
    };
    let deliver = |taken| {
        // SAFETY: as the caller promises.
        unsafe { put(mask, taken) };
        BB_SUCCESS
    };
    // SAFETY: as the caller promises.
    unsafe { operate(broker, follow_up, take, deliver) }
}

/// Takes the latched invalidations of a VF together with what carries them, both or neither, so that
/// no invalidation is lost without a carrier and no carrier is used without an invalidation.
///
/// `carrier` is called with `context` only if something is latched; NULL stands for a carrier that
/// is always there. Nothing is counted or journaled.
///
/// IRQL as for `bb_write`, if the carrier allows it.
///
/// Returns the mask; 0 if nothing is latched, there is no carrier, or the VF is held back, not
/// allocated or does not exist. After a reset `bb_finish_reset` returns a follow-up for what was
/// latched meanwhile.
///
/// # Safety
/// `broker` comes from `bb_initialize`, and `carrier` may be called with `context`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bb_hand_over_invalidation(
    broker: *const bb_broker,
    vf: u16,
    carrier: bb_carrier,
    context: *mut c_void,
) -> u64 {
    // SAFETY: as the caller promises.
    let Some(broker) = (unsafe { broker.as_ref() }) else {
        return 0;
    };
    let take = || {
        let is_there = carrier.is_none_or(|carrier| {
            // SAFETY: as the caller promises.
            unsafe { carrier(context) }
        });
        is_there.then_some(())
    };
    let vf = broker.allocated(vf);
    let taken = broker.blocks.hand_over_invalidation(vf, take);
    taken.map_or(0, |((), mask)| mask)
}
