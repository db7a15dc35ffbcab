//! All framework objects: the tree of `kmdf_rules::tree`, with a body and a context for each.
//!
//! A body implements [`Body`]; this file knows none of them.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc};
use core::{any::Any, marker::PhantomData, ops::Deref};

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    object::{Handle, Kind},
    tree::{Deletion, Tree},
    violation::Violation,
};
use wdk_sys::NTSTATUS;

use crate::{
    kernel::{report::stop, status},
    model::{
        context::{self, Attributes, Context},
        threads::enforce,
    },
};

/// The state of one kind of object.
pub(crate) trait Body: Any {
    /// The kind of handle.
    const KIND: Kind;

    /// Frees what the body holds, before the driver's cleanup callback (`Dispose` of each class of
    /// the framework).
    fn dispose(&self, _handle: Handle) {}
}

/// A [`Body`] of any type.
trait AnyBody: Any {
    fn dispose(&self, handle: Handle);
}

impl<T: Body> AnyBody for T {
    fn dispose(&self, handle: Handle) {
        Body::dispose(self, handle);
    }
}

/// A framework object.
pub(crate) struct Object {
    handle: Handle,
    body: Box<dyn AnyBody>,
    pub(crate) context: Locked<Context>,
}

impl Object {
    fn body<T: Body>(&self) -> Option<&T> {
        let body: &dyn Any = &*self.body;
        body.downcast_ref()
    }
}

// SAFETY: bodies name kernel objects, which any thread may use; locks guard what changes.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

struct Objects {
    tree: Tree,
    objects: BTreeMap<Handle, Arc<Object>>,
}

static OBJECTS: Locked<Objects> = Locked::new(Objects {
    tree: Tree::new(),
    objects: BTreeMap::new(),
});

/// An object whose type is known. It keeps the memory, and does not keep the object from deletion.
pub(crate) struct Reference<T> {
    object: Arc<Object>,
    body: PhantomData<fn() -> T>,
}

impl<T> Clone for Reference<T> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            body: PhantomData,
        }
    }
}

impl<T: Body> Reference<T> {
    /// `None` when the object is of another type.
    fn new(object: Arc<Object>) -> Option<Self> {
        object.body::<T>()?;
        Some(Self {
            object,
            body: PhantomData,
        })
    }
}

impl<T> Reference<T> {
    pub(crate) fn handle(&self) -> Handle {
        self.object.handle
    }
}

impl<T: Body> Deref for Reference<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.object.body() {
            Some(body) => body,
            // `new` checked the type, which never changes.
            None => stop(&Violation::Panic),
        }
    }
}

/// Adds an object below the parent that `attributes` name, or else below `parent`.
///
/// # Errors
/// `STATUS_DELETE_PENDING` when the parent is being deleted; the errors of [`Context::new`].
pub(crate) fn create<T: Body>(
    body: T,
    parent: Option<Handle>,
    attributes: Option<&Attributes>,
) -> Result<Reference<T>, NTSTATUS> {
    let context = Locked::new(Context::new(attributes)?);
    let chosen = attributes.and_then(|attributes| attributes.parent);
    let object = OBJECTS.with(|all| -> Result<_, NTSTATUS> {
        let created = all.tree.create(T::KIND, chosen.or(parent));
        let handle = created.map_err(|_| status::DELETE_PENDING)?;
        let object = Arc::new(Object {
            handle,
            body: Box::new(body),
            context,
        });
        all.objects.insert(handle, Arc::clone(&object));
        Ok(object)
    })?;
    Ok(Reference {
        object,
        body: PhantomData,
    })
}

/// The object behind a handle, in any state; `None` once it is destroyed.
pub(crate) fn find(handle: Handle) -> Option<Arc<Object>> {
    OBJECTS.with(|all| all.objects.get(&handle).cloned())
}

/// The object behind a handle, when it is of type `T`.
pub(crate) fn get<T: Body>(handle: Handle) -> Option<Reference<T>> {
    find(handle).and_then(Reference::new)
}

/// [`Tree::check`].
///
/// # Errors
/// Those of [`Tree::check`].
pub(crate) fn check(
    function: &'static str,
    handle: Handle,
    kind: Option<Kind>,
    after_delete: bool,
) -> Result<Kind, Violation> {
    OBJECTS.with(|all| all.tree.check(function, handle, kind, after_delete))
}

/// [`Tree::parent`].
pub(crate) fn parent(handle: Handle) -> Option<Handle> {
    OBJECTS.with(|all| all.tree.parent(handle))
}

/// The device of an object with these attributes, for objects that need one.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_REQUEST` when neither the parent nor an ancestor of it is a device.
pub(crate) fn device_of(attributes: Option<&Attributes>) -> Result<Handle, NTSTATUS> {
    attributes
        .and_then(|attributes| attributes.parent)
        .and_then(|parent| OBJECTS.with(|all| all.tree.device(parent)))
        .ok_or(status::INVALID_DEVICE_REQUEST)
}

/// Whether a handle belonged to a request that is gone.
pub(crate) fn was_request(handle: Handle) -> bool {
    matches!(
        check("", handle, None, true),
        Err(Violation::UseAfterDelete {
            kind: Kind::Request,
            ..
        })
    )
}

/// Whether `wanted` holds for any object of type `T`.
pub(crate) fn any<T: Body>(wanted: impl Fn(&T) -> bool) -> bool {
    OBJECTS.with(|all| {
        all.objects
            .values()
            .filter_map(|object| object.body())
            .any(wanted)
    })
}

/// Deletes an object and all below it: cleanup callbacks, then destroy callbacks.
pub(crate) fn delete(function: &'static str, root: Handle) {
    delete_around(function, root, || ());
}

/// As [`delete`], and runs `between` when everything is cleaned up and all below the object is
/// destroyed, before its own destroy callback: a request's packet is completed there, and a
/// device's remove packet goes down (`FxObject::EarlyDispose`).
pub(crate) fn delete_around(function: &'static str, root: Handle, between: impl FnOnce()) {
    if enforce(OBJECTS.with(|all| all.tree.delete(function, root))) == Deletion::Dropped {
        return;
    }
    while let Some(handle) = OBJECTS.with(|all| all.tree.next_cleanup(root)) {
        if let Some(object) = find(handle) {
            object.body.dispose(handle);
            context::clean_up(&object.context, handle);
        }
    }
    let deleted = OBJECTS.with(|all| all.tree.finish(root));
    for &handle in deleted.iter().filter(|&&handle| handle != root) {
        destroy(handle);
    }
    between();
    destroy(root);
}

fn destroy(handle: Handle) {
    if let Some(object) = find(handle) {
        context::destroy(&object.context, handle);
        OBJECTS.with(|all| {
            all.tree.bury(handle);
            all.objects.remove(&handle)
        });
    }
}
