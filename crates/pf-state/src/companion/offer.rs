//! Whether what a driver below answers to the query for the companion interface is usable.

use core::ffi::{CStr, c_void};

use block_table::{Companion, Table};
use pcivirt_abi::InterfaceReference;
use pf_companion_abi::{
    Attach, CompanionInterface, Detach, VERSION, VfCommitted, VfPower, VfRead, VfReset, VfWrite,
};

use crate::status::{self, NtStatus};

/// The bytes of a [`CompanionInterface`].
#[expect(clippy::cast_possible_truncation, reason = "88 bytes")]
const SIZE: u16 = size_of::<CompanionInterface>() as u16;

/// Which operations of VFs a block table hands to the companion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandsOver {
    /// Writes to at least one block.
    pub writes: bool,
    /// Reads of at least one block.
    pub reads: bool,
}

impl HandsOver {
    /// What a table hands over.
    #[must_use]
    pub fn of(table: &Table<'_>) -> Self {
        let any = |is: fn(Companion) -> bool| table.blocks().any(|block| is(block.companion()));
        Self {
            writes: any(Companion::writes),
            reads: any(Companion::reads),
        }
    }

    /// Whether a companion is needed.
    #[must_use]
    pub const fn any(self) -> bool {
        self.writes || self.reads
    }
}

/// The functions of a companion.
#[derive(Clone, Copy, Debug)]
pub struct Callbacks {
    /// The first argument of each.
    pub context: *mut c_void,
    /// See [`CompanionInterface::attach`].
    pub attach: Attach,
    /// See [`CompanionInterface::detach`].
    pub detach: Detach,
    /// Present if the table hands over writes.
    pub vf_write: Option<VfWrite>,
    /// Present if the table hands over reads.
    pub vf_read: Option<VfRead>,
    /// Optional.
    pub vf_committed: Option<VfCommitted>,
    /// Optional.
    pub vf_power: Option<VfPower>,
    /// Optional.
    pub vf_reset: Option<VfReset>,
}

/// Why a driver that answers the query is no companion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// `Size` is another one.
    Size(u16),
    /// `Version` is another one.
    Version(u16),
    /// `InterfaceReference` or `InterfaceDereference` is NULL.
    References,
    /// `Attach` or `Detach` is NULL.
    Attachment,
    /// `VfWrite` is NULL, and the table hands over writes.
    VfWrite,
    /// `VfRead` is NULL, and the table hands over reads.
    VfRead,
    /// `Attach` has failed with this status.
    Declined(NtStatus),
}

impl Flaw {
    /// What is wrong, in words.
    #[must_use]
    pub const fn sentence(self) -> &'static CStr {
        match self {
            Self::Size(_) => c"The companion's interface has the wrong size.",
            Self::Version(_) => c"The companion's interface has the wrong version.",
            Self::References => c"InterfaceReference or InterfaceDereference is NULL.",
            Self::Attachment => c"Attach or Detach of the companion is NULL.",
            Self::VfWrite => c"VfWrite is NULL, and the block table hands writes over.",
            Self::VfRead => c"VfRead is NULL, and the block table hands reads over.",
            Self::Declined(_) => c"Attach of the companion has failed.",
        }
    }

    /// The status of `Attach`, otherwise `STATUS_INVALID_PARAMETER`.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            Self::Declined(status) => status,
            _ => status::INVALID_PARAMETER,
        }
    }

    /// What was found and what is expected, if both are numbers.
    #[must_use]
    pub const fn values(self) -> (u64, u64) {
        match self {
            Self::Size(found) => (found as u64, SIZE as u64),
            Self::Version(found) => (found as u64, VERSION as u64),
            _ => (0, 0),
        }
    }
}

/// The function that gives back the reference of an answer; none if the answer is too short to hold
/// it, or has no function with which a reference was taken.
#[must_use]
pub fn dereference(offered: &CompanionInterface) -> Option<InterfaceReference> {
    const HEADER: usize = core::mem::offset_of!(CompanionInterface, attach);
    offered
        .interface_dereference
        .filter(|_| usize::from(offered.size) >= HEADER && offered.interface_reference.is_some())
}

