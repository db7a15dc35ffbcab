//! The functions that the companion calls: [`BrokerFunctions`].
//!
//! Their first argument is the PF, which stays until the companion has released the functions. What
//! a caller points to is checked for NULL, and copied from and to private memory outside of locks.

use core::{ffi::c_void, ptr::NonNull};

use block_broker::ResetBy;
use block_table::{Image, MAX_BLOCK_LENGTH};
use pcivirt_abi::NtStatus;
use pf_broker_abi::{Message, StatsReply};
use pf_companion_abi::{BrokerFunctions, VERSION};
use pf_state::status;

use crate::{
    follow_up,
    management::{is_for_all, message, observation},
    os::{kernel, wait},
    pf::{Pf, lifetime},
    reset::reset_vf,
    vfs::VfSet,
};

/// The functions of a PF, to which its companion has a reference.
pub(super) fn of(pf: &Pf) -> BrokerFunctions {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the structure is 80 bytes long"
    )]
    let size = size_of::<BrokerFunctions>() as u16;
    BrokerFunctions {
        size,
        version: VERSION,
        broker: pf.as_context(),
        release,
        set_ready,
        read,
        publish,
        invalidate,
        drain,
        reset,
        statistics,
    }
}

/// Runs a function of an attached companion on its PF.
///
/// # Safety
/// The pointer is NULL or that of [`BrokerFunctions`] which the companion has not released.
unsafe fn on_pf(
    broker: *mut c_void,
    function: impl FnOnce(&Pf) -> Result<(), NtStatus>,
) -> NtStatus {
    // SAFETY: as the caller promises.
    let Some(pf) = (unsafe { lifetime::of_interface(broker) }) else {
        return status::INVALID_PARAMETER;
    };
    let called = pf.companion.attachment.check_caller();
    called
        .and_then(|()| function(pf))
        .err()
        .unwrap_or(status::SUCCESS)
}

/// The same with the VFs of the PF.
///
/// # Safety
/// As for [`on_pf`].
unsafe fn on_vfs(
    broker: *mut c_void,
    function: impl FnOnce(&Pf, &VfSet) -> Result<(), NtStatus>,
) -> NtStatus {
    // SAFETY: as the caller promises.
    unsafe { on_pf(broker, |pf| function(pf, pf.vfs()?)) }
}

/// Refuses a call above `PASSIVE_LEVEL`.
fn require_passive_level() -> Result<(), NtStatus> {
    if kernel::may_wait() {
        Ok(())
    } else {
        Err(status::INVALID_DEVICE_STATE)
    }
}

fn require<T>(pointer: *const T) -> Result<(), NtStatus> {
    if pointer.is_null() {
        Err(status::INVALID_PARAMETER)
    } else {
        Ok(())
    }
}

/// `Release`
unsafe extern "C" fn release(broker: *mut c_void) {
    if let Some(pf) = NonNull::new(broker.cast::<Pf>()) {
        // SAFETY: the companion gives its reference back.
        unsafe { Pf::released_by_companion(pf) };
    }
}

/// `SetReady`
unsafe extern "C" fn set_ready(broker: *mut c_void, ready: u8) -> NtStatus {
    // SAFETY: the companion has a reference.
    unsafe { on_pf(broker, |pf| pf.companion.attachment.set_ready(ready != 0)) }
}

/// `Read`
unsafe extern "C" fn read(
    broker: *mut c_void,
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
    revision: *mut u64,
) -> NtStatus {
    let read = |pf: &Pf, vfs: &VfSet| {
        require(buffer)?;
        let mut image: Image = [0; MAX_BLOCK_LENGTH];
        let broker = &vfs.broker;
        let read = broker.host_read(vf, block, length, &mut image, wait::now());
        let found = follow_up::complete(pf, vfs, read)?;
        let count = (length as usize).min(image.len());
        // SAFETY: the caller's buffer has room for its length, which is at least `count`; the
        // private image has `count` bytes.
        unsafe { core::ptr::copy_nonoverlapping(image.as_ptr(), buffer.cast(), count) };
        if !revision.is_null() {
            // SAFETY: the caller's number has room for one.
            unsafe { revision.write_unaligned(found) };
        }
        Ok(())
    };
    // SAFETY: the companion has a reference.
    unsafe { on_vfs(broker, read) }
}

