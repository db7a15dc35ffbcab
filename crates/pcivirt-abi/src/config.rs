//! Registers in the configuration space of a PF and of its VFs.
//!
//! Offsets and bits are those of the PCI Express Base Specification, sections 7.5 (type 0 header,
//! PCI Express capability) and 9.3 (SR-IOV extended capability), which `wdm.h` and Linux's
//! `pci_regs.h` repeat. Each set of bits names those that the driver reads or lets a VF write; a
//! register holds more, so they are read with `from_bits_retain`.

use bitflags::bitflags;

/// Bytes in the configuration space of a PCI Express function.
pub const SPACE_SIZE: u32 = 4096;

/// Vendor ID, 16 bits. `FFFFh` in a VF: software derives it from the PF (section 9.3.4.1.1).
pub const VENDOR_ID: u32 = 0x00;
/// What a root complex may return for [`VENDOR_ID`] while the function asks for the request to be
/// sent again, with ones for everything behind it (section 2.3.2).
pub const VENDOR_ID_RETRY: u16 = 0x0001;
/// Device ID, 16 bits. `FFFFh` in a VF: it is in the SR-IOV capability (section 9.3.3.11).
pub const DEVICE_ID: u32 = 0x02;
/// [`Command`], 16 bits.
pub const COMMAND: u32 = 0x04;
/// [`Status`], 16 bits.
pub const STATUS: u32 = 0x06;
/// Offset of the first capability's offset, 8 bits.
pub const CAPABILITIES_POINTER: u32 = 0x34;

/// ID of the MSI capability.
pub const CAPABILITY_MSI: u8 = 0x05;
/// ID of the PCI Express capability.
pub const CAPABILITY_PCI_EXPRESS: u8 = 0x10;
/// ID of the MSI-X capability.
pub const CAPABILITY_MSI_X: u8 = 0x11;

/// [`DeviceCapabilities`] in the PCI Express capability, 32 bits.
pub const EXPRESS_DEVICE_CAPABILITIES: u32 = 0x04;
/// [`DeviceControl`] in the PCI Express capability, 16 bits.
pub const EXPRESS_DEVICE_CONTROL: u32 = 0x08;
/// [`DeviceStatus`] in the PCI Express capability, 16 bits.
pub const EXPRESS_DEVICE_STATUS: u32 = 0x0A;

/// [`MsiControl`] of the MSI capability, 16 bits. The registers of the capability are those of
/// section 7.7.1, which Linux's `pci_regs.h` repeats as `PCI_MSI_*`.
pub const MSI_MESSAGE_CONTROL: u32 = 0x02;
/// Message Address of MSI, 32 bits.
pub const MSI_MESSAGE_ADDRESS: u32 = 0x04;
/// Message Upper Address of MSI, 32 bits, with [`MsiControl::ADDRESS_64`].
pub const MSI_MESSAGE_UPPER_ADDRESS: u32 = 0x08;
/// Message Data of MSI, 16 bits, without [`MsiControl::ADDRESS_64`].
pub const MSI_MESSAGE_DATA_32: u32 = 0x08;
/// Message Data of MSI, 16 bits, with [`MsiControl::ADDRESS_64`].
pub const MSI_MESSAGE_DATA_64: u32 = 0x0C;
/// Mask Bits of MSI, 32 bits, with [`MsiControl::VECTOR_MASKING`] alone.
pub const MSI_MASK_32: u32 = 0x0C;
/// Mask Bits of MSI, 32 bits, with [`MsiControl::VECTOR_MASKING`] and [`MsiControl::ADDRESS_64`].
pub const MSI_MASK_64: u32 = 0x10;
/// The address bits of [`MSI_MESSAGE_ADDRESS`]; the others are reserved.
pub const MSI_ADDRESS_MASK: u32 = !0b11;

/// [`MsiXControl`] of the MSI-X capability, 16 bits.
pub const MSI_X_MESSAGE_CONTROL: u32 = 0x02;

