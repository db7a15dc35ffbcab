//! All framework objects: their place in the tree, their bodies and their contexts.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::{marker::PhantomData, ops::Deref};

use kernel_runtime::lock::Locked;
use kmdf_rules::{
    object::{Handle, Kind},
    tree::{Deletion, Finished, Tree},
    violation::Violation,
};
use wdk_sys::{NTSTATUS, PWDF_OBJECT_ATTRIBUTES, WDF_OBJECT_ATTRIBUTES};

use crate::{
    argument::{In, Out},
    body::Body,
    call::{Call, obey, pointer},
    context::{Attributes, Contexts, Parent},
    report::stop,
    shortage, status, wait,
};

/// A framework object.
pub(crate) struct Object {
    handle: Handle,
    pub(crate) body: Body,
    pub(crate) contexts: Locked<Contexts>,
}

// SAFETY: bodies name kernel objects, which any thread may use; what changes is behind locks.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

struct World {
    tree: Tree,
    objects: BTreeMap<Handle, Arc<Object>>,
}

static WORLD: Locked<World> = Locked::new(World {
    tree: Tree::new(),
    objects: BTreeMap::new(),
});

/// A body that belongs to one kind of handle.
pub(crate) trait Typed {
    /// The kind of handle.
    const KIND: Kind;

    /// The body, when it is of this type.
    fn of(body: &Body) -> Option<&Self>;
}

/// An object whose type is known. It keeps the memory, not the framework object's life.
pub(crate) struct Reference<T> {
    object: Arc<Object>,
    body: PhantomData<T>,
}

impl<T> Clone for Reference<T> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            body: PhantomData,
        }
    }
}

impl<T: Typed> Reference<T> {
    /// `None` when the object is of another type.
    pub(crate) fn new(object: Arc<Object>) -> Option<Self> {
        T::of(&object.body)?;
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

impl<T: Typed> Deref for Reference<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match T::of(&self.object.body) {
            Some(body) => body,
            // `new` looked at the body, which never changes its type.
            None => stop(&Violation::Panic),
        }
    }
}

/// Adds an object below `parent`, with the context that `attributes` ask for.
///
/// # Errors
/// `STATUS_DELETE_PENDING` when the parent is being deleted, and what is wrong with the attributes.
pub(crate) fn create(
    body: Body,
    parent: Option<Handle>,
    attributes: Option<&Attributes>,
) -> Result<Handle, NTSTATUS> {
    let contexts = match attributes {
        Some(attributes) => Contexts::with(attributes)?,
        None => Contexts::default(),
    };
    let parent = attributes
        .and_then(|attributes| attributes.parent)
        .or(parent);
    WORLD.with(|world| {
        let created = world.tree.create(body.kind(), parent);
        let handle = created.map_err(|_| status::DELETE_PENDING)?;
        let object = Object {
            handle,
            body,
            contexts: Locked::new(contexts),
        };
        world.objects.insert(handle, Arc::new(object));
        Ok(handle)
    })
}

/// As [`create`], with a typed reference to the new object.
///
/// # Errors
/// Those of [`create`].
pub(crate) fn create_typed<T: Typed>(
    body: Body,
    parent: Option<Handle>,
    attributes: Option<&Attributes>,
) -> Result<Reference<T>, NTSTATUS> {
    let handle = create(body, parent, attributes)?;
    typed(handle).ok_or(status::UNSUCCESSFUL)
}

/// An object that a driver asks for: with which attributes, below what, and where its handle goes.
pub(crate) struct Order<H> {
    attributes: In<WDF_OBJECT_ATTRIBUTES>,
    rule: Parent,
    parent: Option<Handle>,
    output: Out<*mut H>,
    parameter: &'static str,
}

