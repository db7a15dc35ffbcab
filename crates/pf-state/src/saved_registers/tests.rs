//! What a driver set is there again after its VF was off, with each layout of its MSI capability.

use super::*;
use crate::{
    config::tests::{EXPRESS, MSI_X, Registers},
    write_list::{
        Written,
        tests::{Layout, MSI},
    },
};

/// A VF whose driver uses all that it may.
fn in_use(layout: Layout) -> (WriteList, Registers) {
    let mut vf = layout.vf();
    let list = WriteList::find(&mut vf).expect("the VF answers");
    let mut write = |offset, bytes: &[u8]| {
        assert_eq!(list.write(&mut vf, offset, bytes), Ok(Written::Done));
    };
    for (at, byte) in (MSI..MSI + 0x18).zip(0x31_u8..) {
        write(at, &[byte | 1]);
    }
    write(MSI_X + 3, &[0xC0]);
    write(0x04, &[0x04]);
    (list, vf)
}

#[test]
fn what_was_set_is_restored_in_every_layout() {
    for layout in Layout::all() {
        let (list, mut used) = in_use(layout);
        let saved = list.save(&mut used).expect("the bus reads");
        // Errors of the time before are not errors of the time after.
        used.put(0x06, &[0x10, 0xF9]);
        used.put(EXPRESS + 0x0A, &[0x0F]);
        let mut after = layout.vf();
        assert_eq!(list.restore(&mut after, &saved), Ok(()));
        used.put(0x06, &[0x10, 0x00]);
        used.put(EXPRESS + 0x0A, &[0x00]);
        assert!(after.bytes() == used.bytes(), "{layout:?}");
        assert!(after.bytes() != layout.vf().bytes());
    }
}

#[test]
fn messages_are_complete_before_they_are_enabled_and_bus_mastering_comes_last() {
    for layout in Layout::all() {
        let (list, mut used) = in_use(layout);
        let saved = list.save(&mut used).expect("the bus reads");
        let mut after = layout.vf();
        assert_eq!(list.restore(&mut after, &saved), Ok(()));
        let order: Vec<_> = after.writes.iter().map(|(offset, _)| *offset).collect();
        let place = |offset| order.iter().position(|written| *written == offset);
        assert_eq!(order.last(), Some(&0x04), "{layout:?}");
        let enabled = place(MSI + 2).expect("Message Control is restored");
        for (at, offset) in order.iter().enumerate() {
            let is_content = (MSI + 4..MSI + 0x18).contains(offset);
            assert!(!is_content || at < enabled, "{layout:?}: {order:x?}");
        }
        assert_eq!(place(MSI_X + 2).is_some(), layout.msi_x);
    }
}

#[test]
fn a_driver_that_set_nothing_finds_nothing_set() {
    for layout in Layout::all() {
        let mut fresh = layout.vf();
        let list = WriteList::find(&mut fresh).expect("the VF answers");
        let saved = list.save(&mut fresh).expect("the bus reads");
        let mut after = layout.vf();
        assert_eq!(list.restore(&mut after, &saved), Ok(()));
        assert!(after.bytes() == fresh.bytes(), "{layout:?}");
    }
}

#[test]
fn registers_that_lie_elsewhere_are_not_written() {
    for layout in Layout::all() {
        let (list, mut used) = in_use(layout);
        let saved = list.save(&mut used).expect("the bus reads");
        for other in Layout::all() {
            let mut after = other.vf();
            let found = WriteList::find(&mut after).expect("the VF answers");
            let restored = found.restore(&mut after, &saved);
            if found == list {
                assert_eq!(restored, Ok(()));
            } else {
                assert_eq!(restored, Err(RestoreFailure::OtherLayout));
                assert!(after.writes.is_empty());
            }
        }
    }
    assert_ne!(
        RestoreFailure::OtherLayout.status(),
        RestoreFailure::Bus.status()
    );
}

#[test]
fn a_failing_bus_leaves_bus_mastering_off() {
    let layout = Layout::all().last().expect("there are layouts");
    let (list, used) = in_use(layout);
    let saved = list.save(&mut used.clone()).expect("the bus reads");
    // The capability and seven registers are read; each restored one is read and written.
    for accesses in 0..8 {
        let mut failing = used.clone();
        failing.fail_after = Some(accesses);
        assert_eq!(list.save(&mut failing), None);
    }
    for accesses in 0..14 {
        let mut after = layout.vf();
        after.fail_after = Some(accesses);
        let restored = list.restore(&mut after, &saved);
        assert_eq!(restored, Err(RestoreFailure::Bus), "{accesses}");
        assert_eq!(after.get(0x04), 0);
    }
}
