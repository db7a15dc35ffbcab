//! The PCI double: the hardware of one PF with its VFs, as the PCI bus driver shows it.
//!
//! Registers are those of the PCI Express Base Specification; `PCI_VIRTUALIZATION_INTERFACE` and
//! `BUS_INTERFACE_STANDARD` behave as `wdm.h` and its documentation say. Faults are switched on by
//! the runner.

pub(crate) mod fault;
mod function;
mod interface;
mod vf_enable;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use lab_control::stack::{fault as kind, resources};
use pcivirt_abi::bus::{MemoryDescriptor, RESOURCE_SHARE_DEVICE_EXCLUSIVE, RESOURCE_TYPE_MEMORY};
use pcivirt_abi::config;
use wdk_sys::{
    NTSTATUS, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
};

use crate::kernel::clock;
use crate::kernel::lock::Lock;
use function::{after_write, virtual_space};

pub(crate) use interface::{query_interface, references};
use vf_enable::Switch;
pub(crate) use vf_enable::{early_after_disable, early_after_enable};

const PF_SPACE: usize = config::SPACE_SIZE as usize;
/// Where the PCI Express capability lies, in the PF and in each VF.
const EXPRESS: u32 = 0x40;
/// Where the SR-IOV capability lies, the only one of the PF's extended ones.
const SRIOV: u32 = config::EXTENDED_CAPABILITIES;
/// VF BARs 0 and 1: one 64-bit prefetchable register for 16 KiB of each VF.
const BAR_0_BASE: u64 = 0x20_0000_0000;
const BAR_0_BYTES: u32 = 0x4000;
/// VF BAR 2: 32 bits, 4 KiB of each VF.
const BAR_2_BASE: u32 = 0xE000_0000;
const BAR_2_BYTES: u32 = 0x1000;
const BAR_0_FLAGS: u32 = config::BAR_TYPE_64 | config::BAR_PREFETCHABLE;

/// How many PFs there are, those that were pulled out and are still held included.
static LIVING: AtomicU32 = AtomicU32::new(0);
/// Accesses to a VF before its [`QUIET`] was over.
static EARLY: AtomicU32 = AtomicU32::new(0);

/// VFs that were on when nobody held their PF any more, which was pulled out and stayed.
static LEFT_ON: AtomicU32 = AtomicU32::new(0);
/// Calls of `EnableVirtualization` for PFs that are gone.
static LATE_SWITCHES: AtomicU32 = AtomicU32::new(0);

/// Software leaves a function alone for 100 ms after a function level reset (PCI Express Base
/// Specification, 6.6.2). In units of 100 ns, less a little that clocks may differ by.
const QUIET: u64 = 950_000;

/// How many PFs there are in memory.
pub(crate) fn living() -> u32 {
    LIVING.load(Ordering::SeqCst)
}

/// How often a VF was accessed too early after its reset.
pub(crate) fn early_accesses() -> u32 {
    EARLY.load(Ordering::SeqCst)
}

/// How many VFs were left on by drivers of PFs that stayed.
pub(crate) fn vfs_left_on() -> u32 {
    LEFT_ON.load(Ordering::SeqCst)
}

/// How often VFs of a PF that is gone were switched.
pub(crate) fn late_switches() -> u32 {
    LATE_SWITCHES.load(Ordering::SeqCst)
}

