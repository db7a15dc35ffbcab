//! Reads the PF's IDs and SR-IOV capability (PCI Express Base Specification, sections 7.5.1.1 and
//! 9.3.3).

use crate::config::{Identity, Space, find_extended_capability};
use pcivirt_abi::{PCI_TYPE0_ADDRESSES, config as register, config::SriovControl};

/// Why a PF cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapabilityFailure {
    /// The PF's configuration space cannot be read.
    Unreachable,
    /// The PF has no SR-IOV capability.
    Missing,
}

/// The capability's contents, as far as a PF driver needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The most VFs that the device can have.
    pub total_vfs: u16,
    /// SR-IOV Control, which turns the VFs on.
    pub control: SriovControl,
    /// How many VFs there are while VF Enable is set.
    pub num_vfs: u16,
    /// The PF's identifiers.
    pub pf_identity: Identity,
    /// A VF's identifiers for its driver.
    pub vf_identity: Identity,
    /// The VF base address registers: where the memory of VF 0 begins, as the bus driver set them.
    pub vf_base_addresses: [u32; PCI_TYPE0_ADDRESSES],
}

impl Capability {
    /// Reads it from the PF.
    ///
    /// # Errors
    /// When the bus does not answer, or there is none.
    pub fn read(pf: &mut impl Space) -> Result<Self, CapabilityFailure> {
        let vendor_id = pf
            .read_u16(register::VENDOR_ID)
            .ok_or(CapabilityFailure::Unreachable)?;
        if vendor_id == u16::MAX {
            return Err(CapabilityFailure::Unreachable);
        }
        let pf_device_id = pf
            .read_u16(register::DEVICE_ID)
            .ok_or(CapabilityFailure::Unreachable)?;
        let at = find_extended_capability(pf, register::EXTENDED_CAPABILITY_SRIOV)
            .ok_or(CapabilityFailure::Missing)?;
        let mut read = |offset| {
            pf.read_u16(at + offset)
                .ok_or(CapabilityFailure::Unreachable)
        };
        let total_vfs = read(register::SRIOV_TOTAL_VFS)?;
        let control = read(register::SRIOV_CONTROL)?;
        let num_vfs = read(register::SRIOV_NUM_VFS)?;
        let device_id = read(register::SRIOV_VF_DEVICE_ID)?;
        let mut vf_base_addresses = [0; PCI_TYPE0_ADDRESSES];
        for (offset, address) in (at + register::SRIOV_VF_BASE_ADDRESS_0..)
            .step_by(4)
            .zip(&mut vf_base_addresses)
        {
            *address = pf.read_u32(offset).ok_or(CapabilityFailure::Unreachable)?;
        }
        Ok(Self {
            total_vfs,
            control: SriovControl::from_bits_retain(control),
            num_vfs,
            pf_identity: Identity {
                vendor_id,
                device_id: pf_device_id,
            },
            vf_identity: Identity {
                vendor_id,
                device_id,
            },
            vf_base_addresses,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Registers;

    fn pf() -> Registers {
        let mut pf = Registers::zeroed();
        pf.put(0, &[0x14, 0x14, 0x01, 0xB0]);
        // Another capability first, then SR-IOV at 0x160.
        pf.put(0x100, &0x1601_0001_u32.to_le_bytes());
        pf.put(0x160, &0x0001_0010_u32.to_le_bytes());
        pf.put(0x160 + register::SRIOV_CONTROL, &0x19_u16.to_le_bytes());
        pf.put(0x160 + register::SRIOV_TOTAL_VFS, &64_u16.to_le_bytes());
        pf.put(0x160 + register::SRIOV_NUM_VFS, &5_u16.to_le_bytes());
        pf.put(
            0x160 + register::SRIOV_VF_DEVICE_ID,
            &0xB002_u16.to_le_bytes(),
        );
        pf.put(
            0x160 + register::SRIOV_VF_BASE_ADDRESS_0 + 4,
            &0xF000_0004_u32.to_le_bytes(),
        );
        pf
    }

    #[test]
    fn the_capability_is_read_from_wherever_the_list_leads() {
        assert_eq!(
            Capability::read(&mut pf()),
            Ok(Capability {
                total_vfs: 64,
                control: SriovControl::from_bits_retain(0x19),
                num_vfs: 5,
                pf_identity: Identity {
                    vendor_id: 0x1414,
                    device_id: 0xB001
                },
                vf_identity: Identity {
                    vendor_id: 0x1414,
                    device_id: 0xB002
                },
                vf_base_addresses: [0, 0xF000_0004, 0, 0, 0, 0],
            })
        );
    }

    #[test]
    fn a_pf_without_the_capability_and_one_that_is_gone_are_told_apart() {
        let mut without = pf();
        without.put(0x100, &[0; 4]);
        assert_eq!(
            Capability::read(&mut without),
            Err(CapabilityFailure::Missing)
        );
        let mut gone = Registers::zeroed();
        gone.put(0, &[0xFF; 64]);
        assert_eq!(
            Capability::read(&mut gone),
            Err(CapabilityFailure::Unreachable)
        );
        let mut failing = pf();
        for accesses in 0..14 {
            failing.fail_after = Some(accesses);
            assert!(Capability::read(&mut failing).is_err(), "{accesses}");
        }
    }

    #[test]
    fn a_list_that_runs_in_a_circle_ends_the_search() {
        let mut circle = pf();
        circle.put(0x160, &0x1001_0002_u32.to_le_bytes());
        assert_eq!(
            Capability::read(&mut circle),
            Err(CapabilityFailure::Missing)
        );
    }
}
