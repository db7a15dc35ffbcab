//! The result of a check, and how a check refuses.

use crate::error::{Flaw, TableError};

pub(super) type Outcome<T = ()> = Result<T, TableError>;

pub(super) const fn refuse<T>(flaw: Flaw, offset: usize) -> Outcome<T> {
    Err(TableError { flaw, offset })
}

/// Refuses unless `holds`.
pub(super) const fn ensure(holds: bool, flaw: Flaw, offset: usize) -> Outcome {
    if holds { Ok(()) } else { refuse(flaw, offset) }
}
