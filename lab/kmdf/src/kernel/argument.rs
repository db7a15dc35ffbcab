//! Pointers that a driver passes to the framework.

use core::ptr::NonNull;

use kmdf_rules::violation::Violation;

use crate::kernel::report::stop;

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

/// A structure or value that the framework reads.
#[derive(Clone, Copy)]
pub(crate) struct In<T>(*const T);

/// A variable that the framework writes.
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

    /// The value; a null pointer stops the run, where the framework bug-checks.
    pub(crate) fn required(self, function: &'static str, parameter: &'static str) -> T {
        self.optional()
            .unwrap_or_else(|| stop_at_null(function, parameter))
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

    /// Writes the value; does nothing for a null pointer, an optional output that the driver left
    /// out.
    pub(crate) fn set(self, value: T) {
        if let Some(pointer) = NonNull::new(self.0) {
            // SAFETY: `new` demands a writable variable.
            unsafe { pointer.write_unaligned(value) };
        }
    }

    /// Stops the run when a required output is null.
    pub(crate) fn required(self, function: &'static str, parameter: &'static str) -> Self {
        if self.0.is_null() {
            stop_at_null(function, parameter);
        }
        self
    }
}

fn stop_at_null(function: &'static str, parameter: &'static str) -> ! {
    stop(&Violation::BadParameter {
        function,
        parameter,
        problem: "is NULL",
        value: 0,
    })
}
