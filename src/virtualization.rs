//! `SRIOV_DEVICE_INTERFACE_STANDARD`, through which the virtualization stack calls.
//!
//! Other drivers' threads call the functions, any number at a time. What a caller points to is
//! checked for NULL, copied once, raw, and not read again; replies are built in private memory and
//! copied out whole. Block reads, block writes and references work up to `DISPATCH_LEVEL`,
//! everything else at `PASSIVE_LEVEL`, as the header says. Reads and writes that the companion
//! handles are refused above `PASSIVE_LEVEL`.

use core::{ffi::c_void, ptr::NonNull};

use block_broker::ResetBy;
use block_table::{Image, MAX_BLOCK_LENGTH};
use pcivirt_abi::{
    Luid,
    bus::MemoryDescriptor,
    sriov::{DEVICE_INTERFACE_VERSION, DeviceInterface, DevicePowerState},
};
use pf_broker_abi::{Operation, PowerState};
use pf_state::{
    config::{self, Identity, Space},
    power,
    status::{self, NtStatus},
    write_list::Written,
};

use crate::{
    follow_up,
    handing::{self, OnVf},
    os::wait,
    pci::{Hardware, Location},
    pf::{Pf, lifetime},
    reset::reset_vf,
};

/// The interface of a PF, as `IRP_MN_QUERY_INTERFACE` hands it out.
pub(crate) fn interface(pf: &Pf) -> DeviceInterface {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the structure is 120 bytes long"
    )]
    let size = size_of::<DeviceInterface>() as u16;
    DeviceInterface {
        size,
        version: DEVICE_INTERFACE_VERSION,
        context: pf.as_context(),
        interface_reference: Some(reference),
        interface_dereference: Some(dereference),
        read_vf_config: Some(read_config),
        write_vf_config: Some(write_config),
        read_vf_config_block: Some(read_block),
        write_vf_config_block: Some(write_block),
        query_probed_bars: Some(query_probed_bars),
        get_vendor_and_device: Some(get_vendor_and_device),
        get_device_location: Some(get_device_location),
        reset_vf: Some(reset),
        set_vf_power_state: Some(set_power_state),
        get_resource_for_bar: Some(get_resource_for_bar),
        query_luid: Some(query_luid),
    }
}

/// `InterfaceReference`
unsafe extern "C" fn reference(context: *mut c_void) {
    // SAFETY: the caller holds a reference, or the framework calls while the device exists.
    if let Some(pf) = unsafe { lifetime::of_interface(context) } {
        pf.reference();
    }
}

/// `InterfaceDereference`
unsafe extern "C" fn dereference(context: *mut c_void) {
    if let Some(pf) = NonNull::new(context.cast::<Pf>()) {
        // SAFETY: the caller gives its reference back.
        unsafe { Pf::dereference(pf) };
    }
}

/// Runs a function of the interface on its PF.
///
/// # Safety
/// The context is that of the interface, and the caller holds a reference to it.
#[inline]
unsafe fn on_pf(
    context: *mut c_void,
    function: impl FnOnce(&Pf) -> Result<(), NtStatus>,
) -> NtStatus {
    // SAFETY: as the caller promises.
    match unsafe { lifetime::of_interface(context) } {
        None => status::INVALID_PARAMETER,
        Some(pf) => function(pf).err().unwrap_or(status::SUCCESS),
    }
}

