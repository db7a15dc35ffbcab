//! Pointers that a driver passes to the framework.

use core::ptr::NonNull;

use crate::call::Call;

/// The size that a structure carries in its own first field.
pub(crate) const fn size<T>() -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no structure of the kernel has 4 GiB"
    )]
    {
        size_of::<T>() as u32
    }
}

/// A structure or value that the framework reads.
#[derive(Clone, Copy)]
pub(crate) struct In<T>(*const T);

/// A place that the framework writes to.
#[derive(Clone, Copy)]
pub(crate) struct Out<T>(*mut T);

impl<T: Copy> In<T> {
    /// Takes a pointer that may be null.
    ///
    /// # Safety
    /// A non-null pointer is valid for reads for as long as the value is used.
    pub(crate) const unsafe fn new(pointer: *const T) -> Self {
        Self(pointer)
    }

    /// The value; `None` for a null pointer.
    pub(crate) fn optional(self) -> Option<T> {
        let pointer = NonNull::new(self.0.cast_mut())?;
        // SAFETY: `new` demands a readable value; drivers may pass packed or unaligned structures.
        Some(unsafe { pointer.read_unaligned() })
    }

    /// The value; a null pointer stops the run, as the framework bug-checks.
    pub(crate) fn required(self, call: &Call, parameter: &'static str) -> T {
        match self.optional() {
            Some(value) => value,
            None => call.bad_parameter(parameter, "is NULL", 0),
        }
    }
}

impl<T> Out<T> {
    /// Takes a pointer that may be null.
    ///
    /// # Safety
    /// A non-null pointer is valid for writes for as long as the value is used.
    pub(crate) const unsafe fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// Writes where the driver wants the value; a null pointer is an optional output left out.
    pub(crate) fn set(self, value: T) {
        if let Some(pointer) = NonNull::new(self.0) {
            // SAFETY: `new` demands a writable place.
            unsafe { pointer.write_unaligned(value) };
        }
    }

    /// Stops the run when an output that the framework requires is missing.
    pub(crate) fn required(self, call: &Call, parameter: &'static str) -> Self {
        if self.0.is_null() {
            call.bad_parameter(parameter, "is NULL", 0);
        }
        self
    }
}
