use alloc::{format, vec, vec::Vec};

use proptest::prelude::*;

use super::*;

const F: &str = "WdfObjectDelete";

fn family() -> (Tree, Handle, Handle, Handle, Handle) {
    let mut tree = Tree::new();
    let driver = tree.create(Kind::Driver, None).unwrap();
    let device = tree.create(Kind::Device, Some(driver)).unwrap();
    let queue = tree.create(Kind::Queue, Some(device)).unwrap();
    let lock = tree.create(Kind::SpinLock, Some(queue)).unwrap();
    (tree, driver, device, queue, lock)
}

#[test]
fn an_object_belongs_to_the_device_it_is_or_descends_from() {
    let (mut tree, driver, device, queue, lock) = family();
    for handle in [device, queue, lock] {
        assert_eq!(tree.device(handle), Some(device));
    }
    let memory = tree.create(Kind::Memory, Some(driver)).unwrap();
    for handle in [driver, memory] {
        assert_eq!(tree.device(handle), None);
    }
    let other = tree.create(Kind::Device, Some(driver)).unwrap();
    let target = tree.create(Kind::IoTarget, Some(other)).unwrap();
    assert_eq!(tree.device(target), Some(other));
}

/// Finishes a deletion and the destroy callbacks that follow it.
fn finish(tree: &mut Tree, root: Handle) -> Vec<Handle> {
    let deleted = tree.finish(root);
    for &handle in &deleted {
        tree.bury(handle);
    }
    deleted
}

fn cleanups(tree: &mut Tree, root: Handle) -> Vec<Handle> {
    core::iter::from_fn(|| tree.next_cleanup(root)).collect()
}

#[test]
fn children_are_cleaned_up_before_their_parent_in_order_of_creation() {
    let (mut tree, _, device, queue, lock) = family();
    let memory = tree.create(Kind::Memory, Some(device)).unwrap();
    assert_eq!(tree.delete(F, device), Ok(Deletion::Begun));
    assert_eq!(cleanups(&mut tree, device), [lock, queue, memory, device]);
}

#[test]
fn destruction_follows_the_order_of_cleanup() {
    let (mut tree, _, device, queue, lock) = family();
    tree.delete(F, device).unwrap();
    cleanups(&mut tree, device);
    assert_eq!(finish(&mut tree, device), [lock, queue, device]);
}

#[test]
fn a_deleted_parent_takes_no_child() {
    let (mut tree, _, device, ..) = family();
    tree.delete(F, device).unwrap();
    assert_eq!(tree.create(Kind::Memory, Some(device)), Err(DeletePending));
}

#[test]
fn deleting_again_during_disposal_is_dropped() {
    let (mut tree, _, device, queue, _) = family();
    tree.delete(F, device).unwrap();
    assert_eq!(tree.delete(F, queue), Ok(Deletion::Dropped));
}

#[test]
fn a_deleted_child_leaves_its_parent() {
    let (mut tree, _, device, queue, lock) = family();
    tree.delete(F, lock).unwrap();
    assert_eq!(cleanups(&mut tree, lock), [lock]);
    assert_eq!(finish(&mut tree, lock), [lock]);
    tree.delete(F, device).unwrap();
    assert_eq!(cleanups(&mut tree, device), [queue, device]);
}

#[test]
fn use_after_destruction_differs_from_an_unknown_handle() {
    let (mut tree, _, _, queue, lock) = family();
    tree.delete(F, lock).unwrap();
    cleanups(&mut tree, lock);
    finish(&mut tree, lock);
    assert!(matches!(
        tree.check("WdfSpinLockAcquire", lock, Some(Kind::SpinLock), false),
        Err(Violation::UseAfterDelete {
            kind: Kind::SpinLock,
            ..
        })
    ));
    let unknown = tree.check("WdfSpinLockAcquire", Handle(4), Some(Kind::SpinLock), false);
    assert_eq!(
        format!("{}", unknown.unwrap_err()),
        "WdfSpinLockAcquire: 0x4 is no framework handle; a WDFSPINLOCK was expected"
    );
    assert!(matches!(
        tree.check("WdfSpinLockAcquire", queue, Some(Kind::SpinLock), false),
        Err(Violation::WrongType {
            kind: Kind::Queue,
            ..
        })
    ));
}

#[test]
fn a_destroy_callback_may_use_the_context_alone() {
    let (mut tree, .., lock) = family();
    tree.delete(F, lock).unwrap();
    cleanups(&mut tree, lock);
    assert_eq!(tree.finish(lock), [lock]);
    assert!(
        tree.check("WdfObjectGetTypedContextWorker", lock, None, true)
            .is_ok()
    );
    assert!(tree.check("WdfSpinLockAcquire", lock, None, false).is_err());
    assert!(tree.delete(F, lock).is_err());
    tree.bury(lock);
    assert!(
        tree.check("WdfObjectGetTypedContextWorker", lock, None, true)
            .is_err()
    );
}

#[test]
fn a_handle_of_the_future_or_next_to_another_is_unknown() {
    let (tree, .., lock) = family();
    for wrong in [
        Handle(lock.0 + 0x100),
        Handle(lock.0 + 8),
        Handle(lock.0 + 1),
    ] {
        let checked = tree.check("WdfObjectDelete", wrong, None, true);
        assert!(
            matches!(checked, Err(Violation::UnknownHandle { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn the_list_of_kinds_is_in_the_order_of_their_numbers() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
    }
}

#[test]
fn handles_are_never_used_twice() {
    let mut tree = Tree::new();
    let mut seen = vec![];
    for _ in 0..100 {
        let handle = tree.create(Kind::General, None).unwrap();
        assert!(!seen.contains(&handle));
        seen.push(handle);
        tree.delete(F, handle).unwrap();
        cleanups(&mut tree, handle);
        finish(&mut tree, handle);
    }
    assert_eq!(tree.count(), 0);
}

proptest! {
    /// Whatever shape a tree has: deleting its root cleans up and destroys each object exactly
    /// once, children before parents.
    #[test]
    fn deletion_visits_each_object_once_children_first(parents in prop::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let mut tree = Tree::new();
        let root = tree.create(Kind::Driver, None).unwrap();
        let mut all = vec![(root, None)];
        for parent in parents {
            let parent = all[parent.index(all.len())].0;
            all.push((tree.create(Kind::General, Some(parent)).unwrap(), Some(parent)));
        }
        tree.delete(F, root).unwrap();
        let cleaned = cleanups(&mut tree, root);
        let destroyed = finish(&mut tree, root);
        prop_assert_eq!(&cleaned, &destroyed);
        prop_assert_eq!(cleaned.len(), all.len());
        let place = |handle| cleaned.iter().position(|&other| other == handle);
        for (handle, parent) in all {
            prop_assert!(place(handle).is_some());
            if let Some(parent) = parent {
                prop_assert!(place(handle) < place(parent));
            }
        }
        prop_assert_eq!(tree.count(), 0);
    }
}
