//! The runner's operations on blocks: single ones, and repeated ones that are measured.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use kernel_runtime::{clock, thread};
use lab_control::MAX_BLOCK_LENGTH;
use lab_control::stack::{
    Measure, Measured, PATTERN, Transfer, Transferred, function, operation, path, spoiled,
};
use pf_broker_abi::{
    IOCTL_DRAIN, IOCTL_INVALIDATE, IOCTL_POWER, IOCTL_PUBLISH, IOCTL_READ, SCOPE_ALL, SCOPE_VF,
};
use wdk_sys::{
    NTSTATUS, STATUS_DEVICE_REMOVED, STATUS_INVALID_PARAMETER, STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
};

use crate::bus;
use crate::kernel::level;
use crate::kernel::status::status_of;
use crate::pf_connection::{attachment, call, connection, invalidation_log};
use crate::vpci::{guest_driver, interface};

/// The buffer's bytes before another read, if the first one returned a byte like the pattern.
const OTHER_PATTERN: u8 = 0x5A;
/// Bytes behind the callee's buffer.
const GUARD: usize = 32;

/// The callee's buffer, followed by a guard.
struct Buffer([u8; MAX_BLOCK_LENGTH + GUARD]);

impl Buffer {
    fn pattern() -> Self {
        Self::filled(PATTERN)
    }

    fn filled(byte: u8) -> Self {
        Self([byte; MAX_BLOCK_LENGTH + GUARD])
    }

    fn with(data: &[u8]) -> Self {
        let mut buffer = Self::pattern();
        if let Some(start) = buffer.0.get_mut(..data.len()) {
            start.copy_from_slice(data);
        }
        buffer
    }
}

/// Performs one operation.
pub(crate) fn perform(transfer: &Transfer) -> Transferred {
    match transfer.operation {
        operation::READ => read(transfer),
        operation::WRITE => write(transfer),
        operation::RESET => reset(transfer.vf),
        operation::TAKE => take(transfer.vf),
        operation::POWER if transfer.path != path::VPCI => {
            // `PowerDeviceD0` is 1.
            let state = transfer.block.saturating_add(1);
            let status = call::call_without_data(function::SET_VF_POWER_STATE, transfer.vf, state);
            ended(status)
        }
        operation::PUBLISH
        | operation::DRAIN
        | operation::HOST_READ
        | operation::INVALIDATE
        | operation::POWER => manage(transfer),
        _ => finished(STATUS_INVALID_PARAMETER, 0, 0, None),
    }
}

fn reset(vf: u16) -> Transferred {
    // Pending invalidations arrive first. The next operation shows whether all did.
    let _ = attachment::wait_until_delivered(vf);
    let status = call::call_without_data(function::RESET_VF, vf, 0);
    if status == STATUS_SUCCESS {
        invalidation_log::take(vf);
    }
    ended(status)
}

fn take(vf: u16) -> Transferred {
    let mut buffer = Buffer::pattern();
    let delivered = attachment::wait_until_delivered(vf);
    let mask = invalidation_log::take(vf);
    // A driver whose device is being removed may have kept some, and then reads fail.
    let there = call::read_block(vf, 0, buffer.0.as_mut_ptr().cast(), 128);
    match (delivered, there) {
        (Err(status), _) | (_, Err(status @ STATUS_DEVICE_REMOVED)) => ended(status),
        _ => finished(STATUS_SUCCESS, 0, 8, Some(&mask.to_le_bytes())),
    }
}

/// The result of a call that returns nothing but a status.
pub(crate) fn ended(status: NTSTATUS) -> Transferred {
    finished(status, 0, 0, None)
}

fn finished(status: NTSTATUS, spoiled: u32, length: usize, buffer: Option<&[u8]>) -> Transferred {
    let mut data = [0; MAX_BLOCK_LENGTH];
    if let Some(bytes) = buffer.and_then(|buffer| buffer.get(..length))
        && let Some(start) = data.get_mut(..length)
    {
        start.copy_from_slice(bytes);
    }
    Transferred {
        status: status.cast_unsigned(),
        spoiled,
        length: u32::try_from(length).unwrap_or(0),
        raised: 0,
        data,
    }
}

