//! The checksum in an image's header, which Windows verifies for kernel images.

use std::ops::Range;

use object::read::pe::PeFile64;

/// Where the header's checksum lies in the file, in bytes.
pub(super) fn place(file: &PeFile64) -> Range<usize> {
    const SIGNATURE_AND_FILE_HEADER: usize = 24;
    const CHECKSUM_IN_OPTIONAL_HEADER: usize = 64;
    let headers = usize::try_from(file.dos_header().nt_headers_offset()).unwrap_or(usize::MAX / 2);
    let start = headers + SIGNATURE_AND_FILE_HEADER + CHECKSUM_IN_OPTIONAL_HEADER;
    start..start + 4
}

/// The checksum of a PE file: the ones' complement sum of its 16-bit words without the one that is
/// stored at `place`, plus its length ("PE Format", Optional Header, `CheckSum`).
pub(super) fn of(image: &[u8], place: &Range<usize>) -> u32 {
    let mut sum = 0_u32;
    for (index, pair) in image.chunks(2).enumerate() {
        if place.contains(&(2 * index)) {
            continue;
        }
        let word = u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        sum += u32::from(word);
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum.wrapping_add(u32::try_from(image.len()).unwrap_or(u32::MAX))
}
