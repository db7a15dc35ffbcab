//! Event Tracing for Windows of the lab: records calls of the four functions that a provider needs.
//!
//! Windows has them in its kernel, and a driver may look them up there. Wine 8's kernel lacks them
//! and then searches HAL.DLL, which lacks them, too. This library takes the place of HAL.DLL and
//! also has what the lab needs of that. It writes each call with its arguments to a log; its only
//! state is the number of the next handle. The harness checks the log after the run
//! (`lab/harness/src/etw_log.rs`).
#![no_std]

extern crate alloc;

pub mod functions;
pub mod hal;
mod level;
mod record;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    record::record(&alloc::format!("{info}"));
    record::stop()
}
