//! System threads, which run what has to wait for `PASSIVE_LEVEL`.

use kernel_runtime::thread;
use kmdf_rules::object::Handle;

use crate::kernel::report::log;

/// Runs `job` on a new system thread. The log names `owner` when no thread can be created.
pub(crate) fn run_later(owner: Handle, job: impl FnOnce() + Send + 'static) {
    if let Err(status) = thread::spawn(job) {
        log!("no thread for work of {owner}: {status:#010x}");
    }
}
