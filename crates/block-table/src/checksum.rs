//! CRC-32/ISO-HDLC, the CRC of Ethernet, PKZIP and PNG, for tables and for checksum fields.

#[cfg(any(test, feature = "small-crc"))]
mod by_four;
#[cfg(not(feature = "small-crc"))]
mod by_sixteen;
mod digest;

#[cfg(feature = "small-crc")]
use by_four::ByFour as Steps;
#[cfg(not(feature = "small-crc"))]
use by_sixteen::BySixteen as Steps;
use crc::CRC_32_ISO_HDLC;
use digest::Digest;

/// The most bytes of one step.
const LONGEST_STEP: usize = 16;

/// Initial values that `n` leading zeros turn into the catalogued one, as element `n`.
///
/// They pad every input in front to a whole number of steps. A remainder would be processed byte by
/// byte, which is slow, and in the crate's own loop checks bounds, which could panic.
static BEFORE_ZEROS: [u32; LONGEST_STEP] = before_zeros();

/// The CRC-32/ISO-HDLC of `bytes`, the CRC of Ethernet, PKZIP and PNG. Tables and checksum fields
/// use it.
///
/// ```
/// assert_eq!(block_table::crc32(b"123456789"), 0xCBF4_3926);
/// ```
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    in_steps::<Steps, _>(bytes)
}

#[inline]
fn in_steps<D: Digest<STEP>, const STEP: usize>(bytes: &[u8]) -> u32 {
    let (head, steps) = bytes.as_rchunks::<STEP>();
    let mut first = [0; STEP];
    for (byte, head) in first.iter_mut().rev().zip(head.iter().rev()) {
        *byte = *head;
    }
    let zeros = STEP - head.len();
    let mut digest = match BEFORE_ZEROS.get(zeros) {
        // Otherwise the whole step would be zeros: there is no head.
        Some(initial) if zeros < STEP => {
            let mut digest = D::begin(*initial);
            digest.add(&first);
            digest
        }
        _ => D::begin(CRC_32_ISO_HDLC.init),
    };
    for step in steps {
        digest.add(step);
    }
    digest.end()
}

/// Runs the shift register backwards over zeros, from the catalogued initial value.
const fn before_zeros() -> [u32; LONGEST_STEP] {
    let mut initials = [0; LONGEST_STEP];
    // The register of a reflected CRC holds its value with the bits in reverse, and so does the
    // polynomial.
    let polynomial = CRC_32_ISO_HDLC.poly.reverse_bits();
    let mut register = CRC_32_ISO_HDLC.init.reverse_bits();
    let mut zeros = 0;
    while zeros < LONGEST_STEP {
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
    use crc::{CRC_32_ISO_HDLC, Crc};

    use super::by_four::ByFour;
    use super::{crc32, in_steps};

    #[test]
    fn the_catalogued_check_value_comes_out() {
        assert_eq!(crc32(b"123456789"), CRC_32_ISO_HDLC.check);
    }

    #[test]
    fn every_length_gives_what_the_crate_gives() {
        let bytes: Vec<u8> = (0..200u8)
            .map(|index| index.wrapping_mul(59).wrapping_add(3))
            .collect();
        let crate_s = Crc::<u32>::new(&CRC_32_ISO_HDLC);
        for length in 0..=bytes.len() {
            let bytes = &bytes[..length];
            let expected = crate_s.checksum(bytes);
            assert_eq!(crc32(bytes), expected, "{length} bytes");
            assert_eq!(in_steps::<ByFour, _>(bytes), expected, "{length} bytes");
        }
    }
}
