//! Walks over sound and broken capability lists, and what lies over the registers of a VF.

use super::*;

/// A configuration space in memory, which can be made to fail.
#[derive(Clone)]
pub(crate) struct Registers {
    bytes: [u8; 4096],
    /// The number of accesses that still succeed.
    pub(crate) fail_after: Option<u32>,
    /// The writes that succeeded: where each began, and its bytes.
    pub(crate) writes: Vec<(u32, Vec<u8>)>,
}

impl Registers {
    pub(crate) const fn zeroed() -> Self {
        Self {
            bytes: [0; 4096],
            fail_after: None,
            writes: Vec::new(),
        }
    }

    fn place(offset: u32) -> usize {
        usize::try_from(offset).expect("a configuration space is small")
    }

    pub(crate) fn put(&mut self, offset: u32, bytes: &[u8]) {
        self.bytes[Self::place(offset)..][..bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) const fn bytes(&self) -> &[u8; 4096] {
        &self.bytes
    }

    pub(crate) fn get(&self, offset: u32) -> u8 {
        self.bytes[Self::place(offset)]
    }

    pub(crate) fn get_u16(&self, offset: u32) -> u16 {
        u16::from_le_bytes([self.get(offset), self.get(offset + 1)])
    }

    pub(crate) fn get_u32(&self, offset: u32) -> u32 {
        u32::from(self.get_u16(offset)) | u32::from(self.get_u16(offset + 2)) << 16
    }

    fn fails(&mut self) -> bool {
        match &mut self.fail_after {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

impl Space for Registers {
    fn read(&mut self, offset: u32, buffer: &mut [u8]) -> bool {
        if self.fails() {
            return false;
        }
        buffer.copy_from_slice(&self.bytes[Self::place(offset)..][..buffer.len()]);
        true
    }
}

impl WritableSpace for Registers {
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        if self.fails() {
            return false;
        }
        self.put(offset, bytes);
        self.writes.push((offset, bytes.to_vec()));
        true
    }
}

/// Where [`vf`] has its PCI Express capability.
pub(crate) const EXPRESS: u32 = 0x60;
pub(crate) const MSI_X: u32 = 0xA0;

/// A VF as hardware shows it: no IDs, MSI-X, then PCI Express with function level reset.
pub(crate) fn vf() -> Registers {
    let mut vf = Registers::zeroed();
    vf.put(register::VENDOR_ID, &[0xFF; 4]);
    vf.put(
        register::STATUS,
        &Status::CAPABILITIES_LIST.bits().to_le_bytes(),
    );
    vf.put(register::CAPABILITIES_POINTER, &[0xA0]);
    vf.put(MSI_X, &[register::CAPABILITY_MSI_X, 0x60, 0x07, 0x00]);
    vf.put(EXPRESS, &[register::CAPABILITY_PCI_EXPRESS, 0x00]);
    vf.put(
        EXPRESS + register::EXPRESS_DEVICE_CAPABILITIES,
        &register::DeviceCapabilities::FUNCTION_LEVEL_RESET
            .bits()
            .to_le_bytes(),
    );
    vf
}

#[test]
fn a_pf_is_present_unless_its_vendor_id_reads_as_ones_or_not_at_all() {
    let mut space = Registers::zeroed();
    space.put(0, &[0xB3, 0x15]);
    assert!(is_present(&mut space));
    space.put(0, &[0xFF, 0x15]);
    assert!(is_present(&mut space));
    space.put(0, &[0xFF; 64]);
    assert!(!is_present(&mut space));
    space.put(0, &[0xB3, 0x15]);
    space.fail_after = Some(0);
    assert!(!is_present(&mut space));
}

#[test]
fn capabilities_are_found_where_the_list_leads() {
    assert_eq!(
        find_capability(&mut vf(), register::CAPABILITY_MSI_X),
        Some(MSI_X)
    );
    assert_eq!(
        find_capability(&mut vf(), register::CAPABILITY_PCI_EXPRESS),
        Some(EXPRESS)
    );
    assert_eq!(find_capability(&mut vf(), register::CAPABILITY_MSI), None);
}

#[test]
fn a_list_that_leads_into_the_header_in_a_circle_or_nowhere_ends_the_search() {
    for next in [0x04, 0x3C, 0xA0, 0xFC] {
        let mut broken = vf();
        broken.put(MSI_X + 1, &[next]);
        assert_eq!(
            find_capability(&mut broken, register::CAPABILITY_MSI),
            None,
            "{next:#x}"
        );
    }
    let mut absent = Registers::zeroed();
    absent.put(0, &[0xFF; 256]);
    assert_eq!(find_capability(&mut absent, register::CAPABILITY_MSI), None);
}

#[test]
fn ranges_are_inside_the_4096_bytes_or_refused() {
    for (offset, length) in [(0, 1), (0, 4096), (4095, 1), (4092, 4)] {
        assert_eq!(check_range(offset, length), Ok(()), "{offset} {length}");
    }
    for (offset, length) in [
        (0, 0),
        (0, 4097),
        (4096, 1),
        (4095, 2),
        (u32::MAX, 1),
        (1, u32::MAX),
        (4096, 0),
    ] {
        assert_eq!(
            check_range(offset, length),
            Err(status::INVALID_PARAMETER),
            "{offset} {length}"
        );
    }
}

#[test]
fn the_identity_lies_over_the_first_four_bytes_and_nothing_else() {
    let identity = Identity {
        vendor_id: 0x1414,
        device_id: 0xB002,
    };
    let known = [0x14, 0x14, 0x02, 0xB0];
    for offset in 0..6_u32 {
        for length in 1..8_usize {
            let mut bytes = vec![0xEE; length];
            identity.overlay(offset, &mut bytes);
            for (at, byte) in bytes.iter().enumerate() {
                let place = at + usize::try_from(offset).expect("small");
                assert_eq!(*byte, *known.get(place).unwrap_or(&0xEE), "{offset}+{at}");
            }
        }
    }
    let mut far = [0xEE];
    identity.overlay(u32::MAX, &mut far);
    assert_eq!(far, [0xEE]);
}
