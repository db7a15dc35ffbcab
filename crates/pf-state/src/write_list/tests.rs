//! Every byte of a VF's space written, with each layout of its MSI capability.

use super::*;
use crate::config::tests::{EXPRESS, MSI_X, Registers, vf};

/// Where [`Layout::vf`] has its MSI capability.
pub(crate) const MSI: u32 = 0xC0;

/// A VF's MSI capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) wide: bool,
    pub(crate) maskable: bool,
    /// Multiple Message Capable.
    pub(crate) capable: u16,
    pub(crate) msi_x: bool,
}

impl Layout {
    /// Every layout, and every number of vectors.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..64).map(|bits: u16| Self {
            wide: bits & 1 != 0,
            maskable: bits & 2 != 0,
            msi_x: bits & 4 != 0,
            capable: bits >> 3,
        })
    }

    /// A VF with this capability, in front of the others.
    pub(crate) fn vf(self) -> Registers {
        let mut vf = vf();
        let next = if self.msi_x { MSI_X } else { EXPRESS };
        vf.put(register::CAPABILITIES_POINTER, &MSI.to_le_bytes()[..1]);
        vf.put(MSI, &[register::CAPABILITY_MSI, next.to_le_bytes()[0]]);
        vf.put(MSI + 2, &self.control().to_le_bytes());
        vf
    }

    /// Message Control without what a driver sets.
    fn control(self) -> u16 {
        self.capable << 1 | u16::from(self.wide) << 7 | u16::from(self.maskable) << 8
    }

    /// The registers of this capability that a driver writes, with their bits, as section 7.7.1
    /// draws them.
    fn drawn(self) -> Vec<(u32, u32)> {
        let vectors = 1_u64 << self.capable.min(5);
        let vectors = u32::try_from((1_u64 << vectors) - 1).expect("at most 32 vectors");
        let mut drawn = vec![(MSI + 2, 0x71), (MSI + 4, 0xFFFF_FFFC)];
        let data = if self.wide {
            drawn.push((MSI + 8, 0xFFFF_FFFF));
            MSI + 0xC
        } else {
            MSI + 8
        };
        drawn.push((data, 0xFFFF));
        if self.maskable {
            drawn.push((data + 4, vectors));
        }
        drawn
    }

    /// Every bit that hardware may see of a VF: those of `drawn`, Command, and MSI-X. Status bits
    /// are cleared by writing one, so a one that is written there reaches hardware, too.
    fn open(self) -> Vec<u8> {
        let mut open = vec![0; 4096];
        let mut put = |at: u32, bits: u32| {
            for (place, byte) in (at as usize..).zip(bits.to_le_bytes()) {
                open[place] |= byte;
            }
        };
        put(0x04, 0x0004 | 0xF900 << 16);
        put(EXPRESS + 0x0A, 0x000F);
        if self.msi_x {
            put(MSI_X + 2, 0xC000);
        }
        for (at, bits) in self.drawn() {
            put(at, bits);
        }
        open
    }
}

fn list(vf: &mut Registers) -> WriteList {
    WriteList::find(vf).expect("the VF answers")
}

const WIDE: Layout = Layout {
    wide: true,
    maskable: true,
    capable: 3,
    msi_x: true,
};

#[test]
fn of_all_4096_bytes_only_the_bits_of_the_list_reach_hardware() {
    // One vector, and all 32.
    for layout in Layout::all().filter(|layout| matches!(layout.capable, 0 | 5)) {
        let mut fresh = layout.vf();
        let list = list(&mut fresh);
        let open = layout.open();
        for offset in 0..register::SPACE_SIZE {
            let mut space = fresh.clone();
            let written = list.write(&mut space, offset, &[0xFF]);
            let asks = if offset == EXPRESS + 9 {
                Written::Reset
            } else {
                Written::Done
            };
            assert_eq!(written, Ok(asks), "{layout:?} {offset:#x}");
            let mut expected = *fresh.bytes();
            // The bus gets the errors to clear from the caller, and none that the register holds.
            if matches!(offset, 0x06 | 0x07 | 0x6A | 0x6B) {
                let register = offset as usize & !1;
                expected[register..register + 2].fill(0);
            }
            let bits = open[offset as usize];
            let held = &mut expected[offset as usize];
            *held |= bits;
            if offset == MSI + 2 {
                *held = *held & !0x70 | layout.capable.min(5).to_le_bytes()[0] << 4;
            }
            assert!(space.bytes() == &expected, "{layout:?} {offset:#x}");
        }
    }
}

