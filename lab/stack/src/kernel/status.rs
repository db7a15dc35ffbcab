//! An `NTSTATUS` as a result.

use wdk_sys::{NTSTATUS, STATUS_SUCCESS};

/// Fails for every status but `STATUS_SUCCESS`.
pub(crate) fn checked(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err(status)
    }
}

/// The status of a result.
pub(crate) fn status_of(result: Result<(), NTSTATUS>) -> NTSTATUS {
    result.err().unwrap_or(STATUS_SUCCESS)
}
