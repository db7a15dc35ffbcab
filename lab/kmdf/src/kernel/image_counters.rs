//! Coverage counters of a driver's image, written to a file when the driver unbinds.
//!
//! `cargo xtask coverage` builds such images; others have no counters, and nothing is written.

use alloc::vec::Vec;

use kernel_runtime::log;

/// The file; each driver's counters are appended.
const PATH: &str = "\\??\\C:\\windows\\wdf-double-counters.bin";
/// The section of LLVM's counters.
const COUNTERS: [u8; 8] = *b".lprfc\0\0";

/// Writes the counters of the image at `image`, if it has any.
///
/// # Safety
/// A 64-bit PE image is loaded there.
pub(crate) unsafe fn write_counters(image: *const u8) {
    // SAFETY: the caller guarantees it.
    let Some((start, size)) = (unsafe { counters(image) }) else {
        return;
    };
    let bytes: Vec<u8> = (start..start + size)
        // SAFETY: inside a section of the image.
        .map(|at| unsafe { read(image, at) })
        .collect();
    log::append(PATH, &bytes);
}

/// Offset and size in bytes of the image's section of counters ("PE Format").
///
/// # Safety
/// A 64-bit PE image is loaded there.
unsafe fn counters(image: *const u8) -> Option<(usize, usize)> {
    const SECTION: usize = 40;
    // SAFETY: the DOS header ends with the offset of the PE header.
    let headers = unsafe { read::<u32>(image, 0x3C) } as usize;
    // SAFETY: the PE header has the number of sections here.
    let sections = unsafe { read::<u16>(image, headers + 6) };
    // SAFETY: the PE header has the size of the optional header here.
    let optional = unsafe { read::<u16>(image, headers + 20) };
    let table = headers + 24 + usize::from(optional);
    (0..usize::from(sections))
        .map(|index| table + index * SECTION)
        // SAFETY: an entry of the section table begins with the name.
        .find(|&entry| unsafe { read::<[u8; 8]>(image, entry) } == COUNTERS)
        .map(|entry| {
            // SAFETY: the entry has the size in memory here.
            let size = unsafe { read::<u32>(image, entry + 8) };
            // SAFETY: the entry has the offset in the image here.
            let start = unsafe { read::<u32>(image, entry + 12) };
            (start as usize, size as usize)
        })
}

/// Reads a value at an offset in bytes.
///
/// # Safety
/// The value lies in the image that is loaded at `image`.
unsafe fn read<T: Copy>(image: *const u8, at: usize) -> T {
    // SAFETY: the caller guarantees it.
    let place = unsafe { image.add(at) };
    // SAFETY: the caller guarantees it; headers need not be aligned.
    unsafe { place.cast::<T>().read_unaligned() }
}