#[test]
fn a_write_to_read_only_registers_succeeds_and_reaches_nothing() {
    let mut space = WIDE.vf();
    let list = list(&mut space);
    let before = space.clone();
    for (offset, bytes) in [
        // Identifiers, class code, base addresses, the capability's own header, the pending bits.
        (0, &[0xFF; 4][..]),
        (8, &[0xFF; 4]),
        (0x10, &[0xFF; 24]),
        (MSI, &[0xFF; 2]),
        (MSI + 0x14, &[0xFF; 4]),
        (0x100, &[0xFF; 64]),
        (0xFFF, &[0xFF]),
    ] {
        assert_eq!(list.write(&mut space, offset, bytes), Ok(Written::Done));
    }
    assert!(space.writes.is_empty());
    assert!(space.bytes() == before.bytes());
}

#[test]
fn the_rest_of_a_register_stays_as_hardware_holds_it() {
    let mut space = WIDE.vf();
    let list = list(&mut space);
    let write = |space: &mut Registers, offset, bytes: &[u8]| {
        assert_eq!(list.write(space, offset, bytes), Ok(Written::Done));
    };
    write(&mut space, register::COMMAND, &[0xFF, 0xFF]);
    assert_eq!(space.get_u16(4), 0x0004, "Bus Master Enable alone");
    write(&mut space, MSI_X + 2, &[0x00, 0xC0]);
    assert_eq!(space.get_u16(MSI_X + 2), 0xC007, "the size of the table");
    write(&mut space, MSI + 2, &[0x01, 0x00]);
    assert_eq!(space.get_u16(MSI + 2), 0x0187, "what the VF is capable of");
    write(&mut space, MSI + 4, &[0xFF; 4]);
    assert_eq!(space.get_u32(MSI + 4), 0xFFFF_FFFC, "the reserved bits");
    // Eight vectors have eight mask bits.
    write(&mut space, MSI + 0x10, &[0xFF; 4]);
    assert_eq!(space.get_u32(MSI + 0x10), 0x0000_00FF);
    // Single bytes.
    write(&mut space, MSI + 6, &[0xE0]);
    assert_eq!(space.get_u32(MSI + 4), 0xFFE0_FFFC);
    write(&mut space, MSI + 0xD, &[0x12, 0x34]);
    assert_eq!(space.get_u32(MSI + 0xC), 0x1200, "nothing behind the data");
}

#[test]
fn a_driver_programs_its_messages_in_one_write_or_in_many() {
    for layout in Layout::all() {
        let data = if layout.wide { 0xC } else { 8 };
        let mut message = vec![0; 24];
        message[2] = 0x01;
        message[4..8].copy_from_slice(&0xFEE0_1000_u32.to_le_bytes());
        if layout.wide {
            message[8..12].copy_from_slice(&0x12_u32.to_le_bytes());
        }
        message[data..data + 2].copy_from_slice(&0x4321_u16.to_le_bytes());
        message[data + 4..data + 8].copy_from_slice(&1_u32.to_le_bytes());
        let mut whole = layout.vf();
        let list = list(&mut whole);
        let mut pieces = whole.clone();
        assert_eq!(list.write(&mut whole, MSI, &message), Ok(Written::Done));
        for (offset, byte) in (MSI..).zip(&message) {
            assert_eq!(list.write(&mut pieces, offset, &[*byte]), Ok(Written::Done));
        }
        for space in [&whole, &pieces] {
            assert_eq!(space.get_u16(MSI + 2), layout.control() | 1);
            assert_eq!(space.get_u32(MSI + 4), 0xFEE0_1000);
            if layout.wide {
                assert_eq!(space.get_u32(MSI + 8), 0x12);
            }
            let data = MSI + u32::try_from(data).expect("small");
            assert_eq!(space.get_u32(data), 0x4321, "{layout:?}");
            let masked = u32::from(layout.maskable);
            assert_eq!(space.get_u32(data + 4), masked, "{layout:?}");
        }
        let enabled = whole.writes.last().expect("something was written");
        assert_eq!(enabled.0, MSI + 2, "enabled when all is there");
    }
}