impl<H> Order<H> {
    /// What a driver passed to a function that creates an object; `parent` is the one of an object
    /// whose attributes name none.
    ///
    /// # Safety
    /// The driver vouches for its pointers until the object is made.
    pub(crate) unsafe fn new(
        attributes: PWDF_OBJECT_ATTRIBUTES,
        parent: Option<Handle>,
        output: *mut *mut H,
        parameter: &'static str,
    ) -> Self {
        Self {
            // SAFETY: demanded of the caller.
            attributes: unsafe { In::new(attributes) },
            rule: Parent::Optional,
            parent,
            // SAFETY: demanded of the caller.
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
}

/// Makes the object that a driver asks for and hands out its handle.
///
/// # Errors
/// What is wrong with the attributes, what `body` fails with, and those of [`create`].
pub(crate) fn create_for<H>(
    call: &Call,
    order: &Order<H>,
    body: impl FnOnce(Option<&Attributes>) -> Result<Body, NTSTATUS>,
) -> Result<Handle, NTSTATUS> {
    let attributes = Attributes::read(call, order.attributes, order.rule)?;
    let attributes = attributes.as_ref();
    let output = order.output.required(call, order.parameter);
    shortage::pass(call)?;
    let handle = create(body(attributes)?, order.parent, attributes)?;
    output.set(pointer(handle));
    Ok(handle)
}

/// The object behind a handle, whatever its state; `None` once destroyed.
pub(crate) fn find(handle: Handle) -> Option<Arc<Object>> {
    WORLD.with(|world| world.objects.get(&handle).cloned())
}

/// The object behind a handle, when it is of type `T`.
pub(crate) fn typed<T: Typed>(handle: Handle) -> Option<Reference<T>> {
    find(handle).and_then(Reference::new)
}

/// [`Tree::check`].
pub(crate) fn check(
    function: &'static str,
    handle: Handle,
    kind: Option<Kind>,
    after_delete: bool,
) -> Result<Kind, Violation> {
    WORLD.with(|world| world.tree.check(function, handle, kind, after_delete))
}

/// [`Tree::parent`].
pub(crate) fn parent(handle: Handle) -> Option<Handle> {
    WORLD.with(|world| world.tree.parent(handle))
}

/// The device that the object of these attributes belongs to, for objects that need one.
///
/// # Errors
/// `STATUS_INVALID_DEVICE_REQUEST` when neither the parent nor an ancestor of it is a device.
pub(crate) fn device_of(attributes: Option<&Attributes>) -> Result<Handle, NTSTATUS> {
    attributes
        .and_then(|attributes| attributes.parent)
        .and_then(|parent| WORLD.with(|world| world.tree.device(parent)))
        .ok_or(status::INVALID_DEVICE_REQUEST)
}

/// Takes a reference for the driver.
pub(crate) fn reference(function: &'static str, handle: Handle) {
    obey(WORLD.with(|world| world.tree.reference(function, handle)));
}

/// Gives a driver's reference back, and destroys the object with the last one.
pub(crate) fn dereference(function: &'static str, handle: Handle) {
    if obey(WORLD.with(|world| world.tree.dereference(function, handle))) {
        destroy(handle);
    }
}

/// Deletes an object and all below it: cleanup callbacks, then destroy callbacks. Returns the
/// objects that references keep.
pub(crate) fn delete(function: &'static str, root: Handle) -> Vec<Handle> {
    delete_around(function, root, || ())
}

/// As [`delete`], with `between` done when everything is cleaned up and all below the object is
/// destroyed, before its own destroy callbacks: a request's packet is completed there, and a
/// device's remove packet goes down (`FxObject::EarlyDispose`).
pub(crate) fn delete_around(
    function: &'static str,
    root: Handle,
    between: impl FnOnce(),
) -> Vec<Handle> {
    if obey(WORLD.with(|world| world.tree.delete(function, root))) == Deletion::Dropped {
        return Vec::new();
    }
    while let Some(handle) = WORLD.with(|world| world.tree.next_cleanup(root)) {
        if let Some(object) = find(handle) {
            object.body.dispose(handle);
            Contexts::clean_up(&object.contexts, handle);
        }
    }
    let Finished {
        destroyed,
        lingering,
    } = WORLD.with(|world| world.tree.finish(root));
    for &handle in destroyed.iter().filter(|&&handle| handle != root) {
        destroy(handle);
    }
    between();
    if destroyed.contains(&root) {
        destroy(root);
    }
    lingering
}

fn destroy(handle: Handle) {
    if let Some(object) = WORLD.with(|world| world.objects.get(&handle).cloned()) {
        Contexts::destroy(&object.contexts, handle);
        WORLD.with(|world| {
            world.tree.bury(handle);
            world.objects.remove(&handle)
        });
    }
}

/// How long the last references to the objects of a removed device or driver may linger while other
/// threads finish with them, milliseconds.
const GRACE: u32 = 1000;

/// Objects that were deleted must not live on by references that nobody gives back.
pub(crate) fn no_references_left(at: &'static str, lingering: &[Handle]) {
    for &handle in lingering {
        let references = || WORLD.with(|world| world.tree.references(handle));
        if !wait::until(GRACE, || references().is_none())
            && let Some((kind, references)) = references()
        {
            stop(&Violation::LeakedReference {
                at,
                kind,
                handle,
                references,
            });
        }
    }
}

/// Whether a handle was a request once and is none any more.
pub(crate) fn was_request(handle: Handle) -> bool {
    matches!(
        check("", handle, None, true),
        Err(Violation::UseAfterDelete {
            kind: Kind::Request,
            ..
        })
    )
}

/// Every object that exists, in the order of creation.
pub(crate) fn census() -> Vec<(Handle, Kind)> {
    WORLD.with(|world| {
        world
            .tree
            .objects()
            .map(|(handle, kind, _)| (handle, kind))
            .collect()
    })
}
