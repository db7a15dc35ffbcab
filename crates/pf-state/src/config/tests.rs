//! Walks over sound and broken capability lists, and every single byte of a VF's space written.

use super::*;

/// A configuration space in memory, which can be made to fail.
#[derive(Clone)]
pub(crate) struct Registers {
    bytes: [u8; 4096],
    /// The number of accesses that still succeed.
    pub(crate) fail_after: Option<u32>,
    /// The writes that succeeded.
    pub(crate) writes: u32,
}

impl Registers {
    pub(crate) const fn zeroed() -> Self {
        Self {
            bytes: [0; 4096],
            fail_after: None,
            writes: 0,
        }
    }

    fn place(offset: u32) -> usize {
        usize::try_from(offset).expect("a configuration space is small")
    }

    pub(crate) fn put(&mut self, offset: u32, bytes: &[u8]) {
        self.bytes[Self::place(offset)..][..bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn get(&self, offset: u32) -> u8 {
        self.bytes[Self::place(offset)]
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
        self.writes += 1;
        true
    }
}

/// Where [`vf`] has its PCI Express capability.
pub(crate) const EXPRESS: u32 = 0x60;
const MSI_X: u32 = 0xA0;

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

#[test]
fn of_all_4096_bytes_only_those_of_four_registers_can_be_written() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let mut open = Vec::new();
    for offset in 0..register::SPACE_SIZE {
        let mut space = vf();
        let before = space.bytes;
        match list.write(&mut space, offset, &[0xFF]) {
            Ok(()) => open.push(offset),
            Err(failure) => {
                assert_eq!(failure, status::ACCESS_DENIED);
                assert!(space.bytes == before, "a refused write changes nothing");
            }
        }
    }
    let device_status = EXPRESS + register::EXPRESS_DEVICE_STATUS;
    assert_eq!(
        open,
        [
            4,
            5,
            6,
            7,
            device_status,
            device_status + 1,
            MSI_X + 2,
            MSI_X + 3
        ]
    );
}

#[test]
fn only_the_listed_bits_reach_hardware() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let mut space = vf();
    list.write(&mut space, register::COMMAND, &[0xFF, 0xFF])
        .expect("listed");
    assert_eq!(
        (space.get(4), space.get(5)),
        (0x04, 0),
        "Bus Master Enable alone"
    );
    list.write(&mut space, MSI_X + 2, &[0x00, 0xC0])
        .expect("listed");
    assert_eq!(
        (space.get(MSI_X + 2), space.get(MSI_X + 3)),
        (0x07, 0xC0),
        "the table size stays as hardware holds it"
    );
}

#[test]
fn a_write_clears_only_the_error_bits_that_it_sets() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let mut space = vf();
    space.put(register::STATUS, &0xF910_u16.to_le_bytes());
    // The bus sees the ones of the caller and no others, though the register holds more.
    list.write(&mut space, register::STATUS, &0x0100_u16.to_le_bytes())
        .expect("listed");
    assert_eq!((space.get(6), space.get(7)), (0x00, 0x01));
}

#[test]
fn a_write_that_is_partly_outside_of_the_list_does_nothing() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let mut space = vf();
    assert_eq!(
        list.write(&mut space, 2, &[0; 4]),
        Err(status::ACCESS_DENIED)
    );
    assert_eq!(
        list.write(&mut space, 6, &[0; 4]),
        Err(status::ACCESS_DENIED)
    );
    assert_eq!(
        list.write(&mut space, 4, &[]),
        Err(status::INVALID_PARAMETER)
    );
    assert_eq!(space.writes, 0);
}

#[test]
fn a_function_level_reset_cannot_be_started_by_a_configuration_write() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let control = EXPRESS + register::EXPRESS_DEVICE_CONTROL;
    assert_eq!(
        list.write(&mut vf(), control, &[0x00, 0x80]),
        Err(status::ACCESS_DENIED)
    );
    assert_eq!(
        list.write(&mut vf(), control, &[0, 0x80, 0, 0]),
        Err(status::ACCESS_DENIED)
    );
}

#[test]
fn both_registers_of_a_wide_write_are_written_and_a_failing_bus_is_told() {
    let list = WriteList::find(&mut vf()).expect("the VF answers");
    let mut space = vf();
    list.write(&mut space, register::COMMAND, &[0x04, 0x00, 0x00, 0xF9])
        .expect("listed");
    assert_eq!(space.writes, 2);
    for accesses in 0..4 {
        let mut failing = vf();
        failing.fail_after = Some(accesses);
        assert_eq!(
            list.write(&mut failing, register::COMMAND, &[0x04, 0x00, 0x00, 0xF9]),
            Err(status::IO_DEVICE_ERROR)
        );
    }
}

#[test]
fn a_vf_that_shows_no_pci_express_capability_does_not_answer() {
    let mut bare = vf();
    bare.put(register::STATUS, &[0, 0]);
    assert_eq!(WriteList::find(&mut bare), None);
    let mut absent = Registers::zeroed();
    absent.put(0, &[0xFF; 256]);
    assert_eq!(WriteList::find(&mut absent), None);
}
