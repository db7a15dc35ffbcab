//! Attributes and typed contexts of framework objects.

use core::{ffi::CStr, ptr::NonNull};

use wdk_sys::{
    PCWDF_OBJECT_CONTEXT_TYPE_INFO, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFOBJECT,
};

use crate::os::wdf;

/// Attributes of an object without a context and without a parent of its own choice.
pub(crate) fn plain() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: wdf::size_of_config::<WDF_OBJECT_ATTRIBUTES>(),
        ExecutionLevel: wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope:
            wdk_sys::_WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ..WDF_OBJECT_ATTRIBUTES::default()
    }
}

/// Attributes of an object that is deleted with `parent`.
pub(crate) fn child_of(parent: WDFOBJECT) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        ParentObject: parent,
        ..plain()
    }
}

/// Attributes of an object with a context of type `T`.
pub(crate) fn with_context<T: Context>() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        ContextTypeInfo: T::TYPE.info(),
        ..plain()
    }
}

/// The description of a context type: a name for debuggers, a size, and its own address,
/// which is the type's identity.
#[repr(transparent)]
pub(crate) struct ContextType(WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: it is never written, and what it points to is static.
unsafe impl Sync for ContextType {}

impl ContextType {
    /// Describes `T`; `this` is the static that holds the description.
    pub(crate) const fn of<T>(name: &'static CStr, this: &'static Self) -> Self {
        // The framework aligns contexts as the pool does.
        assert!(
            align_of::<T>() <= 16,
            "the context needs more alignment than the pool gives"
        );
        Self(WDF_OBJECT_CONTEXT_TYPE_INFO {
            Size: wdf::size_of_config::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
            ContextName: name.as_ptr(),
            ContextSize: size_of::<T>(),
            UniqueType: &raw const this.0,
            EvtDriverGetUniqueContextType: None,
        })
    }

    const fn info(&'static self) -> PCWDF_OBJECT_CONTEXT_TYPE_INFO {
        &raw const self.0
    }
}

/// A type that can be the context of a framework object. The framework hands it out zeroed.
pub(crate) trait Context: Sized + 'static {
    /// Its one description.
    const TYPE: &'static ContextType;
}

/// The context of type `T` of an object; none if the object was made without.
pub(crate) fn context<T: Context>(object: WDFOBJECT) -> Option<NonNull<T>> {
    // SAFETY: every handle in this driver comes from the framework and is used while it is valid;
    // the framework returns NULL if the object has no such context.
    let context = unsafe { wdf::call!(WdfObjectGetTypedContextWorker, object, T::TYPE.info()) };
    NonNull::new(context.cast())
}

/// Deletes an object and its children.
///
/// # Safety
/// The object and its context are not used after this.
pub(crate) unsafe fn delete(object: WDFOBJECT) {
    // SAFETY: as the caller promises.
    unsafe { wdf::call!(WdfObjectDelete, object) };
}
