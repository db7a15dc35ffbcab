//! Object attributes, and the typed context that they ask for.
//!
//! Rules (`handleapi.cpp`, `fxvalidatefunctions.cpp`, `fxobject.cpp`): a context is zeroed and
//! keeps its address until the object is destroyed; the cleanup callback and the destroy callback
//! run once each.

use alloc::{boxed::Box, vec};

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle};
use wdk_sys::{NTSTATUS, PFN_WDF_OBJECT_CONTEXT_CLEANUP, PFN_WDF_OBJECT_CONTEXT_DESTROY, PVOID};

use crate::{
    kernel::{handle::pointer, status},
    model::threads::callback,
};

/// `WDF_OBJECT_ATTRIBUTES` of an object, checked.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) parent: Option<Handle>,
    /// Callbacks must run at `PASSIVE_LEVEL`.
    pub(crate) passive: bool,
    pub(crate) cleanup: PFN_WDF_OBJECT_CONTEXT_CLEANUP,
    pub(crate) destroy: PFN_WDF_OBJECT_CONTEXT_DESTROY,
    /// Size of the context, bytes.
    pub(crate) size: usize,
    /// The identity of the context's type; 0 for none.
    pub(crate) context_type: usize,
}

/// The context of an object, and its callbacks.
#[derive(Default)]
pub(crate) struct Context {
    /// The identity of its type; 0 for none.
    type_identity: usize,
    memory: Box<[u128]>,
    cleanup: PFN_WDF_OBJECT_CONTEXT_CLEANUP,
    destroy: PFN_WDF_OBJECT_CONTEXT_DESTROY,
}

impl Context {
    /// The context of a new object.
    ///
    /// # Errors
    /// `STATUS_INSUFFICIENT_RESOURCES` for a size that no pool block has.
    pub(crate) fn new(attributes: Option<&Attributes>) -> Result<Self, NTSTATUS> {
        let Some(attributes) = attributes else {
            return Ok(Self::default());
        };
        if attributes.size > isize::MAX as usize / 2 {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let units = attributes.size.div_ceil(size_of::<u128>()).max(1);
        Ok(Self {
            type_identity: attributes.context_type,
            memory: vec![0; units].into_boxed_slice(),
            cleanup: attributes.cleanup,
            destroy: attributes.destroy,
        })
    }

    /// The address of the context, when it is of this type.
    pub(crate) fn find(&mut self, context_type: usize) -> Option<PVOID> {
        let found = context_type != 0 && context_type == self.type_identity;
        found.then(|| self.memory.as_mut_ptr().cast())
    }
}

/// Calls the cleanup callback, once.
pub(crate) fn clean_up(context: &Locked<Context>, handle: Handle) {
    if let Some(cleanup) = context.with(|context| context.cleanup.take()) {
        callback("EvtCleanupCallback", Level::Passive, || {
            // SAFETY: the driver's callback with the handle it was registered for.
            unsafe { cleanup(pointer(handle)) }
        });
    }
}

/// Calls the destroy callback, once.
pub(crate) fn destroy(context: &Locked<Context>, handle: Handle) {
    if let Some(destroy) = context.with(|context| context.destroy.take()) {
        callback("EvtDestroyCallback", Level::Passive, || {
            // SAFETY: the driver's callback with the handle it was registered for.
            unsafe { destroy(pointer(handle)) }
        });
    }
}
