//! Calls of the framework, and the attributes of its objects.

use core::ffi::CStr;

use wdk_sys::{NTSTATUS, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO, WDFOBJECT};

/// Calls a KMDF function by its name.
macro_rules! call {
    ($name:ident $(, $argument:expr)* $(,)?) => {
        wdk_sys::call_unsafe_wdf_function_binding!($name, $($argument),*)
    };
}
pub(crate) use call;

/// A status as a result.
pub(crate) fn ok(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status < 0 { Err(status) } else { Ok(()) }
}

/// The `Size` field of a structure of the framework.
pub(crate) const fn size_of_config<T>() -> u32 {
    assert!(size_of::<T>() <= 0xFFFF);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked in the line before"
    )]
    let size = size_of::<T>() as u32;
    size
}

/// Attributes of an object that is deleted with `parent`, or with the parent the framework picks.
pub(crate) fn attributes(parent: WDFOBJECT) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_of_config::<WDF_OBJECT_ATTRIBUTES>(),
        ExecutionLevel: wdk_sys::_WDF_EXECUTION_LEVEL::WdfExecutionLevelInheritFromParent,
        SynchronizationScope:
            wdk_sys::_WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeInheritFromParent,
        ParentObject: parent,
        ..WDF_OBJECT_ATTRIBUTES::default()
    }
}

/// The description of a context type, by whose address the framework knows it.
#[repr(transparent)]
pub(crate) struct ContextType(pub(crate) WDF_OBJECT_CONTEXT_TYPE_INFO);

// SAFETY: the description is never written.
unsafe impl Sync for ContextType {}

impl ContextType {
    /// Describes `T`; `this` is the static that holds the description.
    pub(crate) const fn of<T>(name: &'static CStr, this: &'static Self) -> Self {
        Self(WDF_OBJECT_CONTEXT_TYPE_INFO {
            Size: size_of_config::<WDF_OBJECT_CONTEXT_TYPE_INFO>(),
            ContextName: name.as_ptr(),
            ContextSize: size_of::<T>(),
            UniqueType: &raw const this.0,
            EvtDriverGetUniqueContextType: None,
        })
    }
}
