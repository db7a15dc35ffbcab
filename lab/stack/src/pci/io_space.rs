//! `MmMapIoSpaceEx`, `MmMapIoSpace` and `MmUnmapIoSpace` for the memory of the PF, which Wine's
//! kernel has as stubs or not at all.
//!
//! A mapping is a range of pages that no instruction can access. Each access of a driver raises an
//! exception on its thread, whose handler carries the instruction out on the PF's registers
//! (`register-access` decodes it). Ranges are never used twice, so that an access after the unmap is
//! recognized, too.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use kernel_runtime::lock::Locked;
use register_access::{Action, FLAGS, Instruction, Operand, after_compare, after_test, decode};
use wdk_sys::ntddk::{PsGetCurrentThreadId, ZwAllocateVirtualMemory};
use wdk_sys::{
    CONTEXT, EXCEPTION_POINTERS, EXCEPTION_RECORD, NTSTATUS, PHYSICAL_ADDRESS, STATUS_SUCCESS,
};

use super::pf_registers::{self, Access, PfRegisters, note_bad};
use crate::log::log;

/// Mappings that drivers have not undone.
static MAPPED: AtomicU32 = AtomicU32::new(0);
/// Calls with wrong addresses or lengths.
static BAD: AtomicU32 = AtomicU32::new(0);
static MAPPINGS: Locked<Vec<Mapping>> = Locked::new(Vec::new());

/// Mappings that drivers have not undone.
pub(crate) fn mappings() -> u32 {
    MAPPED.load(Ordering::SeqCst)
}

/// Calls that map what is not the PF's memory, and calls that unmap what is not mapped or with
/// another length.
pub(crate) fn bad_mappings() -> u32 {
    BAD.load(Ordering::SeqCst)
}

/// The functions by the names under which drivers import them.
pub(crate) fn functions() -> [(&'static str, *const ()); 3] {
    [
        ("MmMapIoSpaceEx", map_protected as *const ()),
        ("MmMapIoSpace", map_cached as *const ()),
        ("MmUnmapIoSpace", unmap as *const ()),
    ]
}

struct Mapping {
    start: usize,
    /// The length that was mapped; the pages may hold more.
    bytes: usize,
    /// Bytes of the pages.
    reserved: usize,
    /// The offset of `start` in the PF's memory.
    offset: u64,
    /// The registers; none once it is unmapped.
    registers: Option<Arc<PfRegisters>>,
}

// The ETW double, which is in the place of HAL.DLL, exports this.
#[link(name = "HAL.dll", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// `RtlAddVectoredExceptionHandler`, in front of other handlers.
    fn LabHandleExceptions(handler: unsafe extern "C" fn(*mut EXCEPTION_POINTERS) -> i32);
}

/// Installs the handler of the exceptions. Once, before the first mapping.
pub(crate) fn install() {
    // SAFETY: this image is never unloaded while a driver that it serves runs.
    unsafe { LabHandleExceptions(handle) };
}

/// `MmMapIoSpaceEx`
unsafe extern "C" fn map_protected(
    address: PHYSICAL_ADDRESS,
    bytes: usize,
    protection: u32,
) -> *mut c_void {
    /// `PAGE_READWRITE`, alone or with `PAGE_NOCACHE` or `PAGE_WRITECOMBINE`.
    const READ_WRITE: [u32; 3] = [0x04, 0x204, 0x404];
    if !READ_WRITE.contains(&protection) {
        log!("MmMapIoSpaceEx: the protection {protection:#x} is not that of registers");
        BAD.fetch_add(1, Ordering::SeqCst);
        return ptr::null_mut();
    }
    map(address, bytes)
}

/// `MmMapIoSpace`
unsafe extern "C" fn map_cached(
    address: PHYSICAL_ADDRESS,
    bytes: usize,
    _cache: i32,
) -> *mut c_void {
    map(address, bytes)
}

