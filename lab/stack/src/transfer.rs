//! Operations that the runner names: single ones, batches, and the other functions of the interface.

use core::ffi::c_void;
use core::ptr;

use lab_control::MAX_BLOCK_LENGTH;
use lab_control::stack::{
    Call, Called, Measure, Measured, PATTERN, Transfer, Transferred, function, null, operation,
    path, spoiled,
};
use pf_broker_abi::{
    IOCTL_DRAIN, IOCTL_INVALIDATE, IOCTL_POWER, IOCTL_PUBLISH, IOCTL_READ, SCOPE_ALL, SCOPE_VF,
};
use wdk_sys::{
    NTSTATUS, STATUS_DEVICE_REMOVED, STATUS_INVALID_PARAMETER, STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
};

use crate::bus;
use crate::kernel::clock;
use crate::kernel::level;
use crate::kernel::thread;
use crate::pf_connection;
use crate::pf_connection::attachment;
use crate::pf_connection::invalidation_log;
use crate::vpci;
use crate::vpci::guest_driver;

/// What lies in the buffer before another read, when the first one brought a byte like the pattern.
const OTHER_PATTERN: u8 = 0x5A;
/// Bytes behind the callee's buffer.
const GUARD: usize = 32;

/// The callee's buffer with a guard behind it.
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
            let status = called(function::SET_VF_POWER_STATE, transfer.vf, state);
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

/// Calls one of the other functions of the interface, without data.
pub(crate) fn called(function: u32, vf: u16, offset: u32) -> NTSTATUS {
    let call = Call {
        function,
        vf,
        null: null::NOTHING,
        offset,
        length: 0,
        data: [0; 64],
    };
    let status = self::call(&call).map_or_else(NTSTATUS::cast_unsigned, |called| called.status);
    status.cast_signed()
}

fn reset(vf: u16) -> Transferred {
    // What is on its way arrives before. Whether all of it did, the next operation will show.
    let _ = attachment::hear_out(vf);
    let status = called(function::RESET_VF, vf, 0);
    if status == STATUS_SUCCESS {
        invalidation_log::take(vf);
    }
    ended(status)
}

fn take(vf: u16) -> Transferred {
    let mut buffer = Buffer::pattern();
    let heard = attachment::hear_out(vf);
    let mask = invalidation_log::take(vf);
    // A driver whose device is going may have kept something to itself, and then says so.
    let there = pf_connection::read_block(vf, 0, buffer.0.as_mut_ptr().cast(), 128);
    match (heard, there) {
        (Err(status), _) | (_, Err(status @ STATUS_DEVICE_REMOVED)) => ended(status),
        _ => finished(STATUS_SUCCESS, 0, 8, Some(&mask.to_le_bytes())),
    }
}

/// The result of a call that returns nothing but a status.
pub(crate) fn ended(status: NTSTATUS) -> Transferred {
    finished(status, 0, 0, None)
}

/// Bytes of a VF's configuration space.
pub(crate) const CONFIG_SPACE: usize = 4096;

/// Reads all of a VF's configuration space.
pub(crate) fn read_config(vf: u16, space: &mut [u8; CONFIG_SPACE]) -> NTSTATUS {
    let partner = match pf_connection::get() {
        Ok(partner) => partner,
        Err(status) => return status,
    };
    let interface = partner.interface();
    let Some(read) = interface.read_vf_config else {
        return STATUS_INVALID_PARAMETER;
    };
    let length = u32::try_from(CONFIG_SPACE).unwrap_or(0);
    // SAFETY: the interface is referenced, and the buffer has the length that is passed.
    unsafe { read(interface.context, space.as_mut_ptr().cast(), vf, 0, length) }
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
        data,
    }
}

fn status_of(result: Result<(), NTSTATUS>) -> NTSTATUS {
    result.err().unwrap_or(STATUS_SUCCESS)
}

