//! Block images and how integers are read from them.

use crate::MAX_BLOCK_LENGTH;
use crate::format::{KEY_LENGTH, KeyRecord, operand};

/// The bytes of one block; bytes after its length are zero.
pub type Image = [u8; MAX_BLOCK_LENGTH];

/// An image of zeros.
pub(crate) static ZERO: Image = [0; MAX_BLOCK_LENGTH];

/// The start of the eight bytes that contain an integer at `offset`: `offset`, or the last possible
/// start.
pub(crate) const LAST_START: u8 = 120;

/// Reads the integer of shape `operand` at `offset`.
///
/// It reads eight bytes and extracts the integer, without a branch on its width. The verifier has
/// shown that the integer lies inside the image; a wrong offset would only read other bytes of the
/// image.
#[inline]
pub(crate) fn load(image: &Image, offset: u8, shape: u8) -> u64 {
    let (start, shift) = place(offset, shape);
    let unused = unused_bits(shape);
    (extract(image, start, shape, shift) << unused) >> unused
}

/// Reads eight bytes from `start` on, in the byte order of `shape`, and shifts them right by
/// `shift`.
#[inline]
pub(crate) fn extract(image: &Image, start: u8, shape: u8, shift: u8) -> u64 {
    let start = usize::from(start);
    let Some(bytes) = image
        .get(start..)
        .and_then(|bytes| bytes.first_chunk::<8>())
    else {
        return 0;
    };
    let value = u64::from_le_bytes(*bytes);
    let value = if shape & operand::BIG_ENDIAN == 0 {
        value
    } else {
        value.swap_bytes()
    };
    value >> (shift & 63)
}

/// Whether the image matches the key of a layout.
#[inline]
pub(crate) fn has(image: &Image, key: &KeyRecord) -> bool {
    image
        .get(usize::from(key.start)..)
        .and_then(|bytes| bytes.first_chunk::<KEY_LENGTH>())
        .is_some_and(|bytes| u128::from_le_bytes(*bytes) & key.mask.get() == key.value.get())
}

/// The start of the eight bytes that contain the integer of shape `operand` at `offset`, and the
/// right shift that moves its lowest bit to bit 0.
#[inline]
pub(crate) const fn place(offset: u8, shape: u8) -> (u8, u8) {
    let start = if offset < LAST_START {
        offset
    } else {
        LAST_START
    };
    let before = 8 * (offset - start);
    if shape & operand::BIG_ENDIAN == 0 {
        return (start, before);
    }
    // The verifier has shown that the integer ends within the eight bytes; wrapping makes a wrong
    // one harmless.
    (start, (64 - 8 * operand::width(shape)).wrapping_sub(before))
}

/// The bits of a 64-bit value that an integer of shape `operand` does not have: 56, 48, 32 or 0.
#[inline]
pub(crate) const fn unused_bits(shape: u8) -> u32 {
    64 - 8 * operand::width(shape) as u32
}

/// Takes the bytes of `new` where `mask` is `0xFF`, and those of `old` elsewhere.
#[inline]
pub(crate) fn merge(new: &Image, old: &Image, mask: &Image) -> Image {
    let mut merged = *old;
    for (((merged, new), old), mask) in merged.iter_mut().zip(new).zip(old).zip(mask) {
        *merged = (new & mask) | (old & !mask);
    }
    merged
}

/// The first byte of `image` with a bit that `mask` has too.
#[inline]
pub(crate) fn first_common_bit(image: &Image, mask: &Image) -> Option<u8> {
    let found = image
        .iter()
        .zip(mask)
        .fold(0, |found, (byte, mask)| found | (byte & mask));
    if found == 0 {
        return None;
    }
    (0u8..)
        .zip(image.iter().zip(mask))
        .find(|(_, (byte, mask))| *byte & *mask != 0)
        .map(|(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_and_order_are_read_at_every_offset() {
        let mut image = ZERO;
        for (index, byte) in (0u8..).zip(&mut image) {
            *byte = index.wrapping_mul(37).wrapping_add(11);
        }
        for width_log in 0..4u8 {
            let width = 1usize << width_log;
            for offset in 0..=MAX_BLOCK_LENGTH - width {
                let bytes = &image[offset..offset + width];
                let big = bytes
                    .iter()
                    .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                let little = bytes
                    .iter()
                    .rev()
                    .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                let offset = u8::try_from(offset).unwrap();
                assert_eq!(load(&image, offset, width_log), little);
                assert_eq!(load(&image, offset, width_log | operand::BIG_ENDIAN), big);
            }
        }
    }

    #[test]
    fn a_merge_takes_masked_bytes_from_the_new_image_only() {
        let mut mask = ZERO;
        mask[3] = 0xFF;
        mask[127] = 0xFF;
        let merged = merge(&[1; 128], &[2; 128], &mask);
        for (index, byte) in merged.iter().enumerate() {
            assert_eq!(
                *byte,
                if index == 3 || index == 127 { 1 } else { 2 },
                "byte {index}"
            );
        }
    }

    #[test]
    fn the_first_reserved_byte_is_named() {
        let mut mask = ZERO;
        mask[5] = 0x80;
        mask[90] = 0x01;
        assert_eq!(first_common_bit(&[0x7E; 128], &mask), None);
        assert_eq!(first_common_bit(&[0x7F; 128], &mask), Some(90));
        assert_eq!(first_common_bit(&[0xFF; 128], &mask), Some(5));
    }
}