bitflags! {
    /// The Command register (sections 7.5.1.1.3 and 9.3.4.1.3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Command: u16 {
        /// Bus Master Enable, the one bit of the register that a VF has.
        const BUS_MASTER = 1 << 2;
    }

    /// The Status register (sections 7.5.1.1.4 and 9.3.4.1.4). Its errors are cleared by writing
    /// one.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Status: u16 {
        /// A capability list exists.
        const CAPABILITIES_LIST = 1 << 4;
        /// Master Data Parity Error.
        const MASTER_DATA_PARITY_ERROR = 1 << 8;
        /// Signaled Target Abort.
        const SIGNALED_TARGET_ABORT = 1 << 11;
        /// Received Target Abort.
        const RECEIVED_TARGET_ABORT = 1 << 12;
        /// Received Master Abort.
        const RECEIVED_MASTER_ABORT = 1 << 13;
        /// Signaled System Error.
        const SIGNALED_SYSTEM_ERROR = 1 << 14;
        /// Detected Parity Error.
        const DETECTED_PARITY_ERROR = 1 << 15;
    }

    /// Device Capabilities (section 7.5.3.3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DeviceCapabilities: u32 {
        /// The function can be reset by itself.
        const FUNCTION_LEVEL_RESET = 1 << 28;
    }

    /// Device Control (section 7.5.3.4).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DeviceControl: u16 {
        /// Starts a function level reset; it reads as zero.
        const INITIATE_FUNCTION_LEVEL_RESET = 1 << 15;
    }

    /// Device Status (sections 7.5.3.5 and 9.3.5.5). Its errors are cleared by writing one.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct DeviceStatus: u16 {
        /// Correctable Error Detected.
        const CORRECTABLE_ERROR = 1 << 0;
        /// Non-Fatal Error Detected.
        const NON_FATAL_ERROR = 1 << 1;
        /// Fatal Error Detected.
        const FATAL_ERROR = 1 << 2;
        /// Unsupported Request Detected.
        const UNSUPPORTED_REQUEST = 1 << 3;
        /// Requests that the function sent are not yet answered.
        const TRANSACTIONS_PENDING = 1 << 5;
    }

    /// Message Control of MSI (section 7.7.1.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MsiControl: u16 {
        /// MSI Enable.
        const ENABLE = 1 << 0;
        /// Multiple Message Capable: the binary logarithm of the vectors that the function asks
        /// for.
        const MULTIPLE_CAPABLE = 0b111 << 1;
        /// Multiple Message Enable: the binary logarithm of the vectors that it is given.
        const MULTIPLE_ENABLE = 0b111 << 4;
        /// The function can send messages to 64-bit addresses.
        const ADDRESS_64 = 1 << 7;
        /// The function has a mask bit for each vector.
        const VECTOR_MASKING = 1 << 8;
    }

    /// Message Control of MSI-X (section 7.7.2.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MsiXControl: u16 {
        /// Every vector is masked.
        const FUNCTION_MASK = 1 << 14;
        /// MSI-X Enable.
        const ENABLE = 1 << 15;
    }

    /// SR-IOV Control (section 9.3.3.3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SriovControl: u16 {
        /// VF Enable: the VFs exist.
        const VF_ENABLE = 1 << 0;
        /// VF MSE: the VFs' base address registers are decoded.
        const VF_MEMORY_SPACE = 1 << 3;
    }
}

/// Offset of the first extended capability.
pub const EXTENDED_CAPABILITIES: u32 = 0x100;
/// ID of the SR-IOV extended capability.
pub const EXTENDED_CAPABILITY_SRIOV: u16 = 0x0010;
/// [`SriovControl`] in the SR-IOV capability, 16 bits.
pub const SRIOV_CONTROL: u32 = 0x08;
/// `InitialVFs` in the SR-IOV capability, 16 bits.
pub const SRIOV_INITIAL_VFS: u32 = 0x0C;
/// `TotalVFs` in the SR-IOV capability, 16 bits.
pub const SRIOV_TOTAL_VFS: u32 = 0x0E;
/// `NumVFs` in the SR-IOV capability, 16 bits (section 9.3.3.7).
pub const SRIOV_NUM_VFS: u32 = 0x10;
/// VF Device ID in the SR-IOV capability, 16 bits.
pub const SRIOV_VF_DEVICE_ID: u32 = 0x1A;
/// The first of six VF base address registers in the SR-IOV capability, 32 bits each.
pub const SRIOV_VF_BASE_ADDRESS_0: u32 = 0x24;

/// Base address register bit: I/O space. A VF has none.
pub const BAR_IO_SPACE: u32 = 1 << 0;
/// Base address register bits 2–1: 2 for a 64-bit register, whose next one holds the high half.
pub const BAR_TYPE_MASK: u32 = 0b110;
/// Value of [`BAR_TYPE_MASK`] for a 32-bit register.
pub const BAR_TYPE_32: u32 = 0b000;
/// Value of [`BAR_TYPE_MASK`] for a 64-bit register.
pub const BAR_TYPE_64: u32 = 0b100;
/// Base address register bit: reads have no side effects.
pub const BAR_PREFETCHABLE: u32 = 1 << 3;
/// The address bits of a memory base address register.
pub const BAR_ADDRESS_MASK: u32 = !0xF;

/// How long a function may take to be ready again after a function level reset (section 6.6.2).
pub const FUNCTION_LEVEL_RESET_MILLISECONDS: u32 = 100;
/// How long no request may be sent to VFs after VF Enable was set (section 9.3.3.3.1).
pub const VF_ENABLE_MILLISECONDS: u32 = 100;
/// How long VFs may take to answer after VF Enable was set, before they count as broken (section
/// 9.3.3.3.1).
pub const VF_ANSWER_MILLISECONDS: u32 = 1000;
/// How long to leave the SR-IOV capability alone after VF Enable was cleared (section 9.3.3.3.1).
pub const VF_DISABLE_MILLISECONDS: u32 = 1000;
