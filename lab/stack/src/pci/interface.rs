//! `PCI_VIRTUALIZATION_INTERFACE` and `BUS_INTERFACE_STANDARD`, as `wdm.h` declares them.

use alloc::sync::Arc;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::stack::fault as kind;
use pcivirt_abi::bus::{
    GUID_BUS_INTERFACE_STANDARD, GUID_PCI_VIRTUALIZATION_INTERFACE, INTERFACE_VERSION,
    PCI_WHICHSPACE_CONFIG, StandardInterface, VirtualizationInterface,
};
use wdk_sys::{
    NTSTATUS, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
};

use super::device::Pci;
use super::fault;
use super::registers::{BAR_0_BYTES, BAR_0_FLAGS, BAR_2_BYTES, PF_SPACE};
use crate::bus::interface_query::{Query, offer};

/// References that PF drivers hold on interfaces of every PF that there was.
static REFERENCES: AtomicU32 = AtomicU32::new(0);

/// References that PF drivers hold, also on interfaces of PFs that are gone.
pub(crate) fn references() -> u32 {
    REFERENCES.load(Ordering::SeqCst)
}

pub(crate) fn query_interface(pci: &Arc<Pci>, query: &Query) -> Option<NTSTATUS> {
    let size = |bytes: usize| u16::try_from(bytes).unwrap_or(0);
    let virtualization = || {
        reference(context(pci));
        VirtualizationInterface {
            size: size(size_of::<VirtualizationInterface>()),
            version: INTERFACE_VERSION,
            context: context(pci),
            interface_reference: Some(interface_reference),
            interface_dereference: Some(interface_dereference),
            set_virtual_function_data: Some(set_virtual_function_data),
            get_virtual_function_data: Some(get_virtual_function_data),
            get_location: Some(get_location),
            get_resources: Some(get_resources),
            enable_virtualization: Some(enable_virtualization),
            get_virtual_function_probed_bars: Some(get_probed_bars),
        }
    };
    let standard = || {
        reference(context(pci));
        StandardInterface {
            size: size(size_of::<StandardInterface>()),
            version: INTERFACE_VERSION,
            context: context(pci),
            interface_reference: Some(interface_reference),
            interface_dereference: Some(interface_dereference),
            translate_bus_address: core::ptr::null_mut(),
            get_dma_adapter: core::ptr::null_mut(),
            set_bus_data: Some(set_bus_data),
            get_bus_data: Some(get_bus_data),
        }
    };
    let guid = &GUID_PCI_VIRTUALIZATION_INTERFACE;
    let offered = |fault: u32| !fault::is_on(fault, 0);
    let first =
        offered(kind::NO_INTERFACE).then(|| offer(query, guid, INTERFACE_VERSION, virtualization));
    let guid = &GUID_BUS_INTERFACE_STANDARD;
    let second =
        || offered(kind::NO_BUS_INTERFACE).then(|| offer(query, guid, INTERFACE_VERSION, standard));
    first.flatten().or_else(|| second().flatten())
}

fn context(pci: &Arc<Pci>) -> *mut c_void {
    Arc::as_ptr(pci).cast_mut().cast()
}

fn device<'c>(context: *mut c_void) -> &'c Pci {
    // SAFETY: the caller holds a reference to the interface, which keeps the context.
    unsafe { &*context.cast::<Pci>() }
}