fn by_path(transfer: &Transfer, buffer: &mut Buffer, writes: bool) -> NTSTATUS {
    let place: *mut c_void = if transfer.path == path::NULL_BUFFER {
        ptr::null_mut()
    } else {
        buffer.0.as_mut_ptr().cast()
    };
    let (vf, block, length) = (transfer.vf, transfer.block, transfer.length);
    if transfer.path == path::DRIVER_RAISED {
        return guest_driver::transfer(transfer, &mut buffer.0, writes);
    }
    if transfer.path != path::VPCI {
        let mut result = Ok(());
        let mut call = || {
            result = if writes {
                pf_connection::write_block(vf, block, place, length)
            } else {
                pf_connection::read_block(vf, block, place, length)
            }
        };
        if transfer.path == path::SRIOV_RAISED {
            level::at_dispatch(&mut call);
        } else {
            call();
        }
        return status_of(result);
    }
    let Some(function) = bus::virtual_function(vf) else {
        return STATUS_NO_SUCH_DEVICE;
    };
    let context = alloc::sync::Arc::as_ptr(&function).cast_mut().cast();
    if writes {
        // SAFETY: the context is held for the call, and the buffer is longer than any length that
        // the function passes on.
        unsafe { vpci::write_block(context, block, place, length) }
    } else {
        // SAFETY: as before.
        unsafe { vpci::read_block(context, block, place, length) }
    }
}

fn read(transfer: &Transfer) -> Transferred {
    let mut buffer = Buffer::pattern();
    let status = by_path(transfer, &mut buffer, false);
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
    finished(status, spoils, returned, Some(&buffer.0))
}