/// Writes a reply to the caller's memory.
///
/// # Safety
/// `to` is NULL or has room for a `T`, which need not be aligned.
#[inline]
unsafe fn put<T>(to: *mut T, value: T) -> Result<(), NtStatus> {
    if to.is_null() {
        return Err(status::INVALID_PARAMETER);
    }
    // SAFETY: as the caller promises.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// `ReadVfConfigBlock`
unsafe extern "C" fn read_block(
    context: *mut c_void,
    vf_index: u16,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtStatus {
    let read = |pf: &Pf| {
        let length = if buffer.is_null() { 0 } else { length };
        let mut reply: Image = [0; MAX_BLOCK_LENGTH];
        let vfs = pf.vfs()?;
        let operation = (vf_index, block_id, length);
        if let Some(on) = OnVf::find(pf, vfs, Operation::Read, operation) {
            handing::read(on, &mut reply)?;
        } else {
            let broker = &vfs.broker;
            let read = broker.read(vf_index, block_id, length, &mut reply, wait::now());
            follow_up::complete(pf, vfs, read)?;
        }
        let count = (length as usize).min(reply.len());
        // SAFETY: the caller's buffer is not NULL, as the broker refuses a length of 0, and has
        // room for its length, which is at least `count`; the private reply has `count` bytes.
        unsafe { core::ptr::copy_nonoverlapping(reply.as_ptr(), buffer.cast(), count) };
        Ok(())
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, read) }
}

/// `WriteVfConfigBlock`
unsafe extern "C" fn write_block(
    context: *mut c_void,
    vf_index: u16,
    block_id: u32,
    buffer: *mut c_void,
    length: u32,
) -> NtStatus {
    let write = |pf: &Pf| {
        let length = if buffer.is_null() { 0 } else { length };
        let mut sent: Image = [0; MAX_BLOCK_LENGTH];
        // The broker refuses a longer one.
        if length as usize <= sent.len() {
            // SAFETY: the caller's buffer has `length` bytes and is not NULL if that is not 0; the
            // private array has room for them.
            unsafe {
                core::ptr::copy_nonoverlapping(
                    buffer.cast_const().cast(),
                    sent.as_mut_ptr(),
                    length as usize,
                );
            }
        }
        let vfs = pf.vfs()?;
        let operation = (vf_index, block_id, length);
        if let Some(on) = OnVf::find(pf, vfs, Operation::Write, operation) {
            return handing::write(on, &sent);
        }
        let broker = &vfs.broker;
        let written = broker.write(vf_index, block_id, length, &sent, wait::now());
        follow_up::complete_write(pf, vfs, vf_index, written)
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, write) }
}

/// Bytes of configuration space that are in private memory at once, a power of two.
const CHUNK: u32 = 64;

/// `ReadVfConfig`. When hardware does not answer, the caller's bytes are zero.
unsafe extern "C" fn read_config(
    context: *mut c_void,
    data: *mut c_void,
    vf_index: u16,
    offset: u32,
    length: u32,
) -> NtStatus {
    let read = |pf: &Pf| {
        let vf = pf.vf(vf_index)?;
        config::check_range(offset, length)?;
        if data.is_null() {
            return Err(status::INVALID_PARAMETER);
        }
        // SAFETY: the caller's buffer has room for `length` bytes.
        unsafe { core::ptr::write_bytes(data.cast::<u8>(), 0, length as usize) };
        let _guard = vf.rundown.enter().ok_or(status::DEVICE_NOT_READY)?;
        let hardware = pf.powered()?;
        let identity = hardware.vf_identity();
        let mut space = hardware.vf(vf_index);
        let end = offset + length;
        for from in (offset..end).step_by(CHUNK as usize) {
            let mut bytes = [0; CHUNK as usize];
            let (chunk, _) = bytes.split_at_mut(CHUNK.min(end - from) as usize);
            if !space.read(from, chunk) {
                return Err(status::IO_DEVICE_ERROR);
            }
            identity.overlay(from, chunk);
            // SAFETY: the distance is below `length`.
            let to = unsafe { data.cast::<u8>().add((from - offset) as usize) };
            // SAFETY: the chunk ends at or before the end of the caller's buffer.
            unsafe { core::ptr::copy_nonoverlapping(chunk.as_ptr(), to, chunk.len()) };
        }
        Ok(())
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, read) }
}

/// `WriteVfConfig`. A write that starts a function level reset of the VF resets it as `ResetVf`
/// does.
unsafe extern "C" fn write_config(
    context: *mut c_void,
    data: *const c_void,
    vf_index: u16,
    offset: u32,
    length: u32,
) -> NtStatus {
    let write = |pf: &Pf| {
        let vf = pf.vf(vf_index)?;
        config::check_range(offset, length)?;
        if data.is_null() {
            return Err(status::INVALID_PARAMETER);
        }
        // The guard is released before the reset, which waits for it.
        let written = {
            let _guard = vf.rundown.enter().ok_or(status::DEVICE_NOT_READY)?;
            let hardware = pf.powered()?;
            // SAFETY: the caller's buffer has `length` bytes.
            unsafe { write_registers(&hardware, vf_index, data.cast(), offset, length) }?
        };
        match written {
            Written::Done => Ok(()),
            Written::Reset => reset_vf(pf, vf_index, ResetBy::Vf),
        }
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, write) }
}

