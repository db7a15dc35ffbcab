//! The object tree: parents and children, which handles may be used, and the order of a deletion.
//!
//! Rules (`fxobjectstatemachine.cpp`, `fxobject.cpp`):
//! - deleting an object disposes of its children first, in the order of their creation, each with
//!   its own children before itself (`DisposeChildrenWorker`); then its own cleanup callback runs;
//! - after that all are destroyed in the same order (`DeletedAndDisposedWorkerLocked`); a destroy
//!   callback may still use the object's context (`ProcessDestroy`);
//! - an object that is being deleted takes no new child (`STATUS_DELETE_PENDING`);
//! - deleting an object again while it is being disposed of does nothing.
//!
//! The double has no `WdfObjectReference`, so no reference postpones a destruction. Stricter than
//! the framework: handle values are never used twice and name their kind, so that use after
//! destruction always differs from an unknown handle.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    object::{Handle, Kind},
    violation::Violation,
};

/// The state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Usable.
    Live,
    /// Being disposed of: its children or itself are in their cleanup callbacks.
    Disposing,
    /// Cleaned up; its destroy callback may still use its context.
    Destroying,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    parent: Option<Handle>,
    children: Vec<Handle>,
    life: Life,
    cleaned: bool,
}

/// The parent is being deleted: `STATUS_DELETE_PENDING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletePending;

/// The result of [`Tree::delete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The caller now walks [`Tree::next_cleanup`] and then calls [`Tree::finish`].
    Begun,
    /// Another call is deleting the object; there is nothing to do.
    Dropped,
}

/// All objects of all drivers.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<Handle, Node>,
    made: u64,
}

/// Handle values are `BASE`, plus the running number of the object, plus its kind; aligned like an
/// address, and far from any, so that a pointer passed as a handle is noticed.
const BASE: u64 = 0x0D0F_0000_0000_0000;
const NUMBER_SHIFT: u32 = 8;
const KIND_SHIFT: u32 = 3;

