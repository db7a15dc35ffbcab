//! The PF's registers, which are mapped while the device has its resources.
//!
//! | offset | register | |
//! |---|---|---|
//! | 0000h | FIRMWARE | read-only: 1 while the firmware is ready |
//! | 0004h | LARGEST | read-only: bytes of the largest command |
//! | 1000h + 40h × VF | OPCODE | |
//! | + 04h | LENGTH | bytes |
//! | + 08h, + 0Ch | ADDRESS | low half, high half |
//! | + 10h | DOORBELL | a write has the device carry out the command with that number |
//! | + 14h | COMPLETED | read-only: the number of the last command that was carried out |
//! | + 18h | RESULT | read-only: pages that this command covered |

use core::ffi::c_void;

use wdk_sys::{
    NTSTATUS, PAGE_NOCACHE, PAGE_READWRITE, PHYSICAL_ADDRESS, STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER, STATUS_IO_TIMEOUT,
    ntddk::{MmMapIoSpaceEx, MmUnmapIoSpace},
};

use crate::blocks::{Command, opcode};

const FIRMWARE: usize = 0;
const LARGEST: usize = 4;
/// Where the registers of VF 0 begin, and the bytes of each VF's.
const VFS: usize = 0x1000;
const VF_BYTES: usize = 0x40;
/// Offsets in a VF's registers.
const OPCODE: usize = 0x00;
const LENGTH: usize = 0x04;
const ADDRESS_LOW: usize = 0x08;
const ADDRESS_HIGH: usize = 0x0C;
const DOORBELL: usize = 0x10;
const COMPLETED: usize = 0x14;
const RESULT: usize = 0x18;
/// How often COMPLETED is read: the device needs a few microseconds, and a read takes about one.
const READS: u32 = 100;

/// The mapped registers.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    base: *mut c_void,
    bytes: usize,
}

impl Registers {
    /// Maps the registers, at `PASSIVE_LEVEL`.
    pub(crate) fn map(address: PHYSICAL_ADDRESS, bytes: usize) -> Result<Self, NTSTATUS> {
        if bytes < VFS {
            return Err(STATUS_INVALID_PARAMETER);
        }
        // SAFETY: the framework has given the driver this memory.
        let base = unsafe { MmMapIoSpaceEx(address, bytes as u64, PAGE_READWRITE | PAGE_NOCACHE) };
        if base.is_null() {
            return Err(STATUS_INSUFFICIENT_RESOURCES);
        }
        Ok(Self { base, bytes })
    }

    /// Undoes the mapping, at `PASSIVE_LEVEL`.
    pub(crate) fn unmap(self) {
        // SAFETY: `map` has made the mapping, with this length.
        unsafe { MmUnmapIoSpace(self.base, self.bytes as u64) };
    }

    /// Whether the firmware is ready.
    pub(crate) fn firmware_is_ready(self) -> bool {
        self.read(FIRMWARE) == 1
    }

    /// Has the device carry out a VF's command; the pages that it covered.
    pub(crate) fn carry_out(self, vf: u16, command: &Command) -> Result<u32, NTSTATUS> {
        let vf = self.vf(vf)?;
        let [low, high] = halves(command.address);
        self.write(vf + OPCODE, command.opcode.into());
        self.write(vf + LENGTH, command.size);
        self.write(vf + ADDRESS_LOW, low);
        self.write(vf + ADDRESS_HIGH, high);
        self.write(vf + DOORBELL, command.sequence);
        for _ in 0..READS {
            if self.read(vf + COMPLETED) == command.sequence {
                return Ok(self.read(vf + RESULT));
            }
        }
        Err(STATUS_IO_TIMEOUT)
    }

    /// Whether the device can carry out a command. The manifest's rules hold; what they cannot
    /// know is what this device can do.
    pub(crate) fn can_carry_out(self, command: &Command) -> bool {
        let is_known = [opcode::MAP, opcode::UNMAP].contains(&command.opcode);
        is_known && command.size <= self.read(LARGEST)
    }

    /// Clears what a VF's last owner has set.
    pub(crate) fn clear(self, vf: u16) {
        let Ok(vf) = self.vf(vf) else {
            return;
        };
        for register in [OPCODE, LENGTH, ADDRESS_LOW, ADDRESS_HIGH, DOORBELL] {
            self.write(vf + register, 0);
        }
    }

    /// The offset of a VF's registers.
    fn vf(self, vf: u16) -> Result<usize, NTSTATUS> {
        let offset = VFS + VF_BYTES * usize::from(vf);
        if offset + VF_BYTES <= self.bytes {
            Ok(offset)
        } else {
            Err(STATUS_INVALID_PARAMETER)
        }
    }

    /// `READ_REGISTER_ULONG`
    fn read(self, offset: usize) -> u32 {
        let register = self.base.wrapping_byte_add(offset).cast::<u32>();
        // SAFETY: the offset is that of a register in the mapping, aligned to four bytes.
        unsafe { register.read_volatile() }
    }

    /// `WRITE_REGISTER_ULONG`. x86-64 and Arm keep the order of accesses to device memory.
    fn write(self, offset: usize, value: u32) {
        let register = self.base.wrapping_byte_add(offset).cast::<u32>();
        // SAFETY: the offset is that of a register in the mapping, aligned to four bytes.
        unsafe { register.write_volatile(value) };
    }
}

/// The low and the high half of a 64-bit value.
fn halves(value: u64) -> [u32; 2] {
    [value, value >> 32].map(|half| (half & 0xFFFF_FFFF) as u32)
}
