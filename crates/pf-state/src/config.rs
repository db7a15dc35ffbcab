//! A function's configuration space: a bounded capability walk, and the identifiers that a VF's own
//! registers do not hold.
//!
//! A VF writes only its own functions' controls, and cannot change what the PF or the host decided.
//! [`write_list`](crate::write_list) holds the registers. Section numbers are those of the PCI
//! Express Base Specification.

use crate::status::{self, NtStatus};
use pcivirt_abi::config::{self as register, Status};

/// Reads the configuration space of one function. Ranges have any place and length; the bus driver
/// splits them for its hardware.
pub trait Space {
    /// Reads `buffer.len()` bytes; false when the bus did not deliver all of them.
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool;

    /// Reads one byte.
    fn read_u8(&mut self, offset: u32) -> Option<u8> {
        let mut byte = [0];
        self.read(offset, &mut byte)
            .then_some(u8::from_le_bytes(byte))
    }

    /// Reads 16 bits.
    fn read_u16(&mut self, offset: u32) -> Option<u16> {
        let mut bytes = [0; 2];
        self.read(offset, &mut bytes)
            .then_some(u16::from_le_bytes(bytes))
    }

    /// Reads 32 bits.
    fn read_u32(&mut self, offset: u32) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes)
            .then_some(u32::from_le_bytes(bytes))
    }
}

impl<S: Space> Space for &mut S {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        S::read(self, offset, buffer)
    }
}

/// Also writes it: that of a VF. Only the bus driver writes the PF's own registers.
pub trait WritableSpace: Space {
    /// Writes all of `bytes`; false when the bus did not take all of them.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool;
}

/// Whether a PF still answers. The bus reads ones for a function that is gone, and no function has
/// the vendor ID `FFFFh` (7.5.1.1.1). VFs have it by design, so this is for PFs.
pub fn is_present(physical: &mut impl Space) -> bool {
    physical
        .read_u16(register::VENDOR_ID)
        .is_some_and(|id| id != u16::MAX)
}

/// Finds a capability by its ID. A list that leads nowhere, in a circle or out of the header's
/// first 256 bytes ends the search: 48 capabilities of four bytes are all that fit.
pub fn find_capability(space: &mut impl Space, id: u8) -> Option<u32> {
    let status = Status::from_bits_retain(space.read_u16(register::STATUS)?);
    if !status.contains(Status::CAPABILITIES_LIST) {
        return None;
    }
    let mut offset = space.read_u8(register::CAPABILITIES_POINTER)?;
    for _ in 0..48 {
        offset &= !3;
        if offset < 0x40 {
            return None;
        }
        let [found, next] = space.read_u16(u32::from(offset))?.to_le_bytes();
        if found == id {
            return Some(u32::from(offset));
        }
        offset = next;
    }
    None
}

/// Finds an extended capability by its ID, with the same bounds: 960 of four bytes fit.
pub fn find_extended_capability(space: &mut impl Space, id: u16) -> Option<u32> {
    let mut offset = register::EXTENDED_CAPABILITIES;
    for _ in 0..960 {
        let header = space.read_u32(offset)?;
        // An absent list reads as zeros, an absent function as ones.
        if header == 0 || header == u32::MAX {
            return None;
        }
        if header & 0xFFFF == u32::from(id) {
            return Some(offset);
        }
        offset = (header >> 20) & !3;
        if offset < register::EXTENDED_CAPABILITIES {
            return None;
        }
    }
    None
}

/// Checks the range of a configuration access.
///
/// # Errors
/// `STATUS_INVALID_PARAMETER` for an empty range or one that leaves the 4096 bytes.
pub fn check_range(offset: u32, length: u32) -> Result<(), NtStatus> {
    match offset.checked_add(length) {
        Some(end) if length != 0 && end <= register::SPACE_SIZE => Ok(()),
        _ => Err(status::INVALID_PARAMETER),
    }
}

/// PCI vendor ID and device ID: the PF's, or those that software sees in a VF, whose own registers
/// read as ones (9.3.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The vendor ID, which a PF and its VFs share.
    pub vendor_id: u16,
    /// The PF's device ID, or VF Device ID of its SR-IOV capability.
    pub device_id: u16,
}

impl Identity {
    /// What a caller sees of a VF that does not exist: no device.
    pub const NONE: Self = Self {
        vendor_id: 0xFFFF,
        device_id: 0xFFFF,
    };

    /// Both in one number, the vendor ID in its upper 16 bits.
    #[must_use]
    pub const fn as_number(self) -> u64 {
        ((self.vendor_id as u64) << 16) | self.device_id as u64
    }

    /// Replaces the identifiers in bytes that were read from `offset` on.
    pub fn overlay(self, offset: u32, bytes: &mut [u8]) {
        let [v0, v1] = self.vendor_id.to_le_bytes();
        let [d0, d1] = self.device_id.to_le_bytes();
        let identity = [v0, v1, d0, d1];
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        for (byte, known) in bytes.iter_mut().zip(identity.iter().skip(skip)) {
            *byte = *known;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