impl Tree {
    /// An empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodes: BTreeMap::new(),
            made: 0,
        }
    }

    /// The kind of an object that had this handle.
    fn kind_of_gone(&self, handle: Handle) -> Option<Kind> {
        let offset = handle.0.checked_sub(BASE)?;
        let number = offset >> NUMBER_SHIFT;
        let place = usize::try_from((offset & 0xFF) >> KIND_SHIFT).ok()?;
        let kind = Kind::ALL.get(place).copied()?;
        let first = Handle(BASE + (number << NUMBER_SHIFT));
        let last = Handle(first.0 | 0xFF);
        let known = (1..=self.made).contains(&number)
            && Self::handle(number, kind) == handle
            && self.nodes.range(first..=last).next().is_none();
        known.then_some(kind)
    }

    const fn handle(number: u64, kind: Kind) -> Handle {
        Handle(BASE + (number << NUMBER_SHIFT) + ((kind as u64) << KIND_SHIFT))
    }

    /// Adds an object, the last child of `parent`.
    ///
    /// # Errors
    /// [`DeletePending`] when the parent is not live.
    pub fn create(&mut self, kind: Kind, parent: Option<Handle>) -> Result<Handle, DeletePending> {
        if let Some(parent) = parent {
            let node = self.nodes.get(&parent).ok_or(DeletePending)?;
            if node.life != Life::Live {
                return Err(DeletePending);
            }
        }
        self.made += 1;
        let handle = Self::handle(self.made, kind);
        if let Some(node) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            node.children.push(handle);
        }
        let node = Node {
            kind,
            parent,
            children: Vec::new(),
            life: Life::Live,
            cleaned: false,
        };
        self.nodes.insert(handle, node);
        Ok(handle)
    }

    fn known(&self, function: &'static str, handle: Handle) -> Result<&Node, Violation> {
        if let Some(node) = self.nodes.get(&handle) {
            return Ok(node);
        }
        Err(match self.kind_of_gone(handle) {
            Some(kind) => Violation::UseAfterDelete {
                function,
                kind,
                handle,
            },
            None => Violation::UnknownHandle {
                function,
                expected: "WDFOBJECT",
                handle,
            },
        })
    }

    /// Checks a handle that must be of `kind`, or of any kind for `None`.
    ///
    /// An object that is being disposed of may still be used: its cleanup callback does.
    /// `after_delete` allows objects that are being destroyed, whose contexts may still be used.
    ///
    /// # Errors
    /// [`Violation::UnknownHandle`], [`Violation::WrongType`], [`Violation::UseAfterDelete`].
    pub fn check(
        &self,
        function: &'static str,
        handle: Handle,
        kind: Option<Kind>,
        after_delete: bool,
    ) -> Result<Kind, Violation> {
        let node = self
            .known(function, handle)
            .map_err(|violation| match (violation, kind) {
                (
                    Violation::UnknownHandle {
                        function, handle, ..
                    },
                    Some(kind),
                ) => Violation::UnknownHandle {
                    function,
                    expected: kind.type_name(),
                    handle,
                },
                (violation, _) => violation,
            })?;
        if let Some(kind) = kind
            && node.kind != kind
        {
            return Err(Violation::WrongType {
                function,
                expected: kind.type_name(),
                handle,
                kind: node.kind,
            });
        }
        if node.life == Life::Destroying && !after_delete {
            return Err(Violation::UseAfterDelete {
                function,
                kind: node.kind,
                handle,
            });
        }
        Ok(node.kind)
    }

    /// The parent, as long as the object is in its list of children.
    #[must_use]
    pub fn parent(&self, handle: Handle) -> Option<Handle> {
        self.nodes.get(&handle).and_then(|node| node.parent)
    }

    /// The device that an object is or descends from; `None` below the driver alone
    /// (`FxDeviceBase::_SearchForDevice` in `fxdevicebase.cpp`).
    #[must_use]
    pub fn device(&self, handle: Handle) -> Option<Handle> {
        let node = self.nodes.get(&handle)?;
        if node.kind == Kind::Device {
            return Some(handle);
        }
        self.device(node.parent?)
    }

    /// Begins to delete an object: it leaves its parent, and it and all below it are being disposed
    /// of.
    ///
    /// # Errors
    /// [`Violation::UnknownHandle`], [`Violation::UseAfterDelete`].
    pub fn delete(
        &mut self,
        function: &'static str,
        handle: Handle,
    ) -> Result<Deletion, Violation> {
        let node = self.known(function, handle)?;
        match node.life {
            Life::Disposing => return Ok(Deletion::Dropped),
            Life::Destroying => {
                return Err(Violation::UseAfterDelete {
                    function,
                    kind: node.kind,
                    handle,
                });
            }
            Life::Live => {}
        }
        if let Some(parent) = node.parent
            && let Some(parent) = self.nodes.get_mut(&parent)
        {
            parent.children.retain(|&child| child != handle);
        }
        if let Some(node) = self.nodes.get_mut(&handle) {
            node.parent = None;
        }
        self.mark(handle);
        Ok(Deletion::Begun)
    }

    fn mark(&mut self, handle: Handle) {
        let Some(node) = self.nodes.get_mut(&handle) else {
            return;
        };
        node.life = Life::Disposing;
        for child in node.children.clone() {
            self.mark(child);
        }
    }

    /// The next object below and including `root` whose cleanup callbacks are due.
    pub fn next_cleanup(&mut self, root: Handle) -> Option<Handle> {
        let node = self.nodes.get(&root)?;
        if node.cleaned {
            return None;
        }
        for child in node.children.clone() {
            if let Some(due) = self.next_cleanup(child) {
                return Some(due);
            }
        }
        let node = self.nodes.get_mut(&root)?;
        node.cleaned = true;
        Some(root)
    }

    /// All cleanup callbacks ran. Returns the objects to be destroyed, in order.
    pub fn finish(&mut self, root: Handle) -> Vec<Handle> {
        let mut deleted = Vec::new();
        self.finish_below(root, &mut deleted);
        deleted
    }

    fn finish_below(&mut self, handle: Handle, deleted: &mut Vec<Handle>) {
        let Some(node) = self.nodes.get_mut(&handle) else {
            return;
        };
        node.life = Life::Destroying;
        node.parent = None;
        for child in core::mem::take(&mut node.children) {
            self.finish_below(child, deleted);
        }
        deleted.push(handle);
    }

    /// The destroy callback of an object ran: its handle is dead.
    pub fn bury(&mut self, handle: Handle) {
        self.nodes.remove(&handle);
    }

    /// How many objects exist.
    #[must_use]
    pub fn count(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests;