/// The hardware of one PF.
pub(crate) struct Pci {
    total_vfs: u16,
    space: Lock<Box<[u8]>>,
    functions: Vec<Lock<Function>>,
    /// When each VF may be accessed again after its last reset; 0 before the first.
    quiet_until: Vec<AtomicU64>,
    switch: Switch,
    resets: AtomicU32,
    power: AtomicU32,
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
            space: Lock::new(physical_space(
                vendor_id,
                device_id,
                vf_device_id,
                total_vfs,
            )),
            functions: (0..total_vfs)
                .map(|_| {
                    Lock::new(Function {
                        space: virtual_space(),
                        lost: false,
                    })
                })
                .collect(),
            quiet_until: (0..total_vfs).map(|_| AtomicU64::new(0)).collect(),
            switch: Switch::new(if fault::is_on(kind::VFS_ON, 0) {
                total_vfs
            } else {
                0
            }),
            resets: AtomicU32::new(0),
            power: AtomicU32::new(1),
            gone: AtomicBool::new(false),
        }
    }

    /// The PF is pulled out: it does not answer any more, unless it stays.
    pub(crate) fn pull(&self) {
        self.gone
            .store(!fault::is_on(kind::STAYS, 0), Ordering::SeqCst);
    }

    /// Whether the PF does not answer any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    pub(crate) fn set_power(&self, state: i32) {
        self.power.store(state.cast_unsigned(), Ordering::SeqCst);
    }

    pub(crate) fn power(&self) -> u32 {
        self.power.load(Ordering::SeqCst)
    }

    pub(crate) fn enabled_vfs(&self) -> u32 {
        self.switch.enabled_vfs()
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

    /// The resources of a start request, as one of [`resources`]: the memory of the VFs' BARs, and
    /// more ranges behind it.
    pub(crate) fn resources(&self, which: u32) -> ResourceList {
        let length = |bytes: u32| {
            let all = bytes.saturating_mul(self.total_vfs.into());
            match which {
                resources::TOO_SMALL => bytes - 1,
                resources::OTHER_LENGTH => all + 1,
                _ => all,
            }
        };
        let memory = |start: u64, bytes: u32| MemoryDescriptor {
            resource_type: RESOURCE_TYPE_MEMORY,
            share_disposition: RESOURCE_SHARE_DEVICE_EXCLUSIVE,
            start: halves(start),
            length: length(bytes),
            ..MemoryDescriptor::default()
        };
        let mut descriptors = [memory(0x30_0000_0000, BAR_0_BYTES); DESCRIPTORS as usize];
        descriptors[0] = memory(BAR_0_BASE, BAR_0_BYTES);
        descriptors[1] = memory(u64::from(BAR_2_BASE), BAR_2_BYTES);
        ResourceList {
            count: 1,
            interface_type: 5,
            bus_number: 0,
            version: 1,
            revision: 1,
            descriptor_count: if which == resources::TOO_MANY {
                DESCRIPTORS
            } else {
                2
            },
            descriptors,
        }
    }

    /// The reset that a VF is to be left alone after just now, as the time of its end.
    pub(crate) fn recent_reset(&self, vf: u16) -> Option<u64> {
        let until = self.quiet_until.get(usize::from(vf))?;
        let until = until.load(Ordering::SeqCst);
        (until != 0 && clock::now() < until).then_some(until)
    }

    /// Counts an access to a VF that comes too early.
    fn note_access(&self, vf: u16) {
        self.switch.note_request();
        if self.recent_reset(vf).is_some() {
            EARLY.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn read_function(&self, vf: u16, offset: u32, destination: &mut [u8]) -> Option<()> {
        if fault::is_on(kind::CONFIG_READ_FAILS, vf) {
            return None;
        }
        let function = self.enabled_function(vf)?.lock();
        self.note_access(vf);
        let late = self.switch.is_late(vf);
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

    fn write_function(&self, vf: u16, offset: u32, source: &[u8]) -> Option<()> {
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

    fn enabled_function(&self, vf: u16) -> Option<&Lock<Function>> {
        if u32::from(vf) < self.enabled_vfs() {
            self.functions.get(usize::from(vf))
        } else {
            None
        }
    }

    fn enable(&self, vfs: u16, enable: bool) -> NTSTATUS {
        if self.is_gone() {
            LATE_SWITCHES.fetch_add(1, Ordering::SeqCst);
            return STATUS_UNSUCCESSFUL;
        }
        self.switch.note_touch();
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
        self.switch.set(vfs);
        STATUS_SUCCESS
    }

    /// Reads the PF's configuration space.
    fn read(&self, range: core::ops::Range<usize>, destination: &mut [u8]) {
        let mut space = self.space.lock();
        if range.end > SRIOV as usize {
            self.switch.note_touch();
            self.switch.show(&mut space);
        }
        destination.copy_from_slice(&space[range]);
    }
}

/// Descriptors in a resource list, one more than a PF can have: six registers, six of its VFs, an
/// expansion ROM.
const DESCRIPTORS: u32 = 14;

/// `CM_RESOURCE_LIST` of `wdm.h` with one bus.
#[repr(C)]
pub(crate) struct ResourceList {
    count: u32,
    interface_type: u32,
    bus_number: u32,
    version: u16,
    revision: u16,
    descriptor_count: u32,
    descriptors: [MemoryDescriptor; DESCRIPTORS as usize],
}

fn halves(value: u64) -> [u32; 2] {
    [value, value >> 32].map(|half| u32::try_from(half & u64::from(u32::MAX)).unwrap_or(0))
}

fn put(space: &mut [u8], offset: u32, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if let Some(place) = space.get_mut(start..start.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

fn put_express_capability(space: &mut [u8], next: u32) {
    put(
        space,
        config::STATUS,
        &config::Status::CAPABILITIES_LIST.bits().to_le_bytes(),
    );
    put(
        space,
        config::CAPABILITIES_POINTER,
        &EXPRESS.to_le_bytes()[..1],
    );
    put(
        space,
        EXPRESS,
        &[config::CAPABILITY_PCI_EXPRESS, next.to_le_bytes()[0], 2, 0],
    );
    put(
        space,
        EXPRESS + config::EXPRESS_DEVICE_CAPABILITIES,
        &config::DeviceCapabilities::FUNCTION_LEVEL_RESET
            .bits()
            .to_le_bytes(),
    );
}

fn physical_space(vendor: u16, device: u16, vf_device: u16, total_vfs: u16) -> Box<[u8]> {
    let mut space = alloc::vec![0; PF_SPACE].into_boxed_slice();
    put(&mut space, config::VENDOR_ID, &vendor.to_le_bytes());
    put(&mut space, config::DEVICE_ID, &device.to_le_bytes());
    put_express_capability(&mut space, 0);
    if fault::is_on(kind::NO_CAPABILITY, 0) {
        return space;
    }
    let header = u32::from(config::EXTENDED_CAPABILITY_SRIOV) | 1 << 16;
    put(&mut space, SRIOV, &header.to_le_bytes());
    for offset in [config::SRIOV_INITIAL_VFS, config::SRIOV_TOTAL_VFS] {
        put(&mut space, SRIOV + offset, &total_vfs.to_le_bytes());
    }
    put(
        &mut space,
        SRIOV + config::SRIOV_VF_DEVICE_ID,
        &vf_device.to_le_bytes(),
    );
    let bars = SRIOV + config::SRIOV_VF_BASE_ADDRESS_0;
    let [low, high] = halves(BAR_0_BASE);
    put(&mut space, bars, &(low | BAR_0_FLAGS).to_le_bytes());
    put(&mut space, bars + 4, &high.to_le_bytes());
    if !fault::is_on(kind::NO_ADDRESS, 0) {
        let misaligned = fault::is_on(kind::MISALIGNED, 0);
        let address = BAR_2_BASE + if misaligned { BAR_2_BYTES / 2 } else { 0 };
        put(&mut space, bars + 8, &address.to_le_bytes());
    }
    space
}