#[test]
fn no_more_messages_are_enabled_than_the_vf_is_capable_of() {
    for layout in Layout::all() {
        let mut fresh = layout.vf();
        let list = list(&mut fresh);
        // 6 and 7 are reserved in both fields.
        let most = layout.capable.min(5);
        for enabled in 0..8_u16 {
            let mut space = fresh.clone();
            let bytes = (enabled << 4).to_le_bytes();
            assert_eq!(list.write(&mut space, MSI + 2, &bytes), Ok(Written::Done));
            let held = space.get_u16(MSI + 2) >> 4 & 0b111;
            assert_eq!(held, enabled.min(most), "{layout:?}");
        }
    }
}

#[test]
fn a_write_clears_only_the_error_bits_that_it_sets() {
    let mut space = WIDE.vf();
    let list = list(&mut space);
    space.put(register::STATUS, &0xF910_u16.to_le_bytes());
    // The bus sees the ones of the caller and no others, though the register holds more.
    assert_eq!(
        list.write(&mut space, register::STATUS, &0x0100_u16.to_le_bytes()),
        Ok(Written::Done)
    );
    assert_eq!(space.get_u16(6), 0x0100);
}

#[test]
fn a_function_level_reset_is_asked_for_and_not_started() {
    let control = EXPRESS + register::EXPRESS_DEVICE_CONTROL;
    let mut fresh = WIDE.vf();
    let list = list(&mut fresh);
    for (offset, bytes) in [
        (control, &[0x00, 0x80][..]),
        (control + 1, &[0x80]),
        (control, &[0xFF; 2]),
        (control - 4, &[0, 0, 0, 0, 0, 0x80, 0, 0]),
    ] {
        let mut space = fresh.clone();
        assert_eq!(list.write(&mut space, offset, bytes), Ok(Written::Reset));
        assert_eq!(space.get_u16(control), 0, "hardware is not told");
    }
    for (offset, bytes) in [(control, &[0xFF, 0x7F][..]), (control, &[0x80])] {
        let mut space = fresh.clone();
        assert_eq!(list.write(&mut space, offset, bytes), Ok(Written::Done));
        assert!(space.writes.is_empty(), "the other bits are reserved");
    }
    // The rest of the access does what it does without it: here it clears an error.
    let mut space = fresh.clone();
    space.put(control + 2, &[0x0F, 0]);
    assert_eq!(
        list.write(&mut space, control, &[0, 0x80, 0x01, 0]),
        Ok(Written::Reset)
    );
    assert_eq!(space.writes, [(control + 2, vec![0x01, 0])]);
}

#[test]
fn a_vf_that_cannot_be_reset_by_itself_ignores_the_request() {
    let mut space = WIDE.vf();
    let capabilities = EXPRESS + register::EXPRESS_DEVICE_CAPABILITIES;
    space.put(capabilities, &[0; 4]);
    let list = list(&mut space);
    let control = EXPRESS + register::EXPRESS_DEVICE_CONTROL;
    assert_eq!(
        list.write(&mut space, control, &[0, 0x80]),
        Ok(Written::Done)
    );
}

#[test]
fn an_empty_range_and_one_that_leaves_the_space_are_refused_before_anything_is_written() {
    let mut space = WIDE.vf();
    let list = list(&mut space);
    for (offset, bytes) in [(4, &[][..]), (4095, &[0xFF; 2]), (4096, &[0xFF])] {
        assert_eq!(
            list.write(&mut space, offset, bytes),
            Err(status::INVALID_PARAMETER)
        );
    }
    assert!(space.writes.is_empty());
}

#[test]
fn both_registers_of_a_wide_write_are_written_and_a_failing_bus_is_told() {
    let mut fresh = vf();
    let list = list(&mut fresh);
    let mut space = fresh.clone();
    assert_eq!(
        list.write(&mut space, register::COMMAND, &[0x04, 0x00, 0x00, 0xF9]),
        Ok(Written::Done)
    );
    assert_eq!(space.writes.len(), 2);
    for accesses in 0..4 {
        let mut failing = fresh.clone();
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
