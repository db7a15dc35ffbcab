//! Where registers lie, in the PF's configuration space and in that of each VF.

use alloc::boxed::Box;

use lab_control::stack::fault as kind;
use pcivirt_abi::config;

use super::fault;

pub(super) const PF_SPACE: usize = config::SPACE_SIZE as usize;
/// Where the PCI Express capability lies, in the PF and in each VF.
pub(super) const EXPRESS: u32 = 0x40;
/// Where the SR-IOV capability lies, the only one of the PF's extended ones.
pub(super) const SRIOV: u32 = config::EXTENDED_CAPABILITIES;
/// Base Address Register 0 of a function (7.5.1.2.1).
const BASE_ADDRESS_0: u32 = 0x10;
/// The PF's own BAR 0: 32 bits, 64 KiB of memory that is not prefetchable.
pub(super) const PF_BAR_BASE: u64 = 0xD000_0000;
pub(super) const PF_BAR_BYTES: u32 = 0x1_0000;
/// VF BARs 0 and 1: one 64-bit prefetchable register for 16 KiB of each VF.
pub(super) const BAR_0_BASE: u64 = 0x20_0000_0000;
pub(super) const BAR_0_BYTES: u32 = 0x4000;
/// VF BAR 2: 32 bits, 4 KiB of each VF.
pub(super) const BAR_2_BASE: u32 = 0xE000_0000;
pub(super) const BAR_2_BYTES: u32 = 0x1000;
pub(super) const BAR_0_FLAGS: u32 = config::BAR_TYPE_64 | config::BAR_PREFETCHABLE;

/// The low and the high half of a 64-bit value.
pub(super) fn halves(value: u64) -> [u32; 2] {
    [value, value >> 32].map(|half| u32::try_from(half & u64::from(u32::MAX)).unwrap_or(0))
}

/// Writes bytes to a space, if it holds them.
pub(super) fn put(space: &mut [u8], offset: u32, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if let Some(place) = space.get_mut(start..start.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

/// Writes the PCI Express capability, and the pointer to it.
pub(super) fn put_express_capability(space: &mut [u8], next: u32) {
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

/// The PF's configuration space at power-up, with the faults that are on.
pub(super) fn physical_space(
    vendor: u16,
    device: u16,
    vf_device: u16,
    total_vfs: u16,
) -> Box<[u8]> {
    let mut space = alloc::vec![0; PF_SPACE].into_boxed_slice();
    put(&mut space, config::VENDOR_ID, &vendor.to_le_bytes());
    put(&mut space, config::DEVICE_ID, &device.to_le_bytes());
    put(
        &mut space,
        BASE_ADDRESS_0,
        &halves(PF_BAR_BASE)[0].to_le_bytes(),
    );
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
