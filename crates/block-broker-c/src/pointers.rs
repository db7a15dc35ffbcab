//! What the pointers of a caller lead to: bytes that come in, and places for what goes out.

use core::ffi::c_void;

use block_table::{Image, MAX_BLOCK_LENGTH};

/// The caller's data: at most 128 bytes, copied once, so that a later change of them has no effect.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) length: u32,
    pub(crate) image: Image,
}

impl Sent {
    /// Copies `length` bytes. NULL counts as length 0. Of a length that no block has, nothing is
    /// copied: the broker refuses it without the bytes.
    ///
    /// # Safety
    /// `data` is NULL or leads to `length` readable bytes.
    #[inline]
    pub(crate) unsafe fn copy(data: *const c_void, length: u32) -> Self {
        let length = if data.is_null() { 0 } else { length };
        if is_whole(length) {
            // SAFETY: the caller's bytes are readable.
            let image = unsafe { data.cast::<Image>().read() };
            return Self { length, image };
        }
        let mut image = [0; MAX_BLOCK_LENGTH];
        if let Some(place) = prefix(&mut image, length) {
            let source = data.cast::<u8>();
            // SAFETY: the caller's bytes are readable, and `image` is this function's own.
            unsafe { source.copy_to_nonoverlapping(place.as_mut_ptr(), place.len()) };
        }
        Self { length, image }
    }
}

/// The place for the reply of a read.
#[derive(Clone, Copy)]
pub(crate) struct Reply {
    place: *mut u8,
    pub(crate) length: u32,
}

impl Reply {
    /// NULL counts as length 0.
    #[inline]
    pub(crate) fn at(place: *mut c_void, length: u32) -> Self {
        Self {
            place: place.cast(),
            length: if place.is_null() { 0 } else { length },
        }
    }

    /// Copies the reply of a read that succeeded, whose length is 1 to 128 therefore.
    ///
    /// # Safety
    /// The place has `length` writable bytes.
    #[inline]
    pub(crate) unsafe fn fill(self, image: &mut Image) {
        let Self { place, length } = self;
        if is_whole(length) {
            // SAFETY: the place has as many bytes.
            unsafe { place.cast::<Image>().write(*image) };
        } else if let Some(bytes) = prefix(image, length) {
            // SAFETY: the place has as many bytes, and `image` is the broker's own.
            unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
    }
}

/// Whether there are as many bytes as an image has, as in every call of Linux's mlx5. A copy of a
/// constant length is inlined. `memcpy` may load 32 bytes that two stores have just written, which a
/// processor does not forward but waits for.
#[inline]
fn is_whole(length: u32) -> bool {
    usize::try_from(length) == Ok(MAX_BLOCK_LENGTH)
}

/// The first `length` bytes, if there are so many.
#[inline]
fn prefix(image: &mut Image, length: u32) -> Option<&mut [u8]> {
    image.get_mut(..usize::try_from(length).ok()?)
}

/// Writes a value to the caller's place, unless that is NULL.
///
/// # Safety
/// `place` is NULL, or aligned and writable.
#[inline]
pub(crate) unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: the place is writable.
        unsafe { place.write(value) };
    }
}

/// A list in the caller's memory, filled from its beginning.
pub(crate) struct List<T> {
    first: *mut T,
    capacity: usize,
    count: usize,
}

impl<T> List<T> {
    /// A list with room for `capacity` entries; for none if `first` is NULL.
    ///
    /// # Safety
    /// From `first` on, `capacity` entries are writable as long as the list is used.
    pub(crate) unsafe fn at(first: *mut T, capacity: usize) -> Self {
        Self {
            first,
            capacity: if first.is_null() { 0 } else { capacity },
            count: 0,
        }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Appends an entry; returns whether there was room.
    pub(crate) fn push(&mut self, entry: T) -> bool {
        if self.count >= self.capacity {
            return false;
        }
        let place = self.first.wrapping_add(self.count);
        // SAFETY: the place is one of the `capacity` writable ones.
        unsafe { place.write(entry) };
        self.count = self.count.wrapping_add(1);
        true
    }
}
