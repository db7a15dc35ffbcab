//! The calls of the driver above into the companion.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use kernel_runtime::clock;
use lab_control::MAX_BLOCK_LENGTH;
use lab_control::companion::{Answer, Handed, action, offer};
use pf_companion_abi::BrokerFunctions;
use wdk_sys::{NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS};

use super::functions;
use super::state::{Inside, RECORD, STATE, of_vf};

/// Whether the companion is attached.
static ATTACHED: AtomicBool = AtomicBool::new(false);

/// The context that each call must have.
static CONTEXT: u8 = 0;

/// The context of the interface.
pub(super) fn context() -> *mut c_void {
    (&raw const CONTEXT).cast_mut().cast()
}

/// Notes a call about a VF.
fn enter(vf: u16, given: *mut c_void) -> Inside {
    if !ATTACHED.load(Ordering::Acquire) || given != context() {
        RECORD.unattached.count();
    }
    Inside::enter(Some(vf))
}

/// `Attach`
pub(super) unsafe extern "C" fn attach(
    _context: *mut c_void,
    broker: *const BrokerFunctions,
) -> NTSTATUS {
    let _inside = Inside::enter(None);
    RECORD.attaches.count();
    // SAFETY: the driver above passes its functions.
    let functions = unsafe { broker.read() };
    let (offer, before) = {
        let mut state = STATE.lock();
        if state.offer == offer::DECLINES {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        (state.offer, state.broker.replace(functions))
    };
    if let Some(before) = before {
        functions::release(&before);
    }
    if offer == offer::READY {
        let _ = functions::set_ready(true);
        // Operations begin when this call has returned.
        clock::sleep(20);
    }
    ATTACHED.store(true, Ordering::Release);
    STATUS_SUCCESS
}

/// `Detach`
pub(super) unsafe extern "C" fn detach(_context: *mut c_void) {
    let _inside = Inside::enter(None);
    RECORD.detaches.count();
    if !ATTACHED.swap(false, Ordering::AcqRel) || RECORD.inside.get() != 1 {
        RECORD.unattached.count();
    }
    let gone = {
        let mut state = STATE.lock();
        if state.keeps_functions {
            None
        } else {
            state.broker.take()
        }
    };
    if let Some(functions) = gone {
        functions::release(&functions);
    }
}

/// `VfWrite`
pub(super) unsafe extern "C" fn vf_write(
    context: *mut c_void,
    vf: u16,
    block: u32,
    data: *const u8,
    length: u32,
) -> NTSTATUS {
    let _inside = enter(vf, context);
    RECORD.writes.count();
    let mut handed = Handed {
        vf,
        length: u16::try_from(length).unwrap_or(u16::MAX),
        block,
        resets: of_vf(vf).resets.get(),
        attaches: RECORD.attaches.get(),
        data: [0; MAX_BLOCK_LENGTH],
    };
    let count = usize::from(handed.length).min(MAX_BLOCK_LENGTH);
    // SAFETY: the driver above passes as many bytes.
    unsafe { core::ptr::copy_nonoverlapping(data, handed.data.as_mut_ptr(), count) };
    let answer = {
        let mut state = STATE.lock();
        state.handed.push(handed);
        state.answers.get(&(block, 0)).copied()
    };
    let Some(answer) = answer else {
        return STATUS_SUCCESS;
    };
    if answer.has_data != 0 {
        // A companion may ignore that its publish is refused.
        let _ = functions::publish(vf, block, &answer.data, answer.length);
    }
    act(vf, &answer);
    if answer.actions & action::ECHO != 0
        && let Err(status) = echo(&handed)
    {
        RECORD.unpublished.count();
        return status;
    }
    answer.status.cast_signed()
}

/// Publishes the first half of a write's bytes as the second half.
fn echo(handed: &Handed) -> Result<(), NTSTATUS> {
    let mut data = handed.data;
    let half = usize::from(handed.length).min(MAX_BLOCK_LENGTH) / 2;
    data.copy_within(..half, half);
    functions::publish(handed.vf, handed.block, &data, handed.length.into())
}

/// `VfRead`
pub(super) unsafe extern "C" fn vf_read(
    context: *mut c_void,
    vf: u16,
    block: u32,
    data: *mut u8,
    length: u32,
) -> NTSTATUS {
    let _inside = enter(vf, context);
    RECORD.reads.count();
    let number = of_vf(vf).reads.count() + 1;
    let answer = STATE.lock().answers.get(&(block, 1)).copied();
    let Some(answer) = answer else {
        return STATUS_SUCCESS;
    };
    if answer.has_data != 0 {
        let count = answer.length.min(length) as usize;
        // SAFETY: the block has `length` bytes.
        unsafe { core::ptr::copy_nonoverlapping(answer.data.as_ptr(), data, count) };
    }
    if answer.actions & action::COUNT != 0 {
        let number = number.to_le_bytes();
        let count = number.len().min(length as usize);
        // SAFETY: as above.
        unsafe { core::ptr::copy_nonoverlapping(number.as_ptr(), data, count) };
    }
    act(vf, &answer);
    answer.status.cast_signed()
}

/// What a call does beside its data.
fn act(vf: u16, answer: &Answer) {
    let asked = |bit| answer.actions & bit != 0;
    if asked(action::RESET) {
        RECORD.own_reset.set(functions::reset(vf));
    }
    if asked(action::RESET_NEXT) {
        RECORD.next_reset.set(functions::reset(vf + 1));
    }
    if asked(action::NOT_READY) {
        let _ = functions::set_ready(false);
    }
    if asked(action::INVALIDATE) {
        functions::invalidate_first(vf);
    }
    if answer.milliseconds > 0 {
        clock::sleep(answer.milliseconds);
    }
}

/// `VfCommitted`
pub(super) unsafe extern "C" fn vf_committed(context: *mut c_void, vf: u16, _block: u32) {
    let _inside = enter(vf, context);
    RECORD.commits.count();
}

/// `VfPower`
pub(super) unsafe extern "C" fn vf_power(context: *mut c_void, vf: u16, state: u32) {
    let _inside = enter(vf, context);
    RECORD.powers.count();
    RECORD.power.set(state);
}

/// `VfReset`
pub(super) unsafe extern "C" fn vf_reset(context: *mut c_void, vf: u16) {
    let _inside = enter(vf, context);
    RECORD.resets.count();
    of_vf(vf).resets.count();
}
