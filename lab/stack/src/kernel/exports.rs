//! Exports of Wine's kernel: finding them, and replacing those that do not do what a driver relies on.

use core::ffi::c_void;
use core::ptr;

use kernel_runtime::unicode::Text;
use wdk_sys::ntddk::MmGetSystemRoutineAddress;
use wdk_sys::{NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

/// `NtProtectVirtualMemory`: changes the protection of pages. Wine's kernel exports it, and no
/// import library has it; an image that imports from ntdll itself is no driver to Wine.
type Protect = unsafe extern "C" fn(
    process: *mut c_void,
    address: *mut *mut c_void,
    size: *mut usize,
    protection: u32,
    before: *mut u32,
) -> NTSTATUS;

/// Replaces an export of the kernel by the routine at `target`.
///
/// # Safety
/// The routine has the export's signature, and no thread runs the export.
pub(crate) unsafe fn replace(name: &str, target: usize) -> Result<(), NTSTATUS> {
    /// `PAGE_EXECUTE_READWRITE`
    const WRITABLE: u32 = 0x40;
    let export = find(name)?;
    let jump = jump_to(target);
    protect(export, jump.len(), WRITABLE)?;
    // SAFETY: every export is longer than the jump, was made writable, and no thread runs it.
    unsafe { ptr::copy_nonoverlapping(jump.as_ptr(), export.cast(), jump.len()) };
    Ok(())
}

/// Changes the protection of the pages of `size` bytes of this process; the protection before.
pub(crate) fn protect(start: *mut c_void, size: usize, protection: u32) -> Result<u32, NTSTATUS> {
    /// `NtCurrentProcess()`
    const THIS_PROCESS: *mut c_void = ptr::without_provenance_mut(usize::MAX);
    let protect = find("ZwProtectVirtualMemory")?;
    // SAFETY: the kernel's function of this name has this signature.
    let protect = unsafe { core::mem::transmute::<*mut c_void, Protect>(protect) };
    let (mut page, mut size, mut before) = (start, size, 0);
    // SAFETY: the results are locals; the pages stay in use as they are.
    let status = unsafe {
        protect(
            THIS_PROCESS,
            &raw mut page,
            &raw mut size,
            protection,
            &raw mut before,
        )
    };
    if status == STATUS_SUCCESS {
        Ok(before)
    } else {
        Err(status)
    }
}

/// An export of the kernel by its name.
pub(crate) fn find(name: &str) -> Result<*mut c_void, NTSTATUS> {
    let mut name = Text::new(name);
    let mut name = name.as_kernel();
    // SAFETY: the name lives through the call.
    let address = unsafe { MmGetSystemRoutineAddress(&raw mut name) };
    if address.is_null() {
        return Err(STATUS_INVALID_PARAMETER);
    }
    Ok(address)
}

/// `mov rax, target` and `jmp rax`
fn jump_to(target: usize) -> [u8; 12] {
    let mut code = [0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xE0];
    code[2..10].copy_from_slice(&(target as u64).to_le_bytes());
    code
}