fn map(address: PHYSICAL_ADDRESS, bytes: usize) -> *mut c_void {
    // SAFETY: both members of the union are the same number.
    let address = unsafe { address.QuadPart }.cast_unsigned();
    let Some((registers, offset)) = pf_registers::at(address, bytes as u64) else {
        log!("a driver maps {bytes:#x} bytes at {address:#x}, which are not the PF's");
        BAD.fetch_add(1, Ordering::SeqCst);
        return ptr::null_mut();
    };
    let Ok((start, reserved)) = reserve(bytes) else {
        return ptr::null_mut();
    };
    MAPPINGS.lock().push(Mapping {
        start: start.addr(),
        bytes,
        reserved,
        offset,
        registers: Some(registers),
    });
    MAPPED.fetch_add(1, Ordering::SeqCst);
    start
}

/// Pages that no instruction can access, and their bytes.
fn reserve(bytes: usize) -> Result<(*mut c_void, usize), NTSTATUS> {
    /// `NtCurrentProcess()`
    const THIS_PROCESS: *mut c_void = ptr::without_provenance_mut(usize::MAX);
    /// `MEM_RESERVE`
    const RESERVE: u32 = 0x2000;
    /// `PAGE_NOACCESS`
    const NO_ACCESS: u32 = 1;
    let (mut start, mut size) = (ptr::null_mut(), bytes as u64);
    // SAFETY: both results live through the call.
    let status = unsafe {
        ZwAllocateVirtualMemory(
            THIS_PROCESS,
            &raw mut start,
            0,
            &raw mut size,
            RESERVE,
            NO_ACCESS,
        )
    };
    if status == STATUS_SUCCESS {
        Ok((start, usize::try_from(size).unwrap_or(bytes)))
    } else {
        Err(status)
    }
}

/// `MmUnmapIoSpace`
unsafe extern "C" fn unmap(start: *mut c_void, bytes: usize) {
    let unmapped = MAPPINGS.with(|mappings| {
        let mapping = mappings
            .iter_mut()
            .find(|mapping| mapping.start == start.addr() && mapping.bytes == bytes)?;
        mapping.registers.take()
    });
    if unmapped.is_some() {
        MAPPED.fetch_sub(1, Ordering::SeqCst);
    } else {
        log!("a driver unmaps {bytes:#x} bytes at {start:p}, which are not mapped");
        BAD.fetch_add(1, Ordering::SeqCst);
    }
}

