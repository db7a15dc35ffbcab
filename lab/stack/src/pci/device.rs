//! The hardware of one PF with its VFs.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use kernel_runtime::clock;
use kernel_runtime::lock::Locked;
use lab_control::stack::fault as kind;
use pcivirt_abi::config;
use wdk_sys::{
    NTSTATUS, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
};

use super::fault;
use super::function::{after_write, virtual_space};
use super::pf_registers::PfRegisters;
use super::registers::{EXPRESS, PF_SPACE, SRIOV, physical_space};
use super::resource_list::ResourceList;
use super::vf_enable::VfEnable;

/// PFs in memory: plugged in, or pulled out and still referenced.
static LIVING: AtomicU32 = AtomicU32::new(0);
/// Accesses to a VF within [`QUIET`] after its reset.
static EARLY: AtomicU32 = AtomicU32::new(0);

/// VFs that were on when the last reference to a PF that stayed was released.
static LEFT_ON: AtomicU32 = AtomicU32::new(0);
/// Calls of `EnableVirtualization` for PFs that are gone.
static LATE_SWITCHES: AtomicU32 = AtomicU32::new(0);

/// Software leaves a function alone for 100 ms after a function level reset (PCI Express Base
/// Specification, 6.6.2). In units of 100 ns, less a little that clocks may differ by.
const QUIET: u64 = 950_000;

/// PFs in memory.
pub(crate) fn living() -> u32 {
    LIVING.load(Ordering::SeqCst)
}

/// Accesses to a VF too early after its reset.
pub(crate) fn early_accesses() -> u32 {
    EARLY.load(Ordering::SeqCst)
}

/// VFs that drivers of PFs that stayed left on.
pub(crate) fn vfs_left_on() -> u32 {
    LEFT_ON.load(Ordering::SeqCst)
}

/// Calls of `EnableVirtualization` for a PF that is gone.
pub(crate) fn late_switches() -> u32 {
    LATE_SWITCHES.load(Ordering::SeqCst)
}

/// The hardware of one PF.
pub(crate) struct Pci {
    pub(super) total_vfs: u16,
    pub(super) space: Locked<Box<[u8]>>,
    functions: Vec<Locked<Function>>,
    /// The time until which each VF must not be accessed after its last reset; 0 before the first.
    quiet_until: Vec<AtomicU64>,
    vf_enable: VfEnable,
    resets: AtomicU32,
    power: AtomicU32,
    registers: Arc<PfRegisters>,
    /// The PF was pulled out and does not answer any more.
    gone: AtomicBool,
}

/// The configuration space of one VF.
struct Function {
    space: Box<[u8]>,
    /// The function did not come back from a reset.
    lost: bool,
}

