//! Values of the kernel's structures.

use wdk_sys::UNICODE_STRING;

/// The size of `T`, as a structure carries it in its own first field.
pub(crate) const fn size<T>() -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no structure of the kernel has 4 GiB"
    )]
    {
        size_of::<T>() as u32
    }
}

/// A constant of the headers that goes into a field of one byte.
pub(crate) const fn byte(constant: u32) -> u8 {
    constant.to_le_bytes()[0]
}

/// A counted string over ASCII, in `room`.
pub(crate) fn unicode(text: &str, room: &mut [u16; 64]) -> UNICODE_STRING {
    let mut length = 0;
    for (to, from) in room.iter_mut().zip(text.encode_utf16()) {
        *to = from;
        length += 2;
    }
    UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: room.as_mut_ptr(),
    }
}
