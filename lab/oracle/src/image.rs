//! Images that say who wrote them.

/// Bytes of the shortest image: the writer and its number.
const HEADER: usize = 5;

/// Who wrote an image: the writer, and the number of its write, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The writer.
    pub writer: u8,
    /// Which of its writes it is.
    pub number: u32,
}

/// What an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nobody has written it: every byte is zero.
    Blank,
    /// It is whole.
    Of(Mark),
    /// It is of several writes, or of none.
    Mixed,
}

/// Fills an image of at least five bytes.
pub fn fill(bytes: &mut [u8], mark: Mark) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = expected(mark, index);
    }
}

/// The byte at a place. The first is not zero, so that no image is blank.
fn expected(Mark { writer, number }: Mark, index: usize) -> u8 {
    match index {
        0 => writer.wrapping_add(1),
        1..HEADER => number.to_le_bytes()[index - 1],
        _ => {
            // The finaliser of SplitMix64, so that neighbours have nothing in common.
            let mut mixed = u64::from(writer) << 48
                | u64::from(number) << 8
                | index as u64 & u64::from(u8::MAX);
            mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed ^ mixed >> 27).to_le_bytes()[5]
        }
    }
}

/// What an image is.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Content {
    if bytes.iter().all(|&byte| byte == 0) {
        return Content::Blank;
    }
    let Some((&[first, a, b, c, d], _)) = bytes.split_first_chunk::<HEADER>() else {
        return Content::Mixed;
    };
    let mark = Mark {
        writer: first.wrapping_sub(1),
        number: u32::from_le_bytes([a, b, c, d]),
    };
    let whole = bytes
        .iter()
        .enumerate()
        .all(|(index, &byte)| byte == expected(mark, index));
    if whole {
        Content::Of(mark)
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
    use super::{Content, Mark, crc32, fill, recognise};

    fn image(writer: u8, number: u32) -> [u8; 64] {
        let mut bytes = [0; 64];
        fill(&mut bytes, Mark { writer, number });
        bytes
    }

    #[test]
    fn an_image_names_its_writer() {
        let mark = Mark {
            writer: 2,
            number: 70_000,
        };
        assert_eq!(recognise(&image(2, 70_000)), Content::Of(mark));
        assert_eq!(recognise(&[0; 64]), Content::Blank);
    }

    #[test]
    fn a_mix_of_two_images_is_recognised_wherever_it_is_cut() {
        let (old, new) = (image(1, 41), image(1, 42));
        for cut in 1..64 {
            let mut mix = old;
            mix[..cut].copy_from_slice(&new[..cut]);
            if mix != new && mix != old {
                assert_eq!(recognise(&mix), Content::Mixed, "cut at {cut}");
            }
        }
        let mut wiped = old;
        wiped[32..].fill(0);
        assert_eq!(recognise(&wiped), Content::Mixed);
    }

    #[test]
    fn the_checksum_is_that_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
