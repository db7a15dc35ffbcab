//! A check, and the assertions that checks and jobs share.

use anyhow::{Result, bail, ensure};

use crate::session::Session;
use crate::stack::Failed;

/// A rule, and the function that checks it.
pub(crate) type Check = (&'static str, fn(&mut Session) -> Result<()>);

/// Fails unless a status is the expected one.
pub(crate) fn is(what: &str, got: u32, expected: u32) -> Result<()> {
    ensure!(
        got == expected,
        "{what}: 0x{got:08X} instead of 0x{expected:08X}"
    );
    Ok(())
}

/// Fails unless a request to the doubles failed with the expected status.
pub(crate) fn fails<T>(result: &Result<T, Failed>, expected: u32) -> Result<()> {
    match result {
        Ok(_) => bail!("it succeeded instead of failing with 0x{expected:08X}"),
        Err(failed) => is(failed.what, failed.status, expected),
    }
}