impl Drop for Pci {
    fn drop(&mut self) {
        if !self.is_gone() {
            LEFT_ON.fetch_add(self.enabled_vfs(), Ordering::SeqCst);
        }
        LIVING.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Pci {
    pub(crate) fn new(vendor_id: u16, device_id: u16, vf_device_id: u16, total_vfs: u16) -> Self {
        LIVING.fetch_add(1, Ordering::SeqCst);
        Self {
            total_vfs,
            space: Locked::new(physical_space(
                vendor_id,
                device_id,
                vf_device_id,
                total_vfs,
            )),
            functions: (0..total_vfs)
                .map(|_| {
                    Locked::new(Function {
                        space: virtual_space(),
                        lost: false,
                    })
                })
                .collect(),
            quiet_until: (0..total_vfs).map(|_| AtomicU64::new(0)).collect(),
            vf_enable: VfEnable::new(if fault::is_on(kind::VFS_ON, 0) {
                total_vfs
            } else {
                0
            }),
            resets: AtomicU32::new(0),
            power: AtomicU32::new(1),
            registers: PfRegisters::new(),
            gone: AtomicBool::new(false),
        }
    }

    /// The PF is pulled out: it does not answer any more, unless it stays.
    pub(crate) fn pull(&self) {
        self.gone
            .store(!fault::is_on(kind::STAYS, 0), Ordering::SeqCst);
        if self.is_gone() {
            self.registers.pull();
        }
    }

    /// Whether the PF does not answer any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    pub(crate) fn set_power(&self, state: i32) {
        self.power.store(state.cast_unsigned(), Ordering::SeqCst);
        self.registers.set_power(state);
    }

    pub(crate) fn power(&self) -> u32 {
        self.power.load(Ordering::SeqCst)
    }

    /// The PF's own registers.
    pub(crate) fn registers(&self) -> &PfRegisters {
        &self.registers
    }

    pub(crate) fn enabled_vfs(&self) -> u32 {
        self.vf_enable.enabled_vfs()
    }

    pub(crate) fn resets(&self) -> u32 {
        self.resets.load(Ordering::SeqCst)
    }

    /// Brings functions that did not come back from a reset back.
    pub(crate) fn recover(&self) {
        for function in &self.functions {
            function.lock().lost = false;
        }
    }

    /// The resources of a start request, one of [`resources`](lab_control::stack::resources).
    pub(crate) fn resources(&self, which: u32) -> ResourceList {
        ResourceList::new(self.total_vfs, which)
    }

    /// The reset after which a VF must not be accessed yet, as the time until which that holds.
    pub(crate) fn recent_reset(&self, vf: u16) -> Option<u64> {
        let until = self.quiet_until.get(usize::from(vf))?;
        let until = until.load(Ordering::SeqCst);
        (until != 0 && clock::now() < until).then_some(until)
    }

    /// Counts an access to a VF that comes too early.
    fn note_access(&self, vf: u16) {
        self.vf_enable.note_request();
        if self.recent_reset(vf).is_some() {
            EARLY.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn read_function(&self, vf: u16, offset: u32, destination: &mut [u8]) -> Option<()> {
        if fault::is_on(kind::CONFIG_READ_FAILS, vf) {
            return None;
        }
        let function = self.enabled_function(vf)?.lock();
        self.note_access(vf);
        let late = self.vf_enable.is_late(vf);
        let silent = late || function.lost || fault::is_on(kind::SILENT_VF, vf);
        for (place, byte) in destination.iter_mut().enumerate() {
            let address = usize::try_from(offset).ok()?.checked_add(place)?;
            if address >= PF_SPACE {
                return None;
            }
            *byte = if silent {
                0xFF
            } else {
                function.space.get(address).copied().unwrap_or(0)
            };
        }
        if late && offset == config::VENDOR_ID && destination.len() >= 2 {
            destination[..2].copy_from_slice(&config::VENDOR_ID_RETRY.to_le_bytes());
        }
        let status = EXPRESS + config::EXPRESS_DEVICE_STATUS;
        if fault::is_on(kind::TRANSACTIONS_PENDING, vf)
            && let Some(place) = usize::try_from(status.wrapping_sub(offset)).ok()
            && let Some(byte) = destination.get_mut(place)
        {
            *byte |= config::DeviceStatus::TRANSACTIONS_PENDING
                .bits()
                .to_le_bytes()[0];
        }
        Some(())
    }

    pub(super) fn write_function(&self, vf: u16, offset: u32, source: &[u8]) -> Option<()> {
        if fault::is_on(kind::CONFIG_WRITE_FAILS, vf) {
            return None;
        }
        let mut function = self.enabled_function(vf)?.lock();
        self.note_access(vf);
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(source.len())?;
        let place = function.space.get_mut(start..end)?;
        for ((held, byte), address) in place.iter_mut().zip(source).zip(offset..) {
            *held = after_write(address, *held, *byte);
        }
        let control = usize::try_from(EXPRESS + config::EXPRESS_DEVICE_CONTROL).ok()?;
        let high = function.space.get(control + 1).copied()?;
        if high
            & config::DeviceControl::INITIATE_FUNCTION_LEVEL_RESET
                .bits()
                .to_le_bytes()[1]
            != 0
        {
            function.space = virtual_space();
            function.lost = fault::is_on(kind::LOST_AFTER_RESET, vf);
            if let Some(until) = self.quiet_until.get(usize::from(vf)) {
                until.store(clock::now() + QUIET, Ordering::SeqCst);
            }
            self.resets.fetch_add(1, Ordering::SeqCst);
        }
        Some(())
    }

    fn enabled_function(&self, vf: u16) -> Option<&Locked<Function>> {
        if u32::from(vf) < self.enabled_vfs() {
            self.functions.get(usize::from(vf))
        } else {
            None
        }
    }

    pub(super) fn enable(&self, vfs: u16, enable: bool) -> NTSTATUS {
        if self.is_gone() {
            LATE_SWITCHES.fetch_add(1, Ordering::SeqCst);
            return STATUS_UNSUCCESSFUL;
        }
        self.vf_enable.note_touch();
        if fault::is_on(kind::ENABLE_FAILS, 0) {
            return STATUS_UNSUCCESSFUL;
        }
        let valid = if enable {
            (1..=self.total_vfs).contains(&vfs)
        } else {
            vfs == 0
        };
        if !valid {
            return STATUS_INVALID_PARAMETER;
        }
        if enable == (self.enabled_vfs() != 0) {
            return STATUS_INVALID_DEVICE_STATE;
        }
        // VFs that are turned on are as after a reset (9.3.3.3.1).
        for function in self.functions.iter().take(vfs.into()) {
            function.lock().space = virtual_space();
        }
        self.vf_enable.set(vfs);
        STATUS_SUCCESS
    }

    /// Reads the PF's configuration space.
    pub(super) fn read(&self, range: Range<usize>, destination: &mut [u8]) {
        let mut space = self.space.lock();
        if range.end > SRIOV as usize {
            self.vf_enable.note_touch();
            self.vf_enable.show(&mut space);
        }
        destination.copy_from_slice(&space[range]);
    }
}
