//! CRC-32/ISO-HDLC, the CRC of Ethernet, PKZIP and PNG, for tables and for checksum fields.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// The bytes of one step. Slice-by-16 tables: 16 KiB of constants buy about eight times the speed of
/// one table at the lengths of blocks.
#[cfg(not(feature = "small-crc"))]
const STEP: usize = 16;

/// One byte at a time: 1 KiB of constants.
#[cfg(feature = "small-crc")]
const STEP: usize = 1;

static CRC32: Crc<u32, Table<STEP>> = Crc::<u32, Table<STEP>>::new(&CRC_32_ISO_HDLC);

/// Initial values that `n` leading zeros turn into the catalogued one, as element `n`.
///
/// They pad every input in front to a whole number of steps. The crate's own loop processes a
/// remainder byte by byte, which is slow, and checks bounds, which could panic.
static BEFORE_ZEROS: [u32; STEP] = before_zeros();

/// The CRC-32/ISO-HDLC of `bytes`, the CRC of Ethernet, PKZIP and PNG. Tables and checksum fields
/// use it.
///
/// ```
/// assert_eq!(block_table::crc32(b"123456789"), 0xCBF4_3926);
/// ```
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let (head, steps) = bytes.as_rchunks::<STEP>();
    let mut first = [0; STEP];
    for (byte, head) in first.iter_mut().rev().zip(head.iter().rev()) {
        *byte = *head;
    }
    let zeros = STEP - head.len();
    let mut digest = match BEFORE_ZEROS.get(zeros) {
        Some(initial) => {
            let mut digest = CRC32.digest_with_initial(*initial);
            digest.update(&first);
            digest
        }
        // The whole step would be zeros: there is no head.
        None => CRC32.digest(),
    };
    for step in steps {
        digest.update(step);
    }
    digest.finalize()
}

/// Runs the shift register backwards over zeros, from the catalogued initial value.
const fn before_zeros() -> [u32; STEP] {
    let mut initials = [0; STEP];
    // The register of a reflected CRC holds its value with the bits in reverse, and so does the
    // polynomial.
    let polynomial = CRC_32_ISO_HDLC.poly.reverse_bits();
    let mut register = CRC_32_ISO_HDLC.init.reverse_bits();
    let mut zeros = 0;
    while zeros < STEP {
        initials[zeros] = register.reverse_bits();
        let mut bit = 0;
        while bit < 8 {
            // The highest bit says whether the step that is undone added the polynomial.
            register = if register >> 31 == 1 {
                (register ^ polynomial) << 1 | 1
            } else {
                register << 1
            };
            bit += 1;
        }
        zeros += 1;
    }
    initials
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogued_check_value_comes_out() {
        assert_eq!(crc32(b"123456789"), CRC_32_ISO_HDLC.check);
    }

    #[test]
    fn every_length_gives_what_the_crate_gives() {
        let bytes: Vec<u8> = (0..200u8)
            .map(|index| index.wrapping_mul(59).wrapping_add(3))
            .collect();
        for length in 0..=bytes.len() {
            assert_eq!(
                crc32(&bytes[..length]),
                CRC32.checksum(&bytes[..length]),
                "{length} bytes"
            );
        }
    }
}