/// Whether an answer to the query is a companion's that can do what the table hands over.
///
/// # Errors
/// The first flaw.
pub fn inspect(offered: &CompanionInterface, needed: HandsOver) -> Result<Callbacks, Flaw> {
    if offered.size != SIZE {
        return Err(Flaw::Size(offered.size));
    }
    if offered.version != VERSION {
        return Err(Flaw::Version(offered.version));
    }
    if offered.interface_reference.is_none() || offered.interface_dereference.is_none() {
        return Err(Flaw::References);
    }
    let (Some(attach), Some(detach)) = (offered.attach, offered.detach) else {
        return Err(Flaw::Attachment);
    };
    if needed.writes && offered.vf_write.is_none() {
        return Err(Flaw::VfWrite);
    }
    if needed.reads && offered.vf_read.is_none() {
        return Err(Flaw::VfRead);
    }
    Ok(Callbacks {
        context: offered.context,
        attach,
        detach,
        vf_write: offered.vf_write,
        vf_read: offered.vf_read,
        vf_committed: offered.vf_committed,
        vf_power: offered.vf_power,
        vf_reset: offered.vf_reset,
    })
}

#[cfg(test)]
mod tests {
    use core::ptr;
    use std::collections::BTreeSet;

    use pf_companion_abi::BrokerFunctions;

    use super::*;

    extern "C" fn of_context(_: *mut c_void) {}
    extern "C" fn attach(_: *mut c_void, _: *const BrokerFunctions) -> NtStatus {
        0
    }
    extern "C" fn write(_: *mut c_void, _: u16, _: u32, _: *const u8, _: u32) -> NtStatus {
        0
    }
    extern "C" fn read(_: *mut c_void, _: u16, _: u32, _: *mut u8, _: u32) -> NtStatus {
        0
    }

    const NOTHING: HandsOver = HandsOver {
        writes: false,
        reads: false,
    };
    const EVERYTHING: HandsOver = HandsOver {
        writes: true,
        reads: true,
    };

    fn complete() -> CompanionInterface {
        CompanionInterface {
            size: 88,
            version: 1,
            context: ptr::without_provenance_mut(7),
            interface_reference: Some(of_context),
            interface_dereference: Some(of_context),
            attach: Some(attach),
            detach: Some(of_context),
            vf_write: Some(write),
            vf_read: Some(read),
            vf_committed: None,
            vf_power: None,
            vf_reset: None,
        }
    }

    #[test]
    fn a_complete_answer_is_a_companions() {
        let callbacks = inspect(&complete(), EVERYTHING).expect("complete");
        assert_eq!(callbacks.context.addr(), 7);
        assert!(callbacks.vf_write.is_some() && callbacks.vf_read.is_some());
        assert!(dereference(&complete()).is_some());
    }

    #[test]
    fn each_thing_that_is_wrong_is_a_flaw_of_its_own() {
        type Change = fn(&mut CompanionInterface);
        let changes: [(Change, Flaw); 12] = [
            (|it| it.size = 0, Flaw::Size(0)),
            (|it| it.size = 87, Flaw::Size(87)),
            (|it| it.size = 89, Flaw::Size(89)),
            (|it| it.version = 0, Flaw::Version(0)),
            (|it| it.version = 2, Flaw::Version(2)),
            (|it| it.interface_reference = None, Flaw::References),
            (|it| it.interface_dereference = None, Flaw::References),
            (|it| it.attach = None, Flaw::Attachment),
            (|it| it.detach = None, Flaw::Attachment),
            (|it| it.vf_write = None, Flaw::VfWrite),
            (|it| it.vf_read = None, Flaw::VfRead),
            (|it| (it.vf_write, it.vf_read) = (None, None), Flaw::VfWrite),
        ];
        let mut sentences = BTreeSet::new();
        for (change, flaw) in changes {
            let mut offered = complete();
            change(&mut offered);
            assert_eq!(inspect(&offered, EVERYTHING).map(drop), Err(flaw));
            assert_eq!(flaw.status(), status::INVALID_PARAMETER);
            sentences.insert(flaw.sentence());
        }
        sentences.insert(Flaw::Declined(status::UNSUCCESSFUL).sentence());
        assert_eq!(sentences.len(), 7);
        assert_eq!(Flaw::Size(89).values(), (89, 88));
        assert_eq!(Flaw::Version(2).values(), (2, 1));
        let declined = Flaw::Declined(status::UNSUCCESSFUL);
        assert_eq!(declined.status(), status::UNSUCCESSFUL);
    }

    #[test]
    fn what_the_table_does_not_hand_over_may_be_missing() {
        let mut offered = complete();
        (offered.vf_write, offered.vf_read) = (None, None);
        assert!(inspect(&offered, NOTHING).is_ok());
    }

    #[test]
    fn an_answer_without_a_reference_has_no_dereference() {
        let mut offered = complete();
        offered.size = 31;
        assert!(dereference(&offered).is_none());
        offered.size = 32;
        assert!(dereference(&offered).is_some());
        offered.interface_reference = None;
        assert!(dereference(&offered).is_none());
    }
}
