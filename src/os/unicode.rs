//! Names in UTF-16, as the kernel takes them.

use wdk_sys::UNICODE_STRING;

/// A static name, without a terminating zero.
pub(crate) struct Name<const N: usize>([u16; N]);

impl<const N: usize> Name<N> {
    /// From ASCII.
    pub(crate) const fn new(ascii: &[u8; N]) -> Self {
        let mut units = [0; N];
        let mut at = 0;
        while at < N {
            units[at] = ascii[at] as u16;
            at += 1;
        }
        Self(units)
    }

    /// As the kernel takes it. The kernel only reads it, although the pointer is mutable.
    pub(crate) const fn as_unicode_string(&'static self) -> UNICODE_STRING {
        const { assert!(size_of::<[u16; N]>() <= u16::MAX as usize) };
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let bytes = size_of::<[u16; N]>() as u16;
        UNICODE_STRING {
            Length: bytes,
            MaximumLength: bytes,
            Buffer: self.0.as_ptr().cast_mut(),
        }
    }
}
