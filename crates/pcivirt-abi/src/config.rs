//! Registers in the configuration space of a PF and of its VFs.
//!
//! Offsets and bits are those of the PCI Express Base Specification, sections 7.5 (type 0 header,
//! PCI Express capability) and 9.3 (SR-IOV extended capability), which `wdm.h` and Linux's
//! `pci_regs.h` repeat.

/// Bytes in the configuration space of a PCI Express function.
pub const SPACE_SIZE: u32 = 4096;

/// Vendor ID, 16 bits. `FFFFh` in a VF: software derives it from the PF (section 9.3.4.1.1).
pub const VENDOR_ID: u32 = 0x00;
/// Device ID, 16 bits. `FFFFh` in a VF: it is in the SR-IOV capability (section 9.3.3.11).
pub const DEVICE_ID: u32 = 0x02;
/// Command, 16 bits.
pub const COMMAND: u32 = 0x04;
/// Bus Master Enable in the command register, the one bit of it that a VF has.
pub const COMMAND_BUS_MASTER: u16 = 1 << 2;
/// Status, 16 bits.
pub const STATUS: u32 = 0x06;
/// Status bit: a capability list exists.
pub const STATUS_CAPABILITIES_LIST: u16 = 1 << 4;
/// Offset of the first base address register, of six with 32 bits each.
pub const BASE_ADDRESS_0: u32 = 0x10;
/// Offset of the first capability's offset, 8 bits.
pub const CAPABILITIES_POINTER: u32 = 0x34;

/// ID of the MSI capability.
pub const CAPABILITY_MSI: u8 = 0x05;
/// ID of the PCI Express capability.
pub const CAPABILITY_PCI_EXPRESS: u8 = 0x10;
/// ID of the MSI-X capability.
pub const CAPABILITY_MSI_X: u8 = 0x11;

/// Device Capabilities in the PCI Express capability, 32 bits.
pub const EXPRESS_DEVICE_CAPABILITIES: u32 = 0x04;
/// Device Capabilities bit: the function can be reset by itself.
pub const EXPRESS_FUNCTION_LEVEL_RESET: u32 = 1 << 28;
/// Device Control in the PCI Express capability, 16 bits.
pub const EXPRESS_DEVICE_CONTROL: u32 = 0x08;
/// Device Control bit: start a function level reset; it reads as zero.
pub const EXPRESS_INITIATE_FUNCTION_LEVEL_RESET: u16 = 1 << 15;
/// Device Status in the PCI Express capability, 16 bits.
pub const EXPRESS_DEVICE_STATUS: u32 = 0x0A;
/// Device Status bit: requests that the function sent are not yet answered.
pub const EXPRESS_TRANSACTIONS_PENDING: u16 = 1 << 5;

/// Message Control of the MSI-X capability, 16 bits.
pub const MSI_X_MESSAGE_CONTROL: u32 = 0x02;

/// Offset of the first extended capability.
pub const EXTENDED_CAPABILITIES: u32 = 0x100;
/// ID of the SR-IOV extended capability.
pub const EXTENDED_CAPABILITY_SRIOV: u16 = 0x0010;
/// `InitialVFs` in the SR-IOV capability, 16 bits.
pub const SRIOV_INITIAL_VFS: u32 = 0x0C;
/// `TotalVFs` in the SR-IOV capability, 16 bits.
pub const SRIOV_TOTAL_VFS: u32 = 0x0E;
/// `NumVFs` in the SR-IOV capability, 16 bits.
pub const SRIOV_NUM_VFS: u32 = 0x10;
/// VF Device ID in the SR-IOV capability, 16 bits.
pub const SRIOV_VF_DEVICE_ID: u32 = 0x1A;
/// The first of six VF base address registers in the SR-IOV capability, 32 bits each.
pub const SRIOV_VF_BASE_ADDRESS_0: u32 = 0x24;
/// Bytes of the SR-IOV capability.
pub const SRIOV_CAPABILITY_SIZE: u32 = 0x40;

/// Base address register bit: I/O space. A VF has none.
pub const BAR_IO_SPACE: u32 = 1 << 0;
/// Base address register bits 2–1: 2 for a 64-bit register, whose next one holds the high half.
pub const BAR_TYPE_MASK: u32 = 0b110;
/// Value of [`BAR_TYPE_MASK`] for a 64-bit register.
pub const BAR_TYPE_64: u32 = 0b100;
/// Base address register bit: reads have no side effects.
pub const BAR_PREFETCHABLE: u32 = 1 << 3;
/// The address bits of a memory base address register.
pub const BAR_ADDRESS_MASK: u32 = !0xF;

/// How long a function may take to be ready again after a function level reset (section 6.6.2).
pub const FUNCTION_LEVEL_RESET_MILLISECONDS: u32 = 100;
