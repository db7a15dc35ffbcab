//! The registers of the PF itself, behind its base address register 0: what they hold, and a record
//! of every access.
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
//!
//! All are 32 bits wide and hold what was written, the rest of the memory included, until the PF
//! leaves D0.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel_runtime::lock::Locked;
use lab_control::stack::{Accesses, RegisterAccess, fault as kind};

use super::fault;
use super::registers::{PF_BAR_BASE, PF_BAR_BYTES};
use crate::log::log;

const FIRMWARE: u32 = 0;
const LARGEST: u32 = 4;
/// What LARGEST holds.
const LARGEST_COMMAND: u32 = 0x1_0000;
/// Where the registers of VF 0 begin, and the bytes of each VF's.
const VFS: u32 = 0x1000;
const VF_BYTES: u32 = 0x40;
/// Offsets in a VF's registers.
const LENGTH: u32 = 0x04;
const DOORBELL: u32 = 0x10;
const COMPLETED: u32 = 0x14;
const RESULT: u32 = 0x18;
/// Bytes that one unit of RESULT stands for.
const PAGE: u32 = 0x1000;

/// `PowerDeviceD0`
const D0: i32 = 1;
/// What a read returns that no register answers.
const NO_ANSWER: u64 = u64::MAX;

/// The PFs whose registers can be mapped, the one that was plugged in last at the end.
static PLUGGED: Locked<Vec<Weak<PfRegisters>>> = Locked::new(Vec::new());
/// Accesses that no device allows.
static BAD: AtomicU32 = AtomicU32::new(0);

/// Accesses that a driver must not make: of another width than the registers', not aligned, beyond
/// the memory that was mapped, to memory that is not mapped any more, writes to read-only
/// registers, and accesses while the PF is not in D0.
pub(crate) fn bad_accesses() -> u32 {
    BAD.load(Ordering::SeqCst)
}

/// Counts an access that a driver must not make, and logs why.
pub(super) fn note_bad(offset: u64, why: &str) {
    BAD.fetch_add(1, Ordering::SeqCst);
    log!("the PF's registers, offset {offset:#x}: {why}");
}

/// One access of a driver to the PF's memory.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub(super) offset: u64,
    /// Bytes.
    pub(super) width: u8,
    pub(super) thread: u64,
}

/// The registers of one PF.
pub(crate) struct PfRegisters {
    state: Locked<State>,
    in_d0: AtomicBool,
    gone: AtomicBool,
}

struct State {
    values: Box<[u32]>,
    record: Accesses,
}

impl PfRegisters {
    pub(super) fn new() -> Arc<Self> {
        let registers = Arc::new(Self {
            state: Locked::new(State {
                values: alloc::vec![0; PF_BAR_BYTES as usize / 4].into_boxed_slice(),
                record: Accesses::default(),
            }),
            in_d0: AtomicBool::new(true),
            gone: AtomicBool::new(false),
        });
        PLUGGED.with(|plugged| {
            plugged.retain(|registers| registers.strong_count() != 0);
            plugged.push(Arc::downgrade(&registers));
        });
        registers
    }

    pub(super) fn set_power(&self, state: i32) {
        self.in_d0.store(state == D0, Ordering::SeqCst);
        if state != D0 {
            self.state.with(|state| state.values.fill(0));
        }
    }

    pub(super) fn pull(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Takes the accesses since the last call, in their order.
    pub(crate) fn take(&self) -> Accesses {
        self.state.with(|state| core::mem::take(&mut state.record))
    }

    /// A driver reads.
    pub(super) fn read(&self, access: Access) -> u64 {
        let Some(place) = self.place(access) else {
            return NO_ANSWER;
        };
        let value = self.state.with(|state| {
            let value = match place.offset {
                FIRMWARE => u32::from(!fault::is_on(kind::FIRMWARE_STARTS, 0)),
                LARGEST => LARGEST_COMMAND,
                _ => state.values.get(place.index).copied().unwrap_or(0),
            };
            state.note(access, place.offset, false, value);
            value
        });
        value.into()
    }

    /// A driver writes.
    pub(super) fn write(&self, access: Access, value: u64) {
        let Some(place) = self.place(access) else {
            return;
        };
        let value = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
        if place.is_read_only() {
            note_bad(access.offset, "a read-only register is written");
        }
        self.state.with(|state| {
            state.note(access, place.offset, true, value);
            if place.is_read_only() {
                return;
            }
            state.set(place.offset, value);
            if place.in_vf() == Some(DOORBELL) {
                let first = place.offset - DOORBELL;
                let pages = state.get(first + LENGTH) / PAGE;
                state.set(first + RESULT, pages);
                state.set(first + COMPLETED, value);
            }
        });
    }

    /// The register of an access; `None` if no register answers.
    fn place(&self, access: Access) -> Option<Place> {
        if self.gone.load(Ordering::SeqCst) {
            return None;
        }
        let offset = u32::try_from(access.offset)
            .ok()
            .filter(|offset| *offset < PF_BAR_BYTES);
        let refusal = if !self.in_d0.load(Ordering::SeqCst) {
            Some("the PF is not in D0")
        } else if access.width != 4 || !access.offset.is_multiple_of(4) {
            Some("registers are 32 bits wide")
        } else if offset.is_none() {
            Some("there is no register")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            note_bad(access.offset, refusal);
            return None;
        }
        let offset = offset?;
        Some(Place {
            offset,
            index: offset as usize / 4,
        })
    }
}

impl State {
    fn get(&self, offset: u32) -> u32 {
        self.values.get(offset as usize / 4).copied().unwrap_or(0)
    }

    fn set(&mut self, offset: u32, value: u32) {
        if let Some(register) = self.values.get_mut(offset as usize / 4) {
            *register = value;
        }
    }

    fn note(&mut self, access: Access, offset: u32, is_write: bool, value: u32) {
        let record = &mut self.record;
        let Some(entry) = record.accesses.get_mut(record.count as usize) else {
            record.lost += 1;
            return;
        };
        *entry = RegisterAccess {
            thread: access.thread,
            offset,
            value,
            is_write: is_write.into(),
            reserved: 0,
        };
        record.count += 1;
    }
}

/// A register.
struct Place {
    offset: u32,
    index: usize,
}

impl Place {
    /// The offset in a VF's registers, if it is one of them.
    fn in_vf(&self) -> Option<u32> {
        Some(self.offset.checked_sub(VFS)? % VF_BYTES)
    }

    fn is_read_only(&self) -> bool {
        match self.in_vf() {
            Some(offset) => [COMPLETED, RESULT].contains(&offset),
            None => [FIRMWARE, LARGEST].contains(&self.offset),
        }
    }
}

/// The registers of the PF at a physical address, and the offset of the address in them, if `bytes`
/// bytes from there on are its memory.
pub(super) fn at(address: u64, bytes: u64) -> Option<(Arc<PfRegisters>, u64)> {
    let offset = address.checked_sub(PF_BAR_BASE)?;
    let end = offset.checked_add(bytes)?;
    if bytes == 0 || end > u64::from(PF_BAR_BYTES) {
        return None;
    }
    let registers = PLUGGED.with(|plugged| plugged.last().and_then(Weak::upgrade))?;
    Some((registers, offset))
}