/// Whether a read leaves bytes of its buffer as they are. A byte like the pattern may be the block's
/// own: it is left alone only if reads into other patterns leave those, too. There are several,
/// because somebody may write the block meanwhile, and what is written can be like the next pattern.
fn left_some(transfer: &Transfer, first: &[u8]) -> bool {
    let mut left = [false; MAX_BLOCK_LENGTH];
    for (left, &byte) in left.iter_mut().zip(first) {
        *left = byte == PATTERN;
    }
    for pattern in [OTHER_PATTERN, PATTERN, OTHER_PATTERN, PATTERN] {
        let mut again = Buffer::filled(pattern);
        if by_path(transfer, &mut again, false) != STATUS_SUCCESS {
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
    let status = by_path(transfer, &mut buffer, true);
    let spoils = if buffer.0 == Buffer::with(&transfer.data).0 {
        0
    } else {
        spoiled::CHANGED
    };
    finished(status, spoils, 0, None)
}

fn manage(transfer: &Transfer) -> Transferred {
    try_manage(transfer, SCOPE_VF).unwrap_or_else(ended)
}

/// Publishes what `transfer` publishes to all VFs.
pub(crate) fn publish_all(transfer: &Transfer) -> Transferred {
    let for_all = Transfer { vf: 0, ..*transfer };
    try_manage(&for_all, SCOPE_ALL).unwrap_or_else(ended)
}

/// Bytes in front of the data of a publish: VF, scope, block, flags, reserved, revision.
const PUBLISH_HEADER: usize = 24;

fn try_manage(transfer: &Transfer, scope: u16) -> Result<Transferred, NTSTATUS> {
    let partner = pf_connection::get()?;
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
    let sent = partner.send(code, false, false, &mut buffer, (input, output))?;
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

/// Calls one of the other functions of the interface.
pub(crate) fn call(call: &Call) -> Result<Called, NTSTATUS> {
    let partner = pf_connection::get()?;
    let interface = partner.interface();
    let mut data = [PATTERN; 64];
    if call.function == function::WRITE_CONFIG {
        data = call.data;
    }
    // A write that is longer than its data repeats them.
    let length = usize::try_from(call.length).unwrap_or(0);
    let mut long = alloc::vec::Vec::new();
    if call.function == function::WRITE_CONFIG && (data.len()..=CONFIG_SPACE).contains(&length) {
        long.extend(data.iter().copied().cycle().take(length));
    }
    let (mut context, mut place) = (interface.context, data.as_mut_ptr());
    if !long.is_empty() {
        place = long.as_mut_ptr();
    }
    match call.null {
        null::DATA => place = ptr::null_mut(),
        null::CONTEXT => context = ptr::null_mut(),
        _ => {}
    }
    // A value behind the first one; NULL stays NULL.
    let behind = |bytes: usize| {
        if place.is_null() {
            place
        } else {
            place.wrapping_add(bytes)
        }
    };
    let missing = STATUS_INVALID_PARAMETER;
    let status = match call.function {
        function::READ_CONFIG => {
            let read = interface.read_vf_config.ok_or(missing)?;
            // SAFETY: the interface is referenced; a length beyond the buffer has to be refused.
            unsafe { read(context, place.cast(), call.vf, call.offset, call.length) }
        }
        function::WRITE_CONFIG => {
            let write = interface.write_vf_config.ok_or(missing)?;
            // SAFETY: as before; a longer write that may be carried out has a buffer of its length.
            unsafe { write(context, place.cast(), call.vf, call.offset, call.length) }
        }
        function::QUERY_PROBED_BARS => {
            let query = interface.query_probed_bars.ok_or(missing)?;
            // SAFETY: as before; the buffer holds six values.
            unsafe { query(context, place.cast()) }
        }
        function::GET_VENDOR_AND_DEVICE => {
            let query = interface.get_vendor_and_device.ok_or(missing)?;
            // SAFETY: as before; the values lie inside the buffer.
            unsafe { query(context, call.vf, place.cast(), behind(2).cast()) };
            STATUS_SUCCESS
        }
        function::GET_DEVICE_LOCATION => {
            let query = interface.get_device_location.ok_or(missing)?;
            // SAFETY: as before; the values lie inside the buffer.
            unsafe { query(context, call.vf, place.cast(), behind(2), behind(3)) };
            STATUS_SUCCESS
        }
        function::RESET_VF => {
            let reset = interface.reset_vf.ok_or(missing)?;
            // SAFETY: as before.
            unsafe { reset(context, call.vf) }
        }
        function::SET_VF_POWER_STATE => {
            let set = interface.set_vf_power_state.ok_or(missing)?;
            let wake = u8::from(call.length != 0);
            // SAFETY: as before.
            unsafe { set(context, call.vf, call.offset.cast_signed(), wake) }
        }
        function::GET_RESOURCE_FOR_BAR => {
            let get = interface.get_resource_for_bar.ok_or(missing)?;
            let bar = u16::try_from(call.offset).unwrap_or(u16::MAX);
            // SAFETY: as before; the buffer holds a descriptor.
            unsafe { get(context, call.vf, bar, place.cast()) }
        }
        function::QUERY_LUID => {
            let query = interface.query_luid.ok_or(missing)?;
            // SAFETY: as before; the buffer holds a LUID, which the function need not find aligned.
            unsafe { query(context, place.cast()) }
        }
        function::REFERENCE => {
            let reference = interface.interface_reference.ok_or(missing)?;
            // SAFETY: as before.
            unsafe { reference(context) };
            STATUS_SUCCESS
        }
        function::DEREFERENCE => {
            let dereference = interface.interface_dereference.ok_or(missing)?;
            // SAFETY: the runner gives back only what it took.
            unsafe { dereference(context) };
            STATUS_SUCCESS
        }
        _ => return Err(missing),
    };
    Ok(Called {
        status: status.cast_unsigned(),
        data,
    })
}

/// Repeats one operation on several threads and measures the time for all.
pub(crate) fn measure(measure: &Measure) -> Result<Measured, NTSTATUS> {
    let succeeded = alloc::sync::Arc::new(core::sync::atomic::AtomicU64::new(0));
    let start = clock::now();
    let mut threads = alloc::vec::Vec::new();
    for index in 0..measure.threads {
        let mut transfer = measure.transfer;
        transfer.vf = transfer.vf.wrapping_add(u16::try_from(index).unwrap_or(0));
        let (count, succeeded) = (measure.count, alloc::sync::Arc::clone(&succeeded));
        threads.push(thread::spawn(move || {
            let good = repeat(&transfer, count);
            succeeded.fetch_add(good, core::sync::atomic::Ordering::SeqCst);
        })?);
    }
    for thread in &threads {
        thread.join();
    }
    Ok(Measured {
        time: clock::now().saturating_sub(start),
        succeeded: succeeded.load(core::sync::atomic::Ordering::SeqCst),
    })
}

fn repeat(transfer: &Transfer, count: u32) -> u64 {
    let mut good = 0;
    for _ in 0..count {
        let status = match transfer.operation {
            operation::READ => by_path(transfer, &mut Buffer::pattern(), false),
            operation::WRITE => by_path(transfer, &mut Buffer::with(&transfer.data), true),
            _ => perform(transfer).status.cast_signed(),
        };
        good += u64::from(status == STATUS_SUCCESS);
    }
    good
}
