//! Typed context space of objects, and the attributes that ask for it.
//!
//! Rules (`handleapi.cpp`, `fxvalidatefunctions.cpp`, `fxobject.cpp`): context space is zeroed, its
//! address is stable until the object is destroyed; a type can be added once; cleanup callbacks run
//! in the order in which contexts were added, and destroy callbacks when the last reference goes.

use alloc::{boxed::Box, vec, vec::Vec};

use kernel_runtime::lock::Locked;
use kmdf_rules::{level::Level, object::Handle, violation::Violation};
use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_SYNCHRONIZATION_SCOPE, NTSTATUS, PCWDF_OBJECT_CONTEXT_TYPE_INFO,
    PFN_WDF_OBJECT_CONTEXT_CLEANUP, PFN_WDF_OBJECT_CONTEXT_DESTROY, PVOID, WDF_EXECUTION_LEVEL,
    WDF_OBJECT_ATTRIBUTES, WDF_SYNCHRONIZATION_SCOPE,
};

use crate::{
    argument::In,
    call::{Call, callback, number, pointer},
    report::stop,
    status,
};

/// What a driver asked for when it created an object.
#[derive(Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) parent: Option<Handle>,
    pub(crate) execution_level: WDF_EXECUTION_LEVEL,
    cleanup: PFN_WDF_OBJECT_CONTEXT_CLEANUP,
    destroy: PFN_WDF_OBJECT_CONTEXT_DESTROY,
    size: usize,
    context_type: usize,
}

/// Whether a function lets the driver choose the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// The framework decides.
    Fixed,
    /// The driver may.
    Optional,
    /// The driver must.
    Required,
}

impl Attributes {
    /// Reads and checks attributes; `Ok(None)` when there are none.
    ///
    /// # Errors
    /// The status that `FxValidateObjectAttributes` returns for what is wrong.
    pub(crate) fn read(
        call: &Call,
        attributes: In<WDF_OBJECT_ATTRIBUTES>,
        parent: Parent,
    ) -> Result<Option<Self>, NTSTATUS> {
        let Some(given) = attributes.optional() else {
            return match parent {
                Parent::Required => Err(status::WDF_PARENT_NOT_SPECIFIED),
                Parent::Fixed | Parent::Optional => Ok(None),
            };
        };
        if given.Size as usize != size_of::<WDF_OBJECT_ATTRIBUTES>() {
            return Err(status::INFO_LENGTH_MISMATCH);
        }
        let chosen = (!given.ParentObject.is_null()).then(|| call.any(given.ParentObject, false).0);
        match (parent, chosen) {
            (Parent::Fixed, Some(_)) => return Err(status::WDF_PARENT_ASSIGNMENT_NOT_ALLOWED),
            (Parent::Required, None) => return Err(status::WDF_PARENT_NOT_SPECIFIED),
            _ => {}
        }
        refuse_serialization(call, given.SynchronizationScope);
        // SAFETY: a non-null type description is a static of the driver.
        let description = unsafe { In::new(given.ContextTypeInfo) }.optional();
        let declared = description.map_or(0, |description| description.ContextSize);
        let asked = given.ContextSizeOverride;
        if asked != 0 && (asked < declared || given.ContextTypeInfo.is_null()) {
            return Err(status::INVALID_PARAMETER);
        }
        Ok(Some(Self {
            parent: chosen,
            execution_level: given.ExecutionLevel,
            cleanup: given.EvtCleanupCallback,
            destroy: given.EvtDestroyCallback,
            size: declared.max(asked),
            context_type: identity(given.ContextTypeInfo),
        }))
    }

    /// Whether callbacks must run at `PASSIVE_LEVEL`.
    pub(crate) const fn is_passive(&self) -> bool {
        self.execution_level == _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive
    }
}

/// The double serialises no callbacks; a driver that relies on it must not pass by luck.
fn refuse_serialization(call: &Call, scope: WDF_SYNCHRONIZATION_SCOPE) {
    use _WDF_SYNCHRONIZATION_SCOPE::{
        WdfSynchronizationScopeInheritFromParent, WdfSynchronizationScopeNone,
    };
    if scope != WdfSynchronizationScopeInheritFromParent && scope != WdfSynchronizationScopeNone {
        call.bad_parameter(
            "SynchronizationScope",
            "asks for serialised callbacks, which the KMDF double does not have",
            u64::from(scope.cast_unsigned()),
        );
    }
}

/// The value by which context types are told apart (`UniqueType`, when there is one).
pub(crate) fn identity(description: PCWDF_OBJECT_CONTEXT_TYPE_INFO) -> usize {
    // SAFETY: a non-null type description is a static of the driver.
    let unique = unsafe { In::new(description) }
        .optional()
        .map(|read| read.UniqueType);
    match unique {
        Some(unique) if !unique.is_null() => unique.addr(),
        _ => description.addr(),
    }
}