/// `Publish`
unsafe extern "C" fn publish(
    broker: *mut c_void,
    vf: u16,
    scope: u16,
    block: u32,
    data: *const c_void,
    length: u32,
    expected: *const u64,
) -> NtStatus {
    let publish = |pf: &Pf, vfs: &VfSet| {
        require(data)?;
        let mut sent: Image = [0; MAX_BLOCK_LENGTH];
        // The broker refuses a longer one.
        if length as usize <= sent.len() {
            // SAFETY: the caller's data have `length` bytes, and the private array has room.
            unsafe {
                core::ptr::copy_nonoverlapping(data.cast(), sent.as_mut_ptr(), length as usize);
            }
        }
        let expected = if expected.is_null() {
            None
        } else {
            // SAFETY: the caller's number is one.
            Some(unsafe { expected.read_unaligned() })
        };
        let now = wait::now();
        let published = if is_for_all(scope, vf)? {
            require_passive_level()?;
            if expected.is_some() {
                return Err(status::INVALID_PARAMETER);
            }
            vfs.broker.publish_all(block, length, &sent, now)
        } else {
            vfs.broker.publish(vf, block, length, &sent, expected, now)
        };
        follow_up::complete(pf, vfs, published)
    };
    // SAFETY: the companion has a reference.
    unsafe { on_vfs(broker, publish) }
}

/// `Invalidate`
unsafe extern "C" fn invalidate(broker: *mut c_void, vf: u16, scope: u16, mask: u64) -> NtStatus {
    let invalidate = |pf: &Pf, vfs: &VfSet| {
        let now = wait::now();
        let invalidated = if is_for_all(scope, vf)? {
            require_passive_level()?;
            vfs.broker.invalidate_all(mask, now)
        } else {
            vfs.broker.invalidate(vf, mask, now)
        };
        follow_up::complete(pf, vfs, invalidated)
    };
    // SAFETY: the companion has a reference.
    unsafe { on_vfs(broker, invalidate) }
}

/// `Drain`
unsafe extern "C" fn drain(
    broker: *mut c_void,
    vf: u16,
    block: u32,
    messages: *mut Message,
    capacity: u32,
    count: *mut u32,
) -> NtStatus {
    let drain = |pf: &Pf, vfs: &VfSet| {
        require(messages)?;
        require(count)?;
        let taken = take_messages(pf, vfs, (vf, block), capacity, |message, index| {
            // SAFETY: the caller's array has room for `capacity` messages, and `index` is below.
            let to = unsafe { messages.add(index as usize) };
            // SAFETY: as above.
            unsafe { to.write_unaligned(message) };
        })?;
        // SAFETY: the caller's number has room for one.
        unsafe { count.write_unaligned(taken) };
        Ok(())
    };
    // SAFETY: the companion has a reference.
    unsafe { on_vfs(broker, drain) }
}

/// Takes at most `capacity` messages out of a stream, and passes each with its index to `put`.
/// Returns their number.
fn take_messages(
    pf: &Pf,
    vfs: &VfSet,
    (vf, block): (u16, u32),
    capacity: u32,
    mut put: impl FnMut(Message, u32),
) -> Result<u32, NtStatus> {
    let mut taken = 0;
    let append = |sent: &[u8]| {
        put(message(sent), taken);
        taken += 1;
    };
    let (broker, most) = (&vfs.broker, capacity as usize);
    let drained = broker.drain(vf, block, most, wait::now(), append);
    follow_up::complete(pf, vfs, drained)?;
    Ok(taken)
}

/// `Reset`
unsafe extern "C" fn reset(broker: *mut c_void, vf: u16) -> NtStatus {
    let reset = |pf: &Pf| {
        require_passive_level()?;
        reset_vf(pf, vf, ResetBy::Host)
    };
    // SAFETY: the companion has a reference.
    unsafe { on_pf(broker, reset) }
}

/// `Statistics`
unsafe extern "C" fn statistics(
    broker: *mut c_void,
    vf: u16,
    statistics: *mut StatsReply,
) -> NtStatus {
    let query = |_: &Pf, vfs: &VfSet| {
        require(statistics)?;
        let found = observation::of_vf(vfs, vf)?;
        // SAFETY: the caller's structure has room for one.
        unsafe { statistics.write_unaligned(found) };
        Ok(())
    };
    // SAFETY: the companion has a reference.
    unsafe { on_vfs(broker, query) }
}