/// How a read or a write ended.
struct Ended {
    status: NTSTATUS,
    /// Whether the driver was called, and returned, above `PASSIVE_LEVEL`.
    is_raised: bool,
}

impl Ended {
    const fn at_passive(status: NTSTATUS) -> Self {
        Self {
            status,
            is_raised: false,
        }
    }
}

fn by_path(transfer: &Transfer, buffer: &mut Buffer, writes: bool) -> Ended {
    let place: *mut c_void = if transfer.path == path::NULL_BUFFER {
        ptr::null_mut()
    } else {
        buffer.0.as_mut_ptr().cast()
    };
    let (vf, block, length) = (transfer.vf, transfer.block, transfer.length);
    if transfer.path == path::DRIVER_RAISED {
        return Ended::at_passive(guest_driver::transfer(transfer, &mut buffer.0, writes));
    }
    if transfer.path != path::VPCI {
        let mut result = Ok(());
        let mut is_raised = false;
        let mut operation = || {
            let before = level::is_raised();
            result = if writes {
                call::write_block(vf, block, place, length)
            } else {
                call::read_block(vf, block, place, length)
            };
            is_raised = before && level::is_raised();
        };
        if transfer.path == path::SRIOV_RAISED {
            level::at_dispatch(&mut operation);
        } else {
            operation();
        }
        return Ended {
            status: status_of(result),
            is_raised,
        };
    }
    let Some(function) = bus::virtual_function(vf) else {
        return Ended::at_passive(STATUS_NO_SUCH_DEVICE);
    };
    let context = Arc::as_ptr(&function).cast_mut().cast();
    Ended::at_passive(if writes {
        // SAFETY: the context is held for the call, and the buffer is longer than any length that
        // the function passes on.
        unsafe { interface::write_block(context, block, place, length) }
    } else {
        // SAFETY: as before.
        unsafe { interface::read_block(context, block, place, length) }
    })
}

fn read(transfer: &Transfer) -> Transferred {
    let mut buffer = Buffer::pattern();
    let Ended { status, is_raised } = by_path(transfer, &mut buffer, false);
    let length = usize::try_from(transfer.length).unwrap_or(usize::MAX);
    let within = length.min(MAX_BLOCK_LENGTH);
    let (inside, behind) = buffer.0.split_at(within);
    let mut spoils = 0;
    if behind.iter().any(|&byte| byte != PATTERN) {
        spoils |= spoiled::BEHIND;
    }
    if status != STATUS_SUCCESS && inside.iter().any(|&byte| byte != PATTERN) {
        spoils |= spoiled::CHANGED;
    }
    if status == STATUS_SUCCESS && inside.contains(&PATTERN) && left_some(transfer, inside) {
        spoils |= spoiled::LEFT;
    }
    let returned = if status == STATUS_SUCCESS { within } else { 0 };
    Transferred {
        raised: is_raised.into(),
        ..finished(status, spoils, returned, Some(&buffer.0))
    }
}

/// Whether a read leaves bytes of its buffer as they are. A byte like the pattern may be the
/// block's own: it is left alone only if reads into other patterns leave those, too. There are
/// several, because another thread may write the block meanwhile, and what is written can be like
/// the next pattern.
fn left_some(transfer: &Transfer, first: &[u8]) -> bool {
    let mut left = [false; MAX_BLOCK_LENGTH];
    for (left, &byte) in left.iter_mut().zip(first) {
        *left = byte == PATTERN;
    }
    for pattern in [OTHER_PATTERN, PATTERN, OTHER_PATTERN, PATTERN] {
        let mut again = Buffer::filled(pattern);
        if by_path(transfer, &mut again, false).status != STATUS_SUCCESS {
            return false;
        }
        for (left, &byte) in left.iter_mut().zip(&again.0) {
            *left &= byte == pattern;
        }
        if left.iter().all(|&left| !left) {
            return false;
        }
    }
    true
}

fn write(transfer: &Transfer) -> Transferred {
    let mut buffer = Buffer::with(&transfer.data);
    let Ended { status, is_raised } = by_path(transfer, &mut buffer, true);
    let spoils = if buffer.0 == Buffer::with(&transfer.data).0 {
        0
    } else {
        spoiled::CHANGED
    };
    Transferred {
        raised: is_raised.into(),
        ..finished(status, spoils, 0, None)
    }
}

