//! The facts that every start of one device must find the same: the identifiers of its VFs and the
//! sizes of their base address registers.
//!
//! The virtualization stack builds a guest's device from these values and may query them at any
//! time after the first start, also while the PF is stopped or not in D0. A rebalance moves memory
//! and bus numbers; it changes neither value. A start that finds other values is a start of another
//! device, or of another firmware, under guests that have the first one, so it fails.

use crate::{config::Identity, failure::StartFailure};
use pcivirt_abi::PCI_TYPE0_ADDRESSES;

/// The constant facts of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Each VF's identifiers for its driver.
    pub vf_identity: Identity,
    /// What the VFs' base address registers read as after ones were written to them:
    /// `GetVirtualFunctionProbedBars` of `wdm.h`.
    pub probed_bars: [u32; PCI_TYPE0_ADDRESSES],
}

impl DeviceFacts {
    /// Compares what this start found with what the first start found.
    ///
    /// # Errors
    /// [`StartFailure::DeviceChanged`] with the first value that differs: the identifiers as they
    /// stand in configuration space (device ID in the high half), or a base address register.
    pub fn confirm(&self, first: &Self) -> Result<(), StartFailure> {
        let pairs = self.words().into_iter().zip(first.words());
        for (found, first) in pairs {
            if found != first {
                return Err(StartFailure::DeviceChanged { found, first });
            }
        }
        Ok(())
    }

    fn words(&self) -> [u32; PCI_TYPE0_ADDRESSES + 1] {
        let Identity {
            vendor_id,
            device_id,
        } = self.vf_identity;
        let [b0, b1, b2, b3, b4, b5] = self.probed_bars;
        let identifiers = u32::from(device_id) << 16 | u32::from(vendor_id);
        [identifiers, b0, b1, b2, b3, b4, b5]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: DeviceFacts = DeviceFacts {
        vf_identity: Identity {
            vendor_id: 0x1414,
            device_id: 0xB002,
        },
        probed_bars: [0xFFFF_C00C, 0xFFFF_FFFF, 0xFFFF_F000, 0, 0, 0],
    };

    #[test]
    fn the_same_device_starts_again() {
        assert_eq!(FACTS.confirm(&FACTS), Ok(()));
    }

    #[test]
    fn a_start_that_finds_other_identifiers_or_sizes_fails_and_names_both_values() {
        let mut other = FACTS;
        other.vf_identity.device_id = 0xB003;
        assert_eq!(
            other.confirm(&FACTS),
            Err(StartFailure::DeviceChanged {
                found: 0xB003_1414,
                first: 0xB002_1414,
            })
        );
        other = FACTS;
        other.vf_identity.vendor_id = 0x15B3;
        assert_eq!(
            other.confirm(&FACTS),
            Err(StartFailure::DeviceChanged {
                found: 0xB002_15B3,
                first: 0xB002_1414,
            })
        );
        for bar in 0..PCI_TYPE0_ADDRESSES {
            other = FACTS;
            other.probed_bars[bar] ^= 0x2000;
            assert_eq!(
                other.confirm(&FACTS),
                Err(StartFailure::DeviceChanged {
                    found: other.probed_bars[bar],
                    first: FACTS.probed_bars[bar],
                }),
                "register {bar}"
            );
        }
    }
}
