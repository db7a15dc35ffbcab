//! Event Tracing for Windows of the lab: the four functions that a provider needs.
//!
//! Windows has them in its kernel, and a driver may look them up there. Wine 8's kernel lacks them,
//! but looks in HAL.DLL next, which lacks them, too: this library lies in its place, and has what
//! the lab needs of the other. It reads each event by the metadata that come with it, writes it to a
//! log, and stops the run with one sentence where a provider breaks a rule. The rules are in
//! `rules/`, with what each was held against.
#![no_std]

extern crate alloc;

pub mod functions;
pub mod hal;
mod level;
mod report;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::note!("{info}");
    report::stop(&etw_rules::violation::Violation::Panic)
}