/// Writes to the registers of a VF, whatever the length.
///
/// # Safety
/// `data` has `length` bytes, and the range lies in configuration space.
unsafe fn write_registers(
    hardware: &Hardware,
    vf: u16,
    data: *const u8,
    offset: u32,
    length: u32,
) -> Result<Written, NtStatus> {
    let mut space = hardware.vf(vf);
    let mut asked = Written::Done;
    let end = offset + length;
    let mut from = offset;
    while from < end {
        // A part ends where a register does, as registers lie at multiples of their size.
        let count = (CHUNK - from % CHUNK).min(end - from);
        let mut bytes = [0; CHUNK as usize];
        let (sent, _) = bytes.split_at_mut(count as usize);
        // SAFETY: the distance is below `length`.
        let part = unsafe { data.add((from - offset) as usize) };
        // SAFETY: the part ends at or before the end of the caller's buffer, and the private one
        // has room for it.
        unsafe { core::ptr::copy_nonoverlapping(part, sent.as_mut_ptr(), sent.len()) };
        if hardware.write_list().write(&mut space, from, sent)? == Written::Reset {
            asked = Written::Reset;
        }
        from += count;
    }
    Ok(asked)
}

/// `QueryProbedBars`
unsafe extern "C" fn query_probed_bars(
    context: *mut c_void,
    base_register_values: *mut u32,
) -> NtStatus {
    let query = |pf: &Pf| {
        let values = pf.facts()?.probed_bars;
        // SAFETY: the caller's array has room for six values.
        unsafe { put(base_register_values.cast(), values) }
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, query) }
}

/// `GetVendorAndDevice`. It cannot fail: for a VF that does not exist, before the first start and
/// after the removal both are `FFFFh`.
unsafe extern "C" fn get_vendor_and_device(
    context: *mut c_void,
    vf_index: u16,
    vendor_id: *mut u16,
    device_id: *mut u16,
) {
    // SAFETY: the caller holds a reference to the interface.
    let identity = unsafe { lifetime::of_interface(context) }
        .and_then(|pf| {
            pf.vf(vf_index).ok()?;
            Some(pf.facts().ok()?.vf_identity)
        })
        .unwrap_or(Identity::NONE);
    // SAFETY: the pointer is NULL or the caller's.
    let _ = unsafe { put(vendor_id, identity.vendor_id) };
    // SAFETY: as above.
    let _ = unsafe { put(device_id, identity.device_id) };
}

/// `GetDeviceLocation`. It cannot fail: for a VF that cannot be reached all ones.
unsafe extern "C" fn get_device_location(
    context: *mut c_void,
    vf_index: u16,
    segment_number: *mut u16,
    bus_number: *mut u8,
    function_number: *mut u8,
) {
    // SAFETY: the caller holds a reference to the interface.
    let location = unsafe { lifetime::of_interface(context) }
        .and_then(|pf| {
            pf.vf(vf_index).ok()?;
            pf.powered().ok()?.location(vf_index)
        })
        .unwrap_or(Location::NONE);
    // SAFETY: the pointer is NULL or the caller's.
    let _ = unsafe { put(segment_number, location.segment) };
    // SAFETY: as above.
    let _ = unsafe { put(bus_number, location.bus) };
    // SAFETY: as above.
    let _ = unsafe { put(function_number, location.function) };
}

/// `ResetVf`
unsafe extern "C" fn reset(context: *mut c_void, vf_index: u16) -> NtStatus {
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, |pf| reset_vf(pf, vf_index, ResetBy::Host)) }
}

/// `SetVfPowerState`
unsafe extern "C" fn set_power_state(
    context: *mut c_void,
    vf_index: u16,
    power_state: i32,
    wake: u8,
) -> NtStatus {
    let set = |pf: &Pf| {
        let state = power::request(power_state, wake != 0)?;
        handing::set_power(pf, pf.vfs()?, vf_index, as_broker_state(state))
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, set) }
}

const fn as_broker_state(state: DevicePowerState) -> PowerState {
    match state {
        DevicePowerState::D0 => PowerState::D0,
        DevicePowerState::D1 => PowerState::D1,
        DevicePowerState::D2 => PowerState::D2,
        DevicePowerState::D3 => PowerState::D3,
    }
}

/// `GetResourceForBar`
unsafe extern "C" fn get_resource_for_bar(
    context: *mut c_void,
    vf_index: u16,
    bar_index: u16,
    resource: *mut MemoryDescriptor,
) -> NtStatus {
    let get = |pf: &Pf| {
        pf.vf(vf_index)?;
        let found = pf.powered()?.resource(vf_index, bar_index)?;
        // SAFETY: the caller's descriptor has room for one.
        unsafe { put(resource, found) }
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, get) }
}

/// `QueryLuid`
unsafe extern "C" fn query_luid(context: *mut c_void, luid: *mut Luid) -> NtStatus {
    let query = |pf: &Pf| {
        if pf.is_removed() {
            return Err(status::DEVICE_REMOVED);
        }
        // SAFETY: the caller's LUID has room for one.
        unsafe { put(luid, pf.luid) }
    };
    // SAFETY: the caller holds a reference to the interface.
    unsafe { on_pf(context, query) }
}
