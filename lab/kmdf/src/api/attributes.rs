//! Reading and checking `WDF_OBJECT_ATTRIBUTES`.

use wdk_sys::{
    _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
    _WDF_SYNCHRONIZATION_SCOPE::{
        WdfSynchronizationScopeInheritFromParent, WdfSynchronizationScopeNone,
    },
    NTSTATUS, PCWDF_OBJECT_CONTEXT_TYPE_INFO, WDF_OBJECT_ATTRIBUTES, WDF_SYNCHRONIZATION_SCOPE,
};

use crate::{
    api::call::Call,
    kernel::{argument::In, status},
    model::context::Attributes,
};

/// Whether the driver chooses an object's parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// Never: the framework decides.
    Fixed,
    /// It may.
    Optional,
    /// It must.
    Required,
}

/// Reads and checks attributes; `Ok(None)` when there are none.
///
/// # Errors
/// The status that `FxValidateObjectAttributes` returns for the fault.
pub(crate) fn read(
    call: &Call,
    attributes: In<WDF_OBJECT_ATTRIBUTES>,
    parent: Parent,
) -> Result<Option<Attributes>, NTSTATUS> {
    let Some(given) = attributes.optional() else {
        return match parent {
            Parent::Required => Err(status::WDF_PARENT_NOT_SPECIFIED),
            Parent::Fixed | Parent::Optional => Ok(None),
        };
    };
    if given.Size as usize != size_of::<WDF_OBJECT_ATTRIBUTES>() {
        return Err(status::INFO_LENGTH_MISMATCH);
    }
    let chosen = (!given.ParentObject.is_null()).then(|| call.any(given.ParentObject).0);
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
    Ok(Some(Attributes {
        parent: chosen,
        passive: given.ExecutionLevel == WdfExecutionLevelPassive,
        cleanup: given.EvtCleanupCallback,
        destroy: given.EvtDestroyCallback,
        size: declared.max(asked),
        context_type: identity(given.ContextTypeInfo),
    }))
}

/// Stops a driver that relies on serialised callbacks, which the double does not have.
fn refuse_serialization(call: &Call, scope: WDF_SYNCHRONIZATION_SCOPE) {
    if scope != WdfSynchronizationScopeInheritFromParent && scope != WdfSynchronizationScopeNone {
        call.bad_parameter(
            "SynchronizationScope",
            "asks for serialised callbacks, which the KMDF double does not have",
            u64::from(scope.cast_unsigned()),
        );
    }
}

/// The value that tells context types apart (`UniqueType`, when there is one).
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