struct Context {
    identity: usize,
    memory: Box<[u128]>,
    cleanup: PFN_WDF_OBJECT_CONTEXT_CLEANUP,
    destroy: PFN_WDF_OBJECT_CONTEXT_DESTROY,
}

/// The contexts of one object, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Contexts(Vec<Context>);

impl Contexts {
    /// The contexts of a new object.
    ///
    /// # Errors
    /// `STATUS_INSUFFICIENT_RESOURCES` for a size that no pool block has.
    pub(crate) fn with(attributes: &Attributes) -> Result<Self, NTSTATUS> {
        let mut contexts = Self::default();
        contexts.add(attributes)?;
        Ok(contexts)
    }

    fn add(&mut self, attributes: &Attributes) -> Result<PVOID, NTSTATUS> {
        const UNIT: usize = size_of::<u128>();
        if attributes.size > isize::MAX as usize / 2 {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let mut memory = vec![0_u128; attributes.size.div_ceil(UNIT).max(1)].into_boxed_slice();
        let address = memory.as_mut_ptr().cast();
        self.0.push(Context {
            identity: attributes.context_type,
            memory,
            cleanup: attributes.cleanup,
            destroy: attributes.destroy,
        });
        Ok(address)
    }

    /// Adds a context to an object that exists. `Err(STATUS_OBJECT_NAME_EXISTS)` is expressed as
    /// the context that is already there.
    ///
    /// # Errors
    /// Those of [`Contexts::with`].
    pub(crate) fn allocate(&mut self, attributes: &Attributes) -> Result<(PVOID, bool), NTSTATUS> {
        if let Some(address) = self.find(attributes.context_type) {
            return Ok((address, false));
        }
        self.add(attributes).map(|address| (address, true))
    }

    /// The address of the context of this type.
    pub(crate) fn find(&mut self, identity: usize) -> Option<PVOID> {
        let found = self
            .0
            .iter_mut()
            .find(|context| context.identity == identity && identity != 0);
        found.map(|context| context.memory.as_mut_ptr().cast())
    }

    /// Runs the cleanup callbacks, each once.
    pub(crate) fn clean_up(contexts: &Locked<Self>, handle: Handle) {
        while let Some(cleanup) =
            contexts.with(|contexts| contexts.0.iter_mut().find_map(|one| one.cleanup.take()))
        {
            callback("EvtCleanupCallback", Level::Passive, || {
                // SAFETY: the driver's callback with the handle it was registered for.
                unsafe { cleanup(pointer(handle)) }
            });
        }
    }

    /// Runs the destroy callbacks, each once.
    pub(crate) fn destroy(contexts: &Locked<Self>, handle: Handle) {
        while let Some(destroy) =
            contexts.with(|contexts| contexts.0.iter_mut().find_map(|one| one.destroy.take()))
        {
            callback("EvtDestroyCallback", Level::Passive, || {
                // SAFETY: the driver's callback with the handle it was registered for.
                unsafe { destroy(pointer(handle)) }
            });
        }
    }
}

/// `WdfObjectGetTypedContextWorker`.
pub(crate) unsafe extern "C" fn get_typed_context(
    _globals: wdk_sys::PWDF_DRIVER_GLOBALS,
    handle: wdk_sys::WDFOBJECT,
    description: PCWDF_OBJECT_CONTEXT_TYPE_INFO,
) -> PVOID {
    let call = Call::enter("WdfObjectGetTypedContextWorker", Level::Dispatch);
    let (handle, kind) = call.any(handle, true);
    let found = crate::world::find(handle).and_then(|object| {
        object
            .contexts
            .with(|contexts| contexts.find(identity(description)))
    });
    match found {
        Some(address) => address,
        None => stop(&Violation::BadParameter {
            function: call.function(),
            parameter: kind.type_name(),
            problem: "has no context of this type",
            value: handle.0,
        }),
    }
}

/// `WdfObjectContextGetObject`.
pub(crate) unsafe extern "C" fn context_get_object(
    _globals: wdk_sys::PWDF_DRIVER_GLOBALS,
    context: PVOID,
) -> wdk_sys::WDFOBJECT {
    let call = Call::enter("WdfObjectContextGetObject", Level::Dispatch);
    let owner = crate::world::census().into_iter().find(|(handle, _)| {
        crate::world::find(*handle).is_some_and(|object| {
            object.contexts.with(|contexts| {
                contexts
                    .0
                    .iter()
                    .any(|one| core::ptr::eq(one.memory.as_ptr(), context.cast()))
            })
        })
    });
    match owner {
        Some((handle, _)) => pointer(handle),
        None => call.bad_parameter(
            "ContextPointer",
            "is no object's context",
            number(context).0,
        ),
    }
}
