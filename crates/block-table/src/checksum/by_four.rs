//! A CRC in steps of four bytes, with a table for each byte of a step: 4 KiB of constants.

use crc::CRC_32_ISO_HDLC;

use super::digest::Digest;

/// The bytes of a step.
const STEP: usize = 4;

/// What each value of a byte adds to the register by the end of a step, for the first byte of the
/// step first.
static TABLES: [[u32; 256]; STEP] = tables();

/// The register of a CRC in the making. As the CRC is a reflected one, it holds its value with the
/// bits in reverse.
pub(super) struct ByFour(u32);

impl Digest<STEP> for ByFour {
    #[inline]
    fn begin(initial: u32) -> Self {
        Self(initial.reverse_bits())
    }

    #[inline]
    fn add(&mut self, step: &[u8; STEP]) {
        let [first, second, third, fourth] = (u32::from_le_bytes(*step) ^ self.0).to_le_bytes();
        let [of_first, of_second, of_third, of_fourth] = &TABLES;
        // No loop, which would take as long again where the compiler does not unroll it.
        self.0 = of_first[usize::from(first)]
            ^ of_second[usize::from(second)]
            ^ of_third[usize::from(third)]
            ^ of_fourth[usize::from(fourth)];
    }

    #[inline]
    fn end(self) -> u32 {
        self.0 ^ CRC_32_ISO_HDLC.xorout
    }
}

const fn tables() -> [[u32; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut value = 0;
    while value < 256 {
        let mut register = value;
        // From the last byte of a step to the first: one more byte follows each.
        let mut place = STEP;
        while place > 0 {
            place -= 1;
            register = after_a_byte(register);
            tables[place][value as usize] = register;
        }
        value += 1;
    }
    tables
}

/// The register eight bits later.
const fn after_a_byte(mut register: u32) -> u32 {
    let polynomial = CRC_32_ISO_HDLC.poly.reverse_bits();
    let mut bit = 0;
    while bit < 8 {
        register = if register & 1 == 1 {
            register >> 1 ^ polynomial
        } else {
            register >> 1
        };
        bit += 1;
    }
    register
}
