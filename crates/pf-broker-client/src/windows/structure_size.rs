//! Sizes of structures, as functions of Windows take them.

use std::mem;

/// The size of a structure as Windows expects it.
pub(super) const fn size_of_u32<T>() -> u32 {
    let size = mem::size_of::<T>();
    assert!(size <= u32::MAX as usize, "a structure of Windows is small");
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    {
        size as u32
    }
}
