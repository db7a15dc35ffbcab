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

/// The words of an image. Work on whole words is fast also where the compiler, asked for small code,
/// does not turn loops over bytes into vector instructions.
#[inline]
fn words(image: &Image) -> impl Iterator<Item = u64> {
    let (words, _) = image.as_chunks();
    words.iter().map(|word| u64::from_ne_bytes(*word))
}

/// Sets the words of an image, the first one first.
#[inline]
fn set_words(image: &mut Image, values: impl Iterator<Item = u64>) {
    let (words, _) = image.as_chunks_mut();
    for (word, value) in words.iter_mut().zip(values) {
        *word = value.to_ne_bytes();
    }
}

/// Takes the bytes of `new` where `mask` is `0xFF`, and those of `old` elsewhere.
#[inline(never)]
pub(crate) fn merge(new: &Image, old: &Image, mask: &Image) -> Image {
    let mut merged = ZERO;
    let both = words(new).zip(words(old)).zip(words(mask));
    let taken = both.map(|((new, old), mask)| (new & mask) | (old & !mask));
    set_words(&mut merged, taken);
    merged
}

/// Copies the first `length` bytes of `from` to `to`, and sets all others of `to` to zero.
#[inline]
pub fn copy_prefix(from: &Image, length: usize, to: &mut Image) {
    if length >= MAX_BLOCK_LENGTH {
        *to = *from;
        return;
    }
    let both = words(from).zip(words(mask(length)));
    set_words(to, both.map(|(from, mask)| from & mask));
}

/// `0xFF` for each of the first `length` bytes, zero for the others.
#[inline]
fn mask(length: usize) -> &'static Image {
    static ONES_THEN_ZEROS: [u8; 2 * MAX_BLOCK_LENGTH] = {
        let mut bytes = [0; 2 * MAX_BLOCK_LENGTH];
        let mut index = 0;
        while index < MAX_BLOCK_LENGTH {
            bytes[index] = 0xFF;
            index += 1;
        }
        bytes
    };
    let start = MAX_BLOCK_LENGTH.saturating_sub(length);
    ONES_THEN_ZEROS
        .get(start..)
        .and_then(<[u8]>::first_chunk)
        .unwrap_or(&ZERO)
}

/// The first byte of `image` with a bit that `mask` has too.
#[inline]
pub(crate) fn first_common_bit(image: &Image, mask: &Image) -> Option<u8> {
    let both = words(image).zip(words(mask));
    let found = both.fold(0, |found, (image, mask)| found | (image & mask));
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
    fn a_prefix_of_every_length_is_copied_and_zeros_follow() {
        let image = core::array::from_fn(|index| u8::try_from(index + 1).unwrap());
        for length in 0..=MAX_BLOCK_LENGTH + 1 {
            let mut copy = [0xAA; MAX_BLOCK_LENGTH];
            copy_prefix(&image, length, &mut copy);
            let length = length.min(MAX_BLOCK_LENGTH);
            assert_eq!(copy[..length], image[..length]);
            assert!(copy[length..].iter().all(|byte| *byte == 0));
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