fn reference(context: *mut c_void) {
    // SAFETY: the context is an `Arc` with at least one reference.
    unsafe { Arc::increment_strong_count(context.cast::<Pci>()) };
    REFERENCES.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn interface_reference(context: *mut c_void) {
    reference(context);
}

unsafe extern "C" fn interface_dereference(context: *mut c_void) {
    REFERENCES.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: this gives back what `reference` took.
    unsafe { Arc::decrement_strong_count(context.cast::<Pci>()) };
}

/// The caller's buffer as bytes.
///
/// # Safety
///
/// `buffer` holds `length` bytes that no other code touches.
unsafe fn bytes<'b>(buffer: *mut c_void, length: u32) -> &'b mut [u8] {
    let length = usize::try_from(length).unwrap_or(0);
    // SAFETY: the caller promises it.
    unsafe { core::slice::from_raw_parts_mut(buffer.cast(), length) }
}

unsafe extern "C" fn get_virtual_function_data(
    context: *mut c_void,
    vf: u16,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32 {
    // SAFETY: the interface's contract.
    let destination = unsafe { bytes(buffer, length) };
    device(context)
        .read_function(vf, offset, destination)
        .map_or(0, |()| length)
}

unsafe extern "C" fn set_virtual_function_data(
    context: *mut c_void,
    vf: u16,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32 {
    // SAFETY: the interface's contract.
    let source = unsafe { bytes(buffer, length) };
    device(context)
        .write_function(vf, offset, source)
        .map_or(0, |()| length)
}

unsafe extern "C" fn get_location(
    context: *mut c_void,
    vf: u16,
    segment: *mut u16,
    bus: *mut u8,
    function: *mut u8,
) -> NTSTATUS {
    if vf >= device(context).total_vfs {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the interface's contract.
    unsafe { segment.write(2) };
    // SAFETY: the interface's contract.
    unsafe { bus.write(3) };
    // SAFETY: the interface's contract.
    unsafe { function.write(u8::try_from(vf + 1).unwrap_or(u8::MAX)) };
    STATUS_SUCCESS
}

unsafe extern "C" fn get_resources(_context: *mut c_void, captured_bus_numbers: *mut u8) {
    // SAFETY: the interface's contract.
    unsafe { captured_bus_numbers.write(0) };
}

unsafe extern "C" fn enable_virtualization(
    context: *mut c_void,
    vfs: u16,
    migration: u8,
    migration_interrupt: u8,
    enable: u8,
) -> NTSTATUS {
    if migration != 0 || migration_interrupt != 0 {
        return STATUS_NOT_SUPPORTED;
    }
    device(context).enable(vfs, enable != 0)
}

unsafe extern "C" fn get_probed_bars(_context: *mut c_void, values: *mut u32) -> NTSTATUS {
    if fault::is_on(kind::PROBED_BARS_FAIL, 0) {
        return STATUS_INVALID_DEVICE_STATE;
    }
    // SAFETY: the interface's contract: six values.
    unsafe { values.cast::<[u32; 6]>().write(probed_bars()) };
    STATUS_SUCCESS
}

/// What the bus gives for the sizes of the VFs' registers, or, as the documentation may also be
/// read, of the PF's own.
fn probed_bars() -> [u32; 6] {
    let mask = |bytes: u32| !(bytes - 1);
    let wide = |bytes: u32| mask(bytes) | BAR_0_FLAGS;
    if fault::is_on(kind::PF_BARS, 0) {
        // 64 KiB of memory, an I/O register of four bytes, and 16 KiB of memory.
        return [mask(0x1_0000), 0xFFFF_FFFD, mask(0x4000), 0, 0, 0];
    }
    if fault::is_on(kind::PF_SIZES, 0) {
        return [wide(BAR_0_BYTES / 4), u32::MAX, mask(BAR_2_BYTES), 0, 0, 0];
    }
    let second = if fault::is_on(kind::NO_SIZE, 0) {
        0
    } else {
        mask(BAR_2_BYTES)
    };
    [wide(BAR_0_BYTES), u32::MAX, second, 0, 0, 0]
}

/// The part of the PF's space that an access is about.
fn range(space: u32, offset: u32, length: u32) -> Option<core::ops::Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (space == PCI_WHICHSPACE_CONFIG && end <= PF_SPACE).then_some(start..end)
}

unsafe extern "C" fn get_bus_data(
    context: *mut c_void,
    space: u32,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32 {
    let Some(range) = range(space, offset, length) else {
        return 0;
    };
    if fault::is_on(kind::UNREADABLE, 0) {
        return 0;
    }
    // SAFETY: the interface's contract.
    let destination = unsafe { bytes(buffer, length) };
    let device = device(context);
    if device.is_gone() {
        // As the bus reads where no device answers.
        destination.fill(0xFF);
    } else {
        device.read(range, destination);
    }
    length
}

unsafe extern "C" fn set_bus_data(
    context: *mut c_void,
    space: u32,
    buffer: *mut c_void,
    offset: u32,
    length: u32,
) -> u32 {
    let Some(range) = range(space, offset, length) else {
        return 0;
    };
    // SAFETY: the interface's contract.
    let source = unsafe { bytes(buffer, length) };
    device(context).space.lock()[range].copy_from_slice(source);
    length
}
