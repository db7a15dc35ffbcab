//! What a driver that `cargo xtask coverage` built has counted: its counters go to a file when it
//! unbinds. Any other image has none, and leaves nothing.

use alloc::vec::Vec;

use kernel_runtime::log;

/// Where the counters go, each driver's behind the last one's.
const PATH: &str = "\\??\\C:\\windows\\wdf-double-counters.bin";
/// The section of LLVM's counters.
const COUNTERS: [u8; 8] = *b".lprfc\0\0";

/// Writes the counters of the image at `image`, if it has some.
///
/// # Safety
/// A 64-bit PE image is loaded there.
pub(crate) unsafe fn write_counters(image: *const u8) {
    // SAFETY: demanded of the caller.
    let Some((start, size)) = (unsafe { counters(image) }) else {
        return;
    };
    let bytes: Vec<u8> = (start..start + size)
        // SAFETY: inside a section of the image.
        .map(|at| unsafe { read(image, at) })
        .collect();
    log::append(PATH, &bytes);
}

/// Where the section of counters lies in the image, and its size, both in bytes ("PE Format").
///
/// # Safety
/// A 64-bit PE image is loaded there.
unsafe fn counters(image: *const u8) -> Option<(usize, usize)> {
    const SECTION: usize = 40;
    // SAFETY: the image's first header ends with the place of the others.
    let headers = unsafe { read::<u32>(image, 0x3C) } as usize;
    // SAFETY: how many sections there are.
    let sections = unsafe { read::<u16>(image, headers + 6) };
    // SAFETY: the size of the headers that come between.
    let optional = unsafe { read::<u16>(image, headers + 20) };
    let table = headers + 24 + usize::from(optional);
    (0..usize::from(sections))
        .map(|index| table + index * SECTION)
        // SAFETY: an entry of the section table begins with the name.
        .find(|&entry| unsafe { read::<[u8; 8]>(image, entry) } == COUNTERS)
        .map(|entry| {
            // SAFETY: its size in memory follows.
            let size = unsafe { read::<u32>(image, entry + 8) };
            // SAFETY: and behind that its place.
            let start = unsafe { read::<u32>(image, entry + 12) };
            (start as usize, size as usize)
        })
}

/// Reads a value at an offset in bytes.
///
/// # Safety
/// The value lies in the image that is loaded at `image`.
unsafe fn read<T: Copy>(image: *const u8, at: usize) -> T {
    // SAFETY: demanded of the caller.
    let place = unsafe { image.add(at) };
    // SAFETY: demanded of the caller; headers need not be aligned for it.
    unsafe { place.cast::<T>().read_unaligned() }
}
