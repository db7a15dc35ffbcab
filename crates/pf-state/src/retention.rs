//! Saves the registers that VFs' drivers have set while the PF is not in D0, and restores them.
//!
//! Two rundowns guard the hardware of the VFs, and each VF has a rundown of its own:
//! - calls of the virtualization stack enter the *calls* rundown, which is open only when all
//!   registers have been restored;
//! - resets, [`save`] and [`restore`] enter the *VFs* rundown, which is open while the VFs are on;
//! - all of them enter the VF's rundown, except a reset, which closes it, drains it, and calls
//!   [`discard`] before it checks whether the VFs are on.
//!
//! A reset that finds the VFs off leaves nothing that could be restored, and one that finds them on
//! resets hardware to which nothing is restored any more. So a VF that was reset never gets back
//! what the driver before the reset had set, whenever the PF leaves or enters D0 meanwhile.

use crate::{
    config::{Space, WritableSpace},
    rundown::Rundown,
    saved_registers::{RestoreFailure, SavedRegisters},
    write_list::WriteList,
};

/// Stores the registers of one VF.
pub trait RegisterStore {
    /// The VF's rundown.
    fn rundown(&self) -> &Rundown;

    /// Stores `saved`, and returns what was stored before.
    fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters>;
}

/// Saves the registers of a VF that is about to be turned off. The VFs are on, and the calls
/// rundown is closed and empty. A VF that is being reset, or whose reset has failed, has nothing to
/// save.
///
/// # Errors
/// [`RestoreFailure::Bus`] when the registers cannot be read; nothing is stored then.
pub fn save(
    vf: &impl RegisterStore,
    list: WriteList,
    space: &mut impl Space,
) -> Result<(), RestoreFailure> {
    let Some(_guard) = vf.rundown().enter() else {
        return Ok(());
    };
    let saved = list.save(space);
    vf.replace(saved);
    saved.map(drop).ok_or(RestoreFailure::Bus)
}

/// Restores the registers of a VF that was turned on. The calls rundown is still closed.
///
/// # Errors
/// The cause, when not all registers are restored. They are no longer stored.
pub fn restore(
    vf: &impl RegisterStore,
    list: WriteList,
    space: &mut impl WritableSpace,
) -> Result<(), RestoreFailure> {
    let Some(_guard) = vf.rundown().enter() else {
        return Ok(());
    };
    match vf.replace(None) {
        Some(saved) => list.restore(space, &saved),
        None => Ok(()),
    }
}

/// The part of a reset: nothing is restored from now on. The VF's rundown is closed and empty.
pub fn discard(vf: &impl RegisterStore) {
    vf.replace(None);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::config::tests::{Registers, vf};

    /// One VF.
    struct Kept {
        rundown: Rundown,
        saved: Cell<Option<SavedRegisters>>,
    }

    impl Kept {
        fn new() -> Self {
            Self {
                rundown: Rundown::open(),
                saved: Cell::new(None),
            }
        }
    }

    impl RegisterStore for Kept {
        fn rundown(&self) -> &Rundown {
            &self.rundown
        }

        fn replace(&self, saved: Option<SavedRegisters>) -> Option<SavedRegisters> {
            self.saved.replace(saved)
        }
    }

    /// A VF whose driver has enabled bus mastering.
    fn in_use() -> (WriteList, Registers) {
        let mut used = vf();
        let list = WriteList::find(&mut used).expect("the VF answers");
        used.put(0x04, &[0x04]);
        (list, used)
    }

    #[test]
    fn what_was_saved_is_restored_once() {
        let (list, mut used) = in_use();
        let kept = Kept::new();
        assert_eq!(save(&kept, list, &mut used), Ok(()));
        let mut after = vf();
        assert_eq!(restore(&kept, list, &mut after), Ok(()));
        assert_eq!(after.get(0x04), 0x04);
        let mut next = vf();
        assert_eq!(restore(&kept, list, &mut next), Ok(()));
        assert!(next.writes.is_empty());
    }

    #[test]
    fn a_reset_leaves_nothing_to_restore() {
        let (list, mut used) = in_use();
        let kept = Kept::new();
        assert_eq!(save(&kept, list, &mut used), Ok(()));
        discard(&kept);
        let mut after = vf();
        assert_eq!(restore(&kept, list, &mut after), Ok(()));
        assert!(after.writes.is_empty());
    }

    #[test]
    fn a_vf_that_is_being_reset_is_neither_saved_nor_restored() {
        let (list, mut used) = in_use();
        let kept = Kept::new();
        kept.rundown.close().expect("it has no owner");
        assert_eq!(save(&kept, list, &mut used), Ok(()));
        assert_eq!(kept.saved.get(), None);
        kept.saved.set(list.save(&mut used));
        let mut after = vf();
        assert_eq!(restore(&kept, list, &mut after), Ok(()));
        assert!(after.writes.is_empty());
        // One whose reset has failed stays closed, and so without registers.
        kept.rundown.abandon();
        assert_eq!(restore(&kept, list, &mut after), Ok(()));
        assert!(after.writes.is_empty());
    }

    #[test]
    fn registers_that_cannot_be_read_are_not_kept() {
        let (list, mut used) = in_use();
        let kept = Kept::new();
        assert_eq!(save(&kept, list, &mut used.clone()), Ok(()));
        used.fail_after = Some(1);
        assert_eq!(save(&kept, list, &mut used), Err(RestoreFailure::Bus));
        let mut silent = Registers::zeroed();
        silent.put(0, &[0xFF; 256]);
        assert_eq!(save(&kept, list, &mut silent), Err(RestoreFailure::Bus));
        assert_eq!(kept.saved.get(), None);
    }
}
