//! The common part of functions that create an object for a driver.

use kmdf_rules::object::Handle;
use wdk_sys::{NTSTATUS, PWDF_OBJECT_ATTRIBUTES, WDF_OBJECT_ATTRIBUTES};

use crate::{
    api::{
        attributes::{self, Parent},
        call::Call,
    },
    kernel::{
        argument::{In, Out},
        handle::pointer,
    },
    model::{
        context::Attributes,
        low_resources,
        objects::{self, Body},
    },
};

/// An object that a driver asks for.
pub(crate) struct NewObject<H> {
    attributes: In<WDF_OBJECT_ATTRIBUTES>,
    rule: Parent,
    /// The parent of an object whose attributes name none.
    parent: Option<Handle>,
    /// The variable for the handle.
    output: Out<*mut H>,
    parameter: &'static str,
}

impl<H> NewObject<H> {
    /// Takes the driver's attributes, and its variable for the handle with the parameter's name.
    ///
    /// # Safety
    /// The driver's pointers are valid until the object is created.
    pub(crate) unsafe fn new(
        attributes: PWDF_OBJECT_ATTRIBUTES,
        parent: Option<Handle>,
        output: *mut *mut H,
        parameter: &'static str,
    ) -> Self {
        Self {
            // SAFETY: the caller guarantees it.
            attributes: unsafe { In::new(attributes) },
            rule: Parent::Optional,
            parent,
            // SAFETY: the caller guarantees it.
            output: unsafe { Out::new(output) },
            parameter,
        }
    }

    /// The attributes must name a parent.
    pub(crate) fn with_parent(self) -> Self {
        Self {
            rule: Parent::Required,
            ..self
        }
    }

    /// Creates the object with the body that `body` makes, and hands out its handle.
    ///
    /// # Errors
    /// Faults of the attributes, the errors of `body`, and those of [`objects::create`].
    pub(crate) fn create<T: Body>(
        self,
        call: &Call,
        body: impl FnOnce(Option<&Attributes>) -> Result<T, NTSTATUS>,
    ) -> Result<Handle, NTSTATUS> {
        let attributes = attributes::read(call, self.attributes, self.rule)?;
        let attributes = attributes.as_ref();
        let output = self.output.required(call.function, self.parameter);
        low_resources::count(call.function)?;
        let handle = objects::create(body(attributes)?, self.parent, attributes)?.handle();
        output.set(pointer(handle));
        Ok(handle)
    }
}