/// Where an address lies.
enum Target {
    Register(Arc<PfRegisters>, u64),
    /// Behind the end of a mapping, or in one that was undone.
    Nothing(u64, &'static str),
}

fn target(address: usize) -> Option<Target> {
    MAPPINGS.with(|mappings| {
        let mapping = mappings
            .iter()
            .find(|mapping| (mapping.start..mapping.start + mapping.reserved).contains(&address))?;
        let distance = address - mapping.start;
        let offset = mapping.offset + distance as u64;
        Some(match &mapping.registers {
            Some(registers) if distance < mapping.bytes => {
                Target::Register(Arc::clone(registers), offset)
            }
            Some(_) => Target::Nothing(offset, "it is not mapped"),
            None => Target::Nothing(offset, "it is not mapped any more"),
        })
    })
}

/// The handler of exceptions: carries out accesses to mappings, and leaves every other exception to
/// others.
unsafe extern "C" fn handle(pointers: *mut EXCEPTION_POINTERS) -> i32 {
    const CONTINUE_SEARCH: i32 = 0;
    const CONTINUE_EXECUTION: i32 = -1;
    /// Bytes of the longest instruction.
    const LONGEST: usize = 15;
    // SAFETY: the dispatcher passes both structures, which live through the call.
    let pointers = unsafe { &*pointers };
    // SAFETY: as above.
    let record = unsafe { &*pointers.ExceptionRecord };
    let Some(target) = accessed(record).and_then(target) else {
        return CONTINUE_SEARCH;
    };
    // SAFETY: as above; the thread's registers are the handler's meanwhile.
    let context = unsafe { &mut *pointers.ContextRecord };
    let code = ptr::with_exposed_provenance::<[u8; LONGEST]>(
        usize::try_from(context.Rip).unwrap_or_default(),
    );
    // SAFETY: the thread was executing there; more code or data of the image follows.
    let code = unsafe { code.read_unaligned() };
    let Some(instruction) = decode(&code) else {
        log!("an instruction that the PCI double cannot carry out: {code:02x?}");
        return CONTINUE_SEARCH;
    };
    perform(&instruction, &target, context);
    context.Rip += u64::from(instruction.length);
    CONTINUE_EXECUTION
}

/// The address of an access that was denied.
fn accessed(record: &EXCEPTION_RECORD) -> Option<usize> {
    /// `STATUS_ACCESS_VIOLATION`
    const ACCESS_VIOLATION: NTSTATUS = 0xC000_0005_u32.cast_signed();
    let [_, address, ..] = record.ExceptionInformation;
    (record.ExceptionCode == ACCESS_VIOLATION && record.NumberParameters >= 2)
        .then(|| usize::try_from(address).ok())
        .flatten()
}

fn perform(instruction: &Instruction, target: &Target, context: &mut CONTEXT) {
    let width = instruction.width;
    let value = |context: &mut CONTEXT, operand| match operand {
        Operand::Constant(value) => value,
        Operand::Register(number) => general_register(context, number).map_or(0, |value| *value),
    };
    let flags = |context: &mut CONTEXT, set: u32| {
        context.EFlags = context.EFlags & !FLAGS | set;
    };
    match instruction.action {
        Action::Store(operand) => {
            let value = value(context, operand);
            target.write(width, value);
        }
        Action::Load { register, changes } => {
            let read = target.read(width);
            if let Some(held) = general_register(context, register) {
                *held = merged(*held, read, changes);
            }
        }
        Action::Compare(operand) => {
            let (read, other) = (target.read(width), value(context, operand));
            flags(context, after_compare(read, other, width));
        }
        Action::CompareWith(operand) => {
            let (read, other) = (target.read(width), value(context, operand));
            flags(context, after_compare(other, read, width));
        }
        Action::Test(operand) => {
            let (read, other) = (target.read(width), value(context, operand));
            flags(context, after_test(read, other, width));
        }
    }
}

/// The value of a general register of which `changes` bytes get a new value.
fn merged(held: u64, new: u64, changes: u8) -> u64 {
    match changes {
        1 => held & !0xFF | new & 0xFF,
        2 => held & !0xFFFF | new & 0xFFFF,
        4 => new & u64::from(u32::MAX),
        _ => new,
    }
}

/// A general register by its number; the structure has them in this order.
fn general_register(context: &mut CONTEXT, number: u8) -> Option<&mut u64> {
    Some(match number {
        0 => &mut context.Rax,
        1 => &mut context.Rcx,
        2 => &mut context.Rdx,
        3 => &mut context.Rbx,
        4 => &mut context.Rsp,
        5 => &mut context.Rbp,
        6 => &mut context.Rsi,
        7 => &mut context.Rdi,
        8 => &mut context.R8,
        9 => &mut context.R9,
        10 => &mut context.R10,
        11 => &mut context.R11,
        12 => &mut context.R12,
        13 => &mut context.R13,
        14 => &mut context.R14,
        15 => &mut context.R15,
        _ => return None,
    })
}

impl Target {
    fn read(&self, width: u8) -> u64 {
        let all = u64::MAX >> (64 - u32::from(width) * 8);
        match self {
            Self::Register(registers, offset) => registers.read(access(*offset, width)) & all,
            Self::Nothing(offset, why) => {
                note_bad(*offset, why);
                all
            }
        }
    }

    fn write(&self, width: u8, value: u64) {
        match self {
            Self::Register(registers, offset) => registers.write(access(*offset, width), value),
            Self::Nothing(offset, why) => note_bad(*offset, why),
        }
    }
}

fn access(offset: u64, width: u8) -> Access {
    // SAFETY: the function takes nothing and returns a value.
    let thread = unsafe { PsGetCurrentThreadId() };
    Access {
        offset,
        width,
        thread: thread.addr() as u64,
    }
}