fn manage(transfer: &Transfer) -> Transferred {
    try_manage(transfer, SCOPE_VF).unwrap_or_else(ended)
}

/// Publishes to all VFs what `transfer` publishes.
pub(crate) fn publish_all(transfer: &Transfer) -> Transferred {
    let for_all = Transfer { vf: 0, ..*transfer };
    try_manage(&for_all, SCOPE_ALL).unwrap_or_else(ended)
}

/// Bytes in front of the data of a publish: VF, scope, block, flags, reserved, revision.
const PUBLISH_HEADER: usize = 24;

fn try_manage(transfer: &Transfer, scope: u16) -> Result<Transferred, NTSTATUS> {
    let connection = connection::get()?;
    let mut buffer = [0_u8; PUBLISH_HEADER + MAX_BLOCK_LENGTH];
    buffer[..2].copy_from_slice(&transfer.vf.to_le_bytes());
    buffer[2..4].copy_from_slice(&scope.to_le_bytes());
    match transfer.operation {
        // The state has 16 bits and stands right behind the VF, a mask behind reserved bytes.
        operation::POWER => buffer[2..4].copy_from_slice(&transfer.block.to_le_bytes()[..2]),
        operation::INVALIDATE => {}
        _ => buffer[4..8].copy_from_slice(&transfer.block.to_le_bytes()),
    }
    let data_at = if transfer.operation == operation::PUBLISH {
        PUBLISH_HEADER
    } else {
        8
    };
    buffer[data_at..data_at + MAX_BLOCK_LENGTH].copy_from_slice(&transfer.data);
    let (code, input, output) = match transfer.operation {
        operation::PUBLISH => (IOCTL_PUBLISH, 24 + transfer.length, 0),
        operation::DRAIN => (IOCTL_DRAIN, 8, 4 + 128),
        operation::INVALIDATE => (IOCTL_INVALIDATE, 16, 0),
        operation::POWER => (IOCTL_POWER, 4, 0),
        // In front of the bytes stands the revision.
        _ => (IOCTL_READ, 8, 8 + transfer.length),
    };
    let sent = connection.send(code, false, &mut buffer, (input, output))?;
    let completion = sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
    drop(sent);
    let returned = usize::try_from(completion.information).unwrap_or(0);
    let (skip, length) = match transfer.operation {
        operation::DRAIN if returned >= 4 => (4, usize::from(buffer[0])),
        operation::HOST_READ => (8, returned.saturating_sub(8)),
        _ => (0, 0),
    };
    Ok(finished(
        completion.status,
        0,
        length.min(MAX_BLOCK_LENGTH),
        buffer.get(skip..),
    ))
}

/// Repeats one operation on several threads and measures the time for all.
pub(crate) fn measure(measure: &Measure) -> Result<Measured, NTSTATUS> {
    let succeeded = Arc::new(AtomicU64::new(0));
    let start = clock::now();
    let mut threads = Vec::new();
    for index in 0..measure.threads {
        let mut transfer = measure.transfer;
        transfer.vf = transfer.vf.wrapping_add(u16::try_from(index).unwrap_or(0));
        let (count, succeeded) = (measure.count, Arc::clone(&succeeded));
        threads.push(thread::spawn(move || {
            let good = repeat(&transfer, count);
            succeeded.fetch_add(good, Ordering::SeqCst);
        })?);
    }
    for thread in &threads {
        thread.join();
    }
    Ok(Measured {
        time: clock::now().saturating_sub(start),
        succeeded: succeeded.load(Ordering::SeqCst),
    })
}

fn repeat(transfer: &Transfer, count: u32) -> u64 {
    let mut good = 0;
    for _ in 0..count {
        let status = match transfer.operation {
            operation::READ => by_path(transfer, &mut Buffer::pattern(), false).status,
            operation::WRITE => by_path(transfer, &mut Buffer::with(&transfer.data), true).status,
            _ => perform(transfer).status.cast_signed(),
        };
        good += u64::from(status == STATUS_SUCCESS);
    }
    good
}
