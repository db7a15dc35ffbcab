//! Waiting for what another thread does.

use kernel_runtime::clock;

/// The limit of a wait, milliseconds.
const TIMEOUT: u32 = 5000;

/// Waits until `done`; `false` on a timeout.
pub(crate) fn until(done: impl Fn() -> bool) -> bool {
    clock::wait_until(TIMEOUT, done)
}
