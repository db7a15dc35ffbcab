//! Images whose every byte depends on the write that they come from.

/// Bytes of the shortest image: the writer and its number.
const HEADER: usize = 5;

/// The write that an image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteId {
    /// The writer's number, from 0.
    pub writer: u8,
    /// The number of the write, from 1.
    pub number: u32,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Every byte is zero: no write since the last reset.
    Blank,
    /// The whole image of one write.
    Whole(WriteId),
    /// Parts of several writes, or of none.
    Mixed,
}

/// Fills `bytes`, at least five, with the image of a write.
pub fn fill(bytes: &mut [u8], id: WriteId) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = expected(id, index);
    }
}

/// The byte at an index. The first is not zero, so that no image is blank.
fn expected(WriteId { writer, number }: WriteId, index: usize) -> u8 {
    match index {
        0 => writer.wrapping_add(1),
        1..HEADER => number.to_le_bytes()[index - 1],
        _ => {
            // The finalizer of SplitMix64: bytes of neighboring writes and indexes are unrelated.
            let mut mixed = u64::from(writer) << 48
                | u64::from(number) << 8
                | index as u64 & u64::from(u8::MAX);
            mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed ^ mixed >> 27).to_le_bytes()[5]
        }
    }
}

/// Finds the write that a block's bytes come from.
#[must_use]
pub fn identify(bytes: &[u8]) -> Content {
    if bytes.iter().all(|&byte| byte == 0) {
        return Content::Blank;
    }
    let Some((&[first, a, b, c, d], _)) = bytes.split_first_chunk::<HEADER>() else {
        return Content::Mixed;
    };
    let id = WriteId {
        writer: first.wrapping_sub(1),
        number: u32::from_le_bytes([a, b, c, d]),
    };
    let whole = bytes
        .iter()
        .enumerate()
        .all(|(index, &byte)| byte == expected(id, index));
    if whole {
        Content::Whole(id)
    } else {
        Content::Mixed
    }
}

/// CRC-32 (ISO-HDLC), as the manifest's `crc32` computes it.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low != 0 {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::{Content, WriteId, crc32, fill, identify};

    fn image(writer: u8, number: u32) -> [u8; 64] {
        let mut bytes = [0; 64];
        fill(&mut bytes, WriteId { writer, number });
        bytes
    }

    #[test]
    fn an_image_identifies_its_write() {
        let id = WriteId {
            writer: 2,
            number: 70_000,
        };
        assert_eq!(identify(&image(2, 70_000)), Content::Whole(id));
        assert_eq!(identify(&[0; 64]), Content::Blank);
    }

    #[test]
    fn a_mix_of_two_images_is_found_wherever_they_are_cut() {
        let (old, new) = (image(1, 41), image(1, 42));
        for cut in 1..64 {
            let mut mix = old;
            mix[..cut].copy_from_slice(&new[..cut]);
            if mix != new && mix != old {
                assert_eq!(identify(&mix), Content::Mixed, "cut at {cut}");
            }
        }
        let mut wiped = old;
        wiped[32..].fill(0);
        assert_eq!(identify(&wiped), Content::Mixed);
    }

    #[test]
    fn the_checksum_is_that_of_the_catalog() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
