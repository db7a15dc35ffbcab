//! A framework function that a driver called.

use kmdf_rules::{
    level::Level,
    object::{Handle, Kind},
    violation::Violation,
};

use crate::{
    kernel::{handle::number, report::stop},
    model::{
        objects::{self, Body, Reference},
        threads::{enforce, thread},
    },
};

/// One call of a driver.
pub(crate) struct Call {
    /// Name of the function.
    pub(crate) function: &'static str,
}

impl Call {
    /// Checks the level of the calling thread against the function's documented maximum.
    pub(crate) fn enter(function: &'static str, maximum: Level) -> Self {
        enforce(thread(|thread| thread.check(function, maximum)));
        Self { function }
    }

    /// The object of type `T` behind a handle; any other handle stops the run.
    pub(crate) fn object<T: Body, H>(&self, handle: *mut H) -> Reference<T> {
        let handle = number(handle);
        enforce(objects::check(self.function, handle, Some(T::KIND), false));
        match objects::get(handle) {
            Some(reference) => reference,
            None => stop(&Violation::UseAfterDelete {
                function: self.function,
                kind: T::KIND,
                handle,
            }),
        }
    }

    /// Handle and kind of a live object of any type.
    pub(crate) fn any<H>(&self, handle: *mut H) -> (Handle, Kind) {
        let handle = number(handle);
        let kind = enforce(objects::check(self.function, handle, None, false));
        (handle, kind)
    }

    /// Stops the run because of a parameter.
    pub(crate) fn bad_parameter(
        &self,
        parameter: &'static str,
        problem: &'static str,
        value: u64,
    ) -> ! {
        stop(&Violation::BadParameter {
            function: self.function,
            parameter,
            problem,
            value,
        })
    }

    /// Stops the run because of an object's state.
    pub(crate) fn wrong_state(&self, handle: Handle, problem: &'static str) -> ! {
        stop(&Violation::WrongState {
            function: self.function,
            handle,
            problem,
        })
    }

    /// Stops the run when a structure has another size than the kit's.
    pub(crate) fn expect_size(&self, parameter: &'static str, given: u32, size: usize) {
        if given as usize != size {
            self.bad_parameter(parameter, "has the wrong Size", u64::from(given));
        }
    }
}
